from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from MoBSegmentationLib.model_list import ModelList

from mobseg.bundle.archive import write_archive
from mobseg.bundle.layout import RESOURCES
from mobseg.bundle.manifest import write_manifest
from mobseg.errors import BundleError
from tests.architecture.layers import ROOT
from tests.extension.settings import MemorySettings
from tests.support.model_factory import make_model_folder

SHIPPED = RESOURCES / "models" / "parotid-mob-v1.zip"
SHIPPED_IDS = ["parotid-mob-v1", "lung-nodule-lowrank-v1"]  # the default first


def _ids(models: ModelList) -> list[str]:
    return [entry.key for entry in models.entries()]


@pytest.fixture
def models() -> ModelList:
    return ModelList(MemorySettings())


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """The shipped model under another id, as from somebody else."""
    folder = tmp_path / "other"
    with zipfile.ZipFile(SHIPPED) as archive:
        archive.extractall(folder)
    card = json.loads((folder / "mobseg.json").read_text("utf-8"))
    card.update(id="a-model", name="Another model", requires_roi=True)
    (folder / "mobseg.json").write_text(json.dumps(card), "utf-8")
    write_manifest(folder)
    write_archive(folder, tmp_path / "a-model.zip")
    return tmp_path / "a-model.zip"


def test_the_shipped_models_are_listed_with_their_cards(models) -> None:
    entry, nodule = models.entries()
    assert (nodule.key, nodule.kind, nodule.problem) == (SHIPPED_IDS[1], "shipped", None)
    assert (nodule.is_stochastic, nodule.requires_roi) == (True, True)
    assert (entry.key, entry.kind, entry.problem) == ("parotid-mob-v1", "shipped", None)
    assert (entry.is_stochastic, entry.requires_roi, entry.can_be_removed) == (True, False, False)
    assert entry.structures == ("Parotid gland",)
    assert "Not a medical device" in entry.intended_use
    assert "57 cases" in entry.training_data
    assert entry.review_curve is not None
    assert entry.review_curve.score == entry.score
    share = entry.review_curve.lookup(entry.recommended_threshold).share_caught
    assert share == pytest.approx(0.5, abs=0.02)


def test_a_bundle_is_imported_and_removed(models, bundle) -> None:
    entry = models.import_bundle(bundle)
    assert (entry.key, entry.name, entry.kind) == ("a-model", "Another model", "imported")
    assert entry.requires_roi
    # The default comes first, although "l" comes before "p"; then the others that ship.
    assert _ids(models) == [*SHIPPED_IDS, "a-model"]
    with pytest.raises(BundleError, match="installed already"):
        models.import_bundle(bundle)
    models.remove(entry)
    assert _ids(models) == SHIPPED_IDS


def test_a_truncated_bundle_is_refused(models, bundle) -> None:
    bundle.write_bytes(bundle.read_bytes()[:1000])
    with pytest.raises(BundleError, match="truncated, damaged or no zip file"):
        models.import_bundle(bundle)
    assert _ids(models) == SHIPPED_IDS


def test_a_shipped_model_cannot_be_removed(models) -> None:
    with pytest.raises(BundleError, match="ships with the program"):
        models.remove(models.entries()[0])


def test_a_folder_is_added_once_and_stays_where_it_is(models, tmp_path) -> None:
    folder = make_model_folder(tmp_path / "Dataset9" / "Trainer__Plans__3d", n_labels=2)
    models.add_folder(folder)
    entry = models.add_folder(folder.parent)  # the only model in it
    assert models.entries()[2:] == (entry,)
    assert (entry.key, entry.kind) == (str(folder), "folder")
    assert entry.name == "Dataset999_Synthetic, Trainer__Plans__3d"
    assert (entry.is_stochastic, entry.score) == (False, "entropy")
    assert entry.structures == ("organ_1", "organ_2")
    assert "without a card" in entry.intended_use
    models.remove(entry)
    assert _ids(models) == SHIPPED_IDS
    assert folder.is_dir()


def test_a_folder_that_is_gone_names_its_problem(models, tmp_path) -> None:
    folder = make_model_folder(tmp_path / "model")
    models.add_folder(folder)
    shutil.rmtree(folder)
    entry = models.entries()[2]
    assert "no trained fold" in (entry.problem or "")
    models.remove(entry)
    assert _ids(models) == SHIPPED_IDS


def test_a_folder_of_a_stochastic_network_says_so(models, tmp_path) -> None:
    folder = make_model_folder(tmp_path / "model")
    plans = json.loads((folder / "plans.json").read_text("utf-8"))
    architecture = plans["configurations"]["3d_fullres"]["architecture"]
    architecture["network_class_name"] = "mobseg.network.unet.StochasticResidualEncoderUNet"
    (folder / "plans.json").write_text(json.dumps(plans), "utf-8")
    entry = models.add_folder(folder)
    assert (entry.is_stochastic, entry.score) == (True, "variance")


def test_another_folder_is_refused(models, tmp_path) -> None:
    with pytest.raises(BundleError, match="is no nnU-Net model folder"):
        models.add_folder(tmp_path)
    make_model_folder(tmp_path / "model", folds=())
    with pytest.raises(BundleError, match="no trained fold"):
        models.add_folder(tmp_path / "model")
    assert _ids(models) == SHIPPED_IDS


def test_damaged_settings_are_ignored() -> None:
    settings = MemorySettings()
    settings.setValue("MoBSegmentation/ModelFolders", "{")
    assert _ids(ModelList(settings)) == SHIPPED_IDS


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None  # importing it fails
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from MoBSegmentationLib.model_list import ModelList
from tests.extension.settings import MemorySettings
models = ModelList(MemorySettings())
models.remove(models.import_bundle(Path(sys.argv[1])))
assert [entry.problem for entry in models.entries()] == [None, None]
"""


def test_models_are_managed_without_pytorch(bundle) -> None:
    paths = [str(ROOT / folder) for folder in ("MoBSegmentation", "core", ".")]
    command = [sys.executable, "-c", WITHOUT_TORCH, str(bundle), *paths]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
