"""From raw data to a stochastic model with nnU-Net's own machinery, on a data set of three tiny images."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from nnunetv2.utilities.find_class_by_name import recursive_find_python_class

import mobseg.nnunet
from mobseg.bundle.archive import unpack_bundle
from mobseg.bundle.extraction import read_bundle_metadata
from mobseg.bundle.folder import open_model_folder
from mobseg.cli.main import main
from mobseg.covariance import HeadSettings
from mobseg.errors import BundleError, Cancelled, InvalidInput
from mobseg.fidelity import released_head, released_loss
from mobseg.losses import LossSettings
from mobseg.model import load_folder
from mobseg.nnunet.finetune_trainer import MobsegFinetuneTrainer
from mobseg.nnunet.resume import load_training_state
from mobseg.nnunet.settings import FinetuneSettings, Schedule
from mobseg.nnunet.training import Run, finetune, train_base
from mobseg.progress import SilentProgress
from mobseg.validation import cases_of_dataset
from tests.support.ball_dataset import write_ball_dataset

CPU = torch.device("cpu")
EXPERIMENT = Path(__file__).parents[3] / "experiments" / "openkbp_parotid"
QUIET = SilentProgress()


class CancelInEpoch(SilentProgress):
    """Cancels once the given epoch is under way."""

    def __init__(self, epoch: int) -> None:
        self._stage = f"Epoch {epoch} "
        self._reached = False

    def report(self, stage: str, fraction: float) -> None:
        assert 0 <= fraction <= 1
        self._reached = stage.startswith(self._stage)

    def raise_if_cancelled(self) -> None:
        if self._reached:
            raise Cancelled("Cancelled.")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("nnunet")
    names = {
        "nnUNet_raw": "raw",
        "nnUNet_preprocessed": "preprocessed",
        "nnUNet_results": "results",
    }
    write_ball_dataset(root / "raw", root / "preprocessed", "ab", "c")
    return {variable: str(root / name) for variable, name in names.items()}


@pytest.fixture(autouse=True)
def nnunet_folders(folders: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, folder in folders.items():
        monkeypatch.setenv(variable, folder)
    # In this process: starting augmentation workers would take longer than the training.
    monkeypatch.setattr(
        "mobseg.nnunet.training.set_workers",
        lambda _: monkeypatch.setenv("nnUNet_n_proc_DA", "0"),
    )
    monkeypatch.setenv("nnUNet_n_proc_DA", "1")


@pytest.fixture(scope="module")
def trained(folders: dict[str, str]) -> dict[str, Path]:
    """Models that later tests look at, by name; filled in the order of the tests."""
    return {}


def _printed(prefix: str, capsys: pytest.CaptureFixture[str]) -> str:
    lines = capsys.readouterr().out.splitlines()
    return next(line.removeprefix(prefix) for line in lines if line.startswith(prefix))


def _schedule(epochs: int) -> Schedule:
    return Schedule(epochs=epochs, iterations=2, validation_iterations=1, initial_lr=1e-3)


def test_a_cancelled_base_training_goes_on_where_it_stopped(
    trained: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Cancelled):
        train_base("901", "XS", _schedule(2), Run(0, CPU, 1, CancelInEpoch(2)))
    length = ["--epochs", "2", "--iterations", "2", "--validation-iterations", "1"]
    rate = ["--learning-rate", "0.001"]
    assert main(["train", "901", "--preset", "XS", "--device", "cpu", *length, *rate]) == 0
    folder = Path(_printed("Base model: ", capsys))
    trained["base"] = folder
    log = "\n".join(path.read_text() for path in (folder / "fold_0").glob("training_log*"))
    assert log.count("Epoch 0\n") + log.count("Epoch 0 \n") == 1
    assert (folder / "fold_0" / "checkpoint_final.pth").exists()
    assert (folder / "fold_0" / "progress.png").stat().st_size > 1000
    state = load_training_state(folder / "fold_0" / "checkpoint_final.pth", CPU)
    assert state["current_epoch"] == 2
    assert len(state["logging"]["train_losses"]) == 2


@pytest.mark.parametrize(
    ("parameterisation", "objective"),
    [
        ("mixture_of_bases", "marginal_nll"),
        ("mixture_of_blocks", "expected_loss"),
        ("deterministic", "marginal_nll"),
    ],
)
def test_fine_tuning_starts_from_the_base_and_moves(
    trained: dict[str, Path], parameterisation: str, objective: str
) -> None:
    base = open_model_folder(trained["base"])
    settings = FinetuneSettings(
        str(base.checkpoint_paths[0]),
        LossSettings(objective, samples=2),  # type: ignore[arg-type]
    )
    head = HeadSettings(parameterisation, rank=4)
    folder = finetune(base, head, settings, _schedule(1), parameterisation, Run(0, CPU, 1, QUIET))
    model = load_folder(open_model_folder(folder), CPU)
    assert model.parameterisation == parameterisation
    before = load_folder(base, CPU).networks[0].state_dict()
    after = model.networks[0].state_dict()
    name = "encoder.stem.convs.0.conv.weight"
    change = (after[name] - before[name]).abs().max()
    assert 0 < change < 0.02  # two small steps away from the base, not a new start
    trained[parameterisation] = folder


@pytest.mark.parametrize(("keep", "copies"), [("best", 1), ("last", 0)])
def test_the_best_epoch_replaces_the_last_unless_the_last_is_asked_for(
    trained: dict[str, Path], monkeypatch: pytest.MonkeyPatch, keep: str, copies: int
) -> None:
    copied: list[str] = []
    real = shutil.copyfile

    def copyfile(source: Path | str, target: Path | str, **options: bool) -> object:
        copied.append(Path(source).name)
        return real(source, target, **options)

    monkeypatch.setattr(shutil, "copyfile", copyfile)
    base = open_model_folder(trained["base"])
    settings = FinetuneSettings(str(base.checkpoint_paths[0]), keep=keep)  # type: ignore[arg-type]
    head = HeadSettings("deterministic")
    finetune(base, head, settings, _schedule(1), f"keep-{keep}", Run(0, CPU, 1, QUIET))
    assert copied.count("checkpoint_best.pth") == copies


def test_the_command_line_fine_tunes_and_exports(
    trained: dict[str, Path],
    folders: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """From a base model to a bundle that carries what was measured on the validation case."""
    length = ["--epochs", "1", "--iterations", "1", "--validation-iterations", "1"]
    assert (
        main(["finetune", str(trained["base"]), "--device", "cpu", "--name", "cli", *length]) == 0
    )
    folder = _printed("Fine-tuned model: ", capsys)
    raw = Path(folders["nnUNet_raw"]) / "Dataset901_Balls"
    split = Path(folders["nnUNet_preprocessed"]) / raw.name / "splits_final.json"
    card = json.loads((EXPERIMENT / "card.json").read_text()) | {
        "id": "ball",
        "score_map": "entropy",
    }
    card["labels"][0]["name"] = "Ball"
    (tmp_path / "card.json").write_text(json.dumps(card))
    data = [
        "--images",
        str(raw / "imagesTr"),
        "--labels",
        str(raw / "labelsTr"),
        "--split",
        str(split),
    ]
    bundle = tmp_path / "ball.zip"
    arguments = ["--card", str(tmp_path / "card.json"), "--device", "cpu", *data]
    assert main(["export", folder, "-o", str(bundle), *arguments]) == 0
    metadata = read_bundle_metadata(bundle)
    assert metadata.metrics["validation"]["n_cases"] == 1
    assert metadata.review_curve["score"] == "entropy"
    assert metadata.recommended_threshold > 0
    packed = unpack_bundle(bundle, tmp_path / "unpacked")
    assert "base_checkpoint" not in packed.plans["mobseg_finetune"]
    assert (packed.path / "curves.png").exists()


def test_the_plans_record_every_choice_of_the_released_code(
    trained: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    length = ["--epochs", "1", "--iterations", "1", "--validation-iterations", "1"]
    assert main(["finetune", str(trained["base"]), "--fidelity", "--device", "cpu", *length]) == 0
    model = open_model_folder(Path(_printed("Fine-tuned model: ", capsys)))
    assert FinetuneSettings.from_plans(model.plans).loss == released_loss(5)
    head = model.configuration["architecture"]["arch_kwargs"]["head"]
    assert HeadSettings(**head) == released_head(HeadSettings("mixture_of_bases"))


def test_export_names_a_case_without_image(trained: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "x.nii.gz").touch()
    with pytest.raises(InvalidInput, match="The case x lacks"):
        cases_of_dataset(tmp_path, tmp_path, None)


def test_plans_of_another_base_are_refused(trained: dict[str, Path]) -> None:
    stochastic = open_model_folder(trained["mixture_of_bases"])
    settings = FinetuneSettings(str(stochastic.checkpoint_paths[0]))
    with pytest.raises(InvalidInput, match="residual encoder presets"):
        finetune(
            stochastic, HeadSettings("diagonal"), settings, _schedule(1), "x", Run(0, CPU, 1, QUIET)
        )


def test_weights_of_another_network_are_refused(trained: dict[str, Path]) -> None:
    base = open_model_folder(trained["base"])
    wrong = open_model_folder(trained["mixture_of_bases"]).checkpoint_paths[0]
    with pytest.raises(BundleError, match="does not fit these plans"):
        finetune(
            base,
            HeadSettings("diagonal"),
            FinetuneSettings(str(wrong)),
            _schedule(1),
            "y",
            Run(0, CPU, 1, QUIET),
        )


def test_nnunets_search_finds_the_trainer_that_repeats_a_run(trained: dict[str, Path]) -> None:
    """As ``nnUNet_extTrainer=.../ext_trainers nnUNetv2_train 901 3d_fullres 0 -tr ... -p PLANS`` does.

    The command itself first imports all of nnU-Net's trainers, and with them torchvision, which a CPU
    build of PyTorch may lack; so its search in external folders is called here.
    """
    shim = str(Path(mobseg.nnunet.__file__).parent / "ext_trainers")
    found = recursive_find_python_class(shim, "MobsegFinetuneTrainer", None, base_folder=shim)
    assert found is MobsegFinetuneTrainer
    folder = trained["mixture_of_bases"]
    plans, dataset = (
        json.loads((folder / f"{name}.json").read_text()) for name in ("plans", "dataset")
    )
    trainer = found(plans | {"continue_training": False}, "3d_fullres", 0, dataset, CPU)
    trainer.initialize()
    assert trainer.network.head.parameterisation == "mixture_of_bases"
    assert trainer.num_epochs == 1


def test_unset_folders_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("nnUNet_results")
    with pytest.raises(InvalidInput, match="nnUNet_results"):
        train_base("901", "XS", _schedule(1), Run(0, CPU, 1, QUIET))


def test_an_unknown_data_set_is_named() -> None:
    with pytest.raises(InvalidInput, match="902"):
        train_base("902", "XS", _schedule(1), Run(0, CPU, 1, QUIET))


def test_a_damaged_checkpoint_cannot_be_resumed(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint_latest.pth"
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(BundleError, match="remove it to start again"):
        load_training_state(path, CPU)
