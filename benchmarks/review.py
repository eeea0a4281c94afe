"""Review of a large CT in the 3D Slicer module: moving the threshold, and strokes limited to flagged voxels.

    python benchmarks/review.py

The maps are those of the shipped model on the sample CT, enlarged to 512 x 512 x 300 voxels of about
1.1 mm, the patient twice. Needs slicer-core; see CONTRIBUTING.md.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "MoBSegmentation")]

from mobseg.geometry import VolumeGeometry  # noqa: E402
from mobseg.labels import LabelTable  # noqa: E402
from mobseg.prediction_folder import StoredPrediction, read_prediction_folder  # noqa: E402
from mobseg.regions import RegionIndex, ScoredPrediction  # noqa: E402
from mobseg.uncertainty import error_probability_of  # noqa: E402

SAMPLE_CT = ROOT / "core" / "mobseg" / "resources" / "sample" / "ct.nii.gz"
SHAPE = (300, 512, 512)
STROKE_SHAPE = (256, 512, 512)
BRUSH_VOXELS = 30
REPEATS = 5


def median_ms(action: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Median wall time after one run to warm up."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        action()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times[1:])


def predict_sample(folder: Path) -> StoredPrediction:
    """The shipped model's result on the sample CT."""
    command = [sys.executable, "-m", "mobseg", "segment", str(SAMPLE_CT), "-o", str(folder / "out")]
    subprocess.run(command, check=True, capture_output=True)
    return read_prediction_folder(folder / "out")


def enlarge(stored: StoredPrediction, shape: tuple[int, int, int]) -> ScoredPrediction:
    """The foreground probability on a finer grid, two patients beside each other, scored by the error."""
    small = stored.maps.probability_mean[0]
    zoom = (shape[0] / small.shape[0], *[shape[2] / small.shape[2]] * 2)
    patient = ndimage.zoom(small, zoom, order=1)
    probability = np.zeros(shape, np.float32)
    both = np.concatenate([patient, patient], axis=1)[:, : shape[1]]
    probability[: both.shape[0], : both.shape[1]] = both[: shape[0]]
    labels = (probability > 0.5).astype(np.uint8) * stored.maps.label_table.labels[0].value
    spacing_mm = np.array(stored.maps.geometry.spacing_kji_mm) / zoom
    table = LabelTable(stored.maps.label_table.labels[:1])
    return ScoredPrediction(
        geometry=VolumeGeometry(
            shape, np.diag([-spacing_mm[2], -spacing_mm[1], spacing_mm[0], 1.0])
        ),
        label_table=table,
        labels=labels,
        probabilities=(probability,),
        score=error_probability_of(labels, [probability], [table.labels[0].value]),
    )


def measure_thresholds(scored: ScoredPrediction, automatic: float) -> dict[str, Any]:
    """Time of the index, and of the regions at thresholds from a tenth of the automatic one on."""
    start = time.perf_counter()
    index = RegionIndex(scored, automatic / 10)
    build_s = time.perf_counter() - start
    rows = []
    for threshold in automatic * np.array([0.1, 0.3, 1.0, 3.0, 10.0]):
        flagged = index.flag(threshold)
        row = {"threshold": threshold, "voxels": flagged.kji.shape[1]}
        row |= {"regions": len(flagged.regions)}
        row |= {"ms": median_ms(lambda at=threshold: index.flag(at))}
        rows.append(row)
    return {"shape": scored.score.shape, "build_s": build_s, "thresholds": rows}


@dataclass(frozen=True)
class ResultVolume:
    """A result of which only the grid is needed."""

    score: Any


@dataclass(frozen=True)
class FlaggedVoxels:
    """What restricted editing needs of a review."""

    result: ResultVolume
    shape_kji: tuple[int, int, int]
    flagged_voxels: npt.NDArray[np.int64]

    def subscribe(self, _callback: Callable[[], None]) -> Callable[[], None]:
        """Nothing changes here."""
        return lambda: None


class Strokes:
    """A segment, flagged voxels, and the Segment Editor's own logic."""

    def __init__(
        self, organ: npt.NDArray[np.bool_], allowed: npt.NDArray[np.bool_], brush_at: list[int]
    ) -> None:
        import slicer  # noqa: PLC0415
        from MoBSegmentationLib.restricted_editing import RestrictedEditing  # noqa: PLC0415

        from tests.headless_slicer import application  # noqa: PLC0415

        scene = application()
        scene.Clear(False)
        volume = slicer.util.addVolumeFromArray(allowed.astype(np.int16))
        self._node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
        self._node.CreateDefaultDisplayNodes()
        self._node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        for name, mask in (("organ", organ), ("allowed", allowed)):
            self._node.GetSegmentation().AddEmptySegment(name, name)
            slicer.util.updateSegmentBinaryLabelmapFromArray(
                mask.astype(np.uint8), self._node, name, volume
            )
        self.editor = scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
        self._logic = slicer.vtkSlicerSegmentEditorLogic()
        self._logic.SetMRMLScene(scene)
        self._logic.SetSegmentEditorNode(self.editor)
        self._logic.SetSegmentationNode(self._node)
        self._logic.SetSourceVolumeNode(volume)
        self._logic.UpdateReferenceGeometryImage()
        self.editor.SetOverwriteMode(self.editor.OverwriteNone)
        self.editor.SetMaskSegmentID("allowed")
        self.in_segment = slicer.vtkMRMLSegmentationNode.EditAllowedInsideSingleSegment
        self.everywhere = slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere
        self.editor.SetMaskMode(self.everywhere)
        voxels = np.stack(np.nonzero(allowed))
        self.restriction = RestrictedEditing(
            self._node, FlaggedVoxels(ResultVolume(volume), allowed.shape, voxels)
        )
        self._brush_at = brush_at

    def median_ms(self) -> float:
        """Median time of painting and erasing with a brush of 30 voxels."""
        modes = (self._logic.ModificationModeAdd, self._logic.ModificationModeRemove)
        times = [self._stroke(modes[n % 2]) for n in range(2 * REPEATS + 2)]
        return statistics.median(times[2:])

    def _stroke(self, mode: int) -> float:
        from MoBSegmentationLib.mrml_bridge import image_array  # noqa: PLC0415

        self._logic.ResetModifierLabelmapToDefault()
        modifier = self._logic.GetModifierLabelmap()
        window = tuple(slice(n, n + BRUSH_VOXELS) for n in self._brush_at)
        image_array(modifier)[window] = 1
        modifier.Modified()
        extent = [n for low in reversed(self._brush_at) for n in (low, low + BRUSH_VOXELS - 1)]
        start = time.perf_counter()
        self._logic.ModifySegmentByLabelmap(
            self._node, "organ", modifier, mode, extent, False, False
        )
        return 1e3 * (time.perf_counter() - start)


def measure_strokes(
    organ: npt.NDArray[np.bool_], scored: ScoredPrediction, at: float
) -> dict[str, float]:
    """Milliseconds of one stroke at the middle of the flagged voxels, by the way it is limited to them."""
    allowed = scored.score >= np.float32(at)
    voxels = np.argwhere(allowed)
    place = (voxels[len(voxels) // 2] - BRUSH_VOXELS // 2).tolist()
    strokes = Strokes(organ, allowed, place)
    times = {"not limited": strokes.median_ms()}
    strokes.editor.SetMaskMode(strokes.in_segment)
    times["mask of the Segment Editor"] = strokes.median_ms()
    strokes.editor.SetMaskMode(strokes.everywhere)
    strokes.editor.SetSourceVolumeIntensityMask(True)
    strokes.editor.SetSourceVolumeIntensityMaskRange(0.5, 1.5)
    times["intensity mask of the Segment Editor"] = strokes.median_ms()
    strokes.editor.SetSourceVolumeIntensityMask(False)
    strokes.restriction.enable()
    times["put back"] = strokes.median_ms()
    strokes.restriction.disable()
    return times


def measure() -> dict[str, Any]:
    """All figures."""
    with tempfile.TemporaryDirectory() as scratch:
        stored = predict_sample(Path(scratch))
    automatic = stored.threshold.value
    results: dict[str, Any] = {"thresholds": measure_thresholds(enlarge(stored, SHAPE), automatic)}
    scored = enlarge(stored, STROKE_SHAPE)
    large = np.zeros(STROKE_SHAPE, dtype=np.bool_)
    large[2:-2, 2:-2, 2:-2] = True
    results["strokes_shape"] = STROKE_SHAPE
    results["strokes_in_the_organ"] = measure_strokes(scored.labels > 0, scored, automatic)
    results["strokes_in_a_segment_as_large_as_the_volume"] = measure_strokes(
        large, scored, automatic
    )
    return results


def main() -> None:
    results = measure()
    thresholds = results["thresholds"]
    shape = " x ".join(map(str, reversed(thresholds["shape"])))
    print(f"Regions of {shape} voxels; index built once in {thresholds['build_s']:.2f} s")
    for row in thresholds["thresholds"]:
        print(
            f"  threshold {row['threshold']:.4f}: {row['voxels']:7d} voxels, {row['regions']:4d} regions, "
            f"{row['ms']:6.1f} ms, {1000 / row['ms']:5.1f} a second"
        )
    shape = " x ".join(map(str, reversed(results["strokes_shape"])))
    for name in ("strokes_in_the_organ", "strokes_in_a_segment_as_large_as_the_volume"):
        print(f"{name.replace('_', ' ').capitalize()}, {shape} voxels")
        for way, ms in results[name].items():
            print(f"  {way:<38} {ms:8.1f} ms")


if __name__ == "__main__":
    main()
