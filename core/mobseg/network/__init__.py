"""The segmentation network: nnU-Net's residual encoder U-Net with a stochastic last layer."""

from __future__ import annotations

from mobseg.network.unet import NETWORK_CLASS_NAME, StochasticResidualEncoderUNet

__all__ = ["NETWORK_CLASS_NAME", "StochasticResidualEncoderUNet"]
