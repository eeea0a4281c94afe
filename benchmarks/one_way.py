"""Times one way of segmenting one CT in a process of its own, for its peak memory; prints JSON.

python one_way.py stock|mobseg MODEL_FOLDER CT OUT_FOLDER REPEATS [--standin] [--options JSON]

``--standin`` replaces the network by one without a cost.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import itertools
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from stages import StageTimer, of_folder
from standin import Standin
from torch import nn

from mobseg.covariance.base import StochasticHead
from mobseg.network.trunk import last_layer


@dataclass(frozen=True)
class Task:
    """What is to be done.

    Attributes:
        model: model folder.
        image: CT.
        output: folder for results.
        standin: whether to replace the network by :class:`standin.Standin`.
        options: of :class:`mobseg.options.SegmentOptions`.
    """

    model: Path
    image: Path
    output: Path
    standin: bool
    options: dict[str, Any]


@dataclass(frozen=True)
class Way:
    """A way that is ready to run.

    Attributes:
        run: segments the CT and returns the label map's file.
        layers: where the forward passes can be timed; none is called within another.
        stages: wall seconds by stage of the last run, given its whole time and that of its forward passes.
    """

    run: Callable[[], Path]
    layers: tuple[nn.Module, ...]
    stages: Callable[[float, float], dict[str, float]]


class Clock:
    """Wall time and CPU time of the process, in seconds."""

    def __init__(self) -> None:
        self._start = (time.perf_counter(), time.process_time())

    def read(self) -> tuple[float, float]:
        """Seconds since the start."""
        return (time.perf_counter() - self._start[0], time.process_time() - self._start[1])


class ForwardTimer:
    """Adds up the time inside the layers, so that it can be told from everything else."""

    def __init__(self, layers: tuple[nn.Module, ...]) -> None:
        self.wall = self.cpu = 0.0
        self._clock = Clock()
        for layer in layers:
            layer.register_forward_pre_hook(self._begin)
            layer.register_forward_hook(self._end)

    def _begin(self, *_arguments: object) -> None:
        self._clock = Clock()

    def _end(self, *_arguments: object) -> None:
        wall, cpu = self._clock.read()
        self.wall += wall
        self.cpu += cpu


def stock(task: Task) -> Way:
    """nnU-Net's predictor and export, without mirroring."""
    for variable in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        os.environ.setdefault(variable, tempfile.gettempdir())
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor  # noqa: PLC0415

    predictor = nnUNetPredictor(
        use_mirroring=False, device=torch.device("cpu"), verbose=False, allow_tqdm=False
    )
    predictor.initialize_from_trained_model_folder(str(task.model), (0,))
    if task.standin:
        predictor.network = Standin(predictor.label_manager.num_segmentation_heads)

    timer = StageTimer()

    def run() -> Path:
        timer.start()
        predictor.predict_from_files_sequential(
            [[str(task.image)]],
            [str(task.output / "stock")],
            save_probabilities=False,
            overwrite=True,
        )
        return task.output / "stock.nii.gz"

    return Way(run, (predictor.network,), timer.stages)


def ours(task: Task) -> Way:
    """The whole prediction folder, maps included, without the report for people."""
    from mobseg.options import SegmentOptions  # noqa: PLC0415
    from mobseg.pipeline import load_model, segment_file  # noqa: PLC0415
    from mobseg.progress import SilentProgress  # noqa: PLC0415

    loaded = load_model(task.model, device="cpu")
    options = SegmentOptions(**task.options)
    if task.standin:
        loaded = dataclasses.replace(loaded, networks=(Standin(loaded.folder.n_outputs),))
        # It has no layers that another library could compute.
        options = dataclasses.replace(options, engine="torch")

    def run() -> Path:
        folder = task.output / "mobseg"
        shutil.rmtree(folder, ignore_errors=True)
        segment_file(task.image, folder, loaded, options, SilentProgress(), report=False)
        return folder / "segmentation.nii.gz"

    layers = tuple(itertools.chain.from_iterable(map(_timed_layers, loaded.networks)))
    return Way(run, layers, partial(of_folder, task.output / "mobseg"))


def _timed_layers(network: nn.Module) -> tuple[nn.Module, ...]:
    """What mobseg calls of a network: all before its last layer, and the parts of that one for each slab."""
    last = last_layer(network)
    return (network, *(last.children() if isinstance(last, StochasticHead) else (last,)))


def peak_gib() -> float:
    """Largest resident memory of this process.

    Not ``ru_maxrss``, which Linux carries over from the process that started this one.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 2**20


def main() -> None:
    name, task, repeats = _arguments()
    clock = Clock()
    with contextlib.redirect_stdout(sys.stderr):
        way = {"stock": stock, "mobseg": ours}[name](task)
        ready, _ = clock.read()
        start_gib = peak_gib()
        timer = ForwardTimer(way.layers)
        runs = []
        for _ in range(1 + repeats):
            timer.wall = timer.cpu = 0.0
            clock = Clock()
            label_map = way.run()
            wall, cpu = clock.read()
            runs.append(
                {"wall": wall, "cpu": cpu, "forward_wall": timer.wall, "forward_cpu": timer.cpu}
            )
    result = {
        # The first run warms up, unless it is the only one.
        "runs": runs[1:] or runs,
        "ready_seconds": ready,
        "start_gib": start_gib,
        "peak_gib": peak_gib(),
        "label_map": str(label_map),
        "stages": way.stages(runs[-1]["wall"], runs[-1]["forward_wall"]),
    }
    print(json.dumps(result))


def _arguments() -> tuple[str, Task, int]:
    parser = argparse.ArgumentParser()
    parser.add_argument("way")
    for name in ("model", "image", "output"):
        parser.add_argument(name, type=Path)
    parser.add_argument("repeats", type=int)
    parser.add_argument("--standin", action="store_true")
    parser.add_argument("--options", type=json.loads, default={})
    given = parser.parse_args()
    task = Task(given.model, given.image, given.output, given.standin, given.options)
    return given.way, task, given.repeats


if __name__ == "__main__":
    main()
