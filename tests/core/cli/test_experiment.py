"""A whole experiment on four tiny images: killed, resumed, reported."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mobseg.cli.main import main
from mobseg.errors import Cancelled, MobsegError
from mobseg.experiment import runner
from mobseg.experiment.steps import Step
from tests.core.experiment.test_config import CONFIG
from tests.support.ball_dataset import write_ball_dataset

pytestmark = pytest.mark.slow

EXPERIMENT = CONFIG | {
    "arms": [
        {"name": "control", "parameterisation": "deterministic", "objective": "marginal_nll"},
        {"name": "mob", "parameterisation": "mixture_of_bases", "objective": "marginal_nll"},
    ],
    "seeds": [0],
    "keep": "last",
    "constant_by_distance": ["mob"],
    "slices": ["mob"],
    "base": CONFIG["base"] | {"batch_size": 2},
    "device": "cpu",
}


class InThisProcess:
    """A step that is done at once: importing nnU-Net anew for each would take longer than the training."""

    def __init__(self, step: Step) -> None:
        self._code = main([*step.arguments, "--debug"])

    def poll(self) -> int:
        return self._code

    def terminate(self) -> None:
        pass

    def wait(self) -> int:
        return self._code


class Killed:
    """Launches steps until one is to be killed."""

    def __init__(self, after: int) -> None:
        self._left = after

    def __call__(self, step: Step, log: Path) -> InThisProcess:
        if self._left == 0:
            raise Cancelled("Killed.")
        self._left -= 1
        return InThisProcess(step)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("raw", "preprocessed", "results"):
        monkeypatch.setenv(f"nnUNet_{name}", str(tmp_path / name))
    # In this process: starting augmentation workers would take longer than the training.
    monkeypatch.setattr(
        "mobseg.nnunet.training.set_workers",
        lambda _: monkeypatch.setenv("nnUNet_n_proc_DA", "0"),
    )
    monkeypatch.setenv("nnUNet_n_proc_DA", "1")
    write_ball_dataset(tmp_path / "raw", tmp_path / "preprocessed", "ab", "cd")
    (tmp_path / "config.json").write_text(json.dumps(EXPERIMENT))
    return tmp_path


def _run(folders: Path, monkeypatch: pytest.MonkeyPatch, launch: Killed) -> int:
    # The default of run_steps is bound when it is defined, so the whole function is replaced.
    original = runner.run_steps
    monkeypatch.setattr(
        runner,
        "run_steps",
        lambda *arguments, **options: original(*arguments, launch=launch, **options),
    )
    code = main(["experiment", str(folders / "config.json"), "-o", str(folders / "out")])
    monkeypatch.setattr(runner, "run_steps", original)
    return code


def test_killed_and_resumed_gives_a_report_that_stays_the_same(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _run(folders, monkeypatch, Killed(after=3)) == Cancelled.exit_code
    out = folders / "out"
    assert not (out / "report.md").exists()
    assert len(json.loads((out / "manifest.json").read_text())["steps"]) == 3
    assert _run(folders, monkeypatch, Killed(after=99)) == 0
    steps = json.loads((out / "manifest.json").read_text())["steps"]
    assert len(steps) == 9
    assert {step["exit_code"] for step in steps.values()} == {0}
    tables = (out / "report.md").read_text()
    assert "| mob | 1 |" in tables
    assert "| mob, constant variance by distance | 1 |" in tables

    plans = json.loads(next((folders / "results").rglob("*mob-seed0*/plans.json")).read_text())
    assert plans["mobseg_finetune"]["keep"] == "last"
    assert plans["configurations"]["3d_fullres"]["batch_size"] == 1
    base = json.loads(next((folders / "results").rglob("MobsegTrainer*/plans.json")).read_text())
    assert base["configurations"]["3d_fullres"]["batch_size"] == 2

    # Nothing is left to do: the same report again, from the files.
    assert _run(folders, monkeypatch, Killed(after=0)) == 0
    assert (out / "report.md").read_text() == tables


def test_commands_are_listed_without_running(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["experiment", str(folders / "config.json"), "-o", "out", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    measured = ["train", "measure", *2 * ["finetune", "measure"], "rescale", "measure", "slices"]
    assert [line.split()[1] for line in lines] == measured
    assert lines[0].startswith("mobseg train Dataset901_Balls")
    assert [path.name for path in (folders / "raw").iterdir()] == ["Dataset901_Balls"]


def test_a_failed_step_is_reported(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(folders / "raw" / "Dataset901_Balls" / "labelsTr")
    assert _run(folders, monkeypatch, Killed(after=99)) == MobsegError.exit_code
