"""The devices that a user can choose, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mobseg.protocol import Device


@dataclass(frozen=True)
class DeviceChoice:
    """An entry of the device selector.

    Attributes:
        name: what :class:`RunRequest` takes as ``device``.
        text: for people.
    """

    name: str
    text: str


def device_choices(devices: Sequence[Device]) -> tuple[DeviceChoice, ...]:
    """The choices, ``auto`` first and saying what it would take.

    Args:
        devices: what the worker found, the best first; empty while no worker was ready.
    """
    if not devices:
        return (DeviceChoice("auto", "Automatic"), DeviceChoice("cpu", "CPU"))
    best = DeviceChoice("auto", f"Automatic: {devices[0].description}")
    return (best, *(DeviceChoice(device.name, device.description) for device in devices))


def actual_device(choice: str, devices: Sequence[Device]) -> str:
    """The device that a choice leads to; ``auto`` while that is not known."""
    return devices[0].name if choice == "auto" and devices else choice
