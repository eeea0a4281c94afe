"""The state of a review in the scene: parameters of the result node, which are saved with the scene."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from MoBSegmentationLib.decisions import Decision

_STATE = "review"
_CURVE = "review_curve"


@dataclass(frozen=True)
class ReviewState:
    """What a review can be taken up from.

    Attributes:
        threshold: the threshold in force.
        reviewer_initials: may be empty.
        decisions: on all regions, also on those of other thresholds.
    """

    threshold: float
    reviewer_initials: str
    decisions: tuple[Decision, ...]


def write_state(node: Any, state: ReviewState, review_curve: Mapping[str, Any] | None) -> None:
    """Keep a state, and the review curve of the model, in the result node."""
    from mobseg import strict_json  # noqa: PLC0415

    node.SetParameter(_STATE, strict_json.dumps(state).decode("ascii"))
    node.SetParameter(_CURVE, json.dumps(review_curve))


def read_state(node: Any) -> ReviewState | None:
    """The state that is kept, unless there is none or it is damaged."""
    from mobseg import strict_json  # noqa: PLC0415

    try:
        content = strict_json.loads(node.GetParameter(_STATE).encode("utf-8"))
        return strict_json.decode(ReviewState, content)
    except strict_json.StrictJsonError:
        return None


def read_review_curve(node: Any) -> Mapping[str, Any] | None:
    """The review curve that is kept, if there is one."""
    try:
        curve = json.loads(node.GetParameter(_CURVE) or "null")
    except ValueError:
        return None
    return curve if isinstance(curve, dict) else None
