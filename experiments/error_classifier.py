"""Ask whether the variance says anything about errors that the mean does not.

    python error_classifier.py MODEL --images DIR --labels DIR [--split JSON] -o JSON

For every voxel near the outline of the prediction a classifier (gradient boosting) predicts from features of
the model's output whether its label is wrong. It is fitted to the errors of one half of the patients and judged
on the other, and the other way round, for several ways to halve them. If the variance knew more than the mean,
the classifier that sees both would find errors better than the one that sees the mean alone. Run it on
validation cases; the model must have two classes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.special import logit
from sklearn.ensemble import HistGradientBoostingClassifier

from mobseg.cli.case_arguments import add_case_arguments
from mobseg.cli.split import add_split_arguments, case_names
from mobseg.experiment.cases import measured_cases
from mobseg.image_io import read_label_volume, read_scalar_volume
from mobseg.metrics.band import boundary_band
from mobseg.metrics.score_metrics import COMPARED_SCORES, compared_score, measure_score
from mobseg.model import load_model
from mobseg.options import SegmentOptions
from mobseg.pipeline import segment_volume
from mobseg.prediction import PredictionMaps
from mobseg.progress import SilentProgress
from mobseg.uncertainty import error_probability

Array = npt.NDArray[np.float32]
Means = npt.NDArray[np.float64]

#: Voxels within this distance of the predicted outline are given to the classifier. The reference must not have
#: a say in it, or the classifier would learn of far errors by being asked.
REACH_MM = 60.0

#: Of the other voxels, the model's own probability of error, times this, comes after all classified ones.
BEYOND_REACH = 1e-9

#: How much the model's own probability of error may change the classifier's, relatively.
TIE_BREAK = 0.1

#: What each classifier sees; see features_of.
FEATURE_SETS = {
    "mean alone": ("mean",),
    "mean and variance": ("mean", "variance"),
    "mean, variance and disagreement": ("mean", "variance", "disagreement"),
    "mean and smoothed error": ("mean", "error 2 mm", "error 4 mm"),
    "distance to the outline alone": ("distance",),
    "mean and distance to the outline": ("mean", "distance"),
    "mean and CT numbers": ("mean", "HU", "HU 1.5 mm"),
    "all": (
        *("mean", "variance", "disagreement", "error 2 mm", "error 4 mm"),
        *("distance", "HU", "HU 1.5 mm"),
    ),
}


@dataclass(frozen=True, eq=False)
class Case:
    """One case: all maps that compete, and the features of the voxels that are looked at."""

    patient: str
    predicted: npt.NDArray[np.uint8]
    truth: npt.NDArray[np.uint8]
    band: npt.NDArray[np.bool_]
    kept: npt.NDArray[np.bool_]
    voxel_volume_mm3: float
    scores: dict[str, Array]
    features: dict[str, Array]

    @property
    def errors(self) -> npt.NDArray[np.bool_]:
        """(N,) whether each voxel that is looked at is wrong."""
        return (self.predicted != self.truth)[self.kept]

    def figures(self, name: str, score: Array) -> tuple[float, float]:
        """AUPR in the band and review benefit, as in the report."""
        one = measure_score(
            name, score, self.predicted, self.truth, self.band, self.voxel_volume_mm3
        )
        return one.aupr_band, one.review_benefit


def features_of(maps: PredictionMaps, hounsfield: Array) -> dict[str, Array]:
    """Maps (K, J, I) by name; the variances are of the difference of the two logits."""
    spacing = maps.geometry.spacing_kji_mm
    inside = maps.labels > 0
    error = error_probability(maps)
    probability = maps.probability_mean[0].astype(np.float64)

    def smoothed(array: Array, length_mm: float) -> Array:
        return ndimage.gaussian_filter(array, [length_mm / step for step in spacing])

    # Without any foreground every voxel counts as far from the outline, but is looked at.
    outer = ndimage.distance_transform_edt(~inside, sampling=spacing) if inside.any() else REACH_MM
    return {
        "mean": logit(np.clip(probability, 1e-6, 1 - 1e-6)),
        "variance": np.log(maps.logit_variance_model + 1e-3),
        "disagreement": np.log(maps.logit_variance_disagreement + 1e-3),
        "error 2 mm": np.log(smoothed(error, 2.0) + 1e-5),
        "error 4 mm": np.log(smoothed(error, 4.0) + 1e-5),
        "distance": ndimage.distance_transform_edt(inside, sampling=spacing) - outer,
        "HU": hounsfield,
        "HU 1.5 mm": smoothed(hounsfield, 1.5),
    }


def read_cases(arguments: argparse.Namespace) -> list[Case]:
    model = load_model(arguments.model, device=arguments.device)
    options = SegmentOptions(device=arguments.device, precision="auto")
    cases = []
    names = case_names(arguments.split, arguments.fold)
    for case in measured_cases(arguments.images, arguments.labels, None, names):
        volume = read_scalar_volume(case.case.image).volume
        maps = segment_volume(volume, model, options, SilentProgress()).maps.dense()
        predicted = (maps.labels > 0).astype(np.uint8)
        truth = (read_label_volume(case.case.reference).array > 0).astype(np.uint8)
        spacing = maps.geometry.spacing_kji_mm
        band = boundary_band(predicted, truth, spacing, arguments.band_mm)
        features = features_of(maps, volume.array.astype(np.float32))
        kept = np.abs(features["distance"]) <= REACH_MM
        scores = {name: compared_score(maps, name) for name in COMPARED_SCORES}
        scores |= {"variance of the logit": maps.logit_variance_model}
        cases.append(
            Case(
                case.case.name.partition(arguments.patient_mark)[0],
                predicted,
                truth,
                band,
                kept,
                maps.geometry.voxel_volume_mm3,
                scores,
                {name: values[kept].astype(np.float32) for name, values in features.items()},
            )
        )
    return cases


def classifier_scores(cases: list[Case], names: tuple[str, ...], seed: int) -> list[Array]:
    """For each case, the probability of error by a classifier that saw other patients only."""
    patients = sorted({case.patient for case in cases})
    halves = dict(
        zip(patients, np.random.default_rng(seed).permutation(len(patients)) % 2, strict=True)
    )
    inputs = [np.stack([case.features[name] for name in names], axis=1) for case in cases]
    scores = [BEYOND_REACH * case.scores["error_probability"] for case in cases]
    for half in (0, 1):
        others = [n for n, case in enumerate(cases) if halves[case.patient] != half]
        fitted = HistGradientBoostingClassifier(
            max_iter=60, max_leaf_nodes=15, min_samples_leaf=200, random_state=seed
        ).fit(
            np.concatenate([inputs[n] for n in others]),
            np.concatenate([cases[n].errors for n in others]),
        )
        for n, case in enumerate(cases):
            if halves[case.patient] == half and len(inputs[n]):
                probability = fitted.predict_proba(inputs[n])[:, 1]
                # Trees give many voxels one value; the model's own order of them should not be lost.
                own = case.scores["error_probability"][case.kept]
                scores[n][case.kept] = probability * (1 + TIE_BREAK * own)
    return scores


def mean_figures(cases: list[Case], name: str, scores: Sequence[Array]) -> Means:
    """Mean AUPR in the band and review benefit over cases with one map each."""
    figures = [case.figures(name, score) for case, score in zip(cases, scores, strict=True)]
    return np.nanmean(figures, axis=0)


def described(name: str, means: Sequence[Means]) -> dict[str, float]:
    """Mean and standard deviation over the ways to halve the patients."""
    (aupr, benefit), (aupr_sd, benefit_sd) = np.mean(means, axis=0), np.std(means, axis=0)
    print(
        f"{name:45s} AUPR in the band {aupr:.3f} ({aupr_sd:.3f}), "
        f"review benefit {benefit:.3f} ({benefit_sd:.3f})",
        flush=True,
    )
    return {
        "aupr_band": float(aupr),
        "aupr_band_sd": float(aupr_sd),
        "review_benefit": float(benefit),
        "review_benefit_sd": float(benefit_sd),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    add_case_arguments(parser)
    add_split_arguments(parser)
    parser.add_argument("--band-mm", type=float, default=3.0)
    parser.add_argument(
        "--patient-mark", default="_R_", help="ends the patient in a case's name, if it is there"
    )
    parser.add_argument("--halvings", type=int, default=5, help="ways to halve the patients")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()

    cases = read_cases(arguments)
    wrong = sum(int((case.predicted != case.truth)[case.band].sum()) for case in cases)
    chance = wrong / sum(int(case.band.sum()) for case in cases)
    print(f"{len(cases)} cases, {chance:.3f} of the voxels of the band are wrong", flush=True)
    table = {}
    for name in cases[0].scores:
        maps = [case.scores[name] for case in cases]
        table[name] = described(name, [mean_figures(cases, name, maps)])
    for name, features in FEATURE_SETS.items():
        title = f"classifier: {name}"
        means = [
            mean_figures(cases, title, classifier_scores(cases, features, seed))
            for seed in range(arguments.halvings)
        ]
        table[title] = described(title, means)
    content = {
        "n_cases": len(cases),
        "error_share_of_band": chance,
        "halvings": arguments.halvings,
        "figures": table,
    }
    arguments.output.write_text(json.dumps(content, indent=1))


if __name__ == "__main__":
    main()
