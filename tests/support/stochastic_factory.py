"""Turns a tiny nnU-Net folder into a stochastic one, the way fine-tuning does."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from mobseg.covariance import HeadSettings
from mobseg.network.build import LAYERS
from mobseg.network.unet import (
    StochasticResidualEncoderUNet,
    stochastic_plans,
    weights_from_base,
)
from tests.support.model_factory import CONFIGURATION


def make_stochastic(folder: Path, parameterisation: str = "mixture_of_bases") -> Path:
    """Give the model in ``folder`` a stochastic head with visible variance; returns ``folder``."""
    plans = json.loads((folder / "plans.json").read_text())
    plans = stochastic_plans(plans, CONFIGURATION, HeadSettings(parameterisation, rank=4, cells=2))
    (folder / "plans.json").write_text(json.dumps(plans))
    architecture = plans["configurations"][CONFIGURATION]["architecture"]
    keywords = dict(architecture["arch_kwargs"])
    for key in architecture["_kw_requires_import"]:
        keywords[key] = LAYERS.get(keywords[key])
    for path in sorted(folder.glob("fold_*/checkpoint_final.pth")):
        checkpoint = torch.load(path, weights_only=True)
        last = max(
            name
            for name in checkpoint["network_weights"]
            if "seg_layers" in name and "bias" in name
        )
        torch.manual_seed(0)
        network = StochasticResidualEncoderUNet(
            input_channels=1,
            num_classes=len(checkpoint["network_weights"][last]),
            deep_supervision=False,
            **keywords,
        )
        weights_from_base(checkpoint["network_weights"], network)
        checkpoint["network_weights"] = network.state_dict()
        torch.save(checkpoint, path)
    return folder
