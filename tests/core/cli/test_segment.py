from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from mobseg.cli.main import main
from tests.support.images import write_ct
from tests.support.model_factory import make_model_folder
from tests.support.worker_client import ROOT, wait_until


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    return make_model_folder(folder, n_labels=2, patch=(16, 16, 16), features=(2, 4))


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return write_ct(tmp_path_factory.mktemp("images") / "ct.nii.gz")


def segment(*arguments):
    return main(["segment", *map(str, arguments)])


def run_process(*arguments, **keywords):
    return subprocess.Popen(
        [sys.executable, "-m", "mobseg", "segment", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **keywords,
    )


def test_the_summary_says_what_was_found_and_where(model, image, tmp_path, capsys):
    out = tmp_path / "out"
    assert segment(image, "-o", out, "--model", model, "--device", "cpu") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("organ_1 ")
    assert lines[0].endswith(" mL")
    assert lines[1].startswith("organ_2 ")
    assert "to check" in lines[2]
    assert lines[3] == f"Report: {out / 'report.html'}"
    assert (out / "report.html").is_file()
    assert lines[4].startswith("Done in ")


def test_json_agrees_with_the_prediction_folder(model, image, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = (image, "-o", out, "--model", model, "--device", "cpu", "--no-report", "--json")
    assert segment(*arguments, "--threshold", "0.6", "--step", "1", "--seed", "7") == 0
    summary = json.loads(capsys.readouterr().out)
    record = json.loads((out / "run.json").read_text())
    regions = json.loads((out / "regions.json").read_text())
    assert summary["threshold"] == 0.6
    assert record["options"]["step"] == 1.0
    assert record["options"]["seed"] == 7
    assert summary["regions"] == len(regions["regions"])
    assert not (out / "report.html").exists()
    voxels = 24 * 26 * 28
    total = sum(structure["volume_mm3"] for structure in summary["structures"])
    assert 0 <= total <= voxels * 1.5**3


def test_the_region_of_interest_may_begin_with_a_minus_sign(model, image, tmp_path, capsys):
    box = "-25,-5,-25,-5,5,25"
    out = tmp_path / "out"
    assert segment(image, "-o", out, "--model", model, "--roi", box, "--no-report") == 0
    record = json.loads((out / "run.json").read_text())
    assert record["options"]["roi_ras_mm"] == [-25, -5, -25, -5, 5, 25]


@pytest.mark.parametrize(
    ("arguments", "code", "hint"),
    [
        (["missing.nii.gz"], 3, "does not exist"),
        (["--device", "abacus"], 6, "abacus"),
        (["--device", "cuda:99"], 6, "cuda:99"),
        (["--model", "no_such_model"], 5, "no_such_model"),
        (["--step", "0"], 3, "step"),
        (["--threshold", "-1"], 3, "threshold"),
        (["--roi", "0,1,0,1,1,0"], 3, "zmin < zmax"),
    ],
)
def test_bad_arguments_are_one_sentence_and_leave_nothing(
    arguments, code, hint, model, image, tmp_path, capsys
):
    source = [] if arguments[0].endswith(".nii.gz") else [image]
    defaults = [] if "--model" in arguments else ["--model", model]
    assert segment(*source, *arguments, *defaults, "-o", tmp_path / "out") == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("mobseg: error: ")
    assert captured.err.count("\n") == 1
    assert hint in captured.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--roi", "1,2,3"], "six numbers"),
        (["--roi", "a,b,c,d,e,f"], "six numbers"),
        (["--threshold", "high"], 'a number or "auto"'),
        (["--samples", "many"], "--samples"),
    ],
)
def test_unreadable_arguments_are_usage_errors(arguments, hint, image, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        segment(image, "-o", tmp_path / "out", *arguments)
    assert stop.value.code == 2
    assert hint in capsys.readouterr().err


def test_an_existing_output_is_refused_before_any_work(image, tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from mobseg.cli.main import main\n"
        f"sys.exit(main(['segment', {str(image)!r}, '-o', {str(tmp_path)!r}]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert result.returncode == 7
    assert "overwrite" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_overwrite_replaces_an_earlier_result(model, image, tmp_path):
    out = tmp_path / "out"
    arguments = (image, "-o", out, "--model", model, "--no-report")
    assert segment(*arguments) == 0
    (out / "leftover.txt").touch()
    assert segment(*arguments) == 7
    assert (out / "leftover.txt").exists()
    assert segment(*arguments, "--overwrite") == 0
    assert not (out / "leftover.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_a_termination_while_predicting_leaves_nothing(model, tmp_path):
    source = write_ct(tmp_path / "ct.nii.gz", (64, 64, 64))
    results = tmp_path / "results"
    results.mkdir()
    process = run_process(
        source, "-o", results / "out", "--model", model, "--device", "cpu", "--step", "0.1"
    )
    lines = []
    with process:
        while "Predicting" not in (lines[-1] if lines else ""):
            lines.append(process.stderr.readline())
            assert lines[-1], "ended before the prediction"
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error.splitlines()[-1] == "mobseg: error: Cancelled; nothing was written."
    assert "Traceback" not in error
    assert list(results.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_ctrl_c_while_writing_leaves_nothing(model, tmp_path):
    source = write_ct(tmp_path / "ct.nii.gz", (48, 48, 48))
    results = tmp_path / "results"
    results.mkdir()
    process = run_process(
        source, "-o", results / "out", "--model", model, "--device", "cpu", "--step", "1"
    )
    with process:
        wait_until(lambda: any(results.iterdir()) or process.poll() is not None, 120.0)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert list(results.iterdir()) == []
