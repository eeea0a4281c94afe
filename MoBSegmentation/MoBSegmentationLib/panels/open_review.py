"""A result with all that reviewing it needs."""

from __future__ import annotations

from dataclasses import dataclass

from MoBSegmentationLib.display import ResultDisplay
from MoBSegmentationLib.restricted_editing import RestrictedEditing
from MoBSegmentationLib.result_nodes import ResultNodes
from MoBSegmentationLib.review_session import ReviewSession


@dataclass(frozen=True)
class OpenReview:
    """The result that the panel shows.

    Attributes:
        nodes: its nodes.
        display: how it is shown.
        session: regions and decisions.
        editing: keeps edits within the flagged regions.
    """

    nodes: ResultNodes
    display: ResultDisplay
    session: ReviewSession
    editing: RestrictedEditing
