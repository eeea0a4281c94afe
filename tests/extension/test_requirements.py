from __future__ import annotations

import ast
import re
from itertools import product

import pytest
from MoBSegmentationLib.requirements import REQUIREMENTS, satisfies
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tests.architecture.layers import ROOT

VERSIONS = (
    "2", "2.5.1", "2.6", "2.6.0", "2.7.1+cu126", "2.9.0", "2.9.1", "2.10.0", "2.12.1", "2.13.0",
    "0.4", "0.4.3", "0.4.4", "0.4.10", "0.5", "0.5.1", "3.6.9", "3.7.0", "3.10.1", "10.0",
)  # fmt: skip
SPECIFIERS = [requirement.versions for requirement in REQUIREMENTS] + [">=2.6,!=2.9.*,<2.13"]


@pytest.mark.parametrize(("version", "specifier"), list(product(VERSIONS, SPECIFIERS)))
def test_versions_are_compared_as_pip_does(version, specifier) -> None:
    assert satisfies(version, specifier) == SpecifierSet(specifier).contains(Version(version))


def test_another_operator_is_refused() -> None:
    with pytest.raises(ValueError, match="not supported"):
        satisfies("1.0", "~=1.0")


def test_they_are_those_of_the_core_package() -> None:
    """What the worker needs is stated in pyproject.toml, for pip."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    lines = re.search(r"^inference = (\[.*\])$", text, re.MULTILINE)
    assert lines
    declared = {line.split(">")[0]: line for line in ast.literal_eval(lines[1])}
    assert set(declared) == {requirement.name for requirement in REQUIREMENTS}
    for requirement in REQUIREMENTS:
        versions = requirement.versions.removesuffix(",<2.13")
        assert declared[requirement.name] == requirement.name + versions
