"""A model folder that is made from another one, with other plans or weights and the record of why."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mobseg.bundle.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from mobseg.bundle.folder import ModelFolder
from mobseg.bundle.layout import CHECKPOINTS, DATASET, PLANS, fold_folder
from mobseg.bundle.staging import staged

#: Written beside the plans: how the variance was fitted.
RECORD = "variance_scale.json"


def write_derived_model(
    model: ModelFolder,
    target: Path,
    *,
    plans: dict[str, Any] | None = None,
    change: Callable[[Checkpoint], Checkpoint] | None = None,
    record: dict[str, Any] | None = None,
) -> None:
    """Write the folder at once or not at all.

    Args:
        model: what it is made from.
        target: the folder to make.
        plans: in place of the model's.
        change: makes the checkpoint of each fold from the model's, which stays as it is without.
        record: kept as :data:`RECORD`.

    Raises:
        OutputError: the folder exists or cannot be written.
    """
    with staged(target) as folder:
        folder.mkdir()
        shutil.copyfile(model.path / DATASET, folder / DATASET)
        text = json.dumps(plans or model.plans, indent=1)
        (folder / PLANS).write_text(text, encoding="utf-8", newline="\n")
        for fold, path in zip(model.folds, model.checkpoint_paths, strict=True):
            (folder / fold_folder(fold)).mkdir()
            if change is None:
                shutil.copyfile(path, folder / fold_folder(fold) / model.checkpoint_name)
            else:
                changed = change(read_checkpoint(path))
                write_checkpoint(changed, folder / fold_folder(fold) / CHECKPOINTS[0])
        if record is not None:
            (folder / RECORD).write_text(json.dumps(record, indent=1))
