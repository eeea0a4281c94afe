"""A failure and a correction of a model: outlines, mean and variance of the probability (figures 5, 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mobseg.errors import InvalidInput
from mobseg.prediction import PredictionMaps
from mobseg.report.planes import AXIAL, Cut
from mobseg.volume import ScalarVolume

Mask = npt.NDArray[np.bool_]

_AIR_HU = -1024.0
_LEAST_WIDTH_MM = 40.0
_PIXELS = 240
_DPI = 130

#: Shares of the largest value below which a map is not painted.
_FAINT = 0.01


@dataclass(frozen=True, eq=False)
class PicturedCase:
    """What is drawn of one case.

    Attributes:
        title: what it is an example of.
        volume: the CT.
        references: foreground of each rater, or of the one reference.
        maps: of the model.
        base: (K, J, I) foreground of the base model.
    """

    title: str
    volume: ScalarVolume
    references: Sequence[Mask]
    maps: PredictionMaps
    base: Mask


def choose_cases(model: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, str]:
    """The names of the case of the lowest Dice, and of the largest gain over the base.

    Only cases of which both models found something, as an empty label map shows nothing.

    Args:
        model: measurement of the model, as ``mobseg measure`` writes it.
        base: that of the base model on the same cases.

    Raises:
        InvalidInput: there is no such case.
    """
    ours, theirs = (
        {name: figures["dice"] for name, figures in one["cases"].items() if figures["dice"]}
        for one in (model, base)
    )
    gain = {name: ours[name] - theirs[name] for name in ours if name in theirs}
    if not gain:
        raise InvalidInput(
            "There is no case of which both models found something; nothing is drawn."
        )
    return {
        "failure": min(gain, key=ours.__getitem__),
        "correction": max(gain, key=gain.__getitem__),
    }


def draw_slices(cases: Sequence[PicturedCase], window_hu: tuple[float, float]) -> Figure:
    """One row a case: outlines on the CT, E[p] and Var[p] in the axial slice with most of the reference.

    Args:
        cases: what to draw.
        window_hu: grey values from black to white.
    """
    figure = Figure(figsize=(9, 3 * len(cases)), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    for axes, case in zip(figure.subplots(len(cases), 3, squeeze=False), cases, strict=True):
        _draw_case(axes, case, window_hu)
    return figure


def _draw_case(axes: Sequence[Axes], case: PicturedCase, window_hu: tuple[float, float]) -> None:
    cut = _cut(case)
    geometry = case.volume.geometry
    picture = cut.sample(case.volume.array, geometry, outside=_AIR_HU)
    for panel in axes:
        panel.imshow(
            picture, cmap="gray", vmin=window_hu[0], vmax=window_hu[1], extent=cut.extent_mm
        )
        panel.set_axis_off()
    model = case.maps.labels > 0
    outlines = [(one, "tab:green", 0.7) for one in case.references]
    for mask, color, width in (*outlines, (case.base, "tab:cyan", 1.2), (model, "tab:orange", 1.2)):
        _outline(axes[0], cut.sample(mask.astype(np.uint8), geometry), cut, color, width)
    axes[0].set_title(f"{case.title}: reference, base, model", fontsize=8)
    strongest = int(case.maps.probability_mean.max(axis=(1, 2, 3)).argmax())
    for panel, values, heading in (
        (axes[1], case.maps.probability_mean[strongest], "E[p]"),
        (axes[2], case.maps.probability_variance[strongest], "Var[p]"),
    ):
        _paint(panel, cut.sample(values, geometry), cut, heading)


def _cut(case: PicturedCase) -> Cut:
    """The axial slice with most of the reference, around all that is outlined in it."""
    reference = np.sum([*case.references], axis=0)
    k = int(reference.sum(axis=(1, 2)).argmax())
    outlined = (reference[k] > 0) | case.base[k] | (case.maps.labels[k] > 0)
    j, i = np.nonzero(outlined)
    geometry = case.volume.geometry
    corners = np.array([[i.min(), j.min(), k], [i.max(), j.max(), k]], dtype=np.float64)
    ends = geometry.ijk_to_ras(corners)
    width = max(2 * float(np.abs(ends[1] - ends[0]).max()), _LEAST_WIDTH_MM)
    return Cut(AXIAL, ends.mean(axis=0), width, _PIXELS)


def _outline(axes: Axes, mask: npt.NDArray[np.float32], cut: Cut, color: str, width: float) -> None:
    if mask.max() > 0.5 > mask.min():
        axes.contour(
            mask, [0.5], colors=color, linewidths=width, origin="upper", extent=cut.extent_mm
        )


def _paint(axes: Axes, values: npt.NDArray[np.float32], cut: Cut, heading: str) -> None:
    highest = max(float(values.max()), 1e-6)
    shown = np.ma.masked_less(values, _FAINT * highest)
    image = axes.imshow(
        shown, cmap="inferno", alpha=0.8, vmin=0, vmax=highest, extent=cut.extent_mm
    )
    bar = axes.figure.colorbar(
        image, ax=axes, shrink=0.8, ticks=[0, highest / 2, highest], format="%.2g"
    )
    bar.ax.tick_params(labelsize=7)
    axes.set_title(heading, fontsize=8)
