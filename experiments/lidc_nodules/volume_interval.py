"""How well the raters' volumes follow from the predicted volume alone: the control of the model's interval.

    python volume_interval.py MODEL RAW -o JSON

Quantiles of a rater's volume over the predicted volume, of the validation nodules, make an interval for the
test nodules. Its coverage and width are counted as those of the samples are: over the raters, and as a share of
the raters' mean volume.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mobseg.experiment.cases import measured_cases
from mobseg.image_io import read_label_volume, read_scalar_volume
from mobseg.model import LoadedModel, load_model
from mobseg.options import SegmentOptions
from mobseg.pipeline import segment_volume
from mobseg.progress import SilentProgress

Volumes = npt.NDArray[np.int64]

#: Nominal coverage.
COVERAGE = 0.9


def volumes(model: LoadedModel, raw: Path, cases: str) -> Iterator[tuple[int, Volumes]]:
    """Predicted volume, and those of the raters, in voxels, of every nodule that the model finds."""
    folders = (raw / f"{kind}{cases}" for kind in ("images", "consensus", "raters"))
    for case in measured_cases(*folders, None):
        image = read_scalar_volume(case.case.image).volume
        labels = segment_volume(image, model, SegmentOptions(), SilentProgress()).maps.labels
        raters = [np.count_nonzero(read_label_volume(path).array) for path in case.raters]
        if labels.any():
            yield int(np.count_nonzero(labels)), np.array(raters)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("raw", type=Path, help="raw data set that prepare.py made")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()

    model = load_model(arguments.model, device=arguments.device)
    ratios = [raters / predicted for predicted, raters in volumes(model, arguments.raw, "Va")]
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(np.concatenate(ratios), [tail, 1 - tail])
    covered, widths = [], []
    for predicted, raters in volumes(model, arguments.raw, "Ts"):
        covered += ((low * predicted <= raters) & (raters <= high * predicted)).tolist()
        widths.append((high - low) * predicted / raters.mean())
    figures = {
        "factors": [float(low), float(high)],
        "n_validation": len(ratios),
        "n_test": len(widths),
        "raters_covered": float(np.mean(covered)),
        "width_over_volume_median": float(np.median(widths)),
    }
    print(json.dumps(figures, indent=1))
    arguments.output.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
