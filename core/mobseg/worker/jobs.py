"""Requests that take long: one runs, the others wait in order, each can be cancelled."""

from __future__ import annotations

import threading
from collections import deque

from mobseg.protocol import LoadRequest, ProtocolError, SegmentRequest


class Job:
    """A request together with whether it was cancelled."""

    def __init__(self, request: LoadRequest | SegmentRequest) -> None:
        self.request = request
        self.cancelled = threading.Event()


class JobQueue:
    """First in, first out. One thread takes jobs; any thread may do the rest."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._running: Job | None = None
        self._is_stopping = False

    def submit(self, request: LoadRequest | SegmentRequest) -> None:
        """Append a job.

        Raises:
            ProtocolError: an unanswered request has this id.
        """
        with self._changed:
            if any(job.request.id == request.id for job in self._unanswered()):
                raise ProtocolError("This id is in use by a request that is not answered yet.")
            self._waiting.append(Job(request))
            self._changed.notify()

    def take(self) -> Job | None:
        """Wait for the next job; ``None`` when stopping and none is left."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_stopping)
            self._running = self._waiting.popleft() if self._waiting else None
            return self._running

    def finish(self) -> None:
        """Note that the job last taken is over."""
        with self._changed:
            self._running = None

    def cancel(self, identifier: str) -> bool:
        """Mark the job with this id as cancelled; false when there is none."""
        with self._changed:
            for job in self._unanswered():
                if job.request.id == identifier:
                    job.cancelled.set()
                    return True
            return False

    def stop(self) -> None:
        """Cancel all jobs, and let :meth:`take` return ``None`` once they are taken."""
        with self._changed:
            self._is_stopping = True
            for job in self._unanswered():
                job.cancelled.set()
            self._changed.notify()

    @property
    def is_stopping(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._is_stopping

    def identifiers(self) -> tuple[str | None, tuple[str, ...]]:
        """Ids of the running job and of the waiting jobs."""
        with self._changed:
            running = self._running.request.id if self._running else None
            return running, tuple(job.request.id for job in self._waiting)

    def _unanswered(self) -> list[Job]:
        return [*([self._running] if self._running else []), *self._waiting]
