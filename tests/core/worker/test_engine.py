"""The real worker, with a tiny model, over its pipes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mobseg.options import SegmentOptions
from mobseg.protocol import (
    CancelRequest,
    Loaded,
    LoadRequest,
    ProgressUpdate,
    Ready,
    Segmented,
    SegmentRequest,
    ShutdownRequest,
    StatusRequest,
)
from tests.support.images import write_ct
from tests.support.model_factory import make_model_folder
from tests.support.worker_client import WorkerClient, wait_until


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    return str(make_model_folder(folder, patch=(16, 16, 16), features=(2, 4)))


@pytest.fixture(scope="module")
def worker():
    with WorkerClient("mobseg.worker") as client:
        yield client


def request(identifier, model, source, output, **options):
    return SegmentRequest(
        identifier,
        input=str(source),
        output=str(output),
        model=model,
        options=SegmentOptions(device="cpu", **options),
        report=False,
    )


def test_ready_lists_the_cpu_last(worker):
    ready = worker.wait_for(Ready)
    assert ready.devices[-1].name == "cpu"


def test_the_model_is_warm_for_the_second_request(worker, model, tmp_path):
    loaded = worker.ask(LoadRequest("l", model=model, device="cpu"))
    assert isinstance(loaded, Loaded)
    assert (loaded.model.id, loaded.model.device) == ("tiny", "cpu")
    count = worker.ask(StatusRequest("s")).models_loaded

    source = write_ct(tmp_path / "ct.nii.gz")
    for name in ("a", "b"):
        done = worker.ask(request(name, model, source, tmp_path / name))
        assert isinstance(done, Segmented)
        assert done.output == str(tmp_path / name)
        assert (tmp_path / name / "run.json").exists()
        assert [structure.name for structure in done.summary.structures] == ["organ_1"]
        assert 0 < sum(done.summary.seconds_by_stage.values()) < done.seconds

    status = worker.ask(StatusRequest("s"))
    assert (status.models, status.models_loaded) == ((loaded.model,), count)


def test_progress_reaches_the_viewer(worker, model, tmp_path):
    source = write_ct(tmp_path / "ct.nii.gz")
    worker.send(request("1", model, source, tmp_path / "out"))
    updates = []
    while isinstance(message := worker.receive(), ProgressUpdate):
        updates.append(message)
    assert isinstance(message, Segmented)
    fractions = [update.fraction for update in updates]
    assert fractions == sorted(fractions)
    assert "Predicting" in [update.stage for update in updates]


def test_a_failed_request_is_survived(worker, model, tmp_path):
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(b"no image")
    error = worker.ask(request("1", model, broken, tmp_path / "out"))
    assert (error.kind, error.exit_code) == ("InvalidInput", 3)
    unknown = worker.ask(LoadRequest("2", model=str(tmp_path / "nothing")))
    assert unknown.kind == "BundleError"
    good = write_ct(tmp_path / "ct.nii.gz")
    assert isinstance(worker.ask(request("3", model, good, tmp_path / "out")), Segmented)


def test_cancel_leaves_nothing_behind(worker, model, tmp_path):
    source = write_ct(tmp_path / "ct.nii.gz", (64, 64, 64))
    results = tmp_path / "results"
    results.mkdir()
    worker.send(request("1", model, source, results / "out", step=0.1))
    while worker.wait_for(ProgressUpdate).stage != "Predicting":
        pass
    assert worker.ask(CancelRequest("2", target="1")).found
    assert worker.answer("1").kind == "Cancelled"
    assert list(results.iterdir()) == []


def test_the_log_names_no_file(model, tmp_path):
    source = write_ct(tmp_path / "Doe_Jane.nii.gz")
    with WorkerClient("mobseg.worker") as client:
        client.ask(request("Doe_Jane", model, source, tmp_path / "out"))
        client.ask(request("Doe_Jane", model, tmp_path / "Doe_Jane.dcm", tmp_path / "out2"))
        client.ask(ShutdownRequest("2"))
        assert client.wait_for_end() == 0
    assert b"segment took" in client.stderr
    assert b"Doe" not in client.stderr
    assert b"InvalidInput" in client.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="reads the process's map")
def test_everything_is_imported_while_no_request_waits():
    """The modules of a process that was told nothing, seen in its map of loaded libraries."""
    with WorkerClient("mobseg.worker") as client:
        client.wait_for(Ready)
        maps = Path(f"/proc/{client.process.pid}/maps")
        for library in ("_SimpleITK", "scipy/ndimage", "matplotlib/_path"):
            wait_until(lambda library=library: library in maps.read_text(encoding="utf-8"))
