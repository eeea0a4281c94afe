from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from mobseg.bundle.catalogue import find_model, list_models
from mobseg.bundle.metadata import BundleMetadata
from mobseg.bundle.store import import_model, resolve_model, verify_model
from mobseg.errors import BundleError
from tests.support.model_factory import make_model_folder

PLAIN_ID = "dataset999-synthetic-3d-fullres"


pytestmark = pytest.mark.usefixtures("home")


def test_nothing_is_installed_at_first() -> None:
    assert list_models() == []
    with pytest.raises(BundleError, match="No model ships"):
        resolve_model()
    with pytest.raises(BundleError, match="installed models are: none"):
        resolve_model("liver")


def test_the_shipped_model_is_the_default(
    shipped: Path, metadata: BundleMetadata, home: Path
) -> None:
    (listed,) = list_models()
    assert (listed.id, listed.origin, listed.metadata) == ("parotid-test", "shipped", metadata)
    assert not home.exists(), "listing unpacks nothing"

    model = resolve_model()
    assert model.metadata == metadata
    assert model.path.is_relative_to(home)
    assert resolve_model("parotid-test").path == model.path


def test_a_shipped_model_is_unpacked_once_per_content(shipped: Path, home: Path) -> None:
    path = resolve_model().path
    modified = (path / "plans.json").stat().st_mtime_ns
    resolve_model()
    assert (path / "plans.json").stat().st_mtime_ns == modified
    assert list((home / "unpacked").iterdir()) == [path]


def test_several_at_once_unpack_the_same_model(shipped: Path, home: Path) -> None:
    start = Barrier(4)

    def resolve(_: int) -> Path:
        start.wait()
        return resolve_model().path

    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(resolve, range(4)))
    assert len(paths) == 1
    assert list((home / "unpacked").iterdir()) == list(paths)
    verify_model("parotid-test")


def test_a_path_to_a_folder_or_bundle_opens_it(pristine_model: Path, pristine_bundle: Path) -> None:
    assert resolve_model(pristine_model).path == pristine_model
    assert resolve_model(str(pristine_model)).path == pristine_model
    assert resolve_model(pristine_bundle).metadata is not None
    assert list_models() == []


def test_an_id_goes_before_a_folder_of_the_same_name(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_model_folder(tmp_path / "parotid-test")
    monkeypatch.chdir(tmp_path)
    assert resolve_model("parotid-test").metadata is not None
    assert resolve_model("./parotid-test").metadata is None


def test_import_a_bundle(pristine_bundle: Path, metadata: BundleMetadata, home: Path) -> None:
    imported = import_model(pristine_bundle)
    assert imported == find_model("parotid-test")
    assert imported.path == home / "models" / "parotid-test"
    assert (imported.origin, imported.metadata) == ("user", metadata)
    assert resolve_model("parotid-test").path == imported.path
    verify_model("parotid-test")


def test_import_a_plain_folder(model_folder: Path) -> None:
    (model_folder / "dataset_fingerprint.json").write_text("{}", "utf-8")
    imported = import_model(model_folder)
    assert (imported.id, imported.metadata, imported.problem) == (PLAIN_ID, None, None)
    assert not (imported.path / "dataset_fingerprint.json").exists()
    shutil.rmtree(model_folder)
    assert verify_model(PLAIN_ID).folds == (0, 1)


def test_import_twice_is_refused(pristine_model: Path) -> None:
    import_model(pristine_model)
    with pytest.raises(BundleError, match="installed already"):
        import_model(pristine_model)


def test_a_shipped_id_cannot_be_imported(shipped: Path) -> None:
    with pytest.raises(BundleError, match="installed already"):
        import_model(shipped)


def test_a_broken_import_leaves_nothing(model_folder: Path, home: Path) -> None:
    (model_folder / "plans.json").unlink()
    with pytest.raises(BundleError, match=r"has no plans\.json"):
        import_model(model_folder)
    assert not home.exists()


def test_verify_notices_a_changed_file(pristine_bundle: Path) -> None:
    imported = import_model(pristine_bundle)
    (imported.path / "MODEL_CARD.md").write_text("other", "utf-8")
    with pytest.raises(BundleError, match=r"MODEL_CARD\.md was damaged or changed"):
        verify_model("parotid-test")


def test_verify_needs_an_installed_model(pristine_model: Path) -> None:
    with pytest.raises(BundleError, match="There is no model"):
        verify_model(str(pristine_model))
