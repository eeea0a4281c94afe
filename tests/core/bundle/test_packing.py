from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

from mobseg.bundle.archive import unpack_bundle
from mobseg.bundle.folder import open_model_folder
from mobseg.bundle.metadata import BundleMetadata
from mobseg.bundle.packing import pack_bundle
from mobseg.errors import BundleError, OutputError
from tests.support.model_factory import make_model_folder


def stock_predictor(folder: Path) -> nnUNetPredictor:
    predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(folder), None)
    return predictor


def test_stock_nnunet_loads_the_unpacked_bundle(
    pristine_model: Path, pristine_bundle: Path, tmp_path: Path
) -> None:
    before = stock_predictor(pristine_model)
    after = stock_predictor(unpack_bundle(pristine_bundle, tmp_path / "model").path)
    assert after.allowed_mirroring_axes == before.allowed_mirroring_axes
    assert len(after.list_of_parameters) == 2
    image = torch.randn(1, 1, 32, 32, 32, generator=torch.Generator().manual_seed(0))
    for old, new in zip(before.list_of_parameters, after.list_of_parameters, strict=True):
        before.network.load_state_dict({name: tensor.half() for name, tensor in old.items()})
        after.network.load_state_dict(new)
        with torch.inference_mode():
            assert torch.equal(after.network.eval()(image), before.network.eval()(image))
            before.network.load_state_dict(old)
            # float16 keeps 11 bits, so the logits of this network move in the third digit
            difference = after.network(image) - before.network(image)
        assert difference.abs().max() < 5e-3


def test_layers_that_nnunet_names_twice_are_stored_once(
    model_folder: Path, metadata: BundleMetadata, tmp_path: Path
) -> None:
    pack_bundle(open_model_folder(model_folder), metadata, tmp_path / "bundle.zip")
    model = unpack_bundle(tmp_path / "bundle.zip", tmp_path / "unpacked")
    weights = torch.load(model.checkpoint_paths[0], weights_only=True)["network_weights"]
    names = [name for name in weights if name.startswith("encoder.")]
    assert len(names) > 5
    for name in names:
        twin = weights[f"decoder.{name}"]
        assert twin.data_ptr() == weights[name].data_ptr(), name


def test_weights_beyond_float16_keep_their_precision(
    model_folder: Path, metadata: BundleMetadata, tmp_path: Path
) -> None:
    file = model_folder / "fold_0" / "checkpoint_final.pth"
    content = torch.load(file, weights_only=True)
    name = next(iter(content["network_weights"]))
    content["network_weights"][name] = content["network_weights"][name] * 0 + 1e6
    torch.save(content, file)
    pack_bundle(open_model_folder(model_folder), metadata, tmp_path / "bundle.zip")
    model = unpack_bundle(tmp_path / "bundle.zip", tmp_path / "unpacked")
    weights = torch.load(model.checkpoint_paths[0], weights_only=True)["network_weights"]
    assert (weights[name] == 1e6).all()


def test_the_place_of_the_base_model_stays_at_home(
    model_folder: Path, metadata: BundleMetadata, tmp_path: Path
) -> None:
    path = model_folder / "plans.json"
    plans = json.loads(path.read_text("utf-8"))
    plans["mobseg_finetune"] = {"base_checkpoint": "/home/somebody/base.pth", "clip_norm": 1.0}
    path.write_text(json.dumps(plans), "utf-8")
    pack_bundle(open_model_folder(model_folder), metadata, tmp_path / "bundle.zip")
    model = unpack_bundle(tmp_path / "bundle.zip", tmp_path / "unpacked")
    assert model.plans["mobseg_finetune"] == {"clip_norm": 1.0}


def test_equal_models_give_equal_bytes(
    pristine_model: Path, pristine_bundle: Path, metadata: BundleMetadata, tmp_path: Path
) -> None:
    card = tmp_path / "card.md"
    card.write_text("# Card\n", "utf-8")
    again = tmp_path / "again.zip"
    pack_bundle(open_model_folder(pristine_model), metadata, again, model_card=card)
    assert again.read_bytes() == pristine_bundle.read_bytes()


def test_the_bundle_holds_the_listed_files_and_no_more(
    model_folder: Path, metadata: BundleMetadata, tmp_path: Path
) -> None:
    (model_folder / "dataset_fingerprint.json").write_text("{}", "utf-8")
    (model_folder / "fold_0" / "training_log.txt").write_text("2026", "utf-8")
    (tmp_path / "curves.png").write_bytes(b"picture")
    bundle = tmp_path / "bundle.zip"
    pack_bundle(open_model_folder(model_folder), metadata, bundle, curves=tmp_path / "curves.png")
    with zipfile.ZipFile(bundle) as archive:
        assert archive.namelist() == [
            "curves.png",
            "dataset.json",
            "fold_0/checkpoint_final.pth",
            "fold_1/checkpoint_final.pth",
            "mobseg.json",
            "plans.json",
            "manifest.json",
        ]
        assert archive.read("curves.png") == b"picture"


def test_optimiser_state_and_views_are_not_packed(
    model_folder: Path, metadata: BundleMetadata, tmp_path: Path
) -> None:
    file = model_folder / "fold_0" / "checkpoint_final.pth"
    content = torch.load(file, weights_only=True)
    content["optimizer_state"] = {"state": {0: torch.randn(500_000)}}
    content["trainer_name"] = "SomebodysTrainer"
    name, tensor = next(iter(content["network_weights"].items()))
    large = torch.randn(300_000)
    large[: tensor.numel()] = tensor.flatten()
    content["network_weights"][name] = large[: tensor.numel()].view(tensor.shape)
    torch.save(content, file)

    pack_bundle(open_model_folder(model_folder), metadata, tmp_path / "bundle.zip")
    assert (tmp_path / "bundle.zip").stat().st_size < 300_000
    model = unpack_bundle(tmp_path / "bundle.zip", tmp_path / "unpacked")
    packed = torch.load(model.checkpoint_paths[0], weights_only=True)
    assert sorted(packed) == [
        "inference_allowed_mirroring_axes",
        "init_args",
        "network_weights",
        "trainer_name",
    ]
    assert packed["trainer_name"] == "nnUNetTrainer"
    assert torch.equal(packed["network_weights"][name], tensor.half())


def test_the_best_checkpoint_is_packed_as_the_final_one(
    metadata: BundleMetadata, tmp_path: Path
) -> None:
    folder = make_model_folder(tmp_path / "model")
    (folder / "fold_0" / "checkpoint_final.pth").rename(folder / "fold_0" / "checkpoint_best.pth")
    pack_bundle(open_model_folder(folder), metadata, tmp_path / "bundle.zip")
    model = unpack_bundle(tmp_path / "bundle.zip", tmp_path / "unpacked")
    assert model.checkpoint_name == "checkpoint_final.pth"


def test_an_existing_file_is_kept(
    pristine_model: Path, metadata: BundleMetadata, tmp_path: Path
) -> None:
    (tmp_path / "bundle.zip").write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists already"):
        pack_bundle(open_model_folder(pristine_model), metadata, tmp_path / "bundle.zip")
    assert (tmp_path / "bundle.zip").read_bytes() == b"mine"


def test_metadata_of_another_model_leaves_nothing(metadata: BundleMetadata, tmp_path: Path) -> None:
    model = open_model_folder(make_model_folder(tmp_path / "model", n_labels=2))
    with pytest.raises(BundleError, match="do not fit"):
        pack_bundle(model, metadata, tmp_path / "bundle.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
