"""Finds the ``mobseg`` package that ships with the extension."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path


def make_core_importable() -> None:
    """Put the folder of ``mobseg`` on the module path, unless it can be imported already.

    It lies beside ``MoBSegmentation.py`` in the installed extension, and in ``core`` in a checkout.

    Raises:
        ImportError: it is in neither place.
    """
    if importlib.util.find_spec("mobseg"):
        return
    module_folder = Path(__file__).resolve().parents[1]
    for folder in (module_folder, module_folder.parent / "core"):
        if (folder / "mobseg" / "__init__.py").is_file():
            sys.path.append(str(folder))
            return
    raise ImportError("The extension's package 'mobseg' is missing; reinstall the extension.")
