"""A model on a set of cases with references: metrics, and the review curve that a bundle carries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobseg.errors import InvalidInput
from mobseg.image_io import read_label_volume, read_scalar_volume
from mobseg.metrics.case import CaseMetrics, evaluate_case
from mobseg.metrics.summary import summarise
from mobseg.model import LoadedModel
from mobseg.options import SegmentOptions
from mobseg.pipeline import segment_volume
from mobseg.progress import Progress, SilentProgress


@dataclass(frozen=True)
class ReferenceCase:
    """An image and its reference label map."""

    name: str
    image: Path
    reference: Path


def cases_of_dataset(
    images: Path, labels: Path, names: Sequence[str] | None
) -> list[ReferenceCase]:
    """Pair the files of nnU-Net's folders ``imagesXX`` and ``labelsXX``.

    Args:
        images: folder with ``CASE_0000.EXT``.
        labels: folder with ``CASE.EXT``.
        names: cases to take; ``None`` takes every label map.

    Raises:
        InvalidInput: a case lacks its image or its label map.
    """
    found = {path.name.split(".")[0]: path for path in sorted(labels.glob("*.*"))}
    cases = []
    for name in names if names is not None else found:
        image = next(iter(images.glob(f"{name}_0000.*")), None)
        if name not in found or image is None:
            raise InvalidInput(
                f"The case {name} lacks its image or its label map; complete the data set."
            )
        cases.append(ReferenceCase(name, image, found[name]))
    if not cases:
        raise InvalidInput("There are no cases to measure the model on.")
    return cases


def measure_cases(
    model: LoadedModel,
    cases: Sequence[ReferenceCase],
    options: SegmentOptions,
    progress: Progress,
) -> Iterator[tuple[str, CaseMetrics]]:
    """Segment every case and compare it with its reference."""
    for index, case in enumerate(cases):
        progress.raise_if_cancelled()
        progress.report(f"Case {index + 1} of {len(cases)}", index / len(cases))
        volume = read_scalar_volume(case.image).volume
        segmentation = segment_volume(volume, model, options, SilentProgress())
        yield case.name, evaluate_case(segmentation.maps.dense(), read_label_volume(case.reference))


def measure_model(
    model: LoadedModel,
    cases: Sequence[ReferenceCase],
    options: SegmentOptions,
    progress: Progress,
) -> dict[str, Any]:
    """Summary over the cases, see :func:`mobseg.metrics.summary.summarise`."""
    return summarise([metrics for _, metrics in measure_cases(model, cases, options, progress)])
