from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mobseg.bundle.folder import check_networks, open_model_folder
from mobseg.bundle.metadata import BundleMetadata
from mobseg.errors import BundleError
from tests.support.model_factory import make_model_folder


def edit(file: Path, **changes: Any) -> None:
    content = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps({**content, **changes}), "utf-8")


def test_a_plain_folder_gets_names_and_no_metadata(model_folder: Path) -> None:
    model = open_model_folder(model_folder)
    assert model.path == model_folder
    assert model.configuration_name == "3d_fullres"
    assert model.configuration["patch_size"] == [32, 32, 32]
    assert model.folds == (0, 1)
    assert [path.relative_to(model_folder).as_posix() for path in model.checkpoint_paths] == [
        "fold_0/checkpoint_final.pth",
        "fold_1/checkpoint_final.pth",
    ]
    assert model.metadata is None
    assert [label.name for label in model.label_table] == ["organ_1"]
    assert model.channel_names == ("CT",)
    assert (model.label_mode, model.n_outputs, model.ignore_label) == ("softmax", 2, None)


def test_regions_have_one_output_each(tmp_path: Path) -> None:
    folder = make_model_folder(tmp_path / "model", n_labels=3, regions=True)
    model = open_model_folder(folder)
    assert (model.label_mode, model.n_outputs) == ("regions", 3)


def test_metadata_names_the_labels(model_folder: Path, metadata: BundleMetadata) -> None:
    (model_folder / "mobseg.json").write_text(metadata.to_json(), "utf-8")
    model = open_model_folder(model_folder)
    assert model.metadata == metadata
    assert model.label_table == metadata.labels


def test_the_parent_of_one_model_opens_it(model_folder: Path) -> None:
    assert open_model_folder(model_folder.parent).path == model_folder


def test_the_parent_of_two_models_is_refused(model_folder: Path) -> None:
    shutil.copytree(model_folder, model_folder.parent / "other")
    with pytest.raises(BundleError, match=r"several models \(model, other\)"):
        open_model_folder(model_folder.parent)


def test_the_best_checkpoint_serves_where_training_has_not_ended(model_folder: Path) -> None:
    for fold in ("fold_0", "fold_1"):
        final = model_folder / fold / "checkpoint_final.pth"
        final.rename(final.with_name("checkpoint_best.pth"))
    assert open_model_folder(model_folder).checkpoint_name == "checkpoint_best.pth"


def test_folds_without_the_final_checkpoint_are_left_out(model_folder: Path) -> None:
    final = model_folder / "fold_0" / "checkpoint_final.pth"
    final.rename(final.with_name("checkpoint_best.pth"))
    assert open_model_folder(model_folder).folds == (1,)


def test_a_model_trained_on_all_cases_opens(model_folder: Path) -> None:
    shutil.rmtree(model_folder / "fold_1")
    (model_folder / "fold_0").rename(model_folder / "fold_all")
    model = open_model_folder(model_folder)
    assert model.folds == ("all",)
    assert model.checkpoint_paths[0].exists()


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="does not exist"):
        open_model_folder(tmp_path / "nowhere")


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no nnU-Net model folder"):
        open_model_folder(tmp_path)


@pytest.mark.parametrize("name", ["dataset.json", "plans.json"])
def test_a_missing_file_is_named(model_folder: Path, name: str) -> None:
    (model_folder / name).unlink()
    with pytest.raises(BundleError, match=f"has no {name}"):
        open_model_folder(model_folder)


@pytest.mark.parametrize("name", ["dataset.json", "plans.json", "mobseg.json"])
def test_broken_json_is_named(model_folder: Path, name: str) -> None:
    (model_folder / name).write_text('{"labels": ', "utf-8")
    with pytest.raises(BundleError, match=f"{name} is damaged"):
        open_model_folder(model_folder)


def test_a_model_without_folds_is_refused(model_folder: Path) -> None:
    for fold in ("fold_0", "fold_1"):
        shutil.rmtree(model_folder / fold)
    with pytest.raises(BundleError, match="no trained fold"):
        open_model_folder(model_folder)


@pytest.mark.parametrize("key", ["labels", "channel_names"])
def test_a_missing_key_of_the_dataset_is_named(model_folder: Path, key: str) -> None:
    edit(model_folder / "dataset.json", **{key: None})
    with pytest.raises(BundleError, match=f'"{key}"'):
        open_model_folder(model_folder)


def test_several_channels_are_refused(model_folder: Path) -> None:
    edit(model_folder / "dataset.json", channel_names={"0": "CT", "1": "PET"})
    with pytest.raises(BundleError, match=r"2 input channels \(CT, PET\).*one CT image"):
        open_model_folder(model_folder)


def test_a_configuration_that_the_plans_lack_is_named(model_folder: Path) -> None:
    edit(model_folder / "plans.json", configurations={"2d": {}})
    with pytest.raises(BundleError, match='no key "3d_fullres"'):
        open_model_folder(model_folder)


def test_metadata_with_other_labels_is_refused(
    model_folder: Path, metadata: BundleMetadata
) -> None:
    content = json.loads(metadata.to_json())
    content["labels"][0]["value"] = 7
    (model_folder / "mobseg.json").write_text(json.dumps(content), "utf-8")
    with pytest.raises(BundleError, match=r"do not fit dataset\.json, which has the values \[1\]"):
        open_model_folder(model_folder)


def test_networks_of_a_sound_model_can_be_built(model_folder: Path) -> None:
    check_networks(open_model_folder(model_folder))


def test_weights_of_another_network_are_refused(model_folder: Path, tmp_path: Path) -> None:
    other = make_model_folder(tmp_path / "other", features=(4, 8, 24))
    shutil.copy(
        other / "fold_0" / "checkpoint_final.pth", model_folder / "fold_1" / "checkpoint_final.pth"
    )
    with pytest.raises(BundleError, match="weights"):
        check_networks(open_model_folder(model_folder))


@pytest.mark.parametrize("key", ["network_class_name", "conv_op"])
def test_plans_that_would_import_code_are_refused(model_folder: Path, key: str) -> None:
    plans = json.loads((model_folder / "plans.json").read_text("utf-8"))
    architecture = plans["configurations"]["3d_fullres"]["architecture"]
    (architecture if key in architecture else architecture["arch_kwargs"])[key] = "os.system"
    (model_folder / "plans.json").write_text(json.dumps(plans), "utf-8")
    with pytest.raises(BundleError, match=r"os\.system"):
        check_networks(open_model_folder(model_folder))
