"""The choices of the paper's released code where they differ from the paper or from ours.

They are facts read from that code, to tell whether a difference to the published tables comes from a choice.
Not taken over: what the code does for its baselines by mistake (Diagonal samples without a gradient, Low-rank
mixes up voxels and channels), Dice without smoothing in the numerator, which matters only where a class is
absent, and evaluation on single patches.
"""

from __future__ import annotations

from dataclasses import replace

from mobseg.covariance import HeadSettings
from mobseg.losses import LossSettings


def released_loss(samples: int) -> LossSettings:
    """The loss: eq. 11 with these choices.

    Args:
        samples: k of eq. 12, 5 in the released code.
    """
    return LossSettings(
        objective="expected_loss",
        samples=samples,
        kl=1e-4,
        orthogonality=1.0,
        weight_entropy=0.05,
        reverse_kl=True,
        kl_of_deviation=True,
        dice_includes_background=True,
        batch_dice=True,
        sum_samples=True,
        row_orthogonality=True,
    )


def released_head(settings: HeadSettings) -> HeadSettings:
    """The same parameterisation and sizes with the released code's W head and start."""
    return replace(settings, weight_head="linear", selection="soft", start="released")
