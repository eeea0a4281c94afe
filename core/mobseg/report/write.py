"""From a result to its report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from mobseg.errors import GeometryMismatch, OutputError
from mobseg.prediction import RunRecord
from mobseg.prediction_folder import ThresholdRecord
from mobseg.regions import FlaggedRegion
from mobseg.report.figures import mosaic_figure, region_figure
from mobseg.report.overview import overview_figure
from mobseg.report.page import Page, render
from mobseg.report.scene import make_scene
from mobseg.sparse_prediction import AnyPrediction
from mobseg.summary import summarise
from mobseg.uncertainty import display_name, unit
from mobseg.volume import ScalarVolume

REPORT_FILE = "report.html"

#: Regions that get pictures of their own: as many as a reader looks at in a minute.
PICTURED_REGIONS = 6

_NO_INTENDED_USE = "The model does not state what it is meant for."


class Result(Protocol):
    """What is reported, in memory or read back from a prediction folder."""

    @property
    def maps(self) -> AnyPrediction:
        """The prediction."""

    @property
    def regions(self) -> Sequence[FlaggedRegion]:
        """The flagged regions by rank."""

    @property
    def threshold(self) -> ThresholdRecord:
        """How the regions were flagged."""

    @property
    def record(self) -> RunRecord:
        """How the result was made."""


def report_writer(
    volume: ScalarVolume, result: Result, intended_use: str | None
) -> Callable[[Path], None]:
    """For :func:`mobseg.prediction_folder.write_prediction_folder`: adds ``report.html`` to a folder."""

    def write(folder: Path) -> None:
        write_report(folder / REPORT_FILE, volume, result, intended_use=intended_use)

    return write


def write_report(
    path: Path, volume: ScalarVolume, result: Result, *, intended_use: str | None
) -> None:
    """Write the report as one HTML file that opens without a network.

    Args:
        path: the HTML file; replaced if it exists.
        volume: the CT that was segmented.
        result: the prediction.
        intended_use: what the model is for, in one or two sentences, if it says so.

    Raises:
        GeometryMismatch: image and prediction do not share a grid.
        OutputError: the file cannot be written; nothing is left behind.
    """
    if not volume.geometry.is_close(result.maps.geometry):
        raise GeometryMismatch(
            "The image and the prediction lie on different grids; give the image that was segmented."
        )
    _write(path, render(_page(volume, result, intended_use or _NO_INTENDED_USE)))


def _page(volume: ScalarVolume, result: Result, intended_use: str) -> Page:
    maps, regions, threshold = result.maps, tuple(result.regions), result.threshold
    scene = make_scene(volume, maps, regions, threshold.score, threshold.value)
    score_label = display_name(threshold.score, maps.is_stochastic)
    if unit(threshold.score):
        score_label += f" ({unit(threshold.score)})"
    pictured = regions[:PICTURED_REGIONS]
    return Page(
        summary=summarise(maps, regions, threshold, result.record),
        regions=regions,
        record=result.record,
        is_stochastic=maps.is_stochastic,
        intended_use=intended_use,
        score_label=score_label,
        threshold=threshold,
        overview_png=overview_figure(scene, pictured, regions[PICTURED_REGIONS:]),
        mosaic_png=mosaic_figure(scene),
        region_pngs=tuple(region_figure(scene, region, score_label) for region in pictured),
    )


def _write(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.part")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise OutputError(
            f"The report cannot be written ({error.strerror}); free some space or choose another folder."
        ) from error
