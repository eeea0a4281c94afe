"""A synthetic case whose uncertainty is known: a ball with a lump that the model may miss."""

from __future__ import annotations

import numpy as np

from mobseg.geometry import VolumeGeometry
from mobseg.labels import Label, LabelTable
from mobseg.prediction import PredictionMaps
from mobseg.volume import LabelVolume

SHAPE = (24, 36, 36)
GEOMETRY = VolumeGeometry(SHAPE, np.diag([1.0, 1.0, 2.0, 1.0]))
TABLE = LabelTable((Label(5, "gland", (255, 0, 0)), Label(2, "duct", (0, 255, 0))))
ONE_LABEL = LabelTable((Label(5, "gland", (255, 0, 0)),))


def ball(center_kji_mm, radius_mm):
    k, j, i = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    distance = [2.0 * k - center_kji_mm[0], j - center_kji_mm[1], i - center_kji_mm[2]]
    return sum(d**2 for d in distance) <= radius_mm**2


GLAND = ball((24, 18, 14), 9)
LUMP = ball((24, 18, 24), 5) & ~GLAND


def entropy(probability):
    classes = np.concatenate([1 - probability.sum(axis=0, keepdims=True), probability])
    return -(classes * np.log(np.maximum(classes, 1e-12))).sum(axis=0).astype(np.float32)


def prediction_of(probability, variance, table=ONE_LABEL):
    """Maps of (F, K, J, I) mean probabilities and variances, labelled by the larger probability."""
    probability = np.asarray(probability, dtype=np.float32)
    classes = np.concatenate([1 - probability.sum(axis=0, keepdims=True), probability])
    values = np.array([0, *(label.value for label in table)], dtype=np.uint8)
    zeros = np.zeros(SHAPE, dtype=np.float32)
    return PredictionMaps(
        geometry=GEOMETRY,
        label_table=table,
        labels=values[classes.argmax(axis=0)],
        probability_mean=probability,
        probability_variance=np.asarray(variance, dtype=np.float32),
        predictive_entropy_nats=entropy(probability),
        mutual_information_nats=zeros - 1e-9,
        logit_variance_model=zeros,
        logit_variance_disagreement=zeros,
        is_stochastic=True,
    )


def missed_lump():
    """The model is sure of the gland, misses the lump, and only its variance says so.

    Every voxel has the same p (1 - p), so no map of the mean probability tells the lump apart.
    """
    probability = np.where(GLAND, 0.9, 0.1)[None]
    variance = np.where(LUMP, 0.05, 0.01)[None]
    reference = LabelVolume(np.where(GLAND | LUMP, 5, 0).astype(np.uint8), GEOMETRY)
    return prediction_of(probability, variance), reference


def random_two_labels(seed):
    """Smooth-free random probabilities of two labels and a reference that often differs."""
    rng = np.random.default_rng(seed)
    probability = rng.dirichlet([2.0, 1.0, 1.0], SHAPE).transpose(3, 0, 1, 2)[1:]
    reference = rng.choice([0, 5, 2], SHAPE, p=[0.5, 0.3, 0.2]).astype(np.uint8)
    variance = rng.random((2, *SHAPE)) / 8
    return prediction_of(probability, variance, TABLE), LabelVolume(reference, GEOMETRY)
