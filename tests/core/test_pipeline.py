"""The main job on tiny but real models, against stock nnU-Net, and its invariants."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

from mobseg.body import body_box
from mobseg.bundle.folder import model_sha256, open_model_folder
from mobseg.covariance.basis_form import BasisForm
from mobseg.covariance.form import PairForm
from mobseg.errors import Cancelled, InvalidInput, OutputError
from mobseg.geometry import VolumeGeometry
from mobseg.image_io import read_label_volume, write_scalar_volume
from mobseg.model import LoadedModel, load_folder
from mobseg.options import SegmentOptions
from mobseg.orientation import axis_codes, reorient
from mobseg.pipeline import segment_file, segment_volume
from mobseg.prediction_folder import read_prediction_folder
from mobseg.progress import SilentProgress
from mobseg.volume import ScalarVolume
from tests.support.model_factory import make_model_folder
from tests.support.stochastic_factory import make_stochastic

QUIET = SilentProgress()
SHAPE = (40, 44, 36)


def _ct(shape: tuple[int, int, int] = SHAPE, spacing: float = 1.7) -> ScalarVolume:
    """Soft tissue with structure inside air, on an LPS grid."""
    rng = np.random.default_rng(0)
    k, j, i = np.indices(shape)
    centre = [(n - 1) / 2 for n in shape]
    radius = sum(
        ((a - c) / (0.35 * n)) ** 2 for a, c, n in zip((k, j, i), centre, shape, strict=True)
    )
    tissue = 40 + 120 * np.sin(k / 5) * np.cos(j / 4) + rng.normal(0, 15, shape)
    array = np.where(radius < 1, tissue, -1000).astype(np.int16)
    matrix = np.diag([-spacing, -spacing, spacing, 1.0])
    matrix[:3, 3] = (30, 40, -50)
    return ScalarVolume(array, VolumeGeometry(shape, matrix))


def _model(folder: Path) -> LoadedModel:
    return load_folder(open_model_folder(folder), torch.device("cpu"))


def _with_orientation(model: LoadedModel, metadata_of: Path) -> LoadedModel:
    """The model with the metadata of a bundle, which names the training orientation."""
    card = json.loads(metadata_of.read_text())
    card |= {"metrics": {}, "review_curve": None, "recommended_threshold": None}
    (model.folder.path / "mobseg.json").write_text(json.dumps(card))
    return _model(model.folder.path)


CARD = Path(__file__).parents[2] / "experiments/openkbp_parotid/card.json"


@pytest.fixture
def stochastic(tmp_path: Path) -> LoadedModel:
    return _model(make_stochastic(make_model_folder(tmp_path / "model")))


def _stock_labels(
    folder: Path, volume: ScalarVolume, tmp_path: Path, folds: tuple[int, ...]
) -> np.ndarray:
    image = tmp_path / "ct_0000.nii.gz"
    write_scalar_volume(volume, image)
    predictor = nnUNetPredictor(use_mirroring=False, device=torch.device("cpu"), allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(folder), folds)
    predictor.predict_from_files_sequential([[str(image)]], [str(tmp_path / "stock")], False, True)
    return sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "stock.nii.gz")))


@pytest.mark.parametrize(
    ("n_labels", "regions", "transpose", "folds"),
    [
        (1, False, (0, 1, 2), (0,)),
        (3, False, (0, 1, 2), (0,)),
        (3, True, (0, 1, 2), (0,)),
        (1, False, (1, 0, 2), (0, 1)),
    ],
    ids=["two classes", "four classes", "regions", "transposed, two folds"],
)
def test_labels_equal_stock_nnunets(
    tmp_path: Path,
    n_labels: int,
    regions: bool,
    transpose: tuple[int, int, int],
    folds: tuple[int, ...],
) -> None:
    folder = make_model_folder(
        tmp_path / "model", n_labels=n_labels, regions=regions, transpose=transpose, folds=folds
    )
    volume = _ct()
    segmentation = segment_volume(volume, _model(folder), SegmentOptions(), QUIET)
    expected = _stock_labels(folder, volume, tmp_path, folds)
    assert len(np.unique(expected)) >= min(n_labels + 1, 3)  # else there would be little to compare
    differs = segmentation.maps.labels != expected
    assert differs.mean() < 0.005
    # Stock nnU-Net sums weighted logits in float16. Near the corners of the image the weights underflow
    # and its labels are noise; elsewhere rounding decides only where two labels are equally likely.
    inside = (slice(6, -6),) * 3
    margin = _margin(segmentation.maps.dense().probability_mean, regions)[inside]
    assert margin[differs[inside]].max(initial=0) < 5e-3
    assert not segmentation.maps.is_stochastic
    assert segmentation.threshold.score == "entropy"
    assert segmentation.maps.estimates.logit_variance_model.max() == 0
    assert segmentation.maps.estimates.logit_variance_disagreement.max() > 0


def _margin(probability: np.ndarray, regions: bool) -> np.ndarray:
    """How far a voxel is from another label: of the two likeliest classes, or the closest region."""
    if regions:
        return np.abs(probability - 0.5).min(axis=0)
    classes = np.sort(np.concatenate([1 - probability.sum(0, keepdims=True), probability]), axis=0)
    return classes[-1] - classes[-2]


def test_maps_of_a_stochastic_model_are_consistent(stochastic: LoadedModel) -> None:
    maps = segment_volume(_ct(), stochastic, SegmentOptions(), QUIET).maps.dense()
    p, variance = maps.probability_mean[0], maps.probability_variance[0]
    assert maps.is_stochastic
    assert ((p > 0.5) == (maps.labels == 1)).mean() > 0.9999
    assert variance.min() >= 0 and variance.max() > 1e-4
    assert (variance <= p * (1 - p) + 1e-6).all()
    entropy = -(p * np.log(p.clip(1e-12)) + (1 - p) * np.log((1 - p).clip(1e-12)))
    np.testing.assert_allclose(maps.predictive_entropy_nats, entropy, atol=2e-5, rtol=2**-14)
    assert (maps.mutual_information_nats <= maps.predictive_entropy_nats + 1e-6).all()
    assert maps.logit_variance_model.min() >= 0


def test_probabilities_of_exclusive_classes_sum_to_at_most_one(tmp_path: Path) -> None:
    folder = make_stochastic(make_model_folder(tmp_path / "model", n_labels=3))
    maps = segment_volume(_ct(), _model(folder), SegmentOptions(), QUIET).maps.dense()
    assert maps.probability_mean.sum(0).max() <= 1 + 1e-5
    assert maps.probability_variance.max() > 1e-4


def test_many_classes_need_neither_all_planes_nor_all_pairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planes handed on early give the maps of planes kept for samples; products give those of pairs."""
    folder = make_stochastic(make_model_folder(tmp_path / "model", n_labels=8))
    model, options = _model(folder), SegmentOptions(samples=1)
    assert isinstance(model.form, BasisForm)
    streamed = segment_volume(_ct(), model, SegmentOptions(), QUIET).maps.dense()
    kept = segment_volume(_ct(), model, options, QUIET)
    monkeypatch.setattr("mobseg.model.covariance_form", lambda _, classes: PairForm(classes))
    pairs = segment_volume(_ct(), _model(folder), SegmentOptions(), QUIET).maps.dense()
    assert streamed.probability_variance.max() > 1e-3
    assert (kept.samples[0] != kept.maps.labels).mean() > 0.01
    for field in dataclasses.fields(streamed):
        values = getattr(streamed, field.name)
        if isinstance(values, np.ndarray):
            np.testing.assert_array_equal(values, getattr(kept.maps.dense(), field.name))
            np.testing.assert_allclose(values, getattr(pairs, field.name), atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize(("labels", "mirror"), [(2, False), (2, True), (24, False)])
def test_tiles_and_slabs_give_the_result_of_whole_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, labels: int, mirror: bool
) -> None:
    model = _model(make_stochastic(make_model_folder(tmp_path / "model", n_labels=labels)))
    options = SegmentOptions(mirror=mirror)
    whole = segment_volume(_ct(), model, options, QUIET).maps
    monkeypatch.setattr("mobseg.inference.stitching._WHOLE_VALUES", 0)
    monkeypatch.setattr(
        "mobseg.model._SLAB_VALUES", 5 * 32**2 * (model.form.classes + model.form.channels)
    )
    maps = segment_volume(_ct(), model, options, QUIET).maps
    np.testing.assert_array_equal(maps.labels, whole.labels)
    found, expected = maps.dense(), whole.dense()
    assert expected.probability_variance.max() > 1e-4
    for field in dataclasses.fields(expected):
        values = getattr(expected, field.name)
        if isinstance(values, np.ndarray):
            # One step of their rounding, where convolutions of a slab round in another way.
            np.testing.assert_allclose(
                getattr(found, field.name), values, atol=2**-14, rtol=2**-9, err_msg=field.name
            )


def test_the_result_does_not_depend_on_the_orientation_of_the_file(
    stochastic: LoadedModel,
) -> None:
    model = _with_orientation(stochastic, CARD)
    volume = _ct()
    reference = segment_volume(volume, model, SegmentOptions(), QUIET)
    for codes in ("RAS", "SPL", "PIR"):
        turned, back = reorient(volume, codes)
        assert axis_codes(turned.geometry) == codes
        result = segment_volume(turned, model, SegmentOptions(), QUIET)
        assert np.array_equal(back.undo(result.maps.labels), reference.maps.labels)
        np.testing.assert_array_equal(
            back.undo(result.maps.probability_variance[0].dense()),
            reference.maps.probability_variance[0].dense(),
        )
        for first, second in zip(result.regions[:5], reference.regions[:5], strict=True):
            np.testing.assert_allclose(first.peak_ras_mm, second.peak_ras_mm, atol=1e-6)


def test_a_plain_model_takes_arrays_as_they_are(tmp_path: Path) -> None:
    """As stock nnU-Net does, which knows nothing of orientation."""
    model = _model(make_model_folder(tmp_path / "model"))
    volume = _ct()
    relabelled = ScalarVolume(volume.array, VolumeGeometry(SHAPE, np.diag([1.7, 1.7, 1.7, 1.0])))
    first, second = (
        segment_volume(v, model, SegmentOptions(), QUIET).maps.labels for v in (volume, relabelled)
    )
    assert np.array_equal(first, second)


def test_a_region_of_interest_equals_the_cropped_image(stochastic: LoadedModel) -> None:
    volume = _ct()
    lower, upper = (8, 6, 5), (27, 33, 30)  # i, j, k
    corners = volume.geometry.ijk_to_ras([lower, upper])
    box = tuple(
        value for axis in range(3) for value in (corners[:, axis].min(), corners[:, axis].max())
    )
    inside = tuple(slice(a, b + 1) for a, b in zip(reversed(lower), reversed(upper), strict=True))
    result = segment_volume(volume, stochastic, SegmentOptions(roi_ras_mm=box), QUIET).maps.dense()
    matrix = volume.geometry.ijk_to_ras_mm.copy()
    matrix[:3, 3] = volume.geometry.ijk_to_ras(lower)
    part = np.ascontiguousarray(volume.array[inside])
    alone = ScalarVolume(part, VolumeGeometry(part.shape, matrix))
    expected = segment_volume(alone, stochastic, SegmentOptions(), QUIET).maps.dense()
    assert np.array_equal(result.labels[inside], expected.labels)
    np.testing.assert_array_equal(
        result.probability_mean[(0, *inside)], expected.probability_mean[0]
    )
    outside = np.ones(SHAPE, bool)
    outside[inside] = False
    assert not result.labels[outside].any() and not result.probability_variance[0][outside].any()


def test_a_region_of_interest_outside_the_image_is_refused(stochastic: LoadedModel) -> None:
    options = SegmentOptions(roi_ras_mm=(500, 600, 500, 600, 500, 600))
    with pytest.raises(InvalidInput, match="outside the image"):
        segment_volume(_ct(), stochastic, options, QUIET)


def test_a_model_for_regions_of_interest_asks_for_one(stochastic: LoadedModel) -> None:
    model = _with_orientation(stochastic, CARD)
    metadata = dataclasses.replace(model.metadata, requires_roi=True)
    folder = dataclasses.replace(model.folder, metadata=metadata)
    with pytest.raises(InvalidInput, match="region of interest"):
        segment_volume(_ct(), dataclasses.replace(model, folder=folder), SegmentOptions(), QUIET)


def test_air_around_the_patient_changes_nothing_for_a_model_that_never_saw_it(
    stochastic: LoadedModel,
) -> None:
    """As much air as you like: the model is run on the box around the body."""
    model = _with_orientation(stochastic, CARD)
    assert model.metadata is not None
    assert model.metadata.crop_to_body
    some = _in_air(_ct(), 20)
    much = _in_air(some, 15)

    expected = segment_volume(some, model, SegmentOptions(), QUIET)
    found = segment_volume(much, model, SegmentOptions(), QUIET)

    inside = (slice(None), slice(15, -15), slice(15, -15))
    np.testing.assert_array_equal(found.maps.labels[inside], expected.maps.labels)
    assert np.count_nonzero(found.maps.labels) == np.count_nonzero(expected.maps.labels) > 0
    assert any("around the body" in note for note in found.record.notes)


def test_a_crop_to_the_body_can_be_asked_for_and_is_told(stochastic: LoadedModel) -> None:
    """The model does not ask for it, so without the option it sees all of the air."""
    volume = _in_air(_ct(), 60)
    whole = segment_volume(volume, stochastic, SegmentOptions(), QUIET)
    cropped = segment_volume(volume, stochastic, SegmentOptions(crop_to_body=True), QUIET)

    outside = np.ones(volume.array.shape, dtype=np.bool_)
    k, j, i = map(slice, (0, 0, 0), volume.array.shape)
    outside[body_box(volume, (k, j, i))] = False
    assert outside.any()
    assert np.count_nonzero(whole.maps.labels[outside]) > 0
    assert np.count_nonzero(cropped.maps.labels[outside]) == 0
    assert [r.record.options["crop_to_body"] for r in (whole, cropped)] == [False, True]
    assert not any("body" in note for note in whole.record.notes)
    assert any("around the body was segmented, as was asked" in n for n in cropped.record.notes)


@pytest.mark.parametrize("preferred", ["float32", "bfloat16"])
def test_the_precision_is_the_one_that_the_model_prefers(
    stochastic: LoadedModel, monkeypatch: pytest.MonkeyPatch, preferred: str
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    model = _with_orientation(stochastic, CARD)
    metadata = dataclasses.replace(model.metadata, precision=preferred)
    folder = dataclasses.replace(model.folder, metadata=metadata)
    model = dataclasses.replace(model, folder=folder)
    result = segment_volume(_ct(), model, SegmentOptions(), QUIET)
    assert result.record.options["precision"] == preferred


def test_a_plain_model_is_exact_unless_told_otherwise(
    stochastic: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    assert stochastic.metadata is None
    result = segment_volume(_ct(), stochastic, SegmentOptions(), QUIET)
    assert result.record.options["precision"] == "float32"


def test_a_region_of_interest_inside_the_body_is_not_called_a_crop(stochastic: LoadedModel) -> None:
    model = _with_orientation(stochastic, CARD)
    volume = _ct()
    low, high = sorted(volume.geometry.ijk_to_ras([[10, 12, 12], [25, 31, 27]]).tolist())
    x, y, z = ((min(pair), max(pair)) for pair in zip(low, high, strict=True))
    result = segment_volume(volume, model, SegmentOptions(roi_ras_mm=(*x, *y, *z)), QUIET)
    assert not any("around the body" in note for note in result.record.notes)


def _in_air(volume: ScalarVolume, voxels: int) -> ScalarVolume:
    """The image with more air on its four sides, where it lies in the patient."""
    sides = ((0, 0), (voxels, voxels), (voxels, voxels))
    array = np.pad(volume.array, sides, constant_values=-1000)
    matrix = volume.geometry.ijk_to_ras_mm.copy()
    matrix[:3, 3] = volume.geometry.ijk_to_ras([-voxels, -voxels, 0])
    return ScalarVolume(array, VolumeGeometry(array.shape, matrix))


def test_mirroring_adds_disagreement(stochastic: LoadedModel) -> None:
    plain, mirrored = (
        segment_volume(_ct(), stochastic, SegmentOptions(mirror=mirror), QUIET).maps.dense()
        for mirror in (False, True)
    )
    assert (
        mirrored.logit_variance_disagreement.mean() > 2 * plain.logit_variance_disagreement.mean()
    )


def test_the_users_threshold_decides_the_regions(stochastic: LoadedModel) -> None:
    few, many = (
        segment_volume(_ct(), stochastic, SegmentOptions(threshold=t), QUIET) for t in (0.02, 0.002)
    )
    assert few.threshold.value == 0.02
    volume_few, volume_many = (
        sum(region.volume_mm3 for region in result.regions) for result in (few, many)
    )
    assert volume_few < volume_many


def test_the_prediction_folder_holds_the_result(stochastic: LoadedModel, tmp_path: Path) -> None:
    volume = _ct()
    write_scalar_volume(volume, tmp_path / "ct.nrrd")
    result = segment_file(
        tmp_path / "ct.nrrd", tmp_path / "out", stochastic, SegmentOptions(), QUIET
    )
    stored = read_prediction_folder(tmp_path / "out")
    assert np.array_equal(stored.maps.labels, result.maps.labels)
    assert stored.maps.geometry.is_close(volume.geometry)
    assert [region.id for region in stored.regions] == [region.id for region in result.regions]
    assert (tmp_path / "out" / "report.html").exists()
    labels = read_label_volume(tmp_path / "out" / "segmentation.seg.nrrd")
    assert np.array_equal(labels.array, result.maps.labels)
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert str(tmp_path) not in json.dumps(record)
    assert record["model"]["sha256"] == model_sha256(stochastic.folder)
    with pytest.raises(OutputError):
        segment_file(tmp_path / "ct.nrrd", tmp_path / "out", stochastic, SegmentOptions(), QUIET)


class _CancelAfter:
    """Cancels at the given question."""

    def __init__(self, questions: int) -> None:
        self._left = questions

    def report(self, stage: str, fraction: float) -> None:
        assert 0 <= fraction <= 1

    def raise_if_cancelled(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Cancelled("Cancelled.")


def test_cancelling_leaves_nothing(stochastic: LoadedModel, tmp_path: Path) -> None:
    write_scalar_volume(_ct(), tmp_path / "ct.nrrd")
    for questions in (0, 2):
        with pytest.raises(Cancelled):
            segment_file(
                tmp_path / "ct.nrrd",
                tmp_path / "out",
                stochastic,
                SegmentOptions(),
                _CancelAfter(questions),
            )
        assert {path.name for path in tmp_path.iterdir()} == {"ct.nrrd", "model"}


class _CancelledWhileWriting(SilentProgress):
    """Cancelled when the volumes are being written and the regions are known."""

    def __init__(self) -> None:
        self._stage = ""

    def report(self, stage: str, fraction: float) -> None:
        self._stage = stage

    def raise_if_cancelled(self) -> None:
        if self._stage == "Writing":
            raise Cancelled("Cancelled.")


def test_cancelling_the_writing_leaves_nothing(stochastic: LoadedModel, tmp_path: Path) -> None:
    write_scalar_volume(_ct(), tmp_path / "ct.nrrd")
    source, out = tmp_path / "ct.nrrd", tmp_path / "out"
    with pytest.raises(Cancelled):
        segment_file(source, out, stochastic, SegmentOptions(), _CancelledWhileWriting())
    assert {path.name for path in tmp_path.iterdir()} == {"ct.nrrd", "model"}


def test_progress_only_grows(stochastic: LoadedModel) -> None:
    class Recorder(SilentProgress):
        def __init__(self) -> None:
            self.fractions: list[float] = []

        def report(self, stage: str, fraction: float) -> None:
            self.fractions.append(fraction)

    recorder = Recorder()
    segment_volume(_ct(), stochastic, SegmentOptions(), recorder)
    assert all(a <= b for a, b in itertools.pairwise(recorder.fractions))
    assert len(recorder.fractions) > 5


def test_samples_are_written_on_demand(stochastic: LoadedModel, tmp_path: Path) -> None:
    write_scalar_volume(_ct(), tmp_path / "ct.nrrd")
    options = SegmentOptions(samples=2)
    segment_file(tmp_path / "ct.nrrd", tmp_path / "out", stochastic, options, QUIET)
    drawn = [
        read_label_volume(tmp_path / "out" / "samples" / f"sample_{n}.nii.gz").array for n in (1, 2)
    ]
    assert not np.array_equal(*drawn)
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert "6 mm is assumed" in " ".join(record["notes"])


def test_reduced_precision_is_close_and_recorded(stochastic: LoadedModel) -> None:
    exact, reduced = (
        segment_volume(_ct(), stochastic, SegmentOptions(precision=precision), QUIET)
        for precision in ("float32", "bfloat16")
    )
    exact_maps, reduced_maps = exact.maps.dense(), reduced.maps.dense()
    assert exact.record.options["precision"] == "float32"
    assert reduced.record.options["precision"] == "bfloat16"
    for field, tolerance in (("probability_mean", 0.05), ("probability_variance", 0.01)):
        difference = np.abs(getattr(exact_maps, field) - getattr(reduced_maps, field))
        assert 0 < difference.max() < tolerance
    assert (exact.maps.labels != reduced.maps.labels).mean() < 0.01
