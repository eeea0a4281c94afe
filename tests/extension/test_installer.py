from __future__ import annotations

import subprocess

import pytest
from MoBSegmentationLib.installer import CheckLine, InstallationError, Installer

TORCH, NETWORKS, PLOTS = "torch", "dynamic-network-architectures", "matplotlib"


class Environment:
    """A Python in which packages appear when they are installed."""

    def __init__(self, **versions: str) -> None:
        self.versions = {name.replace("_", "-"): version for name, version in versions.items()}
        self.calls: list[tuple[str, ...]] = []
        self.has_extension = True
        self.failure: tuple[str, Exception] | None = None
        self.new_torch: str | None = "2.12.0"

    def version_of(self, distribution):
        return self.versions.get(distribution)

    def has_torch_installer(self):
        return self.has_extension

    def install_torch(self, versions, on_line):
        self._run(("PyTorchUtils", versions), on_line)
        if self.new_torch:
            self.versions[TORCH] = self.new_torch

    def pip_install(self, arguments, on_line):
        self._run(tuple(arguments), on_line)
        self.versions[arguments[-1].split(">")[0]] = arguments[-1].split(">=")[1].split(",")[0]

    def try_worker(self):
        return CheckLine("segmentation process", True, "CPU, 2 threads")

    def _run(self, call, on_line):
        self.calls.append(call)
        on_line("Collecting")
        if self.failure:
            on_line(self.failure[0])
            raise self.failure[1]


@pytest.fixture
def complete() -> Environment:
    return Environment(
        torch="2.7.1+cu126", dynamic_network_architectures="0.4.4", matplotlib="3.10.1"
    )


class Asked:
    def __init__(self, answer: bool) -> None:
        self.answer = answer
        self.questions: list[str] = []

    def __call__(self, question: str) -> bool:
        self.questions.append(question)
        return self.answer


def _nothing(_line: str) -> None:
    pass


def test_nothing_is_asked_where_nothing_is_missing(complete) -> None:
    asked = Asked(False)
    assert Installer(complete).missing() == ()
    assert Installer(complete).install(asked, _nothing)
    assert (asked.questions, complete.calls) == ([], [])


def test_one_question_names_packages_sizes_and_purposes() -> None:
    environment, asked = Environment(matplotlib="3.9.0"), Asked(False)
    assert not Installer(environment).install(asked, _nothing)
    (question,) = asked.questions
    for part in (TORCH, "3 GB", "running the network", NETWORKS, "below 1 MB"):
        assert part in question
    assert PLOTS not in question
    assert environment.calls == []


def test_torch_goes_through_its_extension_and_the_rest_through_pip() -> None:
    environment, lines = Environment(), []
    assert Installer(environment).install(Asked(True), lines.append)
    torch, networks, plots = environment.calls
    assert torch[0] == "PyTorchUtils"
    assert torch[1].startswith(">=2.6,!=2.9.*")
    assert networks == ("--no-deps", f"{NETWORKS}>=0.4.4,<0.5")
    assert plots == (f"{PLOTS}>=3.7",)
    assert Installer(environment).missing() == ()
    assert lines == ["Collecting"] * 3


@pytest.mark.parametrize("version", ["2.5.1", "2.9.1"])
def test_a_version_that_does_not_do_is_missing(complete, version) -> None:
    complete.versions[TORCH] = version
    assert [package.name for package in Installer(complete).missing()] == [TORCH]
    line = Installer(complete).check()[0]
    assert not line.is_ok
    assert version in line.text


def test_without_the_extension_the_user_is_told_before_being_asked() -> None:
    environment, asked = Environment(), Asked(True)
    environment.has_extension = False
    with pytest.raises(InstallationError, match="extension PyTorch is not installed"):
        Installer(environment).install(asked, _nothing)
    assert (asked.questions, environment.calls) == ([], [])


def test_the_real_cause_is_told_with_the_output_of_pip() -> None:
    environment = Environment()
    environment.failure = (
        "ProxyError('Cannot connect to proxy.')",
        subprocess.CalledProcessError(1, ["pip"]),
    )
    with pytest.raises(InstallationError, match="torch could not be installed: the proxy") as info:
        Installer(environment).install(Asked(True), _nothing)
    assert "Collecting\nProxyError" in info.value.details
    assert "exit status 1" in info.value.details
    assert len(environment.calls) == 1


def test_an_unknown_failure_names_its_kind() -> None:
    environment = Environment()
    environment.failure = ("", RuntimeError("who knows"))
    with pytest.raises(
        InstallationError, match="torch could not be installed: RuntimeError"
    ) as info:
        Installer(environment).install(Asked(True), _nothing)
    assert "who knows" in info.value.details


def test_an_installation_without_effect_is_noticed() -> None:
    environment = Environment()
    environment.new_torch = None
    with pytest.raises(InstallationError, match="is not found; restart"):
        Installer(environment).install(Asked(True), _nothing)


def test_a_failed_installation_goes_on_where_it_stopped() -> None:
    environment = Environment()
    environment.new_torch = None
    with pytest.raises(InstallationError):
        Installer(environment).install(Asked(True), _nothing)
    environment.versions[TORCH] = "2.12.0"
    assert Installer(environment).install(Asked(True), _nothing)
    assert [call[0] for call in environment.calls] == ["PyTorchUtils", "--no-deps", f"{PLOTS}>=3.7"]


def test_the_check_ends_with_the_worker_where_all_is_there(complete) -> None:
    lines = Installer(complete).check()
    assert all(line.is_ok for line in lines)
    assert [line.text for line in lines] == ["2.7.1+cu126", "0.4.4", "3.10.1", "CPU, 2 threads"]
    del complete.versions[PLOTS]
    lines = Installer(complete).check()
    assert [line.is_ok for line in lines] == [True, True, False]
    assert "pictures in reports" in lines[-1].text
