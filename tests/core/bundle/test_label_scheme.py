from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from nnunetv2.utilities.label_handling.label_handling import LabelManager

from mobseg.bundle.fields import Fields
from mobseg.bundle.label_scheme import label_scheme
from mobseg.errors import BundleError


def scheme_of(labels: Any, **others: Any):
    return label_scheme(Fields({"labels": labels, **others}, "dataset.json"))


def test_labels_follow_the_outputs_whatever_their_order_in_the_file() -> None:
    scheme = scheme_of({"background": 0, "spleen": 2, "liver": 1, "ignore": 3})
    assert scheme.mode == "softmax"
    assert [(label.value, label.name) for label in scheme.table] == [(1, "liver"), (2, "spleen")]
    assert scheme.table.by_value(1).type.value == "10200004"
    assert scheme.ignore_label == 3


def test_regions_write_the_value_of_the_class_order_as_nnunet_does() -> None:
    labels = {"background": 0, "whole": [1, 2], "core": [2]}
    scheme = scheme_of(labels, regions_class_order=[1, 2])
    assert scheme.mode == "regions"
    assert [(label.value, label.name) for label in scheme.table] == [(1, "whole"), (2, "core")]

    stock = LabelManager(labels, [1, 2])
    only_first = np.array([0.9, 0.1], np.float32).reshape(2, 1, 1, 1)
    written = stock.convert_probabilities_to_segmentation(only_first).item()
    assert scheme.table.by_value(written).name == "whole"


@pytest.mark.parametrize(
    ("labels", "others", "message"),
    [
        ({"a": 1}, {}, '"background" must be 0'),
        ({"background": 1, "a": 0}, {}, '"background" must be 0'),
        ({"background": 0, "a": 1, "b": 3}, {}, "without gaps"),
        ({"background": 0, "a": 1, "b": 1}, {}, "without gaps"),
        ({"background": 0, "a": "1"}, {}, '"a" must be a whole number'),
        ({"background": 0, "a": True}, {}, '"a" must be a whole number'),
        ({"background": 0, "a": -1}, {}, '"a" must be a whole number'),
        ({"background": 0}, {}, "Label values"),
        ({"background": 0, "a": 1, "ignore": 5}, {}, '"ignore" must be 2'),
        ({"background": 0, "a": [1, 2]}, {}, 'no key "regions_class_order"'),
        ({"background": 0, "a": [1, 2]}, {"regions_class_order": [1, 2]}, "a list of 1 whole"),
        ({"background": 0, "a": [1, 2], "b": 2}, {"regions_class_order": [1, 1]}, "Label values"),
        ([], {}, '"labels" must be an object'),
    ],
)
def test_wrong_labels_are_refused(labels: Any, others: dict[str, Any], message: str) -> None:
    with pytest.raises(BundleError, match=message):
        scheme_of(labels, **others)
