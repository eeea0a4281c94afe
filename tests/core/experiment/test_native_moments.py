"""The moments that are fitted are those that the pipeline makes maps of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from mobseg.bundle.folder import open_model_folder
from mobseg.device import choose_precision, precision_name
from mobseg.experiment.cases import measured_cases
from mobseg.experiment.native_moments import LARGEST_DISTANCE_MM, native_moments
from mobseg.image_io import read_label_volume, read_scalar_volume
from mobseg.inference.variance_size import distance_to_other_label
from mobseg.metrics.band import boundary_band
from mobseg.model import load_folder
from mobseg.options import SegmentOptions
from mobseg.pipeline import segment_volume
from mobseg.progress import SilentProgress


def test_moments_share_and_band_of_a_case(data: Path, model_folder: Path) -> None:
    model = load_folder(open_model_folder(model_folder), torch.device("cpu"))
    case = measured_cases(data / "images", data / "labels", data / "raters", None)[0]
    volume = read_scalar_volume(case.case.image).volume
    precision = precision_name(choose_precision("auto", model.device))
    options = SegmentOptions(device="cpu", precision=precision)
    maps = segment_volume(volume, model, options, SilentProgress()).maps.dense()
    found = native_moments(model, case, 4.0)
    np.testing.assert_array_equal(found.mean.numpy() > 0, maps.labels.ravel() > 0)
    # The maps are rounded, by 6.2e-5 of the value at most.
    for name, expected in (
        ("variance", maps.logit_variance_model),
        ("disagreement", maps.logit_variance_disagreement),
    ):
        np.testing.assert_allclose(getattr(found, name), expected.ravel(), rtol=6.3e-5)
    raters = [read_label_volume(path).array > 0 for path in case.raters]
    np.testing.assert_allclose(found.share, np.mean(raters, axis=0).ravel(), rtol=1e-6)
    spacing = volume.geometry.spacing_kji_mm
    reference = read_label_volume(case.case.reference).array
    band = boundary_band(maps.labels, reference, spacing, 4.0)
    np.testing.assert_array_equal(found.band, band.ravel())
    # The tiny models work on a grid of the images' own spacing.
    mean = found.mean.reshape(volume.geometry.shape_kji)
    distance = distance_to_other_label(mean, spacing, LARGEST_DISTANCE_MM)
    np.testing.assert_allclose(found.distance_mm, distance.ravel(), rtol=1e-3)
