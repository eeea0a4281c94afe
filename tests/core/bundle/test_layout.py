from __future__ import annotations

from pathlib import Path

import pytest

from mobseg.bundle.layout import bundle_files, is_bundle_file, model_root, trained_folds
from mobseg.errors import BundleError


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dataset.json", True),
        ("manifest.json", True),
        ("fold_0/checkpoint_final.pth", True),
        ("fold_12/checkpoint_best.pth", True),
        ("fold_all/checkpoint_final.pth", True),
        ("fold_0/checkpoint_latest.pth", False),
        ("fold_0/plans.json", False),
        ("fold_../checkpoint_final.pth", False),
        ("fold_²/checkpoint_final.pth", False),
        ("dataset.json\n", False),
        ("./dataset.json", False),
        ("", False),
    ],
)
def test_names_of_bundle_files(name: str, expected: bool) -> None:
    assert is_bundle_file(name) is expected


def test_files_of_a_training_folder(model_folder: Path) -> None:
    (model_folder / "dataset_fingerprint.json").touch()
    (model_folder / "manifest.json").touch()
    (model_folder / "fold_0" / "progress.png").touch()
    (model_folder / "curves.png").mkdir()
    assert bundle_files(model_folder) == [
        "dataset.json",
        "fold_0/checkpoint_final.pth",
        "fold_1/checkpoint_final.pth",
        "plans.json",
    ]


def test_the_model_folder_is_found_from_the_one_around_it(model_folder: Path) -> None:
    assert model_root(model_folder) == model_root(model_folder.parent) == model_folder
    with pytest.raises(BundleError, match="is no nnU-Net model folder"):
        model_root(model_folder / "fold_0")


def test_numbered_folds_go_before_all(model_folder: Path) -> None:
    (model_folder / "fold_0").rename(model_folder / "fold_all")
    assert trained_folds(model_folder) == ((1,), "checkpoint_final.pth")
    (model_folder / "fold_1" / "checkpoint_final.pth").unlink()
    assert trained_folds(model_folder) == (("all",), "checkpoint_final.pth")
