from __future__ import annotations

import pytest
from MoBSegmentationLib.run_times import RunTimes, in_words, predicted_seconds

from tests.extension.settings import MemorySettings


@pytest.fixture
def settings() -> MemorySettings:
    return MemorySettings()


def test_before_the_first_run_nothing_is_promised(settings) -> None:
    assert "not known" in RunTimes(settings).estimate("m", "cpu", 10.0)


def test_a_run_is_remembered_for_its_model_and_device(settings) -> None:
    RunTimes(settings).note("m", "cpu", 10.0, 42.0)
    times = RunTimes(settings)
    assert times.estimate("m", "cpu", 10.0) == "Takes about 40 s, after 1 earlier run here."
    assert "not known" in times.estimate("m", "cuda:0", 10.0)
    assert "not known" in times.estimate("other", "cpu", 10.0)


def test_settings_hold_no_names(settings) -> None:
    RunTimes(settings).note("/models/Doe_Jane", "cpu", 10.0, 42.0)
    assert "Doe" not in str(settings.values)


def test_only_the_last_runs_count(settings) -> None:
    times = RunTimes(settings)
    for _ in range(20):
        times.note("m", "cpu", 10.0, 1000.0)
    for _ in range(8):
        times.note("m", "cpu", 10.0, 60.0)
    assert times.estimate("m", "cpu", 10.0) == "Takes about 60 s, after 8 earlier runs here."


def test_constant_and_share_are_separated() -> None:
    runs = [(1.0, 12.0), (10.0, 30.0), (20.0, 50.0)]  # 10 s and 2 s a megavoxel
    assert predicted_seconds(runs, 100.0) == pytest.approx(210.0)
    assert predicted_seconds(runs, 0.0) == pytest.approx(10.0)


def test_one_size_gives_a_bound_on_the_safe_side() -> None:
    runs = [(10.0, 40.0), (10.0, 44.0)]
    assert predicted_seconds(runs, 20.0) == pytest.approx(84.0)
    assert predicted_seconds(runs, 1.0) == pytest.approx(42.0)


@pytest.mark.parametrize(
    "runs", [[(1.0, 50.0), (10.0, 20.0)], [(5.0, 1.0), (10.0, 30.0)], [(0.0, 5.0)]]
)
def test_no_runs_predict_negative_times(runs) -> None:
    for size in (0.0, 0.1, 3.0, 100.0):
        assert predicted_seconds(runs, size) > 0 or size == 0.0
    assert predicted_seconds(runs, 100.0) >= predicted_seconds(runs, 3.0)


@pytest.mark.parametrize("stored", ["{", "[]", '{"x": 1}', '{"KEY": [[1, "a"], 3, [1]]}', "null"])
def test_damaged_settings_are_ignored(settings, stored) -> None:
    times = RunTimes(settings)
    times.note("m", "cpu", 1.0, 1.0)
    (key,) = settings.values
    settings.values[key] = stored.replace("KEY", settings.values[key].split('"')[1])
    assert "not known" in times.estimate("m", "cpu", 10.0)
    times.note("m", "cpu", 10.0, 30.0)
    assert "30 s" in times.estimate("m", "cpu", 10.0)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (7.4, "7 s"), (44.0, "40 s"), (89.0, "90 s"), (200, "3 min")],
)
def test_words_are_as_exact_as_an_estimate(seconds, words) -> None:
    assert in_words(seconds) == words
