from __future__ import annotations

import multiprocessing
import os
import signal
import time

import pytest

from mobseg.interruption import orderly_interruption

pytestmark = pytest.mark.skipif(os.name != "posix", reason="POSIX signals")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_interrupts_and_later_ones_only_leave_a_mark(number):
    cleaned_up = False
    with orderly_interruption() as is_interrupted:
        assert not is_interrupted()
        with pytest.raises(KeyboardInterrupt):
            try:
                os.kill(os.getpid(), number)
                pytest.fail("the signal was ignored")
            finally:
                os.kill(os.getpid(), number)
                cleaned_up = True
        assert is_interrupted()
    assert cleaned_up


def test_the_handlers_from_before_come_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with orderly_interruption():
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_forked_workers_end_at_once_even_right_after_the_fork():
    """As the pools of nnU-Net end theirs: one that misses the signal would block the training."""
    context = multiprocessing.get_context("fork")
    with orderly_interruption() as is_interrupted:
        workers = [context.Process(target=time.sleep, args=(60,)) for _ in range(20)]
        for worker in workers:
            worker.start()
            worker.terminate()
        for worker in workers:
            worker.join(10)
            assert worker.exitcode == -signal.SIGTERM
        assert not is_interrupted()
