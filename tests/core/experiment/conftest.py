"""Cases with raters and a stochastic model, made once a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.experiment.measured import stochastic_model, write_cases


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cases")
    write_cases(root)
    return root


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stochastic_model(tmp_path_factory.mktemp("models") / "low_rank")
