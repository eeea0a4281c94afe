"""Messages between a viewer and the worker: one JSON object per line of UTF-8.

The viewer writes requests to the worker's standard input and reads messages from its standard output. Each
request is answered by exactly one message that carries its ``id``: an :class:`ErrorAnswer` or the answer
named in the request's docstring. :class:`ProgressUpdate` may come before it. See ``docs/worker.md``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, get_args

from mobseg import strict_json
from mobseg.errors import MobsegError
from mobseg.options import SegmentOptions
from mobseg.summary import SegmentationSummary

#: Raised by one whenever a message changes; both sides must have the same.
PROTOCOL_VERSION = 1

#: Longest line that either side accepts, without its line end.
MAX_LINE_BYTES = 1 << 20


class ProtocolError(MobsegError):
    """A line is not a message of this protocol."""

    exit_code: ClassVar[int] = 10


@dataclass(frozen=True)
class LoadRequest:
    """Load a model and keep it warm. Answered by :class:`Loaded`.

    Attributes:
        id: chosen by the viewer; not in use by another unanswered request.
        model: id or folder of the model; ``None`` for the default.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    """

    TYPE: ClassVar[str] = "load"
    id: str
    model: str | None = None
    device: str = "auto"


@dataclass(frozen=True)
class SegmentRequest:
    """Segment an image into a new prediction folder. Answered by :class:`Segmented`.

    Attributes:
        id: chosen by the viewer; not in use by another unanswered request.
        input: absolute path of an image file or DICOM series folder.
        output: absolute path of the prediction folder to make.
        model: id or folder of the model; ``None`` for the default.
        options: how to segment.
        overwrite: replace an existing prediction folder.
        report: also write the HTML report.
    """

    TYPE: ClassVar[str] = "segment"
    id: str
    input: str
    output: str
    model: str | None = None
    options: SegmentOptions = field(default_factory=SegmentOptions)
    overwrite: bool = False
    report: bool = True


@dataclass(frozen=True)
class CancelRequest:
    """Stop a waiting or running request, which then fails with ``Cancelled``.

    Answered at once by :class:`CancelNoted`.
    """

    TYPE: ClassVar[str] = "cancel"
    id: str
    target: str


@dataclass(frozen=True)
class StatusRequest:
    """Ask what the worker is doing. Answered at once by :class:`WorkerStatus`."""

    TYPE: ClassVar[str] = "status"
    id: str


@dataclass(frozen=True)
class ShutdownRequest:
    """Cancel everything and end the worker. Answered by :class:`Stopping`, the last message."""

    TYPE: ClassVar[str] = "shutdown"
    id: str


@dataclass(frozen=True)
class Hello:
    """The first message, sent before anything heavy is loaded."""

    TYPE: ClassVar[str] = "hello"
    protocol: int
    mobseg_version: str
    pid: int


@dataclass(frozen=True)
class Device:
    """A device of this machine: the name to request it by, and what to show to people."""

    name: str
    description: str


@dataclass(frozen=True)
class Ready:
    """PyTorch is loaded. Requests may be sent before; they wait for it."""

    TYPE: ClassVar[str] = "ready"
    devices: tuple[Device, ...]
    seconds: float


@dataclass(frozen=True)
class ProgressUpdate:
    """How far a request is; at most some ten per second.

    Attributes:
        id: the request.
        stage: short phrase for people.
        fraction: 0 to 1 of the whole request.
        seconds_left: estimated from the recent speed; ``None`` while unknown.
    """

    TYPE: ClassVar[str] = "progress"
    id: str
    stage: str
    fraction: float
    seconds_left: float | None


@dataclass(frozen=True)
class ModelInfo:
    """A loaded model and the device that it is on."""

    id: str
    name: str
    device: str


@dataclass(frozen=True)
class Loaded:
    """The model is in memory; ``seconds`` is next to nothing when it already was."""

    TYPE: ClassVar[str] = "loaded"
    id: str
    model: ModelInfo
    seconds: float


@dataclass(frozen=True)
class Segmented:
    """The prediction folder is complete; ``seconds`` counts from the start of the request."""

    TYPE: ClassVar[str] = "segmented"
    id: str
    output: str
    summary: SegmentationSummary
    seconds: float


@dataclass(frozen=True)
class CancelNoted:
    """Whether the target was waiting or running, and so will be stopped."""

    TYPE: ClassVar[str] = "cancel_noted"
    id: str
    target: str
    found: bool


@dataclass(frozen=True)
class WorkerStatus:
    """What the worker is doing.

    Attributes:
        id: the request.
        state: ``starting`` (loading PyTorch), ``idle``, ``busy`` or ``stopping``.
        running: id of the request under way.
        waiting: ids of the requests behind it, in order.
        models: models in memory, the most recently used first.
        models_loaded: number of times that a model was read from disk.
    """

    TYPE: ClassVar[str] = "worker_status"
    id: str
    state: str
    running: str | None
    waiting: tuple[str, ...]
    models: tuple[ModelInfo, ...]
    models_loaded: int


@dataclass(frozen=True)
class Stopping:
    """The worker ends now."""

    TYPE: ClassVar[str] = "stopping"
    id: str


@dataclass(frozen=True)
class ErrorAnswer:
    """A request failed.

    Attributes:
        id: the request; ``None`` for a line that could not be read, or a failed start.
        kind: class of :mod:`mobseg.errors`, ``MissingDependency`` or ``InternalError``.
        exit_code: what the command line would have exited with.
        sentence: what is wrong and what to do, for people.
    """

    TYPE: ClassVar[str] = "error"
    id: str | None
    kind: str
    exit_code: int
    sentence: str


Request = LoadRequest | SegmentRequest | CancelRequest | StatusRequest | ShutdownRequest
Message = (
    Hello
    | Ready
    | ProgressUpdate
    | Loaded
    | Segmented
    | CancelNoted
    | WorkerStatus
    | Stopping
    | ErrorAnswer
)

_REQUESTS: dict[str, type[Any]] = {kind.TYPE: kind for kind in get_args(Request)}
_MESSAGES: dict[str, type[Any]] = {kind.TYPE: kind for kind in get_args(Message)}


def to_line(message: Request | Message) -> bytes:
    """One line, with its line end."""
    return strict_json.dumps({"type": message.TYPE, **strict_json.encode(message)}) + b"\n"


def parse_request(line: bytes) -> Request:
    """Read a line that the viewer sent.

    Raises:
        ProtocolError: it is not a request; the sentence says why.
        InvalidInput: an option of a segmentation is out of range.
    """
    request: Request = _parse(line, _REQUESTS)
    return request


def parse_message(line: bytes) -> Message:
    """Read a line that the worker sent.

    Raises:
        ProtocolError: it is not a message of this version of the protocol.
    """
    message: Message = _parse(line, _MESSAGES)
    return message


def request_id(line: bytes) -> str | None:
    """The id in a line that :func:`parse_request` refused, so that the refusal can be matched to it."""
    try:
        identifier = strict_json.loads(line[:MAX_LINE_BYTES])["id"]
    except (strict_json.StrictJsonError, LookupError, TypeError):
        return None
    return identifier if isinstance(identifier, str) else None


def _parse(line: bytes, kinds: dict[str, type[Any]]) -> Any:
    if len(line) > MAX_LINE_BYTES:
        raise ProtocolError(f"The line is longer than {MAX_LINE_BYTES} bytes.")
    try:
        fields = strict_json.loads(line)
        if not isinstance(fields, dict):
            raise ProtocolError("The line is not a JSON object.")
        name = fields.pop("type", None)
        if not isinstance(name, str) or name not in kinds:
            raise ProtocolError(f'The field "type" must be one of {", ".join(kinds)}.')
        return strict_json.decode(kinds[name], fields)
    except strict_json.StrictJsonError as error:
        raise ProtocolError(f"The line is not a message: {error}") from error


class LineSplitter:
    """Cuts a stream of bytes into lines without ever keeping more than one over-long line's start."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines completed by ``chunk``, without line ends and blank lines.

        A line over the limit comes cut to one byte more than it, so that parsing refuses it.
        """
        lines = []
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            self._keep(end)
            lines.append(bytes(self._pending).strip())
            self._pending.clear()
        self._keep(rest)
        return [line for line in lines if line]

    def _keep(self, part: bytes) -> None:
        self._pending += part[: MAX_LINE_BYTES + 1 - len(self._pending)]
