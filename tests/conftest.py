"""What holds for all tests: no display, and nothing of the user's own models or nnU-Net folders."""

from __future__ import annotations

import uuid

import pytest


@pytest.fixture(autouse=True)
def isolated_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    unused = tmp_path_factory.getbasetemp() / f"home_{uuid.uuid4().hex}"
    monkeypatch.setenv("MOBSEG_HOME", str(unused))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        monkeypatch.delenv(name, raising=False)
