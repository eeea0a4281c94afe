"""The scripts beside the experiments, on tiny cases: that they run and say what their parts say."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import error_classifier
import numpy as np
import pytest
import volume_interval

from mobseg.experiment.cases import measured_cases
from mobseg.image_io import read_label_volume, read_scalar_volume
from mobseg.metrics.case import evaluate_case
from mobseg.model import load_model
from mobseg.options import SegmentOptions
from mobseg.pipeline import segment_volume
from mobseg.progress import SilentProgress
from tests.core.experiment.measured import stochastic_model, write_cases


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("experiment")
    write_cases(root, cases=4)
    stochastic_model(root / "model")
    return root


def _run(main, folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: object) -> dict:
    output = folder / "out.json"
    words = ["script", *map(str, arguments), "-o", str(output)]
    monkeypatch.setattr(sys, "argv", words)
    main()
    return json.loads(output.read_text())


def test_the_classifier_is_compared_with_the_maps_of_the_model(folder, monkeypatch) -> None:
    images, labels = folder / "images", folder / "labels"
    found = _run(
        error_classifier.main,
        folder,
        monkeypatch,
        *(folder / "model", "--images", images, "--labels", labels, "--halvings", 2),
    )
    assert found["n_cases"] == 4
    model = load_model(folder / "model", device="cpu")
    benefits = []
    for case in measured_cases(images, labels, None, None):
        volume = read_scalar_volume(case.case.image).volume
        maps = segment_volume(volume, model, SegmentOptions(device="cpu"), SilentProgress()).maps
        reference = read_label_volume(case.case.reference)
        metrics = evaluate_case(maps.dense(), reference, band_mm=3.0)
        benefits.append(metrics.scores["entropy"].review_benefit)
    figures = found["figures"]
    assert figures["entropy"]["review_benefit"] == pytest.approx(np.mean(benefits))
    # Errors of balls lie between two distances from the outline, so a classifier learns where.
    assert (
        figures["classifier: all"]["aupr_band"] > figures["error_probability"]["aupr_band"] + 0.05
    )


def test_the_plain_interval_covers_the_raters_it_was_made_from(folder, monkeypatch) -> None:
    raw = folder / "raw"
    for cases in ("Va", "Ts"):
        for kind, source in (("images", "images"), ("consensus", "labels"), ("raters", "raters")):
            shutil.copytree(folder / source, raw / f"{kind}{cases}")
    found = _run(volume_interval.main, folder, monkeypatch, folder / "model", raw)
    assert found["n_validation"] == found["n_test"] == 4
    # 12 raters, the quantiles lie between the extremes and the next: all but two are inside.
    assert found["raters_covered"] == pytest.approx(10 / 12)
    low, high = found["factors"]
    assert 0 < low < high
