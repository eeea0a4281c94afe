"""Wall seconds by stage, under the same names for stock nnU-Net and mobseg."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: In the order in which they happen; ``STAGES[2]`` is the network's forward passes.
STAGES = ("read", "preprocess", "network", "stitch", "native grid", "regions", "write")


def of_folder(folder: Path, whole: float, forward: float) -> dict[str, float]:
    """Stages of mobseg, from the record of a run; what it does not time is the writing.

    Args:
        folder: prediction folder.
        whole: seconds of the run.
        forward: seconds of them inside the network.
    """
    timed = json.loads((folder / "run.json").read_text())["seconds_by_stage"]
    seconds = {name: timed[name] for name in ("read", "preprocess", "native grid", "regions")}
    seconds |= {"network": forward, "stitch": timed["network"] - forward}
    return _in_order(seconds, whole)


class StageTimer:
    """Stages of stock nnU-Net: times its functions, one of which may call another."""

    def __init__(self) -> None:
        from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO  # noqa: PLC0415
        from nnunetv2.inference import export_prediction  # noqa: PLC0415
        from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor  # noqa: PLC0415
        from nnunetv2.preprocessing.preprocessors.default_preprocessor import (  # noqa: PLC0415
            DefaultPreprocessor,
        )

        self._seconds: dict[str, float] = {}
        for owner, name in (
            (SimpleITKIO, "read_images"),
            (DefaultPreprocessor, "run_case_npy"),
            (nnUNetPredictor, "predict_sliding_window_return_logits"),
            (export_prediction, "convert_predicted_logits_to_segmentation_with_correct_shape"),
        ):
            setattr(owner, name, self._timed(name, getattr(owner, name)))

    def start(self) -> None:
        """Forget the run before."""
        self._seconds.clear()

    def stages(self, whole: float, forward: float) -> dict[str, float]:
        """Stages of the last run; its writing is what remains, with the loading of the weights."""
        windows = self._seconds["predict_sliding_window_return_logits"]
        export = "convert_predicted_logits_to_segmentation_with_correct_shape"
        return _in_order(
            {
                "read": self._seconds["read_images"],
                "preprocess": self._seconds["run_case_npy"],
                "network": forward,
                "stitch": windows - forward,
                "native grid": self._seconds[export],
                "regions": 0.0,
            },
            whole,
        )

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **keywords: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*arguments, **keywords)
            finally:
                spent = time.perf_counter() - start
                self._seconds[name] = self._seconds.get(name, 0.0) + spent

        return timed


def _in_order(seconds: dict[str, float], whole: float) -> dict[str, float]:
    seconds["write"] = whole - sum(seconds.values())
    return {name: seconds[name] for name in STAGES}
