"""Base training and fine-tuning from start to finish, on one device, resuming where a run stopped."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from nnunetv2.experiment_planning.experiment_planners.residual_unets.residual_encoder_unet_planners import (
    nnUNetPlannerResEncL,
    nnUNetPlannerResEncM,
    nnUNetPlannerResEncXL,
)
from nnunetv2.experiment_planning.plan_and_preprocess_api import (
    extract_fingerprint_dataset,
    plan_experiment_dataset,
    preprocess_dataset,
)
from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name

from mobseg.bundle.folder import ModelFolder
from mobseg.bundle.packing import FINETUNE_KEY
from mobseg.covariance import HeadSettings
from mobseg.errors import InvalidInput
from mobseg.network.unet import BASE_CLASS_NAME, stochastic_plans
from mobseg.nnunet.environment import (
    preprocessed_folder,
    require_folders,
    results_folder,
    set_workers,
)
from mobseg.nnunet.finetune_trainer import MobsegFinetuneTrainer
from mobseg.nnunet.planner import ResEncXSPlanner
from mobseg.nnunet.settings import SCHEDULE_KEY, FinetuneSettings, Schedule
from mobseg.nnunet.trainer import MobsegTrainer
from mobseg.progress import Progress

CONFIGURATION = "3d_fullres"

#: nnU-Net's residual encoder presets, and a small one for training without a GPU.
PRESETS = {
    "XS": ResEncXSPlanner,
    "M": nnUNetPlannerResEncM,
    "L": nnUNetPlannerResEncL,
    "XL": nnUNetPlannerResEncXL,
}


@dataclass(frozen=True)
class Run:
    """Where and how a training runs.

    Attributes:
        fold: fold of nnU-Net's split.
        device: where the network trains.
        workers: processes that augment and preprocess.
        progress: told about every step.
    """

    fold: int
    device: torch.device
    workers: int
    progress: Progress


def train_base(dataset: str, preset: str, schedule: Schedule, run: Run) -> Path:
    """Plan, preprocess and train a base model with nnU-Net's own means.

    Args:
        dataset: nnU-Net's data set number or name; its raw data lie in ``nnUNet_raw``.
        preset: key of :data:`PRESETS`.
        schedule: length of the training.
        run: where and how.

    Returns:
        The model folder.

    Raises:
        InvalidInput: nnU-Net's folders are not set, or the data set is not there.
    """
    require_folders()
    name = _dataset_name(dataset)
    plans_path = plan_and_preprocess(name, preset, run)
    plans = json.loads(plans_path.read_text()) | {SCHEDULE_KEY: schedule.to_dict()}
    _set_batch_size(plans, CONFIGURATION, schedule)
    _write_json(plans_path, plans)
    return _train(MobsegTrainer, plans, run)


def finetune(
    base: ModelFolder,
    head: HeadSettings,
    settings: FinetuneSettings,
    schedule: Schedule,
    name: str,
    run: Run,
) -> Path:
    """Fine-tune a stochastic model from a converged base model.

    The plans are also written for ``nnUNetv2_train -tr MobsegFinetuneTrainer -p PLANS``.

    Args:
        base: the base model's folder; its preprocessed data are used again.
        head: parameterisation and sizes.
        settings: loss and optimiser.
        schedule: length of the fine-tuning.
        name: tells this run from others of the same base model.
        run: where and how.

    Returns:
        The model folder.

    Raises:
        InvalidInput: nnU-Net's folders are not set, or the base is not a residual encoder U-Net.
    """
    require_folders()
    architecture = base.configuration["architecture"]["network_class_name"]
    if architecture != BASE_CLASS_NAME:
        raise InvalidInput(
            f"Fine-tuning needs a base model of nnU-Net's residual encoder presets, not {architecture}."
        )
    plans = stochastic_plans(base.plans, base.configuration_name, head)
    plans = plans | {
        "plans_name": f"{base.plans['plans_name']}_{name}",
        SCHEDULE_KEY: schedule.to_dict(),
        FINETUNE_KEY: settings.to_dict(),
    }
    _set_batch_size(plans, base.configuration_name, schedule)
    _write_json(preprocessed_folder(plans["dataset_name"]) / f"{plans['plans_name']}.json", plans)
    return _train(MobsegFinetuneTrainer, plans, run)


def _set_batch_size(plans: dict[str, Any], configuration: str, schedule: Schedule) -> None:
    if schedule.batch_size is not None:
        plans["configurations"][configuration]["batch_size"] = schedule.batch_size


def plan_and_preprocess(name: str, preset: str, run: Run) -> Path:
    """nnU-Net's fingerprint, plans and preprocessing, each only if it is not there yet.

    Args:
        name: of the data set, ``DatasetNNN_NAME``.
        preset: key of :data:`PRESETS`.
        run: where and how.

    Returns:
        The file of the plans.
    """
    number = int(name[len("Dataset") :][:3])
    folder = preprocessed_folder(name)
    if not (folder / "dataset_fingerprint.json").exists():
        run.progress.report("Measuring the data set", 0.0)
        extract_fingerprint_dataset(number, num_processes=run.workers, show_progress_bar=False)
    planner = PRESETS[preset]
    identifier = planner(name).plans_identifier
    plans_path = folder / f"{identifier}.json"
    if not plans_path.exists():
        plan_experiment_dataset(number, planner)
    plans = json.loads(plans_path.read_text())
    data = folder / plans["configurations"][CONFIGURATION]["data_identifier"]
    done = folder / f".{data.name}.complete"
    if not done.exists():
        run.progress.report("Preprocessing the cases", 0.0)
        preprocess_dataset(
            number, identifier, (CONFIGURATION,), [run.workers], show_progress_bar=False
        )
        done.touch()
    return plans_path


def _train(trainer_class: type[MobsegTrainer], plans: dict[str, Any], run: Run) -> Path:
    set_workers(run.workers)
    dataset = json.loads((preprocessed_folder(plans["dataset_name"]) / "dataset.json").read_text())
    name = f"{trainer_class.__name__}__{plans['plans_name']}__{CONFIGURATION}"
    folder = results_folder(plans["dataset_name"]) / name
    fold = folder / f"fold_{run.fold}"
    if (fold / "checkpoint_final.pth").exists():
        run.progress.report("Already trained", 1.0)
        return folder
    latest = fold / "checkpoint_latest.pth"
    resumes = latest.exists()
    trainer = trainer_class(
        {**plans, "continue_training": resumes}, CONFIGURATION, run.fold, dataset, run.device
    )
    trainer.progress = run.progress
    if resumes:
        trainer.load_checkpoint(str(latest))
    trainer.run_training()
    return folder


def _dataset_name(dataset: str) -> str:
    try:
        return str(maybe_convert_to_dataset_name(dataset))
    except (RuntimeError, ValueError) as error:
        raise InvalidInput(
            f"There is no data set {dataset!r} in nnUNet_raw; give its number or its name "
            "(DatasetNNN_NAME)."
        ) from error


def _write_json(path: Path, content: dict[str, Any]) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=2))
    partial.replace(path)
