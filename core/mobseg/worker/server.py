"""Takes requests from the viewer and answers them.

Two threads: the reader answers what is quick (cancel, status) while the main thread runs jobs one after
another. Logs go to standard error and hold no ids, file names or messages, which could name a patient.
"""

from __future__ import annotations

import logging
import os
import threading
import time

from mobseg import __version__
from mobseg.failure import describe_failure, traceback_without_text
from mobseg.interruption import orderly_interruption
from mobseg.protocol import (
    PROTOCOL_VERSION,
    CancelNoted,
    CancelRequest,
    ErrorAnswer,
    Hello,
    Loaded,
    LoadRequest,
    Ready,
    Request,
    Segmented,
    SegmentRequest,
    ShutdownRequest,
    StatusRequest,
    Stopping,
    WorkerStatus,
    parse_request,
    request_id,
)
from mobseg.worker.channel import Channel, claim_standard_streams
from mobseg.worker.engine import Engine
from mobseg.worker.jobs import Job, JobQueue
from mobseg.worker.parent import watch_parent
from mobseg.worker.progress import JobProgress

#: How long a cancelled job may go on, when the viewer is gone, before the process ends anyway.
GRACE_SECONDS = 20.0

_log = logging.getLogger(__name__)


class Server:
    """Serves one viewer until it asks for the end or disappears."""

    def __init__(self, engine: Engine, channel: Channel) -> None:
        self._engine = engine
        self._channel = channel
        self._jobs = JobQueue()
        self._is_ready = False
        self._shutdown: ShutdownRequest | None = None

    def serve(self) -> int:
        """Answer requests until the end, and return the exit code."""
        self._channel.send(Hello(PROTOCOL_VERSION, __version__, os.getpid()))
        threading.Thread(target=self._read, name="reader", daemon=True).start()
        exit_code = self._prepare()
        if exit_code == 0:
            self._warm_up()
            while (job := self._jobs.take()) is not None:
                self._run(job)
        if self._shutdown is not None:
            self._channel.send(Stopping(self._shutdown.id))
        return exit_code

    def stop(self) -> None:
        """Cancel everything and let :meth:`serve` return; end the process if that takes too long."""
        self._jobs.stop()
        deadline = threading.Timer(GRACE_SECONDS, os._exit, [1])
        deadline.daemon = True
        deadline.start()

    def _prepare(self) -> int:
        start = time.monotonic()
        try:
            devices = self._engine.prepare()
        except Exception as error:
            answer = _error_answer(None, error)
            self._channel.send(answer)
            return answer.exit_code
        self._is_ready = True
        self._channel.send(Ready(devices, time.monotonic() - start))
        return 0

    def _warm_up(self) -> None:
        _, waiting = self._jobs.identifiers()
        if waiting:
            return
        try:
            self._engine.warm_up()
        except Exception as error:
            # The request that needs what is missing fails of the same, and tells the viewer.
            _log.info("warming up failed: %s", describe_failure(error).kind)

    def _read(self) -> None:
        try:
            for line in self._channel.lines():
                self._take(line)
                if self._shutdown is not None:
                    break
        finally:
            self.stop()

    def _take(self, line: bytes) -> None:
        try:
            self._dispatch(parse_request(line))
        except Exception as error:
            self._channel.send(_error_answer(request_id(line), error))

    def _dispatch(self, request: Request) -> None:
        match request:
            case LoadRequest() | SegmentRequest():
                self._jobs.submit(request)
            case CancelRequest():
                found = self._jobs.cancel(request.target)
                self._channel.send(CancelNoted(request.id, request.target, found))
            case StatusRequest():
                self._channel.send(self._status(request))
            case ShutdownRequest():
                self._shutdown = request

    def _status(self, request: StatusRequest) -> WorkerStatus:
        running, waiting = self._jobs.identifiers()
        if self._jobs.is_stopping:
            state = "stopping"
        elif not self._is_ready:
            state = "starting"
        else:
            state = "busy" if running is not None else "idle"
        return WorkerStatus(
            id=request.id,
            state=state,
            running=running,
            waiting=waiting,
            models=self._engine.models,
            models_loaded=self._engine.models_loaded,
        )

    def _run(self, job: Job) -> None:
        progress = JobProgress(job, self._channel.send)
        answer: Loaded | Segmented | ErrorAnswer
        try:
            progress.raise_if_cancelled()
            answer = self._work(job.request, progress)
            _log.info("%s took %.2f s", job.request.TYPE, progress.seconds_elapsed)
        except Exception as error:
            answer = _error_answer(job.request.id, error)
        # Before the answer, so that whoever has the answer finds the worker idle.
        self._jobs.finish()
        self._channel.send(answer)

    def _work(
        self, request: LoadRequest | SegmentRequest, progress: JobProgress
    ) -> Loaded | Segmented:
        if isinstance(request, LoadRequest):
            model = self._engine.load(request.model, request.device)
            return Loaded(request.id, model, progress.seconds_elapsed)
        summary = self._engine.segment(request, progress)
        return Segmented(request.id, request.output, summary, progress.seconds_elapsed)


def run_worker(engine: Engine) -> int:
    """Turn this process into a worker and return its exit code once it is to end."""
    channel = claim_standard_streams()
    logging.basicConfig(format="%(asctime)s %(name)s: %(message)s")
    logging.getLogger("mobseg").setLevel(logging.INFO)
    server = Server(engine, channel)
    watch_parent(server.stop)
    try:
        with orderly_interruption():
            return server.serve()
    except KeyboardInterrupt as error:
        return describe_failure(error).exit_code


def _error_answer(identifier: str | None, error: Exception) -> ErrorAnswer:
    failure = describe_failure(error)
    if failure.kind == "InternalError":
        _log.error("unexpected failure\n%s", traceback_without_text(error))
    else:
        _log.info("request failed: %s", failure.kind)
    return ErrorAnswer(identifier, failure.kind, failure.exit_code, failure.sentence)
