"""Times one way of segmenting one CT in a process of its own, for its peak memory; prints JSON.

python one_way.py stock|mobseg MODEL_FOLDER CT OUT_FOLDER REPEATS
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch


def stock(model: Path, image: Path, output: Path) -> Callable[[], Path]:
    """nnU-Net's predictor and export, without mirroring."""
    for variable in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        os.environ.setdefault(variable, tempfile.gettempdir())
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor  # noqa: PLC0415

    predictor = nnUNetPredictor(
        use_mirroring=False, device=torch.device("cpu"), verbose=False, allow_tqdm=False
    )
    predictor.initialize_from_trained_model_folder(str(model), (0,))

    def run() -> Path:
        predictor.predict_from_files_sequential(
            [[str(image)]], [str(output / "stock")], save_probabilities=False, overwrite=True
        )
        return output / "stock.nii.gz"

    return run


def ours(model: Path, image: Path, output: Path) -> Callable[[], Path]:
    """The whole prediction folder, maps included, without the report for people."""
    from mobseg.options import SegmentOptions  # noqa: PLC0415
    from mobseg.pipeline import load_model, segment_file  # noqa: PLC0415
    from mobseg.progress import SilentProgress  # noqa: PLC0415

    loaded = load_model(model, device="cpu")

    def run() -> Path:
        folder = output / "mobseg"
        shutil.rmtree(folder, ignore_errors=True)
        segment_file(image, folder, loaded, SegmentOptions(), SilentProgress(), report=False)
        return folder / "segmentation.nii.gz"

    return run


def main() -> None:
    way, model, image, output, repeats = sys.argv[1:]
    start = time.perf_counter()
    with contextlib.redirect_stdout(sys.stderr):
        run = {"stock": stock, "mobseg": ours}[way](Path(model), Path(image), Path(output))
        ready = time.perf_counter() - start
        label_map = run()
        seconds = []
        for _ in range(int(repeats)):
            begin = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - begin)
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        json.dumps(
            {
                "seconds": seconds,
                "ready_seconds": ready,
                "peak_gib": peak_kib / 2**20,
                "label_map": str(label_map),
            }
        )
    )


if __name__ == "__main__":
    main()
