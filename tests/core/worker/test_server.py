from __future__ import annotations

import os
import signal

import pytest

from mobseg import __version__
from mobseg.protocol import (
    MAX_LINE_BYTES,
    PROTOCOL_VERSION,
    CancelNoted,
    CancelRequest,
    Device,
    ErrorAnswer,
    Hello,
    Loaded,
    LoadRequest,
    ModelInfo,
    ProgressUpdate,
    Ready,
    Segmented,
    SegmentRequest,
    ShutdownRequest,
    StatusRequest,
    Stopping,
)
from tests.support.worker_client import WorkerClient, wait_until

STEP_WORKER = "tests.core.worker.step_worker"


@pytest.fixture
def worker():
    with WorkerClient(STEP_WORKER, "0") as client:
        client.wait_for(Ready)
        yield client


@pytest.fixture(scope="module")
def lasting_worker():
    """One worker for all tests that must leave it as good as new."""
    with WorkerClient(STEP_WORKER, "0") as client:
        client.wait_for(Ready)
        yield client


def segment(identifier, behaviour):
    return SegmentRequest(identifier, input=behaviour, output="out")


def test_hello_comes_before_the_preparation():
    with WorkerClient(STEP_WORKER, "1000") as client:
        assert client.receive() == Hello(PROTOCOL_VERSION, __version__, client.process.pid)
        status = client.ask(StatusRequest("s"))
        assert (status.state, status.running) == ("starting", None)


def test_requests_sent_before_ready_are_answered_after_it():
    with WorkerClient(STEP_WORKER, "0.3") as client:
        client.send(LoadRequest("1", model="m"))
        kinds = [type(client.receive()) for _ in range(3)]
    assert kinds == [Hello, Ready, Loaded]


def test_ready_lists_the_devices():
    with WorkerClient(STEP_WORKER, "0.2") as client:
        ready = client.wait_for(Ready)
    assert ready.devices == (Device("cpu", "CPU"),)
    assert 0.2 <= ready.seconds < 10


def test_a_failed_start_is_told_and_ends_the_worker():
    with WorkerClient(STEP_WORKER, "fails") as client:
        error = client.wait_for(ErrorAnswer)
        assert (error.id, error.kind) == (None, "MissingDependency")
        assert "pip install" in error.sentence
        assert client.wait_for_end() == error.exit_code == 9


def test_what_could_not_be_warmed_up_is_left_to_the_requests():
    with WorkerClient(STEP_WORKER, "cold") as client:
        wait_until(lambda: b"warming up failed: MissingDependency" in client.stderr)
        assert isinstance(client.ask(LoadRequest("1")), Loaded)


def test_load_and_status(lasting_worker):
    model = ModelInfo("m", "A model", "cuda:3")
    before = lasting_worker.ask(StatusRequest("1")).models_loaded
    assert lasting_worker.ask(LoadRequest("2", model="m", device="cuda:3")).model == model
    status = lasting_worker.ask(StatusRequest("3"))
    assert (status.state, status.running, status.waiting) == ("idle", None, ())
    assert (status.models, status.models_loaded) == ((model,), before + 1)


def test_stray_output_cannot_break_the_protocol(worker):
    worker.send(segment("1", "print_everywhere"))
    assert isinstance(worker.receive(), Segmented)
    worker.ask(ShutdownRequest("3"))
    worker.wait_for_end()
    for stray in (b"stray print", b"stray write", b"stray puts", b"stray child", b'"stopping"'):
        assert stray in worker.stderr


def test_work_cannot_eat_requests(lasting_worker):
    assert isinstance(lasting_worker.ask(segment("1", "read_input")), Segmented)
    assert isinstance(lasting_worker.ask(segment("2", "read_input")), Segmented)


def test_progress_comes_at_a_bearable_rate_and_cancel_stops_the_run(lasting_worker):
    lasting_worker.send(segment("1", "step"))
    updates = [lasting_worker.receive() for _ in range(5)]
    assert all(isinstance(update, ProgressUpdate) and update.id == "1" for update in updates)
    fractions = [update.fraction for update in updates]
    assert fractions == sorted(fractions)
    # Four pauses of 0.1 s at 0.01 s a step, so at most 40 steps and not one message for each.
    assert fractions[-1] > 0.02

    busy = lasting_worker.ask(StatusRequest("2"))
    assert (busy.state, busy.running) == ("busy", "1")
    assert lasting_worker.ask(CancelRequest("3", target="1")) == CancelNoted("3", "1", True)
    error = lasting_worker.answer("1")
    assert (error.kind, error.exit_code) == ("Cancelled", 130)
    assert lasting_worker.ask(StatusRequest("4")).state == "idle"
    assert lasting_worker.ask(CancelRequest("5", target="1")) == CancelNoted("5", "1", False)


def test_waiting_requests_run_in_order_and_can_be_cancelled(lasting_worker):
    lasting_worker.send(segment("1", "step"))
    lasting_worker.send(segment("2", "step"))
    lasting_worker.send(LoadRequest("3"))
    lasting_worker.wait_for(ProgressUpdate)
    assert lasting_worker.ask(StatusRequest("s")).waiting == ("2", "3")
    assert lasting_worker.ask(CancelRequest("c", target="2")).found
    lasting_worker.send(CancelRequest("d", target="1"))
    assert lasting_worker.answer("1").kind == "Cancelled"
    assert lasting_worker.answer("2").kind == "Cancelled"
    assert isinstance(lasting_worker.answer("3"), Loaded)


def test_an_id_in_use_is_refused(lasting_worker):
    lasting_worker.send(segment("1", "step"))
    lasting_worker.wait_for(ProgressUpdate)
    assert lasting_worker.ask(LoadRequest("1")).kind == "ProtocolError"
    lasting_worker.send(CancelRequest("c", target="1"))
    assert lasting_worker.answer("1").kind == "Cancelled"
    assert isinstance(lasting_worker.ask(LoadRequest("1")), Loaded)


@pytest.mark.parametrize(
    ("line", "identifier"),
    [
        (b"garbage\n", None),
        (b"\xff\xfe\x00\n", None),
        (b'{"type": "segment", "id": "9"}\n', "9"),
        (b'{"type": "dance", "id": "9"}\n', "9"),
        (b"x" * (2 * MAX_LINE_BYTES) + b"\n", None),
        (b"[" * 100_000 + b"\n", None),
    ],
    ids=["text", "binary", "incomplete", "unknown", "long", "deep"],
)
def test_garbage_is_refused_and_survived(lasting_worker, line, identifier):
    lasting_worker.send_bytes(line)
    error = lasting_worker.wait_for(ErrorAnswer)
    assert (error.id, error.kind, error.exit_code) == (identifier, "ProtocolError", 10)
    assert isinstance(lasting_worker.ask(LoadRequest("1")), Loaded)


def test_failures_are_survived_and_logged_without_patient_data(worker):
    failed = worker.ask(segment("Doe_Jane", "fail"))
    assert (failed.kind, failed.exit_code) == ("InvalidInput", 3)
    assert failed.sentence == "The input is broken; use another one."
    crashed = worker.ask(segment("2", "crash"))
    assert (crashed.kind, crashed.exit_code) == ("InternalError", 1)
    assert "ValueError" in crashed.sentence
    assert "Doe" not in crashed.sentence
    assert isinstance(worker.ask(LoadRequest("3")), Loaded)
    worker.ask(ShutdownRequest("4"))
    worker.wait_for_end()
    assert b"InvalidInput" in worker.stderr
    assert b"step_worker.py" in worker.stderr
    assert b"Doe" not in worker.stderr.replace(b'raise ValueError("/scans/Doe_Jane.nii")', b"")


def test_shutdown_cancels_and_is_answered_last(worker):
    worker.send(segment("1", "step"))
    worker.send(LoadRequest("2"))
    worker.wait_for(ProgressUpdate)
    worker.send(ShutdownRequest("3"))
    assert worker.answer("1").kind == "Cancelled"
    assert worker.answer("2").kind == "Cancelled"
    assert worker.receive() == Stopping("3")
    with pytest.raises(EOFError):
        worker.receive()
    assert worker.wait_for_end() == 0


@pytest.mark.parametrize("is_busy", [False, True])
def test_the_end_of_the_input_ends_the_worker(worker, is_busy):
    if is_busy:
        worker.send(segment("1", "step"))
        worker.wait_for(ProgressUpdate)
    worker.process.stdin.close()
    assert worker.wait_for_end() == 0


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_the_worker(worker, number):
    worker.send(segment("1", "hang"))
    wait_until(lambda: worker.ask(StatusRequest("s")).state == "busy")
    worker.process.send_signal(number)
    assert worker.wait_for_end() == 130
