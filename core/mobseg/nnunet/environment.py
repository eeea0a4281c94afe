"""nnU-Net's folders, which it finds through environment variables."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from mobseg.errors import InvalidInput

RAW, PREPROCESSED, RESULTS = "nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"
_WORKERS = "nnUNet_n_proc_DA"


def require_folders() -> None:
    """Check that nnU-Net will find its folders.

    Raises:
        InvalidInput: a variable is not set.
    """
    missing = [name for name in (RAW, PREPROCESSED, RESULTS) if not os.environ.get(name)]
    if missing:
        raise InvalidInput(
            f"Set {', '.join(missing)} to the folders of nnU-Net's raw data, preprocessed data and "
            "results before training."
        )


def preprocessed_folder(dataset_name: str) -> Path:
    """Where nnU-Net keeps plans and preprocessed cases of a data set."""
    return Path(os.environ[PREPROCESSED]) / dataset_name


def results_folder(dataset_name: str) -> Path:
    """Where nnU-Net keeps the models of a data set."""
    return Path(os.environ[RESULTS]) / dataset_name


def set_workers(workers: int) -> None:
    """Tell nnU-Net how many processes may augment."""
    os.environ[_WORKERS] = str(workers)


@contextlib.contextmanager
def quiet_nnunet(*, verbose: bool) -> Iterator[None]:
    """Send what nnU-Net prints to standard error when ``verbose``, and nowhere otherwise."""
    if verbose:
        with contextlib.redirect_stdout(sys.stderr):
            yield
        return
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123
        yield
