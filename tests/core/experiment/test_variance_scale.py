"""Fitting one factor to the variance: it finds the factor that made the labels, and scales the weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from mobseg.bundle.folder import open_model_folder
from mobseg.cli.main import main
from mobseg.errors import InvalidInput
from mobseg.experiment.cases import measured_cases
from mobseg.experiment.constant_variance import write_constant_model
from mobseg.experiment.derived_model import RECORD
from mobseg.experiment.variance_scale import FACTORS, fit_scale, write_scaled_model
from mobseg.image_io import read_scalar_volume
from mobseg.model import load_folder
from mobseg.options import SegmentOptions
from mobseg.pipeline import segment_volume
from mobseg.progress import SilentProgress
from tests.support.model_factory import make_model_folder

QUIET = SilentProgress()
CPU = torch.device("cpu")


def _maps(path: Path, data: Path):
    model = load_folder(open_model_folder(path), CPU)
    image = sorted((data / "images").glob("*"))[0]
    options = SegmentOptions(device="cpu")
    return segment_volume(read_scalar_volume(image).volume, model, options, QUIET).maps.dense()


def test_a_scaled_model_keeps_its_label_map_and_multiplies_its_variance(
    data: Path, model_folder: Path, tmp_path: Path
) -> None:
    write_scaled_model(open_model_folder(model_folder), 2.0, None, tmp_path / "scaled")
    before, after = _maps(model_folder, data), _maps(tmp_path / "scaled", data)
    np.testing.assert_array_equal(after.labels, before.labels)
    # Both are rounded, by 6.2e-5 of the value at most.
    known = before.logit_variance_model > 0  # where it matters; more of it does elsewhere too
    assert known.any()
    np.testing.assert_allclose(
        after.logit_variance_model[known], 4 * before.logit_variance_model[known], rtol=1.3e-4
    )
    assert json.loads((tmp_path / "scaled" / RECORD).read_text()) == {"factor": 2.0}


def test_finds_the_factor_that_made_the_labels(
    data: Path, model_folder: Path, tmp_path: Path
) -> None:
    """Raters drawn from the probabilities of a model with four times the deviation."""
    write_scaled_model(open_model_folder(model_folder), 4.0, None, tmp_path / "true")
    rng = np.random.default_rng(0)
    (tmp_path / "raters").mkdir()
    model = load_folder(open_model_folder(tmp_path / "true"), CPU)
    for image in sorted((data / "images").glob("*")):
        volume = read_scalar_volume(image).volume
        maps = segment_volume(volume, model, SegmentOptions(device="cpu"), QUIET).maps.dense()
        grid = sitk.ReadImage(str(image))
        for number in range(30):
            mask = rng.random(maps.labels.shape) < maps.probability_mean[0]
            rater = sitk.GetImageFromArray(mask.astype(np.uint8))
            rater.CopyInformation(grid)
            name = image.name.replace("_0000.nii.gz", f"__r{number}.nii.gz")
            sitk.WriteImage(rater, str(tmp_path / "raters" / name))
    cases = measured_cases(data / "images", data / "labels", tmp_path / "raters", None)
    fit = fit_scale(load_folder(open_model_folder(model_folder), CPU), cases, 20.0, QUIET)
    step = FACTORS[1] / FACTORS[0]
    assert 4.0 / step**2 < fit.factor < 4.0 * step**2
    assert fit.nll.min() <= fit.nll_unscaled
    assert fit.n_cases == 2


def test_the_command_fits_and_writes_the_model(
    data: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = ["--images", str(data / "images"), "--labels", str(data / "labels")]
    target = tmp_path / "fitted"
    assert main(["rescale", str(model_folder), "-o", str(target), *cases, "--device", "cpu"]) == 0
    record = json.loads((target / RECORD).read_text())
    assert f"{record['factor']:.3g}" in capsys.readouterr().out
    assert record["nll_band"] <= record["nll_band_unscaled"]
    assert load_folder(open_model_folder(target), CPU).parameterisation == "low_rank"


def test_a_constant_variance_keeps_the_mean_and_is_fitted_alike(
    data: Path, model_folder: Path, tmp_path: Path
) -> None:
    cases = ["--images", str(data / "images"), "--labels", str(data / "labels")]
    target = tmp_path / "constant"
    command = ["rescale", str(model_folder), "-o", str(target), "--constant", *cases]
    assert main([*command, "--device", "cpu"]) == 0
    factor = json.loads((target / RECORD).read_text())["factor"]
    before, after = _maps(model_folder, data), _maps(target, data)
    np.testing.assert_array_equal(after.labels, before.labels)
    # The variance of the difference was 1; windows share one variance, so nothing varies.
    np.testing.assert_allclose(after.logit_variance_model, factor**2, rtol=1e-3)
    assert before.logit_variance_model.std() > 0


def test_a_constant_variance_needs_a_fine_tuned_model(tmp_path: Path) -> None:
    plain = open_model_folder(make_model_folder(tmp_path / "plain"))
    with pytest.raises(InvalidInput, match="run mobseg finetune first"):
        write_constant_model(plain, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_what_cannot_be_scaled_is_said(
    data: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = open_model_folder(make_model_folder(tmp_path / "plain"))
    with pytest.raises(InvalidInput, match="no variance"):
        write_scaled_model(plain, 2.0, None, tmp_path / "x")
    cases = measured_cases(data / "images", data / "labels", None, None)
    with pytest.raises(InvalidInput, match="stochastic model of two classes"):
        fit_scale(load_folder(plain, CPU), cases, 10.0, QUIET)
    with pytest.raises(InvalidInput, match="positive"):
        write_scaled_model(open_model_folder(model_folder), 0.0, None, tmp_path / "x")
    assert main(["rescale", str(model_folder), "-o", str(tmp_path / "x")]) == 3
    assert "--factor, or --images and --labels" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
