from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from mobseg.bundle.archive import unpack_bundle
from mobseg.bundle.folder import model_sha256, open_model_folder
from mobseg.bundle.manifest import check_manifest, file_sha256, write_manifest
from mobseg.errors import BundleError


def test_file_sha256_is_the_standard_one(tmp_path: Path) -> None:
    data = bytes(range(256)) * 9000
    (tmp_path / "file").write_bytes(data)
    assert file_sha256(tmp_path / "file") == hashlib.sha256(data).hexdigest()


def test_an_untouched_model_passes(model_folder: Path) -> None:
    write_manifest(model_folder)
    (model_folder / "training_log.txt").write_text("not part of the model", "utf-8")
    check_manifest(model_folder)


@pytest.mark.parametrize("name", ["plans.json", "fold_1/checkpoint_final.pth"])
def test_one_changed_byte_is_noticed(model_folder: Path, name: str) -> None:
    write_manifest(model_folder)
    data = bytearray((model_folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (model_folder / name).write_bytes(data)
    with pytest.raises(BundleError, match=f"{name} was damaged or changed"):
        check_manifest(model_folder)


def test_a_removed_file_is_noticed(model_folder: Path) -> None:
    write_manifest(model_folder)
    (model_folder / "fold_1" / "checkpoint_final.pth").unlink()
    with pytest.raises(BundleError, match="not those of its manifest"):
        check_manifest(model_folder)


def test_an_added_file_is_noticed(model_folder: Path) -> None:
    write_manifest(model_folder)
    (model_folder / "MODEL_CARD.md").touch()
    with pytest.raises(BundleError, match="not those of its manifest"):
        check_manifest(model_folder)


def test_a_manifest_of_another_version_is_refused(model_folder: Path) -> None:
    (model_folder / "manifest.json").write_text(
        json.dumps({"format_version": 9, "sha256": {}}), "utf-8"
    )
    with pytest.raises(BundleError, match="unknown format version"):
        check_manifest(model_folder)


def test_the_model_hash_follows_the_weights_and_not_the_place(
    model_folder: Path, pristine_bundle: Path, tmp_path: Path
) -> None:
    first = model_sha256(unpack_bundle(pristine_bundle, tmp_path / "a"))
    second = unpack_bundle(pristine_bundle, tmp_path / "b")
    (second.path / "MODEL_CARD.md").write_text("another card", "utf-8")
    assert model_sha256(second) == first
    assert model_sha256(open_model_folder(model_folder)) != first
