from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mobseg.bundle import catalogue
from mobseg.bundle.folder import open_model_folder
from mobseg.bundle.metadata import BundleMetadata, TrainingData
from mobseg.bundle.packing import pack_bundle
from mobseg.labels import Code, Label, LabelTable
from tests.support.model_factory import make_model_folder


@pytest.fixture(scope="session")
def pristine_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model_folder(tmp_path_factory.mktemp("pristine") / "model", folds=(0, 1))


@pytest.fixture
def model_folder(pristine_model: Path, tmp_path: Path) -> Path:
    """A model with two folds that the test may change."""
    return Path(shutil.copytree(pristine_model, tmp_path / "model"))


@pytest.fixture(scope="session")
def metadata() -> BundleMetadata:
    parotid = Code("45289007", "SCT", "Parotid gland")
    return BundleMetadata(
        id="parotid-test",
        name="Parotid glands",
        version="1.0",
        parameterisation="mixture_of_bases",
        labels=LabelTable((Label(1, "Parotid glands", (205, 205, 100), type=parotid),)),
        training_orientation="LPS",
        intended_use="Tests.",
        limits="Random weights.",
        training_data=TrainingData("Random CT", "Nobody 2026", "CC0-1.0", 60, 10, 13),
        licence="Apache-2.0",
        metrics={"test": {"dice": {"mean": 0.5, "n": 13}}},
        score_map="variance",
        review_curve={"threshold": [0.1, 0.2], "recall": [0.9, 0.5]},
        recommended_threshold=0.1,
        requires_roi=False,
        created="2026-01-31",
    )


@pytest.fixture(scope="session")
def pristine_bundle(
    pristine_model: Path, metadata: BundleMetadata, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "card.md").write_text("# Card\n", encoding="utf-8")
    bundle = folder / "parotid-test.zip"
    card = folder / "card.md"
    pack_bundle(open_model_folder(pristine_model), metadata, bundle, model_card=card)
    return bundle


@pytest.fixture
def changed_bundle(pristine_bundle: Path, tmp_path: Path) -> Callable[..., Path]:
    """Copies the bundle with other files added, or replacing its own; ``None`` leaves one out."""

    def change(files: dict[str, bytes | None]) -> Path:
        with zipfile.ZipFile(pristine_bundle) as source:
            content = {name: source.read(name) for name in source.namelist()}
        target = tmp_path / "changed.zip"
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in {**content, **files}.items():
                if data is not None:
                    archive.writestr(name, data)
        return target

    return change


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's data folder of its own, and no shipped models."""
    monkeypatch.setenv("MOBSEG_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(catalogue, "SHIPPED_FOLDER", tmp_path / "shipped")
    return tmp_path / "home"


@pytest.fixture
def shipped(home: Path, pristine_bundle: Path) -> Path:
    """The package ships one model, which is the default."""
    catalogue.SHIPPED_FOLDER.mkdir()
    (catalogue.SHIPPED_FOLDER / "default.txt").write_text("parotid-test\n", "utf-8")
    return Path(shutil.copy(pristine_bundle, catalogue.SHIPPED_FOLDER))
