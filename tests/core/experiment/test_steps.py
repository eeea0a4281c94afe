"""From a configuration to commands: what is run, after what, and where the results go."""

from __future__ import annotations

from pathlib import Path

from mobseg import strict_json
from mobseg.cli.main import COMMANDS
from mobseg.experiment.config import ExperimentConfig
from mobseg.experiment.steps import Places, Step, base_folder, steps_of
from tests.core.experiment.test_config import CONFIG

PLACES = Places(*(Path(name) for name in ("raw/D", "pre/D", "res/D", "out", "conf")))


def _config(**changes: object) -> ExperimentConfig:
    return strict_json.decode(ExperimentConfig, CONFIG | changes)


def _steps(**changes: object) -> dict[str, Step]:
    return {step.name: step for step in steps_of(_config(**changes), PLACES)}


def test_base_then_arms_seed_by_seed() -> None:
    assert list(_steps()) == [
        "train base",
        "measure base on validation",
        "finetune control-seed0",
        "measure control-seed0 on validation",
        "finetune control-seed1",
        "measure control-seed1 on validation",
        "finetune mob-seed5",
        "measure mob-seed5 on validation",
    ]


def test_every_step_needs_only_earlier_ones_and_is_a_command_of_mobseg() -> None:
    test = {"images": "imagesTs", "labels": "labelsTs", "raters": "ratersTs"}
    cases = CONFIG["cases"] | {"test": test}
    steps = steps_of(_config(cases=cases, ensembles=["control"], mirrored=["mob"]), PLACES)
    done: set[str] = set()
    for step in steps:
        assert done.issuperset(step.needs), step.name
        assert step.arguments[0] in {name for name, _, _ in COMMANDS}
        done.add(step.name)
    assert len({step.result for step in steps}) == len(steps)


def test_all_arms_have_one_budget_and_their_own_options() -> None:
    steps = _steps()
    control, mob = steps["finetune control-seed1"].arguments, steps["finetune mob-seed5"].arguments
    budget = "--epochs 1 --iterations 2 --validation-iterations 1 --learning-rate 0.001"
    assert budget in " ".join(control)
    assert budget in " ".join(mob)
    assert "--bases 2" in " ".join(mob)
    assert "--seed 1" in " ".join(control)
    assert steps["finetune mob-seed5"].needs == ("train base",)


def test_the_test_cases_take_the_temperature_of_the_validation_cases() -> None:
    cases = CONFIG["cases"] | {"test": {"images": "imagesTs", "labels": "labelsTs"}}
    step = _steps(cases=cases)["measure base on test"]
    assert "measure base on validation" in step.needs
    source = step.arguments[step.arguments.index("--temperature-from") + 1]
    assert Path(source) == PLACES.measurement("validation", "base")
    assert "--temperature-from" not in _steps()["measure base on validation"].arguments


def test_an_ensemble_holds_the_seeds_of_its_arm() -> None:
    step = _steps(ensembles=["control"])["measure control-ensemble on validation"]
    models = [argument for argument in step.arguments if argument.startswith("res")]
    assert [name.split("_control-")[1].split("__")[0] for name in models] == ["seed0", "seed1"]
    assert step.needs == ("finetune control-seed0", "finetune control-seed1")


def test_a_rescaled_model_is_fitted_on_the_validation_cases_before_it_is_measured() -> None:
    cases = CONFIG["cases"] | {"test": {"images": "imagesTs", "labels": "labelsTs"}}
    steps = _steps(rescaled=["mob"], cases=cases)
    fit, measured = steps["rescale mob-seed5"], steps["measure mob-seed5-rescaled on test"]
    assert str(PLACES.raw / "imagesTr") in fit.arguments
    assert str(PLACES.raw / "imagesTs") not in fit.arguments
    assert "rescale mob-seed5" in measured.needs
    assert str(fit.result.parent) in measured.arguments


def test_a_given_base_is_not_trained() -> None:
    config = _config(base=None, base_model="../base/T__P__3d_fullres")
    steps = [step.name for step in steps_of(config, PLACES)]
    assert "train base" not in steps
    assert base_folder(config, PLACES) == Path("conf/../base/T__P__3d_fullres")
