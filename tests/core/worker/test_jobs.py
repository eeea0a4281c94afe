from __future__ import annotations

import threading

import pytest

from mobseg.protocol import LoadRequest, ProtocolError
from mobseg.worker.jobs import JobQueue


def test_first_in_first_out():
    jobs = JobQueue()
    for name in "abc":
        jobs.submit(LoadRequest(name))
    assert jobs.take().request.id == "a"
    assert jobs.identifiers() == ("a", ("b", "c"))
    jobs.finish()
    assert jobs.identifiers() == (None, ("b", "c"))
    assert jobs.take().request.id == "b"


def test_take_waits_for_a_job():
    jobs = JobQueue()
    timer = threading.Timer(0.05, jobs.submit, [LoadRequest("a")])
    timer.start()
    assert jobs.take().request.id == "a"
    timer.join()


def test_an_id_is_free_again_once_its_job_is_over():
    jobs = JobQueue()
    jobs.submit(LoadRequest("a"))
    with pytest.raises(ProtocolError):
        jobs.submit(LoadRequest("a"))
    jobs.take()
    with pytest.raises(ProtocolError):
        jobs.submit(LoadRequest("a"))
    jobs.finish()
    jobs.submit(LoadRequest("a"))


def test_cancel_marks_only_the_named_job():
    jobs = JobQueue()
    for name in "ab":
        jobs.submit(LoadRequest(name))
    first = jobs.take()
    assert jobs.cancel("b")
    assert not first.cancelled.is_set()
    assert jobs.cancel("a")
    assert first.cancelled.is_set()
    jobs.finish()
    assert not jobs.cancel("a")
    assert jobs.take().cancelled.is_set()


def test_stop_cancels_what_is_left_and_then_ends():
    jobs = JobQueue()
    for name in "ab":
        jobs.submit(LoadRequest(name))
    first = jobs.take()
    jobs.stop()
    assert jobs.is_stopping
    assert first.cancelled.is_set()
    assert jobs.take().cancelled.is_set()
    assert jobs.take() is None


def test_stop_wakes_a_waiting_take():
    jobs = JobQueue()
    timer = threading.Timer(0.05, jobs.stop)
    timer.start()
    assert jobs.take() is None
    timer.join()
