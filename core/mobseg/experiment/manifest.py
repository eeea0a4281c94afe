"""The record of an experiment: what was run on which data with which software, and how long it took."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import mobseg
from mobseg import strict_json
from mobseg.experiment.config import ExperimentConfig
from mobseg.experiment.steps import Places, Step

MANIFEST = "manifest.json"

_PACKAGES = ("torch", "nnunetv2", "dynamic-network-architectures", "numpy", "scipy", "SimpleITK")
_CHUNK = 1 << 20


class Manifest:
    """Keeps ``manifest.json`` up to date; it holds no path of this machine and no patient data."""

    def __init__(self, config: ExperimentConfig, places: Places) -> None:
        """Read what an earlier run wrote, and note the configuration, data, software and machine."""
        self._places = places
        self._path = places.output / MANIFEST
        steps = json.loads(self._path.read_text())["steps"] if self._path.exists() else {}
        self._content: dict[str, Any] = {
            "config": strict_json.encode(config),
            "data": data_hashes(places),
            "software": _versions(),
            "machine": _machine(config.device),
            "steps": steps,
        }
        self._write()

    def add(self, step: Step, exit_code: int, seconds: float) -> None:
        """Note that a step ended."""
        earlier = self._content["steps"].get(step.name, {}).get("seconds", 0.0)
        self._content["steps"][step.name] = {
            "command": self._portable(("mobseg", *step.arguments)),
            "exit_code": exit_code,
            "seconds": round(earlier + seconds, 1),
        }
        self._write()

    def _portable(self, arguments: tuple[str, ...]) -> str:
        """The command with variables for the folders of this machine."""
        command = " ".join(arguments)
        for folder, variable in (
            (self._places.raw.parent, "$nnUNet_raw"),
            (self._places.preprocessed.parent, "$nnUNet_preprocessed"),
            (self._places.results.parent, "$nnUNet_results"),
            (self._places.output, "$OUT"),
            (self._places.config, "."),
        ):
            command = command.replace(str(folder), variable)
        return command

    def _write(self) -> None:
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(self._content, indent=1))
        partial.replace(self._path)


def data_hashes(places: Places) -> dict[str, Any]:
    """Number of files of the raw data set, SHA-256 of their names and contents, and of the split."""
    files = sorted(path for path in places.raw.rglob("*") if path.is_file())
    total = hashlib.sha256()
    for path in files:
        total.update(path.relative_to(places.raw).as_posix().encode())
        total.update(_sha256(path).encode())
    split = places.preprocessed / "splits_final.json"
    return {
        "dataset": places.raw.name,
        "files": len(files),
        "sha256": total.hexdigest(),
        "split_sha256": _sha256(split) if split.exists() else None,
    }


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "mobseg": mobseg.__version__}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _machine(device: str) -> dict[str, Any]:
    return {"device": device, "system": platform.system(), "cpus": os.cpu_count()}
