"""What a session promises its owner; the rest is tested through the run controller."""

from __future__ import annotations

import pytest
from MoBSegmentationLib.worker_session import WorkerSession

from mobseg.protocol import PROTOCOL_VERSION, Device, Hello, Ready, Stopping, to_line
from tests.extension.viewer import ManualScheduler, ScriptedProcess

HELLO = to_line(Hello(PROTOCOL_VERSION, "0.1.0", 2**22 + 7))
READY = Ready((Device("cpu", "CPU"),), 1.0)


class Owner:
    def __init__(self) -> None:
        self.heard: list[object] = []

    def on_message(self, session, message):
        self.heard.append(message)

    def on_lost(self, session, sentence):
        self.heard.append("lost")

    def on_gone(self):
        self.heard.append("gone")


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
def session(owner) -> WorkerSession:
    session = WorkerSession(owner, ManualScheduler())
    session.open(ScriptedProcess)
    return session


def test_messages_arrive_whole_however_they_are_cut(owner, session) -> None:
    for byte in HELLO + to_line(READY):
        session.on_stdout(bytes([byte]))
    assert owner.heard == [READY]
    assert session.is_ready


def test_nothing_follows_a_loss_but_the_end(owner, session) -> None:
    session.on_stdout(HELLO + b"garbage\n" + to_line(Stopping("x")) + b"more garbage\n")
    assert sorted(owner.heard) == ["gone", "lost"]


def test_a_killed_session_is_gone_and_not_lost(owner, session) -> None:
    session.on_stdout(HELLO)
    session.kill()
    session.on_stdout(to_line(READY))
    assert owner.heard == ["gone"]
