"""The benchmarks on small volumes: that they measure the right thing, not how long it takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from end_to_end import enlarge_sample
from growth import Job, exponent, fits, run
from sides import Case, compare
from stages import STAGES

from tests.support.model_factory import make_model_folder

SIZE, SPACING = (96, 96, 64), (0.75, 0.75, 1.2)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_is_found(power):
    x = [1.0, 3.0, 10.0, 40.0]
    assert exponent(x, [7.0 * value**power for value in x]) == pytest.approx(power)


def test_memory_is_fitted_above_that_of_the_start():
    points = [
        {"series": "classes", "x": x, "cpu_seconds": x, "peak_gib": 5 + 2 * x, "start_gib": 5.0}
        for x in (1.0, 2.0, 4.0)
    ]
    assert fits(points[:1]) == {}
    assert fits(points) == {"classes": pytest.approx({"cpu_seconds": 1.0, "peak_gib": 1.0})}


def test_windows_are_counted_as_they_are_laid():
    # 512 x 512 x 300 is a grid of 256 x 256 x 240: three windows of 128 along each axis.
    assert Job("windows", (512, 512, 300)).windows == 27
    assert Job("windows", (512, 512, 300), step=1.0).windows == 8
    assert Job("windows", (64, 64, 64)).windows == 1


@pytest.mark.slow
def test_one_point_of_the_growth():
    point = run(Job("million voxels", SIZE, classes=3, patch=32))
    assert point["x"] == pytest.approx(0.589824)
    assert tuple(point["stages"]) == STAGES
    assert sum(point["stages"].values()) > point["seconds"] > 0
    assert point["peak_gib"] > point["start_gib"] > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("labels", [1, 3])
def test_both_sides_do_the_same_job(tmp_path: Path, labels: int):
    image = tmp_path / "ct_0000.nii.gz"
    enlarge_sample(SIZE, SPACING, image)
    model = make_model_folder(tmp_path / "model", n_labels=labels, patch=(32, 32, 32))
    result = compare(Case(model, image, rounds=1, repeats=0, standin=True))
    assert result["label_agreement"] >= 0.9999
    for side in ("stock", "mobseg"):
        stages = result[side]["stages"]
        assert tuple(stages) == STAGES
        assert min(stages.values()) >= 0
        assert sum(stages.values()) == pytest.approx(result[side]["median_seconds"])
