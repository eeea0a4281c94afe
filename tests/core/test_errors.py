"""The exit codes are an interface: scripts tell failures apart by them."""

from __future__ import annotations

import pytest

from mobseg import errors

EXIT_CODES = {
    errors.MobsegError: 1,
    errors.InvalidInput: 3,
    errors.GeometryMismatch: 4,
    errors.BundleError: 5,
    errors.DeviceError: 6,
    errors.OutputError: 7,
    errors.NumericalError: 8,
    errors.Cancelled: 130,
}


@pytest.mark.parametrize(("error", "code"), EXIT_CODES.items())
def test_exit_code(error: type[errors.MobsegError], code: int) -> None:
    assert error.exit_code == code


def test_every_error_has_its_own_exit_code() -> None:
    defined = {
        item
        for item in vars(errors).values()
        if isinstance(item, type) and issubclass(item, errors.MobsegError)
    }
    assert defined == set(EXIT_CODES)
    assert len(set(EXIT_CODES.values())) == len(EXIT_CODES)


def test_one_handler_catches_them_all() -> None:
    for error in EXIT_CODES:
        with pytest.raises(errors.MobsegError, match="what to do"):
            raise error("what to do")


def test_no_exit_code_is_taken_by_the_shell_or_argparse() -> None:
    assert not {0, 2, 126, 127} & set(EXIT_CODES.values())
