"""The steps of an experiment: plain commands of ``mobseg``, each with the file that says it is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mobseg.experiment.config import Arm, Cases, ExperimentConfig, Training
from mobseg.experiment.fitted import FittedVariance, fitted_variances

#: Name of the base model among the measured ones.
BASE = "base"

_FOLD = "fold_0"
_FINAL = "checkpoint_final.pth"
_CONFIGURATION = "3d_fullres"

#: nnU-Net's name of the plans of each preset.
_PLANS = {
    "XS": "nnUNetResEncUNetXSPlans",
    "M": "nnUNetResEncUNetMPlans",
    "L": "nnUNetResEncUNetLPlans",
    "XL": "nnUNetResEncUNetXLPlans",
}


@dataclass(frozen=True)
class Step:
    """One command.

    Attributes:
        name: for people and the manifest.
        arguments: of ``mobseg``.
        result: the file that exists once the step is done.
        needs: names of the steps that must be done before.
    """

    name: str
    arguments: tuple[str, ...]
    result: Path
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Places:
    """Where nnU-Net's data lie, and where the experiment writes.

    Attributes:
        raw: raw data set.
        preprocessed: preprocessed data set.
        results: nnU-Net's models of the data set.
        output: folder of the experiment.
        config: folder of the configuration file.
    """

    raw: Path
    preprocessed: Path
    results: Path
    output: Path
    config: Path

    def measurement(self, cases: str, model: str) -> Path:
        """The file with a model's figures on the cases of this name."""
        return self.output / "measurements" / cases / f"{model}.json"

    def slices(self, model: str) -> Path:
        """The picture of a failure and a correction of a model."""
        return self.output / "figures" / f"slices_{model}.png"


def run_name(arm: Arm, seed: int) -> str:
    """Name of one fine-tuned model."""
    return f"{arm.name}-seed{seed}"


def steps_of(config: ExperimentConfig, places: Places) -> list[Step]:
    """All steps, in an order that can be run one by one: seed by seed, so that early stops leave whole sets."""
    base = base_folder(config, places)
    steps = list(_base_steps(config, base))
    steps += _measurements(config, places, BASE, [base], needs=[step.name for step in steps])
    for seed in sorted({seed for arm in config.arms for seed in config.seeds_of(arm)}):
        for arm in config.arms:
            if seed in config.seeds_of(arm):
                steps += _arm_steps(config, places, arm, seed, base)
    for name in config.ensembles:
        steps += _ensemble_steps(config, places, config.arm(name), base)
    for name in config.mirrored:
        arm = config.arm(name)
        steps += _peer_steps(config, places, arm, base, "mirrored", ("--mirror",))
    for name in config.mc_dropout:
        passes = ("--dropout-passes", str(config.dropout_passes))
        steps += _peer_steps(config, places, config.arm(name), base, "dropout", passes)
    for fitted in fitted_variances(config):
        for arm in map(config.arm, fitted.arms):
            for seed in config.seeds_of(arm):
                steps += _fitted_steps(config, places, run_name(arm, seed), fitted, base)
    for name in config.slices:
        steps.append(_slices_step(config, places, config.arm(name), base))
    return steps


def base_folder(config: ExperimentConfig, places: Places) -> Path:
    """Folder of the base model."""
    if config.base_model is not None:
        return places.config / config.base_model
    return places.results / f"MobsegTrainer__{_PLANS[config.preset]}__{_CONFIGURATION}"


def _base_steps(config: ExperimentConfig, base: Path) -> Iterator[Step]:
    if config.base is None:
        return
    arguments = ("train", config.dataset, "--preset", config.preset, *_length(config, config.base))
    yield Step(f"train {BASE}", arguments, base / _FOLD / _FINAL)


def _arm_steps(
    config: ExperimentConfig, places: Places, arm: Arm, seed: int, base: Path
) -> Iterator[Step]:
    name = run_name(arm, seed)
    arguments = (
        "finetune",
        str(base),
        *("--parameterisation", arm.parameterisation, "--objective", arm.objective),
        *arm.options,
        *("--keep", config.keep, "--name", name, "--seed", str(seed)),
        *_length(config, config.finetune),
    )
    folder = _finetuned_folder(places, base, name)
    needs = () if config.base is None else (f"train {BASE}",)
    step = Step(f"finetune {name}", arguments, folder / _FOLD / _FINAL, needs)
    yield step
    yield from _measurements(config, places, name, [folder], needs=[step.name])


def _ensemble_steps(
    config: ExperimentConfig, places: Places, arm: Arm, base: Path
) -> Iterator[Step]:
    runs = [run_name(arm, seed) for seed in config.seeds_of(arm)]
    folders = [_finetuned_folder(places, base, run) for run in runs]
    needs = [f"finetune {run}" for run in runs]
    yield from _measurements(config, places, f"{arm.name}-ensemble", folders, needs=needs)


def _peer_steps(
    config: ExperimentConfig,
    places: Places,
    arm: Arm,
    base: Path,
    kind: str,
    options: tuple[str, ...],
) -> Iterator[Step]:
    """The first seed of an arm, measured in another way."""
    run = run_name(arm, config.seeds_of(arm)[0])
    folder = _finetuned_folder(places, base, run)
    needs = [f"finetune {run}"]
    yield from _measurements(
        config, places, f"{run}-{kind}", [folder], needs=needs, options=options
    )


def _fitted_steps(
    config: ExperimentConfig, places: Places, run: str, fitted: FittedVariance, base: Path
) -> Iterator[Step]:
    """One fine-tuned model with a variance that is fitted to the validation cases."""
    folder = places.output / "models" / f"{run}-{fitted.suffix}"
    arguments = (
        "rescale",
        str(_finetuned_folder(places, base, run)),
        *("-o", str(folder)),
        *fitted.options,
        *_case_arguments(config.cases["validation"], places),
        *("--band-mm", str(config.band_mm), "--device", config.device),
    )
    step = Step(f"fit {folder.name}", arguments, folder / "plans.json", (f"finetune {run}",))
    yield step
    yield from _measurements(config, places, folder.name, [folder], needs=[step.name])


def _slices_step(config: ExperimentConfig, places: Places, arm: Arm, base: Path) -> Step:
    """Pictures of a failure and a correction of the first seed, of the test cases if there are any."""
    run = run_name(arm, config.seeds_of(arm)[0])
    name = "test" if "test" in config.cases else "validation"
    cases = config.cases[name]
    result = places.slices(run)
    low, high = config.window_hu
    arguments = (
        "slices",
        str(_finetuned_folder(places, base, run)),
        str(base),
        *("--measured", str(places.measurement(name, run)), str(places.measurement(name, BASE))),
        *("--images", str(places.raw / cases.images), "--labels", str(places.raw / cases.labels)),
        *(() if cases.raters is None else ("--raters", str(places.raw / cases.raters))),
        *("--window", str(low), str(high), "--device", config.device, "-o", str(result)),
    )
    needs = (f"measure {run} on {name}", f"measure {BASE} on {name}")
    return Step(f"draw slices of {run}", arguments, result, needs)


def _finetuned_folder(places: Places, base: Path, name: str) -> Path:
    _, plans, _ = base.name.split("__")
    return places.results / f"MobsegFinetuneTrainer__{plans}_{name}__{_CONFIGURATION}"


def _length(config: ExperimentConfig, training: Training) -> tuple[str, ...]:
    arguments = [
        *("--epochs", str(training.epochs), "--iterations", str(training.iterations)),
        *("--validation-iterations", str(training.validation_iterations)),
        *("--learning-rate", str(training.learning_rate)),
        *("--device", config.device, "--workers", str(config.workers)),
    ]
    if training.batch_size is not None:
        arguments += ["--batch-size", str(training.batch_size)]
    return tuple(arguments)


def _measurements(
    config: ExperimentConfig,
    places: Places,
    model: str,
    folders: Sequence[Path],
    *,
    needs: Sequence[str],
    options: tuple[str, ...] = (),
) -> Iterator[Step]:
    """One step per set of cases; the others apply the temperature of the validation cases."""
    validation = places.measurement("validation", model)
    for cases in ("validation", *(name for name in config.cases if name != "validation")):
        result = places.measurement(cases, model)
        arguments = (
            "measure",
            *(str(folder) for folder in folders),
            *_case_arguments(config.cases[cases], places),
            *_measure_options(config),
            *options,
            *(() if cases == "validation" else ("--temperature-from", str(validation))),
            *("-o", str(result)),
        )
        first = () if cases == "validation" else (f"measure {model} on validation",)
        yield Step(f"measure {model} on {cases}", arguments, result, (*needs, *first))


def _case_arguments(cases: Cases, places: Places) -> Iterator[str]:
    yield from ("--images", str(places.raw / cases.images))
    yield from ("--labels", str(places.raw / cases.labels))
    if cases.raters is not None:
        yield from ("--raters", str(places.raw / cases.raters))
    if cases.split is not None:
        yield from ("--split", str(places.preprocessed / cases.split))


def _measure_options(config: ExperimentConfig) -> Iterator[str]:
    yield from ("--band-mm", str(config.band_mm), "--samples", str(config.samples))
    yield from ("--region-extent-mm", str(config.region_extent_mm), "--device", config.device)
    if config.readers is not None:
        yield from ("--readers", str(config.readers))
