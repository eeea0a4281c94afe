"""Arguments of commands that measure a model on cases with references."""

from __future__ import annotations

import argparse
from pathlib import Path

from mobseg.metrics.band import DEFAULT_BAND_MM


def add_case_arguments(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """``--images`` and ``--labels``."""
    for name, files in (("--images", "CASE_0000.EXT"), ("--labels", "CASE.EXT")):
        parser.add_argument(name, type=Path, required=required, help=f"folder with {files}")


def add_raters_argument(parser: argparse.ArgumentParser) -> None:
    """``--raters``."""
    parser.add_argument(
        "--raters",
        type=Path,
        help="folder with CASE__RATER.EXT, the contours of several raters",
    )


def add_band_argument(parser: argparse.ArgumentParser) -> None:
    """``--band-mm``."""
    parser.add_argument(
        "--band-mm",
        type=float,
        default=DEFAULT_BAND_MM,
        metavar="MM",
        help="half width of the boundary band (default: %(default)g)",
    )
