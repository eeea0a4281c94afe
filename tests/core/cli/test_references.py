from __future__ import annotations

import argparse

import numpy as np
import pytest

from mobseg.cli.references import find_references, label_values, relabelled
from mobseg.errors import InvalidInput
from mobseg.geometry import VolumeGeometry
from mobseg.labels import Label, LabelTable
from mobseg.volume import LabelVolume

TABLE = LabelTable((Label(1, "parotid gland", (255, 0, 0)), Label(300, "mandible", (0, 255, 0))))


def touch(path):
    path.touch()
    return path


@pytest.fixture
def predictions(tmp_path):
    folders = [tmp_path / "predictions" / name for name in ("case_1", "case.2")]
    for folder in folders:
        folder.mkdir(parents=True)
    return folders


@pytest.fixture
def references(tmp_path):
    folder = tmp_path / "references"
    folder.mkdir()
    return folder


def test_files_are_paired_in_order(predictions, references):
    files = [touch(references / name) for name in ("b.nii.gz", "a.nrrd")]
    assert find_references(predictions, files) == files


def test_files_of_a_folder_are_paired_by_name(predictions, references):
    expected = [touch(references / "case_1.nii.gz"), touch(references / "case.2.seg.nrrd")]
    touch(references / "case_10.nii.gz")
    assert find_references(predictions, [references]) == expected


def test_a_prediction_may_be_given_as_a_relative_folder(predictions, references, monkeypatch):
    expected = touch(references / "case_1.mha")
    monkeypatch.chdir(predictions[0])
    assert find_references([type(references)()], [references]) == [expected]


@pytest.mark.parametrize("names", [[], ["case_1.nii.gz", "case_1.mha"]])
def test_a_folder_must_hold_exactly_one_reference_per_prediction(predictions, references, names):
    for name in names:
        touch(references / name)
    with pytest.raises(InvalidInput, match=f"holds {len(names)} label maps .* prediction 1"):
        find_references(predictions[:1], [references])


def test_predictions_and_references_must_exist_and_match_in_number(predictions, references):
    reference = touch(references / "a.nii.gz")
    with pytest.raises(InvalidInput, match="2 predictions need as many references, got 1"):
        find_references(predictions, [reference])
    with pytest.raises(InvalidInput, match="Reference 2 is not a file"):
        find_references(predictions, [reference, references / "missing.nii.gz"])
    with pytest.raises(InvalidInput, match="Prediction 2 is not a folder"):
        find_references([predictions[0], reference], [reference, reference])


def test_label_values_are_parsed():
    assert label_values("parotid gland=3,4") == ("parotid gland", (3, 4))
    assert label_values("a=b=7") == ("a=b", (7,))


@pytest.mark.parametrize("text", ["gland", "gland=", "=3", "gland=3,x", "gland=0", "gland=-1"])
def test_a_malformed_mapping_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="such as parotid_gland=3,4"):
        label_values(text)


def reference_of(values):
    array = np.array(values, dtype=np.uint8).reshape(1, 1, -1)
    return LabelVolume(array, VolumeGeometry(array.shape, np.eye(4)))


def test_values_become_those_of_the_model_and_the_rest_background():
    reference = reference_of([0, 1, 2, 3, 4, 5])
    mapped = relabelled(reference, {"parotid gland": (3, 5), "mandible": (1,)}, TABLE)
    assert mapped.array.ravel().tolist() == [0, 300, 0, 1, 0, 1]
    assert mapped.geometry is reference.geometry


@pytest.mark.parametrize(
    ("label_map", "sentence"),
    [
        ({"parotid gland": (1,)}, "once for every label of the model: parotid gland, mandible"),
        ({"parotid gland": (1,), "mandible": (2,), "liver": (3,)}, "once for every label"),
        ({"parotid gland": (1, 2), "mandible": (2,)}, "one value of the references to two labels"),
        ({"parotid gland": (1, 1), "mandible": (2,)}, "one value of the references to two labels"),
    ],
)
def test_a_mapping_that_does_not_fit_the_model_is_refused(label_map, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        relabelled(reference_of([0, 1]), label_map, TABLE)
