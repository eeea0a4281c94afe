from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.worker_client import ROOT

#: Starts a worker that inherits the file descriptor in the first argument as its input, and waits.
GO_BETWEEN = """
import subprocess, sys
worker = [sys.executable, "-m", "tests.core.worker.step_worker", "0"]
subprocess.Popen(worker, stdin=int(sys.argv[1]))
input()
"""


@pytest.mark.skipif(os.name != "posix", reason="Windows does not tell of a dead parent")
def test_the_death_of_the_parent_ends_the_worker_although_its_input_stays_open():
    # This test holds the worker's input open; the worker's parent is in between.
    reading, writing = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", GO_BETWEEN, str(reading)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=(reading,),
    ) as parent:
        os.close(reading)
        assert b'"hello"' in parent.stdout.readline()
        assert b'"ready"' in parent.stdout.readline()
        parent.kill()
        # The output ends when the worker, the last that has it, is gone.
        assert parent.stdout.read() == b""
    os.close(writing)
