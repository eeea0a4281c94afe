from __future__ import annotations

import errno

import pytest

from mobseg.errors import Cancelled, DeviceError
from mobseg.failure import describe_failure, traceback_without_text


def test_our_errors_keep_their_sentence_and_code():
    failure = describe_failure(DeviceError("There is no GPU; use --device cpu."))
    assert failure.kind == "DeviceError"
    assert failure.exit_code == 6
    assert failure.sentence == "There is no GPU; use --device cpu."


def test_an_interrupt_is_a_cancellation():
    failure = describe_failure(KeyboardInterrupt())
    assert (failure.kind, failure.exit_code) == ("Cancelled", Cancelled.exit_code)


@pytest.mark.parametrize(
    ("module", "extra"), [("torch.nn", "inference"), ("nnunetv2.training", "train")]
)
def test_a_missing_package_says_how_to_install_it(module, extra):
    failure = describe_failure(ModuleNotFoundError("No module", name=module))
    assert failure.kind == "MissingDependency"
    assert failure.exit_code == 9
    assert f'pip install "mobseg[{extra}]"' in failure.sentence


def test_a_full_disk_is_an_output_error():
    failure = describe_failure(OSError(errno.ENOSPC, "No space left", "/out/Doe_Jane"))
    assert (failure.kind, failure.exit_code) == ("OutputError", 7)
    assert "Doe" not in failure.sentence


@pytest.mark.parametrize(
    "error", [ValueError("Doe_Jane"), ModuleNotFoundError("x", name="mobseg.Doe_Jane")]
)
def test_the_text_of_unexpected_errors_is_left_out(error):
    failure = describe_failure(error)
    assert (failure.kind, failure.exit_code) == ("InternalError", 1)
    assert type(error).__name__ in failure.sentence
    assert "Doe" not in failure.sentence


def test_the_log_shows_where_but_not_what():
    name = "Doe_Jane"
    try:
        try:
            raise ValueError(name)
        except ValueError as error:
            raise RuntimeError(f"cannot read {name}") from error
    except RuntimeError as error:
        text = traceback_without_text(error)
    assert text.index("RuntimeError") < text.index("\nwhile handling\n") < text.rindex("ValueError")
    assert text.count("test_failure.py") == 2
    assert "Doe_Jane" not in text
