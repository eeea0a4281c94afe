"""Small volumes and plans shared by the tests of this folder."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager, PlansManager
from scipy import ndimage

from mobseg.geometry import VolumeGeometry
from mobseg.inference.plan import InferencePlan
from mobseg.volume import ScalarVolume
from tests.support.model_factory import CONFIGURATION, dataset_json, plans_json

Triple = tuple[float, float, float]
Size = tuple[int, int, int]

#: Name -> (shape_kji, native spacing kji, target spacing in network order, transpose_forward).
GRIDS: dict[str, tuple[Size, Triple, Triple, Size]] = {
    "isotropic, coarser": ((30, 34, 38), (1.0, 1.0, 1.0), (1.5, 1.4, 1.7), (0, 1, 2)),
    "isotropic, finer": ((20, 18, 22), (2.0, 2.0, 2.0), (1.5, 1.1, 1.3), (0, 1, 2)),
    "thick slices stay": ((12, 40, 36), (5.0, 0.8, 0.8), (5.0, 1.2, 1.2), (0, 1, 2)),
    "thick slices become thinner": ((10, 32, 30), (6.0, 1.0, 1.0), (2.5, 1.5, 1.5), (0, 1, 2)),
    "thin slices become thick": ((40, 24, 26), (1.0, 1.0, 1.0), (4.5, 1.3, 1.3), (0, 1, 2)),
    "transposed": ((26, 30, 34), (2.0, 1.0, 1.2), (1.4, 2.5, 1.5), (1, 0, 2)),
    "rotated axes": ((26, 30, 34), (2.0, 1.0, 1.2), (1.4, 1.5, 2.5), (1, 2, 0)),
    "transposed thick slices": ((12, 36, 32), (5.0, 0.9, 1.0), (1.4, 1.4, 3.0), (2, 1, 0)),
    "same grid": ((20, 22, 24), (1.5, 1.5, 1.5), (1.5, 1.5, 1.5), (0, 1, 2)),
}


def make_volume(shape: Size, spacing_kji: Triple, seed: int = 0) -> ScalarVolume:
    """Smooth random soft tissue in air, in HU."""
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.standard_normal(shape), 1.5)
    array = (150 * smooth / smooth.std() + 30).astype(np.int16)
    array[:, : shape[1] // 5] = -1000
    return ScalarVolume(array, make_geometry(shape, spacing_kji))


def make_geometry(shape: Size, spacing_kji: Triple) -> VolumeGeometry:
    k, j, i = spacing_kji
    return VolumeGeometry(shape, np.diag([i, j, k, 1.0]))


class Model:
    """One model's plans, read by us and by nnU-Net."""

    def __init__(
        self,
        spacing: Triple,
        transpose: Size = (0, 1, 2),
        normalization: str = "CTNormalization",
        n_labels: int = 1,
    ) -> None:
        plans = plans_json(spacing, (16, 16, 16), (4, 8), normalization, transpose)
        self.dataset: dict[str, Any] = dataset_json(n_labels, False)
        self.plan = InferencePlan.from_plans(plans, self.dataset, CONFIGURATION)
        self.plans_manager = PlansManager(plans)

    @property
    def configuration(self) -> ConfigurationManager:
        return self.plans_manager.get_configuration(CONFIGURATION)

    def run_nnunet(
        self, array: npt.NDArray[Any], spacing_kji: Triple
    ) -> tuple[npt.NDArray[np.float32], dict[str, Any]]:
        """nnU-Net's preprocessing: (1, Z, Y, X) and its record."""
        preprocessor = self.configuration.preprocessor_class(verbose=False)
        data, _, properties = preprocessor.run_case_npy(
            array[None],
            None,
            {"spacing": list(spacing_kji)},
            self.plans_manager,
            self.configuration,
            self.dataset,
        )
        return data, properties
