from __future__ import annotations

from MoBSegmentationLib.device_list import actual_device, device_choices

from mobseg.protocol import Device

DEVICES = (Device("cuda:0", "NVIDIA RTX 4090, 24 GB"), Device("cpu", "CPU, 8 threads"))


def test_automatic_comes_first_and_says_what_it_takes() -> None:
    choices = [(choice.name, choice.text) for choice in device_choices(DEVICES)]
    assert choices == [
        ("auto", "Automatic: NVIDIA RTX 4090, 24 GB"),
        ("cuda:0", "NVIDIA RTX 4090, 24 GB"),
        ("cpu", "CPU, 8 threads"),
    ]


def test_before_the_worker_has_answered_nothing_is_promised() -> None:
    assert [choice.name for choice in device_choices(())] == ["auto", "cpu"]


def test_the_device_that_automatic_leads_to() -> None:
    assert actual_device("auto", DEVICES) == "cuda:0"
    assert actual_device("auto", ()) == "auto"
    assert actual_device("cpu", DEVICES) == "cpu"
