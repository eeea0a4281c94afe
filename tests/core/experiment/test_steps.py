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
    peers = {
        "ensembles": ["control"],
        "mirrored": ["mob"],
        "rescaled": ["mob"],
        "mc_dropout": ["mob"],
    }
    peers |= {"constant_variance": ["mob"], "by_distance": ["control", "mob"]}
    peers |= {"constant_by_distance": ["control"], "slices": ["mob", "control"]}
    steps = steps_of(_config(cases=cases, **peers), PLACES)
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
    fit, measured = steps["fit mob-seed5-rescaled"], steps["measure mob-seed5-rescaled on test"]
    assert str(PLACES.raw / "imagesTr") in fit.arguments
    assert str(PLACES.raw / "imagesTs") not in fit.arguments
    assert "fit mob-seed5-rescaled" in measured.needs
    assert str(fit.result.parent) in measured.arguments


def test_a_constant_variance_is_fitted_and_measured_as_the_learned_one_is() -> None:
    steps = _steps(rescaled=["mob"], constant_variance=["mob"])
    learned = steps["fit mob-seed5-rescaled"].arguments
    constant = steps["fit mob-seed5-constant"].arguments
    folders = [arguments[arguments.index("-o") + 1] for arguments in (learned, constant)]
    assert [Path(folder).name for folder in folders] == ["mob-seed5-rescaled", "mob-seed5-constant"]
    assert [argument for argument in constant if argument != "--constant"] == [
        argument.replace("rescaled", "constant") for argument in learned
    ]
    measured = steps["measure mob-seed5-constant on validation"]
    assert measured.needs == ("fit mob-seed5-constant",)
    assert folders[1] in measured.arguments


def test_a_variance_by_distance_is_fitted_to_every_seed_and_so_is_its_control() -> None:
    steps = _steps(by_distance=["control"], constant_by_distance=["control"])
    for seed in (0, 1):
        learned = steps[f"fit control-seed{seed}-by-distance"].arguments
        constant = steps[f"fit control-seed{seed}-constant-by-distance"].arguments
        assert "--form place" in " ".join(learned)
        assert "--constant" not in learned
        assert "--constant --form place" in " ".join(constant)
        assert f"measure control-seed{seed}-by-distance on validation" in steps


def test_passes_with_dropout_are_another_measurement_of_the_same_model() -> None:
    steps = _steps(mc_dropout=["mob"], dropout_passes=5)
    plain = steps["measure mob-seed5 on validation"]
    dropout = steps["measure mob-seed5-dropout on validation"]
    assert "--dropout-passes 5" in " ".join(dropout.arguments)
    assert dropout.arguments[:2] == plain.arguments[:2]
    assert dropout.needs == plain.needs


def test_slices_are_drawn_of_the_test_cases_once_both_models_are_measured() -> None:
    assert _steps(slices=["mob"])["draw slices of mob-seed5"].needs[0].endswith("on validation")
    cases = CONFIG["cases"] | {"test": {"images": "imagesTs", "labels": "labelsTs"}}
    step = _steps(slices=["mob"], cases=cases, window_hu=[-1000, 400])["draw slices of mob-seed5"]
    assert step.needs == ("measure mob-seed5 on test", "measure base on test")
    assert str(PLACES.raw / "imagesTs") in step.arguments
    assert "--window -1000.0 400.0" in " ".join(step.arguments)
    assert step.result == PLACES.output / "figures" / "slices_mob-seed5.png"


def test_a_given_base_is_not_trained() -> None:
    config = _config(base=None, base_model="../base/T__P__3d_fullres")
    steps = [step.name for step in steps_of(config, PLACES)]
    assert "train base" not in steps
    assert base_folder(config, PLACES) == Path("conf/../base/T__P__3d_fullres")
