"""Figures of the paper's tables, to stand beside ours: other organs, other data, five seeds.

P. J. T. Kampen, A. W. Aspe et al.: Structured Covariance Modeling Using Learned Mixture-of-Bases for
Uncertainty in 3D Segmentation. Tables 1 to 4.
"""

from __future__ import annotations

ORGANS = ("pancreas", "gallbladder", "duodenum", "left adrenal gland")

#: Scans for training, validation and test, by organ (Table 1).
SCANS = {
    "pancreas": (648, 130, 163),
    "gallbladder": (524, 105, 131),
    "duodenum": (614, 154, 154),
    "left adrenal gland": (640, 128, 160),
}

#: Dice in percent by organ (Table 2).
DICE = {
    "Deterministic": ("80.50 ± 0.33", "79.47 ± 0.15", "81.11 ± 0.16", "87.05 ± 0.32"),
    "Diagonal": ("80.37 ± 0.38", "79.61 ± 0.13", "81.29 ± 0.28", "86.69 ± 0.24"),
    "Diagonal + Low-rank": ("80.30 ± 0.12", "79.56 ± 0.13", "81.74 ± 0.31", "86.80 ± 0.12"),
    "Single-Basis": ("84.01 ± 0.89", "82.53 ± 0.52", "82.45 ± 0.34", "88.23 ± 1.22"),
    "Mixture-of-Bases": ("84.91 ± 0.32", "82.84 ± 0.41", "83.06 ± 0.30", "87.48 ± 0.35"),
}

#: Negative log-likelihood by organ (Table 3).
NLL = {
    "Deterministic": ("0.27 ± 0.2", "0.17 ± 0.00", "0.36 ± 0.01", "0.022 ± 0.00"),
    "Diagonal": ("0.23 ± 0.02", "0.163 ± 0.00", "0.32 ± 0.02", "0.020 ± 0.00"),
    "Diagonal + Low-rank": ("0.21 ± 0.01", "0.146 ± 0.00", "0.28 ± 0.03", "0.02 ± 0.00"),
    "Single-Basis": ("0.226 ± 0.01", "0.12 ± 0.00", "0.303 ± 0.00", "0.020 ± 0.00"),
    "Mixture-of-Bases": ("0.21 ± 0.01", "0.13 ± 0.01", "0.30 ± 0.01", "0.02 ± 0.00"),
}

#: ECE and MCE on the pancreas (Table 4).
CALIBRATION = {
    "Deterministic": ("0.017 ± 0.0", "0.432 ± 0.1"),
    "Diagonal": ("0.018 ± 0.0", "0.390 ± 0.1"),
    "Diagonal + Low-rank": ("0.012 ± 0.0", "0.246 ± 0.0"),
    "Single-Basis": ("0.017 ± 0.0", "0.318 ± 0.1"),
    "Mixture-of-Bases": ("0.014 ± 0.0", "0.317 ± 0.1"),
}
