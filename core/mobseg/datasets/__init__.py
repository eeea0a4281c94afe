"""Public data sets as raw data sets of nnU-Net."""

from mobseg.datasets.conversion import Conversion, convert
from mobseg.datasets.nnunet_layout import NnunetSource
from mobseg.datasets.source import Source
from mobseg.datasets.split import Split, split_cases
from mobseg.datasets.totalsegmentator import TotalSegmentatorSource

__all__ = [
    "Conversion",
    "NnunetSource",
    "Source",
    "Split",
    "TotalSegmentatorSource",
    "convert",
    "split_cases",
]
