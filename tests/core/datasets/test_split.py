"""The split: shares, seed, and independence of the order of the names."""

from __future__ import annotations

from mobseg.datasets.split import split_cases

NAMES = [f"case{i}" for i in range(100)]


def test_shares_are_those_of_the_paper() -> None:
    split = split_cases(NAMES, seed=0)
    assert (len(split.train), len(split.validation), len(split.test)) == (64, 16, 20)
    assert sorted([*split.train, *split.validation, *split.test]) == sorted(NAMES)


def test_the_seed_alone_decides() -> None:
    assert split_cases(NAMES, seed=3) == split_cases(NAMES[::-1], seed=3)
    assert split_cases(NAMES, seed=3).test != split_cases(NAMES, seed=4).test


def test_a_single_case_trains() -> None:
    assert split_cases(["only"], seed=0).train == ("only",)
