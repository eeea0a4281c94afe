"""What ``mobseg finetune`` makes of its arguments."""

from __future__ import annotations

import argparse

import pytest

from mobseg.cli.finetune import FinetuneCommand
from mobseg.errors import InvalidInput


def _command(*arguments: str) -> FinetuneCommand:
    parser = argparse.ArgumentParser()
    parser.add_argument("-v", dest="verbose", action="count", default=0)
    FinetuneCommand.configure(parser)
    return FinetuneCommand.from_arguments(parser.parse_args(["BASE", *arguments]))


def test_fidelity_means_the_papers_objective_and_shows_in_the_name() -> None:
    plain, fidelity = _command(), _command("--fidelity", "--seed", "3")
    assert (plain.objective, plain.name) == ("marginal_nll", "mixture_of_bases-marginal_nll-seed0")
    assert fidelity.objective == "expected_loss"
    assert fidelity.name == "mixture_of_bases-expected_loss-fidelity-seed3"


@pytest.mark.parametrize("option", [("--objective", "joint_nll"), ("--dice-weight", "0")])
def test_fidelity_leaves_no_choice_of_the_loss(option: tuple[str, str]) -> None:
    with pytest.raises(InvalidInput, match="--fidelity sets"):
        _command("--fidelity", *option)
