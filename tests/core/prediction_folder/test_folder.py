from __future__ import annotations

import dataclasses
import json
import signal

import numpy as np
import pytest

from mobseg.errors import Cancelled, GeometryMismatch, InvalidInput, OutputError
from mobseg.image_io import read_label_volume, read_map
from mobseg.labels import LabelTable
from mobseg.prediction_folder import (
    PredictionFolderWriter,
    ThresholdRecord,
    check_destination,
    read_prediction_folder,
    rounded_maps,
    write_prediction_folder,
)
from mobseg.regions import flag_regions
from tests.support.predictions import LEFT, RECORD, RIGHT, make_maps

SHAPE = (5, 6, 7)
THRESHOLD = ThresholdRecord("variance", 0.1, "Chosen by the user.")
OBLIQUE = np.array(
    ((-0.8, 0.3, 0.0, 101.23456789), (-0.3, -0.8, 0.0, -50.1), (0.0, 0.0, 2.5, 7.0), (0, 0, 0, 1))
)


def random_maps(*labels, seed=0, **options):
    rng = np.random.default_rng(seed)
    shape = (len(labels), *SHAPE)
    values = [0, *(label.value for label in labels)]
    maps = make_maps(
        variance=rng.uniform(0, 0.2, shape),
        probability=rng.uniform(0, 1 / len(labels), shape),
        labels=rng.choice(values, SHAPE),
        table=LabelTable(labels),
        ijk_to_ras_mm=OBLIQUE,
        **options,
    )
    names = ("predictive_entropy_nats", "mutual_information_nats")
    names += ("logit_variance_model", "logit_variance_disagreement")
    extra = {name: rng.gamma(0.5, 1.0, SHAPE).astype(np.float32) for name in names}
    return dataclasses.replace(maps, **extra)


def write(folder, maps=None, **options):
    maps = maps or random_maps(LEFT)
    regions = flag_regions(maps, "variance", 0.1, min_volume_mm3=0)
    write_prediction_folder(folder, maps, regions, RECORD, threshold=THRESHOLD, **options)
    return regions


def contents(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("labels", [(LEFT,), (LEFT, RIGHT)])
@pytest.mark.parametrize("is_stochastic", [True, False])
def test_a_result_is_read_back(tmp_path, labels, is_stochastic):
    maps = random_maps(*labels, is_stochastic=is_stochastic)
    regions = write(tmp_path / "out", maps)
    stored = read_prediction_folder(tmp_path / "out")

    rounded = rounded_maps(maps)
    for field in dataclasses.fields(maps):
        value = getattr(rounded, field.name)
        if isinstance(value, np.ndarray):
            found = getattr(stored.maps, field.name)
            assert found.dtype == value.dtype
            np.testing.assert_array_equal(found, value, err_msg=field.name)
    np.testing.assert_allclose(
        stored.maps.geometry.ijk_to_ras_mm, maps.geometry.ijk_to_ras_mm, atol=1e-12
    )
    assert stored.maps.label_table == maps.label_table
    assert stored.maps.is_stochastic is is_stochastic
    assert stored.regions == regions
    assert stored.threshold == THRESHOLD
    assert stored.record == RECORD
    assert stored.folder == tmp_path / "out"


def test_regions_of_rounded_maps_can_be_found_again(tmp_path):
    maps = rounded_maps(random_maps(LEFT))
    regions = write(tmp_path / "out", maps)
    stored = read_prediction_folder(tmp_path / "out")
    assert flag_regions(stored.maps, "variance", 0.1, min_volume_mm3=0) == regions


def test_a_deterministic_single_pass_has_empty_maps(tmp_path):
    maps = make_maps(variance=np.zeros(SHAPE), is_stochastic=False)
    write(tmp_path / "out", maps)
    stored = read_prediction_folder(tmp_path / "out")
    assert stored.regions == ()
    assert not stored.maps.probability_variance.any()


def test_files(tmp_path):
    write(tmp_path / "out")
    assert contents(tmp_path / "out") == [
        "entropy.nii.gz",
        "logit_variance_disagreement.nii.gz",
        "logit_variance_model.nii.gz",
        "mutual_information.nii.gz",
        "probability_mean.nii.gz",
        "probability_variance.nii.gz",
        "regions.csv",
        "regions.json",
        "run.json",
        "segmentation.nii.gz",
        "segmentation.seg.nrrd",
    ]


def test_each_map_lies_in_its_file_on_the_grid_of_the_input(tmp_path):
    maps = random_maps(LEFT, RIGHT)
    write(tmp_path / "out", maps)
    for name, expected in {
        "probability_mean_Left_gland": maps.probability_mean[0],
        "probability_variance_Right_gland": maps.probability_variance[1],
        "entropy": maps.predictive_entropy_nats,
        "mutual_information": maps.mutual_information_nats,
    }.items():
        volume = read_map(tmp_path / "out" / f"{name}.nii.gz")
        np.testing.assert_allclose(volume.array, expected, rtol=2**-14, atol=2**-17)
        assert volume.geometry.is_close(maps.geometry)
    labels = read_label_volume(tmp_path / "out" / "segmentation.nii.gz")
    np.testing.assert_array_equal(labels.array, maps.labels)


def test_run_json_tells_how_and_lists_all_files(tmp_path):
    def add_report(folder):
        (folder / "report.html").write_text("report")

    write(tmp_path / "out", extra_writers=[add_report])
    run = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert run["format_version"] == 1
    assert run["model"] == RECORD.model
    assert run["seconds_by_stage"] == {"read": 0.5, "network": 1.5}
    assert run["threshold"] == {"score": "variance", "value": 0.1, "source": "Chosen by the user."}
    assert run["files"] == contents(tmp_path / "out")
    assert "report.html" in run["files"]


def test_an_existing_folder_is_refused(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputError, match="exists"):
        write(tmp_path / "out")
    assert contents(tmp_path / "out") == []


def test_overwriting_replaces_all_of_the_older_prediction(tmp_path):
    write(tmp_path / "out", random_maps(LEFT, RIGHT))
    newer = random_maps(LEFT, seed=1)
    write(tmp_path / "out", newer, overwrite=True)
    assert not list((tmp_path / "out").glob("*Left_gland*"))
    stored = read_prediction_folder(tmp_path / "out")
    np.testing.assert_array_equal(stored.maps.labels, newer.labels)
    assert contents(tmp_path) == ["out"]


@pytest.mark.parametrize("kind", ["folder of something else", "file"])
def test_only_predictions_are_overwritten(tmp_path, kind):
    precious = tmp_path / "out"
    if kind == "file":
        precious.write_text("precious")
    else:
        precious.mkdir()
        (precious / "thesis.txt").write_text("precious")
    with pytest.raises(OutputError, match="something other"):
        write(precious, overwrite=True)
    kept = precious if kind == "file" else precious / "thesis.txt"
    assert kept.read_text() == "precious"


def test_destinations_that_are_fine(tmp_path):
    check_destination(tmp_path / "new", overwrite=False)
    check_destination(tmp_path, overwrite=True)
    write(tmp_path / "deep" / "new")
    check_destination(tmp_path / "deep" / "new", overwrite=True)
    with pytest.raises(OutputError):
        check_destination(tmp_path / "deep" / "new", overwrite=False)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (OSError(28, "No space left on device"), OutputError),
        (GeometryMismatch("Grids differ."), GeometryMismatch),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
@pytest.mark.parametrize("older", [False, True])
def test_a_failure_leaves_nothing_new(tmp_path, failure, expected, older):
    def fail(_folder):
        raise failure

    if older:
        write(tmp_path / "out", random_maps(RIGHT, seed=5))
    before = contents(tmp_path)
    with pytest.raises(expected):
        write(tmp_path / "out", overwrite=True, extra_writers=[fail])
    assert contents(tmp_path) == before
    if older:
        assert read_prediction_folder(tmp_path / "out").maps.label_table.labels == (RIGHT,)


@pytest.mark.parametrize("older", [False, True])
def test_what_was_started_and_not_finished_leaves_nothing(tmp_path, older):
    if older:
        write(tmp_path / "out", random_maps(RIGHT, seed=5))
    before = contents(tmp_path)
    with (
        pytest.raises(Cancelled),
        PredictionFolderWriter(tmp_path / "out", overwrite=True) as writer,
    ):
        writer.start(random_maps(LEFT))
        assert len(contents(tmp_path)) == len(before) + 1
        raise Cancelled
    assert contents(tmp_path) == before
    if older:
        assert read_prediction_folder(tmp_path / "out").maps.label_table.labels == (RIGHT,)


def test_a_folder_that_appears_in_the_meantime_is_refused(tmp_path):
    writer = PredictionFolderWriter(tmp_path / "out")
    with writer, pytest.raises(OutputError, match="exists"):
        writer.start(random_maps(LEFT))
        (tmp_path / "out").mkdir()
        writer.finish((), RECORD, threshold=THRESHOLD)
    assert contents(tmp_path) == ["out"]
    assert contents(tmp_path / "out") == []


def test_a_full_disk_leaves_nothing(tmp_path):
    """The system refuses to let a file grow, as on a full disk."""
    resource = pytest.importorskip("resource", reason="Windows has no such limit")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, limits[1]))
    try:
        with pytest.raises(OutputError):
            write(tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert contents(tmp_path) == []


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write(tmp_path / "file" / "out")


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="no prediction folder"):
        read_prediction_folder(tmp_path)


def test_a_newer_format_is_refused(tmp_path):
    write(tmp_path / "out")
    change_run(tmp_path / "out", format_version=2)
    with pytest.raises(InvalidInput, match="newer version"):
        read_prediction_folder(tmp_path / "out")


@pytest.mark.parametrize(
    "change",
    [
        {"format_version": None},
        {"label_table": {"labels": []}},
        {"label_table": {"labels": [{"value": 1}]}},
        {"threshold": {"score": "variance", "value": "high", "source": ""}},
        {"notes": None},
    ],
)
def test_a_damaged_run_json_is_refused(tmp_path, change):
    write(tmp_path / "out")
    change_run(tmp_path / "out", **change)
    with pytest.raises(InvalidInput, match=r"run\.json .* damaged"):
        read_prediction_folder(tmp_path / "out")


def change_run(folder, **change):
    path = folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change))


@pytest.mark.parametrize(
    "name",
    ["segmentation.seg.nrrd", "probability_variance.nii.gz", "entropy.nii.gz", "regions.json"],
)
@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_a_missing_or_damaged_file_is_named(tmp_path, name, damage):
    write(tmp_path / "out")
    path = tmp_path / "out" / name
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InvalidInput, match=name):
        read_prediction_folder(tmp_path / "out")


def test_a_map_of_another_case_is_refused(tmp_path):
    write(tmp_path / "out")
    write(tmp_path / "other", make_maps(variance=np.zeros((5, 6, 8))))
    (tmp_path / "other" / "entropy.nii.gz").replace(tmp_path / "out" / "entropy.nii.gz")
    with pytest.raises(InvalidInput, match="entropy"):
        read_prediction_folder(tmp_path / "out")
