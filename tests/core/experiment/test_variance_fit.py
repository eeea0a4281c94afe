"""Fitting a variance function: it finds the one that made the labels, and the model carries it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mobseg.bundle.folder import open_model_folder
from mobseg.bundle.variance_function import VARIANCE_KEY, VarianceFunction
from mobseg.cli.main import main
from mobseg.errors import InvalidInput
from mobseg.experiment.cases import measured_cases
from mobseg.experiment.derived_model import RECORD
from mobseg.experiment.ensemble import as_ensemble
from mobseg.experiment.learned_samples import learned_samples
from mobseg.experiment.native_moments import NativeMoments
from mobseg.experiment.variance_cells import VarianceCells
from mobseg.experiment.variance_fit import DISTANCES_MM, fit_function, fitted_logs
from mobseg.experiment.variance_scale import fit_scale
from mobseg.image_io import read_label_volume, read_scalar_volume
from mobseg.model import load_folder
from mobseg.moments import sigmoid_moments
from mobseg.options import SegmentOptions
from mobseg.pipeline import Segmentation, segment_volume
from mobseg.progress import SilentProgress
from tests.support.model_factory import make_model_folder

QUIET = SilentProgress()
CPU = torch.device("cpu")

#: Enough to be seen, and not the same at two distances.
FUNCTION = VarianceFunction((0.0, 3.0, 6.0), (6.0, 2.0, 0.5))


def _with_function(model_folder: Path, target: Path, function: VarianceFunction = FUNCTION) -> Path:
    """A copy of the model with a variance function."""
    model = open_model_folder(model_folder)
    target.mkdir()
    for path in (model.path / "dataset.json", *model.checkpoint_paths):
        copy = target / path.relative_to(model.path)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
    plans = model.plans | {VARIANCE_KEY: function.to_dict()}
    (target / "plans.json").write_text(json.dumps(plans))
    return target


def _segment(path: Path, data: Path) -> Segmentation:
    model = load_folder(open_model_folder(path), CPU)
    image = sorted((data / "images").glob("*"))[0]
    options = SegmentOptions(device="cpu", precision="float32")
    return segment_volume(read_scalar_volume(image).volume, model, options, QUIET)


def test_finds_the_function_that_made_the_labels() -> None:
    rng = np.random.default_rng(0)
    n = 300_000
    distance = rng.choice(DISTANCES_MM, n)
    true = dict(zip(DISTANCES_MM, (15.0, 12.0, 8.0, 6.0, 5.0, 4.0, 4.0), strict=True))
    factor = torch.from_numpy(np.vectorize(true.__getitem__)(distance))
    mean = torch.from_numpy(rng.normal(0, 5, n))
    variance = torch.from_numpy(rng.uniform(0.3, 1.2, n))
    disagreement = torch.from_numpy(rng.uniform(0, 1, n))
    probability = sigmoid_moments(mean, variance * factor**2 + disagreement).mean.numpy()
    share = torch.from_numpy((rng.random(n) < probability).astype(np.float32))
    columns = (mean, variance, disagreement, torch.from_numpy(distance))
    moments = NativeMoments(
        *(column.float() for column in columns), share, torch.ones(n, dtype=torch.bool)
    )
    found = fitted_logs(VarianceCells.of(moments)).exp()
    np.testing.assert_allclose(found, list(true.values()), rtol=0.06)


def test_distances_without_voxels_keep_the_curve_flat() -> None:
    moments = NativeMoments(
        mean=torch.tensor([3.0, -3.0]).repeat(1000),
        variance=torch.ones(2000),
        disagreement=torch.zeros(2000),
        distance_mm=torch.ones(2000),
        share=torch.tensor([1.0, 0.3]).repeat(1000),
        band=torch.ones(2000, dtype=torch.bool),
    )
    logs = fitted_logs(VarianceCells.of(moments))
    assert logs[1] > 0.5
    np.testing.assert_allclose(logs[3:], logs[2].item(), atol=5e-3)


def test_a_model_with_a_function_keeps_its_label_map_and_changes_its_variance(
    data: Path, model_folder: Path, tmp_path: Path
) -> None:
    before, after = (
        _segment(path, data)
        for path in (model_folder, _with_function(model_folder, tmp_path / "f"))
    )
    np.testing.assert_array_equal(after.maps.labels, before.maps.labels)
    before_maps, after_maps = before.maps.dense(), after.maps.dense()
    np.testing.assert_array_equal(
        after_maps.logit_variance_disagreement, before_maps.logit_variance_disagreement
    )
    ratio = after_maps.logit_variance_model / before_maps.logit_variance_model
    # The tiny models work on the images' own grid, so a voxel beside an outline is one voxel away.
    assert 0.5**2 * 0.99 < ratio.min() < ratio.max() < 6.0**2 * 1.01
    assert ratio.max() > 2 * ratio.min()
    assert before.record.model["variance_function"] is None
    assert after.record.model["variance_function"] == FUNCTION.to_dict()


def test_learned_samples_follow_the_function(
    data: Path, model_folder: Path, tmp_path: Path
) -> None:
    """A factor of 1 changes no sample, a tiny one leaves the label map, a large one moves away from it."""
    image = sorted((data / "images").glob("*"))[0]
    volume = read_scalar_volume(image).volume

    def draw(path: Path) -> np.ndarray:
        return np.array(
            learned_samples(load_folder(open_model_folder(path), CPU), volume, 8, seed=0)
        )

    plain = draw(model_folder)
    assert len(plain) == 8, "the case fits in one window"
    drawn = {
        factor: draw(
            _with_function(
                model_folder, tmp_path / str(factor), VarianceFunction((0.0, 9.0), (factor, factor))
            )
        )
        for factor in (1.0, 1e-6, 4.0)
    }
    np.testing.assert_array_equal(drawn[1.0], plain)
    label_map = drawn[1e-6][0]
    assert (drawn[1e-6] == label_map).all()
    assert (drawn[4.0] != label_map).mean() > 1.2 * (plain != label_map).mean() > 0


def test_an_ensemble_has_one_function(model_folder: Path, tmp_path: Path) -> None:
    plain = load_folder(open_model_folder(model_folder), CPU)
    other = load_folder(open_model_folder(_with_function(model_folder, tmp_path / "f")), CPU)
    with pytest.raises(InvalidInput, match="variance function"):
        as_ensemble([plain, other])
    assert as_ensemble([other, other]).variance_function == FUNCTION


def test_the_command_fits_and_writes_the_model(
    data: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = ["--images", str(data / "images"), "--labels", str(data / "labels"), "--device", "cpu"]
    target = tmp_path / "fitted"
    arguments = ["rescale", str(model_folder), "-o", str(target), "--form", "place"]
    assert main([*arguments, *cases]) == 0
    record = json.loads((target / RECORD).read_text())
    assert f"{record['nll']:.4f}" in capsys.readouterr().out
    assert record["nll"] < record["nll_unscaled"]
    fitted = open_model_folder(target).variance_function
    assert fitted is not None
    assert fitted.distances_mm == DISTANCES_MM
    # What the fit promises is what the pipeline does with the model.
    model = load_folder(open_model_folder(target), CPU)
    nll = []
    for case in measured_cases(data / "images", data / "labels", None, None):
        volume = read_scalar_volume(case.case.image).volume
        maps = segment_volume(
            volume, model, SegmentOptions(device="cpu", precision="auto"), QUIET
        ).maps.dense()
        truth = read_label_volume(case.case.reference).array > 0
        right = np.where(truth, maps.probability_mean[0], 1 - maps.probability_mean[0])
        nll.append(-np.log(right).mean())
    assert abs(np.mean(nll) - record["nll"]) < 0.01 * record["nll"]


def test_what_cannot_be_fitted_is_said(
    data: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = measured_cases(data / "images", data / "labels", None, None)
    plain = load_folder(open_model_folder(make_model_folder(tmp_path / "plain")), CPU)
    with pytest.raises(InvalidInput, match="stochastic model of two classes"):
        fit_function(plain, cases, 10.0, QUIET)
    again = load_folder(open_model_folder(_with_function(model_folder, tmp_path / "f")), CPU)
    for fit in (fit_function, fit_scale):
        with pytest.raises(InvalidInput, match="function already"):
            fit(again, cases, 10.0, QUIET)
    arguments = ["rescale", str(model_folder), "-o", str(tmp_path / "x"), "--form", "place"]
    assert main([*arguments, "--factor", "2"]) == 3
    assert "leave out --factor" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
