"""Progress and cancellation, as seen by the code that does the work."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told how far the work is; asked whether to go on."""

    def report(self, stage: str, fraction: float) -> None:
        """Note that ``fraction`` (0 to 1) of the whole run is done and ``stage`` is under way.

        ``stage`` is a short phrase for people, such as ``"Predicting"``.
        """

    def raise_if_cancelled(self) -> None:
        """Raise :class:`mobseg.errors.Cancelled` when the user asked to stop."""


class SilentProgress:
    """Reports nowhere and is never cancelled."""

    def report(self, stage: str, fraction: float) -> None:
        """Do nothing."""

    def raise_if_cancelled(self) -> None:
        """Do nothing."""
