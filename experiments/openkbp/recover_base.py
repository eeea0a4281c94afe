"""Make a base model of the shipped parotid model: its network without the variance, as nnU-Net would save it.

The base that the shipped model was fine-tuned from is not published; the mean of the shipped model is
the nearest converged network there is. Plans and preprocesses the data set, too.

    python recover_base.py Dataset501_Parotid
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

import torch

from mobseg.bundle.checkpoint import read_checkpoint, write_checkpoint
from mobseg.bundle.store import resolve_model
from mobseg.nnunet.environment import preprocessed_folder, results_folder
from mobseg.nnunet.training import CONFIGURATION, Run, plan_and_preprocess
from mobseg.progress import SilentProgress


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    dataset = parser.parse_args().dataset

    run = Run(fold=0, device=torch.device("cpu"), workers=1, progress=SilentProgress())
    plans_path = plan_and_preprocess(dataset, "XS", run)
    plans = json.loads(plans_path.read_text())
    shipped = read_checkpoint(resolve_model("parotid-mob-v1").checkpoint_paths[0])
    mean = next(name for name in shipped.weights if name.endswith(".mean.weight"))
    mean = mean.removesuffix("weight")
    last = mean.removesuffix("mean.")
    weights = {
        name.replace(mean, last): tensor
        for name, tensor in shipped.weights.items()
        if not name.startswith(last) or name.startswith(mean)
    }
    folder = results_folder(dataset) / f"MobsegTrainer__{plans['plans_name']}__{CONFIGURATION}"
    (folder / "fold_0").mkdir(parents=True, exist_ok=True)
    for name in ("dataset.json", "dataset_fingerprint.json"):
        (folder / name).write_text((preprocessed_folder(dataset) / name).read_text())
    (folder / "plans.json").write_text(json.dumps(plans, indent=2))
    base = replace(shipped, weights=weights, trainer_name="nnUNetTrainer")
    write_checkpoint(base, folder / "fold_0" / "checkpoint_final.pth")
    print(folder)


if __name__ == "__main__":
    main()
