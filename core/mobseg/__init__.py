"""mobseg: stochastic nnU-Net segmentation with exact uncertainty. Research use only."""

__version__ = "0.1.0"
