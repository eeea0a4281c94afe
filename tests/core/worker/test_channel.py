from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from mobseg.protocol import Stopping, parse_message
from mobseg.worker.channel import Channel
from tests.support.worker_client import ROOT


@pytest.fixture
def pipe():
    ends = list(os.pipe())
    yield ends
    for end in ends:
        os.close(end)


def test_lines_end_with_the_pipe(pipe):
    channel = Channel(pipe[0], write_fd=-1)
    os.write(pipe[1], b"one\ntwo\nunfinished")
    os.close(pipe.pop())
    assert list(channel.lines()) == [b"one", b"two"]


def test_messages_of_several_threads_never_mix(pipe):
    reading, writing = pipe
    channel = Channel(read_fd=-1, write_fd=writing)
    # Longer than a pipe takes at once, so that each message needs several writes.
    names = [letter * 200_000 for letter in "abcd"]
    threads = [threading.Thread(target=channel.send, args=[Stopping(name)]) for name in names]
    for thread in threads:
        thread.start()
    lines = Channel(reading, write_fd=-1).lines()
    received = [parse_message(next(lines)) for _ in names]
    for thread in threads:
        thread.join()
    assert sorted(message.id for message in received) == names


def test_sending_to_a_viewer_that_is_gone_does_nothing(pipe):
    reading, writing = pipe
    os.close(reading)
    pipe.remove(reading)
    Channel(read_fd=-1, write_fd=writing).send(Stopping("1"))


def test_claiming_moves_the_protocol_out_of_reach():
    program = (
        "import os, sys\n"
        "from mobseg.protocol import Stopping\n"
        "from mobseg.worker.channel import claim_standard_streams\n"
        "print('before')\n"
        "channel = claim_standard_streams()\n"
        "print('print'); os.write(1, b'write\\n'); os.system('echo child')\n"
        "assert sys.stdin.read() == ''\n"
        "channel.send(Stopping(next(channel.lines()).decode()))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        input=b"line\n",
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == [b"before", b'{"type":"stopping","id":"line"}']
    assert set(result.stderr.split()) == {b"print", b"write", b"child"}
