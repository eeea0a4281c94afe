"""What an experiment compares, read from a JSON file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from mobseg import strict_json
from mobseg.errors import InvalidInput
from mobseg.strict_json import StrictJsonError

_NAME = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Training:
    """Length of a training; see ``mobseg train --help`` and ``mobseg finetune --help``."""

    epochs: int
    iterations: int
    validation_iterations: int
    learning_rate: float
    batch_size: int | None = None


@dataclass(frozen=True)
class Arm:
    """One row of the tables: what is fine-tuned, once per seed.

    Attributes:
        name: in tables and names of files.
        parameterisation: of the covariance.
        objective: of the training.
        options: further arguments of ``mobseg finetune``, such as ``["--bases", "5"]``.
        seeds: of this arm; ``None`` takes those of the experiment.
    """

    name: str
    parameterisation: str
    objective: str
    options: tuple[str, ...] = ()
    seeds: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Cases:
    """Folders of the cases to measure on, relative to the raw data set; see ``mobseg measure``.

    Attributes:
        images: with ``CASE_0000.EXT``.
        labels: with ``CASE.EXT``.
        raters: with ``CASE__RATER.EXT``.
        split: ``splits_final.json``, relative to the preprocessed data set, whose validation cases are
            taken.
    """

    images: str
    labels: str
    raters: str | None = None
    split: str | None = None


@dataclass(frozen=True)
class ExperimentConfig:
    """One experiment on one data set.

    Attributes:
        title: heading of the report.
        dataset: nnU-Net's data set, ``DatasetNNN_NAME``.
        finetune: length of every fine-tuning; the same for all, so that they can be compared.
        arms: what is compared; the first is the control.
        seeds: of the fine-tunings.
        cases: where to measure, by name; ``validation`` is required and measured first.
        base: length of the base training; ``None`` when ``base_model`` is given.
        preset: of the base training.
        base_model: folder of a trained base model, relative to the configuration file.
        keep: epoch that becomes the model, see ``mobseg finetune``.
        band_mm: half width of the boundary band.
        region_extent_mm: longest extent of a region that the simulated reviewer looks at.
        samples: label maps drawn from each case that has several raters.
        readers: how many looked at each case.
        ensembles: names of arms whose seeds are also measured together.
        mirrored: names of arms whose first seed is also measured with mirrored passes.
        mc_dropout: names of arms, fine-tuned with dropout, whose first seed is also measured with it.
        dropout_passes: of these measurements.
        rescaled: names of arms whose seeds are also measured with the size of their variance fitted to the
            validation cases, see ``mobseg rescale``.
        constant_variance: the same with one variance for all voxels: the control of ``rescaled``.
        by_distance: the same with a size that depends on the distance to the outline.
        constant_by_distance: the same with a variance that depends on nothing else: the control of
            ``by_distance``, and what a deterministic model could do.
        bases_figure: number of bases -> name of the arm that has them, for the figure of Dice by bases.
        slices: names of arms of whose first seed a failure and a correction are drawn.
        window_hu: grey values of these pictures, from black to white.
        device: where everything runs.
        workers: processes that augment.
    """

    title: str
    dataset: str
    finetune: Training
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    cases: dict[str, Cases]
    base: Training | None = None
    preset: str = "XS"
    base_model: str | None = None
    keep: str = "best"
    band_mm: float = 10.0
    region_extent_mm: float = 25.0
    samples: int = 0
    readers: int | None = None
    ensembles: tuple[str, ...] = field(default=())
    mirrored: tuple[str, ...] = field(default=())
    mc_dropout: tuple[str, ...] = field(default=())
    dropout_passes: int = 8
    rescaled: tuple[str, ...] = field(default=())
    constant_variance: tuple[str, ...] = field(default=())
    by_distance: tuple[str, ...] = field(default=())
    constant_by_distance: tuple[str, ...] = field(default=())
    bases_figure: dict[str, str] = field(default_factory=dict)
    slices: tuple[str, ...] = field(default=())
    window_hu: tuple[float, float] = (-160.0, 240.0)
    device: str = "auto"
    workers: int = 1

    def __post_init__(self) -> None:
        _check(self)

    def seeds_of(self, arm: Arm) -> tuple[int, ...]:
        """Seeds of one arm."""
        return self.seeds if arm.seeds is None else arm.seeds

    def arm(self, name: str) -> Arm:
        """The arm of this name."""
        return next(arm for arm in self.arms if arm.name == name)


def read_config(path: Path) -> ExperimentConfig:
    """Read and check a configuration.

    Raises:
        InvalidInput: the file cannot be read, or says something that cannot be done.
    """
    try:
        return strict_json.decode(ExperimentConfig, strict_json.loads(path.read_bytes()))
    except OSError as error:
        raise InvalidInput(f"The configuration {path} cannot be read; check its path.") from error
    except StrictJsonError as error:
        raise InvalidInput(f"The configuration {path} cannot be used: {error}") from error


def _check(config: ExperimentConfig) -> None:
    names = [arm.name for arm in config.arms]
    unknown = _mentioned(config) - set(names)
    problem = None
    if not (config.arms and config.seeds):
        problem = "it needs at least one arm and one seed"
    elif len(set(names)) != len(names):
        problem = "two arms have one name"
    elif unknown:
        problem = f"there is no arm {sorted(unknown)[0]!r}"
    elif not all(number.isdecimal() for number in config.bases_figure):
        problem = "the keys of 'bases_figure' are not numbers"
    elif "validation" not in config.cases:
        problem = "its cases lack 'validation'"
    elif (config.base is None) == (config.base_model is None):
        problem = "it needs either 'base' or 'base_model'"
    else:
        odd = [name for name in (*names, *config.cases) if not _NAME.fullmatch(name)]
        problem = f"{odd[0]!r} cannot be part of a file name" if odd else None
    if problem:
        raise InvalidInput(f"The experiment cannot be run: {problem}.")


def _mentioned(config: ExperimentConfig) -> set[str]:
    """Names of arms outside the list of arms."""
    return {
        *config.ensembles,
        *config.mirrored,
        *config.mc_dropout,
        *config.rescaled,
        *config.constant_variance,
        *config.by_distance,
        *config.constant_by_distance,
        *config.bases_figure.values(),
        *config.slices,
    }
