"""Places to check: from an uncertainty map and a threshold to a ranked list."""

from mobseg.regions.files import read_regions_json, write_regions_csv, write_regions_json
from mobseg.regions.flagging import flag_regions, region_map
from mobseg.regions.index import (
    DEFAULT_MAX_EXTENT_MM,
    DEFAULT_MIN_VOLUME_MM3,
    Flagged,
    RegionIndex,
)
from mobseg.regions.region import REASONS, STATUSES, FlaggedRegion
from mobseg.regions.scored import ScoredPrediction

__all__ = [
    "DEFAULT_MAX_EXTENT_MM",
    "DEFAULT_MIN_VOLUME_MM3",
    "REASONS",
    "STATUSES",
    "Flagged",
    "FlaggedRegion",
    "RegionIndex",
    "ScoredPrediction",
    "flag_regions",
    "read_regions_json",
    "region_map",
    "write_regions_csv",
    "write_regions_json",
]
