"""Notices the death of the process that started this one."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

_PAUSE_SECONDS = 1.0


def watch_parent(when_gone: Callable[[], None]) -> None:
    """Call ``when_gone`` once from another thread when the parent process has died.

    The end of standard input tells the same, unless another child of the parent inherited its end of the
    pipe. Windows keeps the number of a dead parent; there only the pipe tells.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PAUSE_SECONDS)
        when_gone()

    threading.Thread(target=watch, name="parent watch", daemon=True).start()
