"""The run controller against a scripted worker: every state, and every fault that can be told apart."""

from __future__ import annotations

import pytest
from MoBSegmentationLib.run_controller import RunState

from mobseg.errors import InvalidInput
from mobseg.protocol import (
    PROTOCOL_VERSION,
    CancelRequest,
    Device,
    ErrorAnswer,
    Hello,
    ProgressUpdate,
    Ready,
    Segmented,
    SegmentRequest,
    ShutdownRequest,
    StatusRequest,
    WorkerStatus,
)
from mobseg.summary import SegmentationSummary
from tests.extension.viewer import ManualScheduler, ScriptedProcess, Viewer

#: No process has it, so that the test kills nobody.
NO_PID = 2**22 + 7
HELLO = Hello(PROTOCOL_VERSION, "0.1.0", NO_PID)
DEVICES = (Device("cuda:0", "A GPU, 24 GB"), Device("cpu", "CPU, 2 threads"))
READY = Ready(DEVICES, 2.0)
SUMMARY = SegmentationSummary((), "variance", 0.01, 3, 12.0, (), {})
BUSY = (RunState.STARTING, RunState.LOADING, RunState.RUNNING)


class Scripted(Viewer):
    """A viewer whose workers are scripted; ``process`` is the last one."""

    def __init__(self, root) -> None:
        self.clock = ManualScheduler()
        self.processes: list[ScriptedProcess] = []
        super().__init__(self._start, self.clock, root)

    def _start(self, events) -> ScriptedProcess:
        self.processes.append(ScriptedProcess(events))
        return self.processes[-1]

    @property
    def process(self) -> ScriptedProcess:
        return self.processes[-1]

    def start(self, until: RunState = RunState.RUNNING, **options):
        """Start a run and bring it into a state."""
        request = self.new_request(**options)
        known = len(self.processes)
        self.controller.start(request)
        if until is not RunState.STARTING:
            if len(self.processes) > known:
                self.process.say(HELLO, READY)
            self.progress("Loading the model", 0.0)
        if until is RunState.RUNNING:
            self.progress("Predicting", 0.4)
        assert self.controller.state is until
        return request

    @property
    def run(self) -> str:
        return self.process.last(SegmentRequest).id

    def progress(self, stage: str, fraction: float) -> None:
        self.process.say(ProgressUpdate(self.run, stage, fraction, 3.0))

    def succeed(self, request) -> None:
        request.folder.result.mkdir()
        self.process.say(Segmented(self.run, str(request.folder.result), SUMMARY, 1.0))

    def fail(self, kind: str, sentence: str) -> None:
        self.process.say(ErrorAnswer(self.run, kind, 1, sentence))

    def assert_next_run_works(self) -> None:
        before = len(self.heard.finished)
        request = self.start()
        self.succeed(request)
        assert self.controller.state is RunState.IDLE
        assert len(self.heard.finished) == before + 1


@pytest.fixture
def viewer(tmp_path):
    return Scripted(tmp_path / "runs")


def test_a_run_goes_through_its_states(viewer) -> None:
    request = viewer.start()
    viewer.succeed(request)
    assert viewer.heard.states == [*BUSY, RunState.IDLE]
    assert viewer.heard.devices == viewer.controller.devices == DEVICES
    assert viewer.heard.progress == [("Loading the model", 0.0, 3.0), ("Predicting", 0.4, 3.0)]
    assert viewer.heard.finished == [(request.folder, SUMMARY)]


def test_the_worker_gets_what_was_asked_for(viewer) -> None:
    box = (-10.0, 10.0, -20.0, 20.0, -30.0, 30.0)
    request = viewer.start(model="m", device="cpu", roi_ras_mm=box, threshold=0.2)
    sent = viewer.process.last(SegmentRequest)
    assert (sent.input, sent.output) == (str(request.folder.input), str(request.folder.result))
    assert (sent.model, sent.options.device, sent.options.threshold) == ("m", "cpu", 0.2)
    assert sent.options.roi_ras_mm == box


def test_after_success_the_result_is_left_and_the_image_is_not(viewer) -> None:
    request = viewer.start()
    viewer.succeed(request)
    assert request.folder.result.is_dir()
    assert not request.folder.input.exists()


def test_a_second_run_uses_the_warm_worker(viewer) -> None:
    viewer.succeed(viewer.start())
    viewer.heard.states.clear()
    viewer.succeed(viewer.start())
    assert len(viewer.processes) == 1
    assert viewer.heard.states == [*BUSY, RunState.IDLE]
    assert len({r.id for r in viewer.process.requests if isinstance(r, SegmentRequest)}) == 2


def test_a_run_under_way_must_end_first(viewer) -> None:
    first = viewer.start()
    with pytest.raises(RuntimeError):
        viewer.controller.start(viewer.new_request())
    assert viewer.left == [first.folder.path]
    viewer.succeed(first)
    assert len(viewer.heard.finished) == 1


def test_a_box_without_inside_is_refused_before_anything_is_started(viewer) -> None:
    request = viewer.new_request(roi_ras_mm=(1.0, 1.0, 0.0, 2.0, 0.0, 2.0))
    with pytest.raises(InvalidInput, match="xmin < xmax"):
        viewer.controller.start(request)
    assert (viewer.processes, viewer.left) == ([], [])
    assert viewer.controller.state is RunState.IDLE
    assert not viewer.controller.is_busy


def test_warming_up_lists_the_devices_and_serves_the_first_run(viewer) -> None:
    viewer.controller.warm_up()
    viewer.controller.warm_up()
    viewer.process.say(HELLO, READY)
    assert viewer.heard.devices == DEVICES
    assert viewer.heard.states == []
    viewer.controller.start(viewer.new_request())
    assert viewer.controller.state is RunState.LOADING
    assert len(viewer.processes) == 1


def test_cancelled_while_starting_ends_at_once_and_keeps_the_worker(viewer) -> None:
    viewer.start(RunState.STARTING)
    viewer.controller.cancel()
    assert (viewer.heard.cancelled, viewer.controller.state) == (1, RunState.IDLE)
    assert viewer.left == []
    viewer.process.say(HELLO, READY)
    assert not any(isinstance(r, SegmentRequest) for r in viewer.process.requests)
    viewer.controller.start(viewer.new_request())
    assert viewer.controller.state is RunState.LOADING


@pytest.mark.parametrize("state", [RunState.LOADING, RunState.RUNNING])
def test_a_cancelled_run_leaves_nothing_and_the_worker_warm(viewer, state) -> None:
    viewer.start(state)
    viewer.controller.cancel()
    assert viewer.controller.state is RunState.CANCELLING
    assert viewer.process.last(CancelRequest).target == viewer.run
    viewer.progress("Predicting", 0.5)
    assert (viewer.heard.cancelled, viewer.controller.state) == (0, RunState.CANCELLING)
    viewer.fail("Cancelled", "Cancelled; nothing was written.")
    assert (viewer.heard.cancelled, viewer.controller.state) == (1, RunState.IDLE)
    assert viewer.left == []
    viewer.clock.pass_time(10.0)
    assert not viewer.process.is_killed
    viewer.assert_next_run_works()
    assert len(viewer.processes) == 1


def test_a_worker_that_does_not_stop_is_killed_after_three_seconds(viewer) -> None:
    viewer.start()
    viewer.controller.cancel()
    viewer.clock.pass_time(2.9)
    assert not viewer.process.is_killed
    viewer.clock.pass_time(0.2)
    assert viewer.process.is_killed
    assert (viewer.heard.cancelled, viewer.controller.state) == (1, RunState.IDLE)
    assert (viewer.left, viewer.heard.failed) == ([], [])
    viewer.assert_next_run_works()
    assert len(viewer.processes) == 2


def test_a_result_that_comes_after_cancel_is_discarded(viewer) -> None:
    request = viewer.start()
    viewer.controller.cancel()
    viewer.succeed(request)
    assert (viewer.heard.cancelled, viewer.heard.finished, viewer.left) == (1, [], [])


def test_a_worker_that_dies_of_cancel_has_cancelled(viewer) -> None:
    viewer.start()
    viewer.controller.cancel()
    viewer.process.end(1)
    assert (viewer.heard.cancelled, viewer.heard.failed, viewer.left) == (1, [], [])
    viewer.assert_next_run_works()


def test_cancel_without_a_run_does_nothing(viewer) -> None:
    viewer.controller.cancel()
    viewer.succeed(viewer.start())
    viewer.controller.cancel()
    viewer.start()
    viewer.controller.cancel()
    viewer.controller.cancel()
    assert sum(isinstance(r, CancelRequest) for r in viewer.process.requests) == 1


@pytest.mark.parametrize("state", BUSY)
def test_a_killed_worker_is_told_in_one_sentence_and_the_next_run_works(viewer, state) -> None:
    viewer.start(state)
    viewer.process.events.on_stderr(b"Traceback: something\n")
    viewer.process.end(None)
    ((sentence, details),) = viewer.heard.failed
    assert sentence.startswith("The segmentation process")
    assert sentence.endswith(".")
    assert "Traceback: something" in details
    assert viewer.controller.state is RunState.FAILED
    assert viewer.left == []
    viewer.assert_next_run_works()


def test_a_worker_that_dies_between_runs_is_replaced(viewer) -> None:
    viewer.succeed(viewer.start())
    viewer.process.end(None)
    assert viewer.heard.failed == []
    viewer.assert_next_run_works()
    assert len(viewer.processes) == 2


def test_garbage_ends_the_worker_with_a_sentence(viewer) -> None:
    viewer.start()
    viewer.process.events.on_stdout(b"%PDF\xff\x00\n{}\n")
    ((sentence, details),) = viewer.heard.failed
    assert "cannot be understood" in sentence
    assert "not valid JSON" in details
    assert viewer.process.is_killed
    viewer.assert_next_run_works()


def test_prints_before_the_greeting_go_to_the_details(viewer) -> None:
    viewer.start(RunState.STARTING)
    viewer.process.events.on_stdout(b"welcome to this Python\n")
    viewer.process.say(HELLO, READY)
    assert viewer.controller.state is RunState.LOADING
    viewer.fail("InvalidInput", "The image is empty; choose another.")
    assert "welcome to this Python" in viewer.heard.failed[0][1]


def test_another_protocol_is_refused(viewer) -> None:
    viewer.start(RunState.STARTING)
    viewer.process.say(Hello(PROTOCOL_VERSION + 1, "9.0", NO_PID))
    ((sentence, _),) = viewer.heard.failed
    assert f"protocol {PROTOCOL_VERSION + 1} instead of {PROTOCOL_VERSION}" in sentence
    assert "reinstall" in sentence
    assert viewer.process.is_killed


def test_a_missing_package_is_told_in_the_viewers_words(viewer) -> None:
    viewer.start(RunState.STARTING)
    viewer.process.say(HELLO, ErrorAnswer(None, "MissingDependency", 9, 'Needs "torch"; pip ...'))
    ((sentence, details),) = viewer.heard.failed
    assert "install" in sentence
    assert "pip" not in sentence
    assert "torch" in details
    assert viewer.process.is_killed
    viewer.assert_next_run_works()


@pytest.mark.parametrize("kind", ["DeviceError", "OutputError", "BundleError", "InternalError"])
def test_an_error_of_the_worker_is_shown_as_it_is_and_keeps_it_warm(viewer, kind) -> None:
    viewer.start()
    viewer.fail(kind, "Something is short; free it.")
    assert viewer.heard.failed[0][0] == "Something is short; free it."
    assert (viewer.controller.state, viewer.left) == (RunState.FAILED, [])
    viewer.assert_next_run_works()
    assert len(viewer.processes) == 1


def test_a_failed_run_can_be_restarted_from_the_listener(viewer) -> None:
    viewer.start()
    viewer.heard.when_failed = lambda: viewer.controller.start(viewer.new_request())
    viewer.process.end(None)
    assert viewer.controller.state is RunState.STARTING
    assert len(viewer.processes) == 2


def test_a_process_that_cannot_be_started_is_told(viewer, tmp_path) -> None:
    class NotThere(Scripted):
        def _start(self, events):
            process = super()._start(events)
            process.has_ended = True
            events.on_not_started("No such file")
            return process

    viewer = NotThere(tmp_path / "other")
    viewer.controller.start(viewer.new_request())
    ((sentence, details),) = viewer.heard.failed
    assert "could not be started" in sentence
    assert "No such file" in details
    assert (viewer.controller.state, viewer.left) == (RunState.FAILED, [])


def test_a_missing_interpreter_is_told(tmp_path) -> None:
    def start(events):
        raise FileNotFoundError("PythonSlicer was not found")

    viewer = Viewer(start, ManualScheduler(), tmp_path / "runs")
    viewer.controller.start(viewer.new_request())
    assert "PythonSlicer was not found" in viewer.heard.failed[0][1]


def test_a_worker_that_answers_nothing_is_given_up(viewer) -> None:
    viewer.start()
    viewer.clock.pass_time(100.0)
    assert viewer.heard.failed == []
    viewer.clock.pass_time(60.0)
    assert "no longer answers" in viewer.heard.failed[0][0]
    assert viewer.process.is_killed
    viewer.assert_next_run_works()


def test_a_long_run_whose_worker_answers_goes_on(viewer) -> None:
    request = viewer.start()
    for _ in range(100):
        viewer.clock.pass_time(60.0)
        check = viewer.process.last(StatusRequest)
        viewer.process.say(WorkerStatus(check.id, "busy", viewer.run, (), (), 1))
    viewer.succeed(request)
    assert (viewer.heard.failed, len(viewer.heard.finished)) == ([], 1)


def test_a_slow_start_is_waited_for(viewer) -> None:
    request = viewer.start(RunState.STARTING)
    viewer.clock.pass_time(400.0)
    assert viewer.heard.failed == []
    viewer.process.say(HELLO, READY)
    viewer.succeed(request)
    assert len(viewer.heard.finished) == 1


def test_a_start_that_never_ends_is_given_up(viewer) -> None:
    viewer.start(RunState.STARTING)
    viewer.clock.pass_time(1000.0)
    assert len(viewer.heard.failed) == 1
    assert viewer.process.is_killed


def test_a_message_of_an_earlier_run_changes_nothing(viewer) -> None:
    viewer.succeed(viewer.start())
    earlier = viewer.run
    viewer.start()
    viewer.process.say(ErrorAnswer(earlier, "InternalError", 1, "Late."))
    viewer.process.say(ProgressUpdate(earlier, "Late", 0.9, None))
    assert viewer.controller.state is RunState.RUNNING
    assert "Late" not in [stage for stage, *_ in viewer.heard.progress]


def test_details_are_bounded_and_name_no_folder(viewer) -> None:
    request = viewer.start()
    viewer.process.events.on_stderr(b"x" * 100_000)
    viewer.process.events.on_stderr(f"cannot read {request.folder.input}\n".encode())
    viewer.process.end(None)
    details = viewer.heard.failed[0][1]
    assert len(details) < 20_000
    assert str(request.folder.path) not in details
    assert "cannot read ..." in details


@pytest.mark.parametrize("state", BUSY)
def test_shutdown_ends_a_run_and_leaves_nothing(viewer, state) -> None:
    viewer.start(state)
    viewer.controller.shutdown()
    assert viewer.process.is_killed
    assert (viewer.heard.cancelled, viewer.heard.failed, viewer.left) == (1, [], [])
    assert viewer.controller.state is RunState.IDLE
    assert viewer.clock.is_idle
    viewer.assert_next_run_works()


def test_shutdown_asks_an_idle_worker_to_end(viewer) -> None:
    viewer.succeed(viewer.start())
    viewer.controller.shutdown()
    assert isinstance(viewer.process.requests[-1], ShutdownRequest)
    assert (viewer.process.has_ended, viewer.process.is_killed) == (True, False)
    assert viewer.clock.is_idle


def test_shutdown_kills_a_worker_that_does_not_end(viewer) -> None:
    viewer.succeed(viewer.start())
    viewer.process.ends_when_asked = False
    viewer.controller.shutdown()
    assert viewer.process.is_killed
    assert viewer.heard.failed == []


def test_shutdown_without_a_worker_does_nothing(viewer) -> None:
    viewer.controller.shutdown()
    assert (viewer.processes, viewer.heard.states) == ([], [])


def test_a_folder_that_is_in_use_is_deleted_when_the_process_has_ended(viewer, monkeypatch) -> None:
    """As on Windows, where open files cannot be deleted."""
    request = viewer.start()
    folder = type(request.folder)
    remove = folder.remove
    monkeypatch.setattr(folder, "remove", lambda self: viewer.process.has_ended and remove(self))
    viewer.fail("OutputError", "The disk is full; free some space and try again.")
    assert viewer.left == [request.folder.path]
    viewer.controller.shutdown()
    assert viewer.left == []


def test_a_folder_that_stayed_in_use_is_deleted_at_the_end(viewer, monkeypatch) -> None:
    request = viewer.start()
    folder, in_use = type(request.folder), True
    remove = folder.remove
    monkeypatch.setattr(folder, "remove", lambda self: not in_use and remove(self))
    viewer.process.end(None)
    assert viewer.left == [request.folder.path]
    in_use = False
    viewer.controller.shutdown()
    assert viewer.left == []
