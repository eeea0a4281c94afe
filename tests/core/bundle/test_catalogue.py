from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mobseg.bundle.catalogue import (
    find_model,
    install_bundle,
    list_models,
    remove_model,
    user_folder,
)
from mobseg.bundle.metadata import BundleMetadata
from mobseg.bundle.store import import_model, verify_model
from mobseg.errors import BundleError

Changed = Callable[[dict[str, bytes | None]], Path]


pytestmark = pytest.mark.usefixtures("home")


def test_nothing_is_installed_at_first() -> None:
    assert list_models() == []
    with pytest.raises(BundleError, match="installed models are: none"):
        find_model("liver")


def test_install_a_bundle(pristine_bundle: Path, metadata: BundleMetadata, home: Path) -> None:
    installed = install_bundle(pristine_bundle)
    assert installed == find_model("parotid-test")
    assert installed.path == home / "models" / "parotid-test"
    assert (installed.origin, installed.metadata) == ("user", metadata)
    assert verify_model("parotid-test").folds == (0, 1)
    with pytest.raises(BundleError, match="installed already"):
        install_bundle(pristine_bundle)


def test_a_changed_bundle_is_not_installed(changed_bundle: Changed, home: Path) -> None:
    with pytest.raises(BundleError, match=r"MODEL_CARD\.md was damaged or changed"):
        install_bundle(changed_bundle({"MODEL_CARD.md": b"other"}))
    assert list((home / "models").iterdir()) == []


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None  # importing it fails
from pathlib import Path
from mobseg.bundle.catalogue import install_bundle, list_models, remove_model
install_bundle(Path(sys.argv[1]))
assert [model.id for model in list_models() if model.origin == "user"] == ["parotid-test"]
remove_model("parotid-test")
assert not [model for model in list_models() if model.origin == "user"]
"""


def test_models_are_managed_without_torch(pristine_bundle: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_TORCH, str(pristine_bundle)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_remove_deletes_an_imported_model(pristine_bundle: Path) -> None:
    imported = import_model(pristine_bundle)
    remove_model("parotid-test")
    assert not imported.path.exists()
    with pytest.raises(BundleError, match='no model "parotid-test"'):
        remove_model("parotid-test")


def test_remove_leaves_a_shipped_model(shipped: Path) -> None:
    with pytest.raises(BundleError, match="ships with the program"):
        remove_model("parotid-test")
    assert shipped.exists()


@pytest.mark.parametrize("model_id", ["..", ".", "", "../models"])
def test_remove_stays_inside_the_models(pristine_bundle: Path, model_id: str) -> None:
    imported = import_model(pristine_bundle)
    with pytest.raises(BundleError, match="There is no model"):
        remove_model(model_id)
    assert imported.path.exists()


def test_a_damaged_model_is_listed_with_its_problem(shipped: Path, pristine_model: Path) -> None:
    shipped.write_bytes(b"no zip")
    imported = import_model(pristine_model)
    (imported.path / "mobseg.json").write_text(json.dumps({"format_version": 9}), "utf-8")
    broken_bundle, broken_folder = list_models()
    assert broken_bundle.problem is not None
    assert "no zip file" in broken_bundle.problem
    assert broken_folder.problem is not None
    assert "format version 9" in broken_folder.problem


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the convention of Linux")
def test_the_user_folder_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MOBSEG_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert user_folder() == tmp_path / "mobseg"
    monkeypatch.delenv("XDG_DATA_HOME")
    assert user_folder() == Path.home() / ".local" / "share" / "mobseg"
