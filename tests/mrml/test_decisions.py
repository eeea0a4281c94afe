from __future__ import annotations

import dataclasses

import pytest
from MoBSegmentationLib.decisions import Decisions

from mobseg.regions import flag_regions
from tests.core.regions.test_flagging import noisy_maps


@pytest.fixture
def region():
    return flag_regions(noisy_maps(), "variance", 0.1)[0]


def test_a_new_region_is_open(region) -> None:
    assert (Decisions().status(region), Decisions().comment(region)) == ("open", "")


def test_a_decision_holds_for_the_region_and_for_smaller_ones(region) -> None:
    decisions = Decisions()
    decisions.set_status(region, "accepted")
    smaller = dataclasses.replace(region, voxel_count=region.voxel_count - 1, id=7)
    assert decisions.status(region) == decisions.status(smaller) == "accepted"


def test_a_region_that_grew_is_open_but_keeps_its_comment(region) -> None:
    decisions = Decisions()
    decisions.set_status(region, "rejected")
    decisions.set_comment(region, "artefact")
    larger = dataclasses.replace(region, voxel_count=region.voxel_count + 1)
    assert decisions.status(larger) == "open"
    assert decisions.comment(larger) == "artefact"
    assert decisions.status(region) == "rejected"


def test_a_comment_is_no_decision(region) -> None:
    decisions = Decisions()
    decisions.set_comment(region, "?")
    assert decisions.status(region) == "open"


def test_decisions_are_rebuilt_from_their_list(region) -> None:
    decisions = Decisions()
    decisions.set_status(region, "edited")
    decisions.set_comment(region, "ok")
    again = Decisions(tuple(decisions))
    assert (again.status(region), again.comment(region)) == ("edited", "ok")
