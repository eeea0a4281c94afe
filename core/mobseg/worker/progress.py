"""Progress of one request, sent to the viewer."""

from __future__ import annotations

import time
from collections.abc import Callable

from mobseg.errors import Cancelled
from mobseg.protocol import ProgressUpdate
from mobseg.time_left import TimeLeft
from mobseg.worker.jobs import Job

_PAUSE_SECONDS = 0.1


class JobProgress:
    """A :class:`mobseg.progress.Progress` that sends messages and is stopped by the job's cancel mark."""

    def __init__(self, job: Job, send: Callable[[ProgressUpdate], None]) -> None:
        self._job = job
        self._send = send
        self._time_left = TimeLeft()
        self._stage = ""
        self._sent_at = 0.0

    @property
    def seconds_elapsed(self) -> float:
        """Time since the request was started."""
        return self._time_left.seconds_elapsed

    def report(self, stage: str, fraction: float) -> None:
        """Send the stage and ``fraction`` (0 to 1) of the whole request, unless just done."""
        fraction = min(max(fraction, 0.0), 1.0)
        self._time_left.update(stage, fraction)
        now = time.monotonic()
        if stage == self._stage and now - self._sent_at < _PAUSE_SECONDS:
            return
        self._stage, self._sent_at = stage, now
        self._send(ProgressUpdate(self._job.request.id, stage, fraction, self._time_left.seconds))

    def raise_if_cancelled(self) -> None:
        """Raise :class:`mobseg.errors.Cancelled` when the viewer asked to stop, or is gone."""
        if self._job.cancelled.is_set():
            raise Cancelled("Cancelled; nothing was written.")
