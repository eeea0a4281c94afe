from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from typing import ClassVar

import pytest

from mobseg import __version__
from mobseg.cli.main import COMMANDS, attach_number_lists, execute, main
from mobseg.errors import BundleError


class EchoCommand:
    """Raises what it was made with, or returns its number."""

    NAME: ClassVar[str] = "echo"
    HELP: ClassVar[str] = "for the tests"
    error: ClassVar[BaseException | None] = None

    def __init__(self, number: int) -> None:
        self.number = number

    @staticmethod
    def configure(parser):
        parser.add_argument("--number", type=int, default=0)

    @classmethod
    def from_arguments(cls, namespace):
        return cls(namespace.number)

    def run(self):
        if self.error is not None:
            raise self.error
        return self.number


def failing_with(exception):
    return type("FailingCommand", (EchoCommand,), {"error": exception})


@pytest.fixture(autouse=True)
def _restored_log_level():
    logger = logging.getLogger("mobseg")
    level = logger.level
    yield
    logger.setLevel(level)


def run_python(program):
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )


def test_the_exit_code_is_the_commands():
    assert execute(EchoCommand, ["--number", "4"]) == 4


def test_our_errors_are_one_sentence_with_their_code(capsys):
    assert execute(failing_with(BundleError("The model is broken; get another.")), []) == 5
    captured = capsys.readouterr()
    assert captured.err == "mobseg: error: The model is broken; get another.\n"
    assert captured.out == ""


def test_ctrl_c_is_130(capsys):
    assert execute(failing_with(KeyboardInterrupt()), []) == 130
    assert capsys.readouterr().err == "mobseg: error: Cancelled; nothing was written.\n"


def test_unexpected_errors_show_their_traceback_only_on_demand(capsys, caplog):
    command = failing_with(ValueError("inner detail"))
    assert execute(command, []) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "ValueError" in message
    assert "--debug" in message
    assert caplog.records == []

    assert execute(command, ["--debug"]) == 1
    assert "inner detail" in caplog.text
    assert "Traceback" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "level"),
    [([], logging.WARNING), (["-v"], logging.INFO), (["-vv"], logging.DEBUG)],
)
def test_verbosity(arguments, level):
    execute(EchoCommand, arguments)
    assert logging.getLogger("mobseg").level == level


@pytest.mark.parametrize("arguments", [["--number", "x"], ["surplus"], ["--nonsense"]])
def test_usage_errors_are_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        execute(EchoCommand, arguments)
    assert stop.value.code == 2
    assert "usage: mobseg echo" in capsys.readouterr().err


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"mobseg {__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["dance"]])
def test_no_or_an_unknown_command_is_a_usage_error(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage: mobseg" in capsys.readouterr().err


def test_help_lists_every_command_and_needs_no_torch():
    result = run_python(
        "import sys; sys.modules['torch'] = sys.modules['nnunetv2'] = None\n"
        "from mobseg.cli.main import main; main(['--help'])"
    )
    assert result.returncode == 0, result.stderr
    for name, _, _ in COMMANDS:
        assert re.search(rf"\n    {name}\s", result.stdout), name


@pytest.mark.parametrize("name", [name for name, _, _ in COMMANDS])
def test_every_command_explains_itself_without_torch(name):
    result = run_python(
        "import sys; sys.modules['torch'] = sys.modules['nnunetv2'] = None\n"
        f"from mobseg.cli.main import main; main([{name!r}, '--help'])"
    )
    assert result.returncode == 0, result.stderr
    assert f"usage: mobseg {name}" in result.stdout


def test_a_missing_torch_is_explained(tmp_path):
    source = tmp_path / "ct.nii.gz"
    source.touch()
    result = run_python(
        "import sys; sys.modules['torch'] = None\n"
        "from mobseg.cli.main import main\n"
        f"sys.exit(main(['segment', {str(source)!r}, '-o', {str(tmp_path / 'out')!r}]))"
    )
    assert result.returncode == 9
    assert result.stderr.count("\n") == 1
    assert 'pip install "mobseg[inference]"' in result.stderr


def test_python_m_mobseg():
    result = subprocess.run(
        [sys.executable, "-m", "mobseg", "--version"], capture_output=True, text=True, check=True
    )
    assert result.stdout == f"mobseg {__version__}\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGPIPE")
def test_output_that_nobody_reads_is_no_fault():
    reader, writer = os.pipe()
    os.close(reader)
    result = subprocess.run(
        [sys.executable, "-m", "mobseg", "models", "list"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    os.close(writer)
    assert (result.returncode, result.stderr) == (141, "")


@pytest.mark.parametrize(
    ("arguments", "attached"),
    [
        (["--roi", "-10,20,-3.5,4,-1e2,0"], ["--roi=-10,20,-3.5,4,-1e2,0"]),
        (["a", "--roi", "1,2"], ["a", "--roi", "1,2"]),
        (["--seed", "-1"], ["--seed", "-1"]),
        (["-1,2"], ["-1,2"]),
        (["-o", "-v"], ["-o", "-v"]),
    ],
)
def test_lists_that_begin_with_a_minus_sign_are_attached(arguments, attached):
    assert attach_number_lists(arguments) == attached
