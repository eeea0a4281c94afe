from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import pytest

from mobseg.errors import InvalidInput
from mobseg.options import SegmentOptions
from mobseg.protocol import (
    MAX_LINE_BYTES,
    CancelNoted,
    CancelRequest,
    Device,
    ErrorAnswer,
    Hello,
    LineSplitter,
    Loaded,
    LoadRequest,
    ModelInfo,
    ProgressUpdate,
    ProtocolError,
    Ready,
    Segmented,
    SegmentRequest,
    ShutdownRequest,
    StatusRequest,
    Stopping,
    WorkerStatus,
    parse_message,
    parse_request,
    request_id,
    to_line,
)
from mobseg.summary import SegmentationSummary, StructureVolume
from tests.support.worker_client import ROOT

SUMMARY = SegmentationSummary(
    structures=(StructureVolume(1, "Parotid_L", 24000.5),),
    score="variance",
    threshold=0.03,
    regions=2,
    regions_volume_mm3=120.0,
    notes=("One note.",),
    seconds_by_stage={"Reading": 0.5},
)
REQUESTS = [
    LoadRequest("1", model=None, device="cuda:1"),
    SegmentRequest(
        "2",
        input="/scans/Zoë 1.nii.gz",
        output="C:\\out",
        model="parotid",
        options=SegmentOptions(threshold=0.1, roi_ras_mm=(-1.0, 1.0, -2.0, 2.0, -3.0, 3.5)),
        overwrite=True,
        report=False,
    ),
    CancelRequest("3", target="2"),
    StatusRequest("4"),
    ShutdownRequest("5"),
]
MODEL = ModelInfo("parotid", "Parotid glands", "cpu")
MESSAGES = [
    Hello(1, "0.1.0", 42),
    Ready((Device("cpu", "CPU"),), 1.5),
    ProgressUpdate("2", "Predicting", 0.25, None),
    Loaded("1", MODEL, 0.1),
    Segmented("2", "/out", SUMMARY, 12.5),
    CancelNoted("3", "2", True),
    WorkerStatus("4", "busy", "2", ("7", "8"), (MODEL,), 1),
    Stopping("5"),
    ErrorAnswer(None, "ProtocolError", 10, "Bad."),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda x: x.TYPE)
def test_requests_survive_the_wire(request_):
    line = to_line(request_)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert parse_request(line) == request_


@pytest.mark.parametrize("message", MESSAGES, ids=lambda x: x.TYPE)
def test_messages_survive_the_wire(message):
    assert parse_message(to_line(message)) == message


def test_the_wire_form_is_what_the_documentation_shows():
    line = to_line(CancelRequest("3", target="2"))
    assert line == b'{"type":"cancel","id":"3","target":"2"}\n'


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"hello", "not valid JSON"),
        (b"3", "not a JSON object"),
        (b"{}", 'field "type" must be one of load, segment, cancel, status, shutdown'),
        (b'{"type": ["load"], "id": "1"}', 'field "type"'),
        (b'{"type": "hello", "protocol": 1}', 'field "type"'),
        (b'{"type": "load"}', '"id" is missing'),
        (b'{"type": "load", "id": 1}', '"id" must be a string'),
        (b'{"type": "status", "id": "1", "extra": 0}', 'no field "extra"'),
        (
            b'{"type": "segment", "id": "1", "input": "a", "output": "b", "options": {"stp": 1}}',
            'no field "options.stp"',
        ),
        (b" " * (MAX_LINE_BYTES + 1), "longer than"),
    ],
)
def test_lines_that_are_not_requests_are_refused(line, sentence):
    with pytest.raises(ProtocolError, match=sentence):
        parse_request(line)


def test_options_out_of_range_are_invalid_input():
    line = b'{"type": "segment", "id": "1", "input": "a", "output": "b", "options": {"step": 0}}'
    with pytest.raises(InvalidInput, match="step"):
        parse_request(line)


@pytest.mark.parametrize(
    ("line", "identifier"),
    [
        (b'{"type": "nonsense", "id": "7"}', "7"),
        (b'{"id": 7}', None),
        (b'["id"]', None),
        (b"3", None),
        (b"{", None),
    ],
)
def test_id_of_a_refused_line(line, identifier):
    assert request_id(line) == identifier


class TestLineSplitter:
    def test_lines_do_not_depend_on_how_the_stream_is_cut(self):
        stream = "".join(f'{{"n": "{n} ä"}}\r\n\n' for n in range(5)).encode() + b"rest"
        for size in (1, 2, 3, 7, len(stream)):
            splitter = LineSplitter()
            chunks = [stream[i : i + size] for i in range(0, len(stream), size)]
            lines = [line for chunk in chunks for line in splitter.feed(chunk)]
            assert [json.loads(line)["n"] for line in lines] == [f"{n} ä" for n in range(5)]

    def test_a_line_at_the_limit_passes_whole(self):
        line = b"x" * MAX_LINE_BYTES
        assert LineSplitter().feed(line + b"\n") == [line]

    def test_an_over_long_line_is_cut_and_the_next_one_is_whole(self):
        splitter = LineSplitter()
        lines = []
        for _ in range(40):
            lines += splitter.feed(b"x" * 100_000)
        assert lines == []
        first, second = splitter.feed(b"x\nnext\n")
        assert len(first) == MAX_LINE_BYTES + 1
        assert second == b"next"


def test_the_protocol_needs_neither_torch_nor_scipy():
    program = (
        "import sys; import mobseg.protocol; "
        "print([m for m in ('torch', 'scipy', 'SimpleITK') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert result.stdout.strip() == b"[]"


def test_the_documentation_shows_valid_lines_of_every_type():
    text = (ROOT / "docs" / "worker.md").read_text(encoding="utf-8")
    lines = [line.encode() for line in text.splitlines()]
    sent = [parse_request(line[2:]) for line in lines if line.startswith(b'> {"')]
    received = [parse_message(line[2:]) for line in lines if line.startswith(b'< {"')]
    assert {request.TYPE for request in sent} == {request.TYPE for request in REQUESTS}
    assert {message.TYPE for message in received} == {message.TYPE for message in MESSAGES}


def test_the_documentation_names_every_field():
    text = (ROOT / "docs" / "worker.md").read_text(encoding="utf-8")
    kinds = [type(x) for x in (*REQUESTS, *MESSAGES, SUMMARY, SegmentOptions())]
    names = {field.name for kind in kinds for field in dataclasses.fields(kind)}
    assert [name for name in sorted(names) if f"`{name}`" not in text] == []
