"""Measuring tiny but real models: figures agree with what they are made of, and ensembles with folds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mobseg.bundle.folder import open_model_folder
from mobseg.cli.main import main
from mobseg.errors import InvalidInput
from mobseg.experiment.cases import measured_cases
from mobseg.experiment.ensemble import as_ensemble, with_dropout
from mobseg.experiment.learned_samples import learned_samples
from mobseg.experiment.measurement import MeasurementOptions, measure
from mobseg.experiment.region_figures import region_figures, region_reviews
from mobseg.image_io import read_label_volume, read_scalar_volume
from mobseg.metrics.case import evaluate_case
from mobseg.metrics.overlap import dice
from mobseg.model import LoadedModel, load_folder
from mobseg.options import SegmentOptions
from mobseg.pipeline import segment_volume
from mobseg.progress import SilentProgress
from tests.core.experiment.measured import stochastic_model
from tests.support.model_factory import make_model_folder

QUIET = SilentProgress()
CPU = torch.device("cpu")


def _load(folder: Path) -> LoadedModel:
    return load_folder(open_model_folder(folder), CPU)


def _cases(data: Path, raters: bool = True):
    folder = data / "raters" if raters else None
    return measured_cases(data / "images", data / "labels", folder, None)


def test_figures_are_those_of_the_parts(data: Path, model_folder: Path) -> None:
    model, cases = _load(model_folder), _cases(data)
    options = MeasurementOptions(
        device="cpu",
        precision="float32",
        samples=3,
        readers=4,
        temperature=2.0,
        band_mm=4.0,
    )
    result = measure(model, cases, options, QUIET)
    figures = result["cases"]["case0"]
    volume = read_scalar_volume(cases[0].case.image).volume
    maps = segment_volume(volume, model, SegmentOptions(device="cpu"), QUIET).maps.dense()
    expected = evaluate_case(maps, read_label_volume(cases[0].case.reference), band_mm=4.0)
    assert figures["dice"] == pytest.approx(expected.dice["organ_1"])
    assert figures["nll_band"] == pytest.approx(expected.band.nll)
    assert figures["variance.aupr_band"] == pytest.approx(expected.scores["variance"].aupr_band)
    raters = [read_label_volume(path).array > 0 for path in cases[0].raters]
    assert len(raters) == 3
    mean_dice = np.mean([dice(maps.labels > 0, rater) for rater in raters])
    assert figures["raters.dice"] == pytest.approx(mean_dice)
    assert figures["nll_band_tempered"] != pytest.approx(figures["nll_band"])
    # The fourth reader, who saw nothing, changes the distance.
    assert figures["samples.ged_with_empty"] != pytest.approx(figures["samples.ged"])
    assert result["temperature"]["applied"] == 2.0
    assert set(result["review"]) == {"steps", "oracle", *expected.scores}
    found = result["review"]["entropy"]["found"]
    assert all(np.diff(found) >= -1e-12)
    assert all(np.array(result["review"]["oracle"]["found"]) >= np.array(found) - 1e-9)
    reference = read_label_volume(cases[0].case.reference)
    regions = region_reviews(maps, reference, expected.band.n_voxels, max_extent_mm=25.0)
    assert region_figures(regions).items() <= figures.items()
    curves = result["region_review"]["entropy"]
    shares = [case["entropy.region_area"] for case in result["cases"].values()]
    assert np.mean(curves["found"][1:]) == pytest.approx(np.mean(shares))
    assert all(np.array(curves["found_by_oracle"]) >= np.array(curves["found"]) - 1e-9)
    json.dumps(result, allow_nan=False)


def test_the_best_temperature_lowers_the_likelihood_it_was_fitted_to(
    data: Path, model_folder: Path
) -> None:
    model, cases = _load(model_folder), _cases(data, raters=False)
    first = measure(model, cases, MeasurementOptions(device="cpu"), QUIET)
    best = first["temperature"]["best"]
    second = measure(model, cases, MeasurementOptions(device="cpu", temperature=best), QUIET)
    weights = [1, 1]
    plain = np.average([case["nll_band"] for case in second["cases"].values()], weights=weights)
    scaled = np.average([case["nll_band_tempered"] for case in second["cases"].values()])
    assert scaled < plain
    assert not any(name.startswith("raters.") for name in second["cases"]["case0"])


def test_an_ensemble_is_the_folds_of_its_members(data: Path, tmp_path: Path) -> None:
    """Two single-fold models together give what one model folder with both folds gives."""
    folds = _load(make_model_folder(tmp_path / "folds", folds=(0, 1)))
    single = [_load(make_model_folder(tmp_path / f"s{seed}", seed=seed)) for seed in (0, 1)]
    volume = read_scalar_volume(_cases(data)[0].case.image).volume
    together, expected = (
        segment_volume(volume, model, SegmentOptions(device="cpu"), QUIET).maps.dense()
        for model in (as_ensemble(single), folds)
    )
    np.testing.assert_array_equal(together.probability_mean, expected.probability_mean)
    np.testing.assert_array_equal(
        together.logit_variance_disagreement, expected.logit_variance_disagreement
    )
    assert together.logit_variance_disagreement.max() > 0


def test_members_of_other_plans_are_refused(tmp_path: Path) -> None:
    models = [
        _load(make_model_folder(tmp_path / str(spacing), spacing=(spacing,) * 3))
        for spacing in (1.5, 2.0)
    ]
    with pytest.raises(InvalidInput, match="share their plans"):
        as_ensemble(models)


def test_passes_with_dropout_disagree_around_the_same_mean(data: Path, tmp_path: Path) -> None:
    folder = stochastic_model(tmp_path / "m")
    volume = read_scalar_volume(_cases(data)[0].case.image).volume
    with pytest.raises(InvalidInput, match="fine-tuned with it"):
        with_dropout(_load(folder), 2)

    plans = json.loads((folder / "plans.json").read_text())
    architecture = plans["configurations"]["3d_fullres"]["architecture"]
    architecture["arch_kwargs"]["head"]["dropout"] = 0.1
    (folder / "plans.json").write_text(json.dumps(plans))
    torch.manual_seed(0)
    plain, dropping = (
        segment_volume(volume, model, SegmentOptions(device="cpu"), QUIET).maps.dense()
        for model in (_load(folder), with_dropout(_load(folder), 16))
    )
    disagreement = dropping.logit_variance_disagreement
    assert (disagreement > plain.logit_variance_disagreement).mean() > 0.9
    agreement = dropping.labels == plain.labels
    assert agreement.mean() > 0.9


def test_learned_samples_have_the_mean_of_the_model(data: Path, model_folder: Path) -> None:
    """How often samples call a voxel foreground is Phi(m / s): at the boundary of the mean, a half."""
    model = _load(model_folder)
    volume = read_scalar_volume(_cases(data)[0].case.image).volume
    samples = np.array(learned_samples(model, volume, 400, seed=0))
    maps = segment_volume(volume, model, SegmentOptions(device="cpu"), QUIET).maps.dense()
    assert samples.shape == (400, *volume.array.shape)
    frequency = samples.mean(axis=0)
    inside = maps.labels > 0
    assert frequency[inside].mean() > 0.5 > frequency[~inside].mean()
    # Shared noise moves whole samples: volumes vary more than independent voxels would.
    volumes = samples.sum(axis=(1, 2, 3))
    independent = np.sqrt((frequency * (1 - frequency)).sum())
    assert volumes.std() > 1.5 * independent
    again = np.array(learned_samples(model, volume, 400, seed=0))
    np.testing.assert_array_equal(samples, again)


def test_no_learned_samples_where_windows_would_have_to_be_joined(
    data: Path, tmp_path: Path
) -> None:
    volume = read_scalar_volume(_cases(data)[0].case.image).volume
    small = stochastic_model(tmp_path / "m")
    plans = json.loads((small / "plans.json").read_text())
    plans["configurations"]["3d_fullres"]["patch_size"] = [8, 8, 8]
    (small / "plans.json").write_text(json.dumps(plans))
    assert learned_samples(_load(small), volume, 2, seed=0) == []
    plain = _load(make_model_folder(tmp_path / "plain"))
    assert learned_samples(plain, volume, 2, seed=0) == []


def test_a_case_without_raters_is_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="case0 has no rater"):
        measured_cases(data / "images", data / "labels", tmp_path, None)


def test_the_command_measures_an_ensemble_with_the_temperature_of_another_file(
    data: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = ["--images", str(data / "images"), "--labels", str(data / "labels"), "--device", "cpu"]
    split = tmp_path / "split.json"
    split.write_text(json.dumps([{"val": ["case1"]}]))
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    plain = ["measure", str(model_folder), *cases, "--exact", "--split", str(split)]
    assert main([*plain, "-o", str(first)]) == 0
    assert "(n = 1)" in capsys.readouterr().out
    both = ["measure", str(model_folder), str(model_folder), *cases, "--exact"]
    assert main([*both, "--temperature-from", str(first), "-o", str(second)]) == 0
    one, two = (json.loads(path.read_text()) for path in (first, second))
    assert list(one["cases"]) == ["case1"]
    assert two["temperature"]["applied"] == one["temperature"]["best"]
    # A model is in full agreement with itself.
    assert two["cases"]["case1"]["dice"] == one["cases"]["case1"]["dice"]


@pytest.mark.parametrize(
    ("option", "content", "message"),
    [
        ("--temperature-from", "{}", "holds no temperature"),
        ("--split", "[]", "holds no validation cases"),
    ],
)
def test_files_of_another_kind_are_refused(
    data: Path,
    model_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    option: str,
    content: str,
    message: str,
) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    cases = ["--images", str(data / "images"), "--labels", str(data / "labels"), "--device", "cpu"]
    arguments = ["measure", str(model_folder), *cases, option, str(path)]
    assert main([*arguments, "-o", str(tmp_path / "out.json")]) == 3
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()
