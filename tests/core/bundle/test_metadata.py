from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from typing import Any

import pytest

from mobseg.bundle.metadata import BundleMetadata, is_model_id
from mobseg.errors import BundleError
from mobseg.labels import ANATOMICAL_STRUCTURE


def parse_changed(metadata: BundleMetadata, **changes: Any) -> BundleMetadata:
    content = {**json.loads(metadata.to_json()), **changes}
    return BundleMetadata.parse(json.dumps(content).encode())


def test_round_trip_keeps_every_value(metadata: BundleMetadata) -> None:
    assert BundleMetadata.parse(metadata.to_json().encode()) == metadata


def test_unknown_keys_are_ignored(metadata: BundleMetadata) -> None:
    assert parse_changed(metadata, from_the_future={"a": 1}) == metadata


def test_optional_values_may_be_null_or_absent(metadata: BundleMetadata) -> None:
    content = json.loads(metadata.to_json())
    del content["review_curve"]
    content.update(training_orientation=None, recommended_threshold=None)
    parsed = BundleMetadata.parse(json.dumps(content).encode())
    assert parsed.review_curve is None
    assert parsed.training_orientation is None
    assert parsed.recommended_threshold is None


def test_a_model_crops_to_the_body_only_if_it_says_so(metadata: BundleMetadata) -> None:
    content = json.loads(metadata.to_json())
    del content["crop_to_body"]
    assert not BundleMetadata.parse(json.dumps(content).encode()).crop_to_body
    assert parse_changed(metadata, crop_to_body=True).crop_to_body


def test_a_model_is_exact_unless_it_says_that_less_is_as_good(metadata: BundleMetadata) -> None:
    content = json.loads(metadata.to_json())
    del content["precision"]
    assert BundleMetadata.parse(json.dumps(content).encode()).precision == "float32"
    assert parse_changed(metadata, precision="bfloat16").precision == "bfloat16"


def test_a_label_without_codes_is_an_anatomical_structure(metadata: BundleMetadata) -> None:
    label = {"value": 1, "name": "Gland", "color_rgb": [1, 2, 3]}
    (parsed,) = parse_changed(metadata, labels=[label]).labels
    assert (parsed.category, parsed.type) == (ANATOMICAL_STRUCTURE, None)


@pytest.mark.parametrize(
    "key",
    [field.name for field in dataclasses.fields(BundleMetadata)
     if field.name not in (
         "training_orientation", "review_curve", "recommended_threshold", "crop_to_body", "precision"
     )],
)  # fmt: skip
def test_a_missing_key_is_named(metadata: BundleMetadata, key: str) -> None:
    content = json.loads(metadata.to_json())
    del content[key]
    with pytest.raises(BundleError, match=f'no key "{key}"'):
        BundleMetadata.parse(json.dumps(content).encode())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": 2}, "format version 2"),
        ({"id": "../evil"}, "model id"),
        ({"id": "Upper"}, "model id"),
        ({"name": 5}, '"name" must be text'),
        ({"limits": " "}, '"limits" must be text that is not empty'),
        ({"requires_roi": "no"}, '"requires_roi" must be true or false'),
        ({"training_orientation": "LRS"}, "training orientation"),
        ({"training_orientation": "LP"}, "training orientation"),
        ({"recommended_threshold": "high"}, '"recommended_threshold" must be a finite number'),
        ({"recommended_threshold": True}, '"recommended_threshold" must be a finite number'),
        ({"created": "yesterday"}, "creation date"),
        ({"precision": "auto"}, '"auto" of the model must be float32 or bfloat16'),
        ({"metrics": []}, '"metrics" must be an object'),
        ({"labels": {}}, '"labels" must be a list'),
        ({"labels": []}, "Label values"),
        ({"labels": [5]}, '"labels" must be a list of objects'),
        ({"labels": [{"value": True, "name": "a", "color_rgb": [1, 2, 3]}]}, '"value" must be a whole'),
        ({"labels": [{"value": 1, "name": "a", "color_rgb": [1, 2, 256]}]}, "0 to 255"),
        ({"labels": [{"value": 1, "name": "a", "color_rgb": [1, 2, 0.5]}]}, "0 to 255"),
        ({"labels": [{"value": 1, "name": "a", "color_rgb": [1, 2]}]}, '"color_rgb" must be a list of 3'),
        ({"training_data": {"name": "a"}}, r'training_data has no key "citation"'),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named(metadata: BundleMetadata, changes: Any, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        parse_changed(metadata, **changes)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff", b'{"a": NaN}', b"[" * 100_000])
def test_broken_json_is_one_sentence(text: bytes) -> None:
    with pytest.raises(BundleError, match=r"mobseg\.json .*obtain the model again"):
        BundleMetadata.parse(text)


def test_metrics_that_json_cannot_hold_are_refused(metadata: BundleMetadata) -> None:
    broken = dataclasses.replace(metadata, metrics={"dice": float("nan")})
    with pytest.raises(BundleError, match="metrics"):
        broken.to_json()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a", True), ("parotid-1.0_x", True), ("", False), ("..", False), ("a/b", False), ("a.", False),
     ("-a", False), ("a" * 64, True), ("a" * 65, False), ("a\n", False)],
)  # fmt: skip
def test_model_ids_are_safe_folder_names(text: str, expected: bool) -> None:
    assert is_model_id(text) is expected


def test_metadata_imports_without_torch() -> None:
    program = "import sys; import mobseg.bundle.store; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
