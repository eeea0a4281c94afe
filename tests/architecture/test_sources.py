"""Rules on the text of the repository that no linter of ours states."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture.layers import PACKAGE, ROOT, modules

MAX_LINES = 500
BINARY = {".gz", ".nrrd", ".png", ".zip", ".pth", ".pkl"}

MACHINE_PATH = re.compile(
    r"(?:^|[^\w.])(?:/(?:home|root|work|Users|mnt|opt|scratch)/|[A-Z]:\\Users)(?!somebody/)"
)
REGISTRY_HOST = re.compile(
    r"pypi\.org|pythonhosted\.org|download\.pytorch\.org|anaconda\.org|npmjs\.org|crates\.io"
)

#: Test file below tests/core -> modules that it covers although it is not named after them.
TESTED_TOGETHER = {
    # one contract for all parameterisations, against dense oracles
    "covariance/test_distributions.py": """covariance.base covariance.basis covariance.deterministic
        covariance.diagonal covariance.low_rank""",
    "covariance/test_heads.py": """covariance.mixture_of_bases covariance.settings
        covariance.single_basis""",
    # as what a bundle is unpacked by
    "bundle/test_archive.py": "bundle.extraction",
    # a data set and what nnU-Net finds
    "datasets/test_conversion.py": "datasets.source",
    # from models and cases to figures
    "experiment/test_measurement.py": """cli.case_arguments cli.json_file cli.measure cli.split experiment.cases
        experiment.ensemble experiment.learned_samples experiment.rater_figures experiment.region_figures""",
    # from measurements to a picture
    "experiment/test_slices.py": "cli.slices",
    # the report as a reader gets it
    "experiment/test_report.py": """experiment.figures experiment.paper experiment.review_tables
        experiment.table experiment.tables""",
    # the steps that they become
    "experiment/test_steps.py": "experiment.fitted",
    # the fitted model and its folder
    "experiment/test_variance_scale.py": """cli.rescale experiment.constant_variance
        experiment.derived_model""",
    # through the public reader
    "test_image_io_read.py": """image_io._checks image_io._fingerprint image_io._itk
        image_io._payload""",
    # one case, put together from metrics that have tests of their own
    "metrics/test_case.py": "metrics._ratio metrics.domain metrics.score_metrics",
    # built, trained and loaded as one
    "test_network.py": "network.build network.unet",
    # layer by layer the same as in PyTorch
    "test_network_openvino_trunk.py": "network.openvino_graph network.trunk",
    # what is written is read back
    "prediction_folder/test_folder.py": """prediction prediction_folder.reading
        prediction_folder.records prediction_folder.writing""",
    # parts of one computation
    "regions/test_flagging.py": """regions.candidates regions.description regions.region
        regions.scored""",
    # from raw data to a bundle
    "nnunet/test_training.py": """cli.export cli.train cli.training_arguments
        nnunet.environment nnunet.ext_trainers.mobseg_trainers nnunet.finetune_trainer nnunet.planner
        nnunet.resume nnunet.settings nnunet.trainer validation""",
    # the page as a reader gets it
    "report/test_report.py": """report.figures report.markup report.overview report.page
        report.scene report.style report.stylesheet report.write""",
    # what the released code does, and we do only when asked to
    "test_fidelity.py": "covariance.released",
    # stages of one run, compared with stock nnU-Net
    "test_pipeline.py": "model progress thresholds",
}


def _repository_files() -> list[Path]:
    """Tracked files, and new ones that git does not ignore."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    return [path for name in listing.split("\0") if name and (path := ROOT / name).is_file()]


FILES = _repository_files()
PYTHON_FILES = [path for path in FILES if path.suffix == ".py"]
TEST_FILES = [path for path in PYTHON_FILES if ROOT / "tests" in path.parents]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _where(path: Path, position: int) -> str:
    return f"{path.relative_to(ROOT)}:{_text(path).count(chr(10), 0, position) + 1}"


def _matches(pattern: re.Pattern[str]) -> list[str]:
    texts = [path for path in FILES if path.suffix not in BINARY]
    return [_where(path, hit.start()) for path in texts for hit in pattern.finditer(_text(path))]


def test_no_path_of_somebodys_machine() -> None:
    assert _matches(MACHINE_PATH) == []


def test_no_package_registry_is_named() -> None:
    assert _matches(REGISTRY_HOST) == []


@pytest.mark.parametrize(
    "text",
    ["see /" + "home/jo/x", "= '/" + "work/data'", "C:" + r"\Users\me", " /" + "mnt/disk/"],
)
def test_a_machine_path_is_recognised(text: str) -> None:
    assert MACHINE_PATH.search(text)


@pytest.mark.parametrize(
    "text", ["https://example.org/home/x", "../work/x", "network/build.py", "/home/somebody/x"]
)
def test_other_paths_are_left_alone(text: str) -> None:
    assert not MACHINE_PATH.search(text)


def test_no_source_file_is_long() -> None:
    lengths = {str(path.relative_to(ROOT)): len(_text(path).splitlines()) for path in PYTHON_FILES}
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}


def _calls(path: Path, name: str) -> list[ast.Call]:
    """Calls written ``name(...)`` or ``....name(...)``."""
    calls = [node for node in ast.walk(ast.parse(_text(path))) if isinstance(node, ast.Call)]
    return [
        call
        for call in calls
        if getattr(call.func, "id", None) == name or getattr(call.func, "attr", None) == name
    ]


def test_library_code_does_not_print() -> None:
    sources = [module.path for module in modules() if not module.name.startswith("cli.")]
    sources += sorted((ROOT / "MoBSegmentation").rglob("*.py"))
    assert [str(path) for path in sources if _calls(path, "print")] == []


def test_every_skip_and_expected_failure_has_a_reason() -> None:
    bare = re.compile(r"pytest\.mark\.(?:skip|xfail)\b(?!\()")
    offenders = [
        _where(path, hit.start()) for path in TEST_FILES for hit in bare.finditer(_text(path))
    ]
    for path in TEST_FILES:
        for name in ("skip", "skipif", "xfail"):
            offenders += [
                f"{path.relative_to(ROOT)}:{call.lineno}"
                for call in _calls(path, name)
                if not any(keyword.arg == "reason" for keyword in call.keywords)
                and not (name == "skip" and call.args)
            ]
    assert offenders == []


def _has_test(module_path: Path) -> bool:
    """``a/_b.py`` is tested by ``tests/core/a/test_b.py`` or ``tests/core/test_a_b.py``."""
    *folders, stem = module_path.relative_to(PACKAGE).with_suffix("").parts
    stem = stem.lstrip("_")
    nested = Path(*folders, f"test_{stem}.py")
    flat = Path(f"test_{'_'.join([*folders, stem])}.py")
    return any((ROOT / "tests" / "core" / test).exists() for test in (nested, flat))


def test_every_core_module_has_its_test_file() -> None:
    covered = set(" ".join(TESTED_TOGETHER.values()).split())
    missing = [
        module.name
        for module in modules()
        if not module.path.name.startswith("__")
        and module.name not in covered
        and not _has_test(module.path)
    ]
    assert missing == [], "write the test file, or name the one that covers it in TESTED_TOGETHER"


def test_exceptions_from_the_mirror_are_current() -> None:
    paths = {module.name: module.path for module in modules()}
    for test_file, names in TESTED_TOGETHER.items():
        assert (ROOT / "tests" / "core" / test_file).exists(), f"{test_file} is gone"
        for name in names.split():
            assert name in paths, f"{name} is gone"
            assert not _has_test(paths[name]), f"{name} has its own test file now"
