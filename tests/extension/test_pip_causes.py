from __future__ import annotations

import os
import subprocess
import sys

import pytest
from MoBSegmentationLib.pip_causes import cause_of


def _pip(*arguments: str, **environment: str) -> list[str]:
    """Output of a real pip that must fail."""
    clean = {k: v for k, v in os.environ.items() if not k.upper().startswith("PIP_")}
    result = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--retries", "1", "--timeout", "2", *arguments],
        env={**clean, "PIP_CONFIG_FILE": os.devnull, "NO_PROXY": "", "no_proxy": "", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    return result.stdout.splitlines()


def test_without_a_connection() -> None:
    """Port 9 of this machine, which nothing listens on, as the package server."""
    lines = _pip("--index-url", "http://127.0.0.1:9/simple", "mobseg-needs-this")
    assert "cannot be reached" in (cause_of(lines) or "")


def test_a_proxy_that_is_not_there() -> None:
    lines = _pip(
        "--index-url", "https://packages.invalid/simple", "--proxy", "http://127.0.0.1:9", "x-y-z"
    )
    assert "proxy" in (cause_of(lines) or "")


def test_no_version_for_this_python(tmp_path) -> None:
    (tmp_path / "matplotlib-1.0-py3-none-any.whl").touch()
    lines = _pip("--no-index", "--find-links", str(tmp_path), "matplotlib>=999")
    assert "no version" in (cause_of(lines) or "")


def test_a_server_that_offers_nothing(tmp_path) -> None:
    lines = _pip("--no-index", "--find-links", str(tmp_path), "nothing-of-this-name")
    assert "offered nothing" in (cause_of(lines) or "")


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "full"),
        ("ERROR: Could not install packages due to an OSError: [WinError 5] Access is denied", "restart"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", "certificate"),
        ("  ERROR: Something quite new.", "ERROR: Something quite new"),
    ],
)  # fmt: skip
def test_the_line_that_tells(line, word) -> None:
    later = "ERROR: No matching distribution found for x" if "new" not in line else ""
    assert word in (cause_of(["Collecting x", line, later]) or "")


def test_no_error_no_cause() -> None:
    assert cause_of(["Collecting x", "Successfully installed x"]) is None
