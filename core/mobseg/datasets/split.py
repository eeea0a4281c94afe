"""Which cases train, which validate and which are kept for the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: Section 4 of the paper: 80/20 into training and test, and 80/20 again.
HELD_OUT_SHARE = 0.2


@dataclass(frozen=True)
class Split:
    """Names of cases, sorted; ``seed`` makes the same split again."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    seed: int


def split_cases(names: Sequence[str], seed: int) -> Split:
    """Split at random: a fifth for the test, and a fifth of the others for validation.

    Args:
        names: of all cases; their order does not matter.
        seed: equal seeds give equal splits of equal names.
    """
    order = np.random.default_rng(seed).permutation(sorted(names)).tolist()
    n_test = round(HELD_OUT_SHARE * len(order))
    n_validation = round(HELD_OUT_SHARE * (len(order) - n_test))
    test, validation, train = (
        order[:n_test],
        order[n_test : n_test + n_validation],
        order[n_test + n_validation :],
    )
    return Split(tuple(sorted(train)), tuple(sorted(validation)), tuple(sorted(test)), seed)
