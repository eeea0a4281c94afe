from __future__ import annotations

import numpy as np
import pytest

from mobseg.label_blocks import MIXED, LabelBlocks

SIZE = LabelBlocks.SIZE


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("value", "found"), [(3, 1), (2, 0), (4, 0), (0, 0)])
def test_blocks_of_one_label(dtype: type[np.unsignedinteger], value: int, found: int) -> None:
    labels = np.full((1, 2, SIZE), value, dtype)
    assert LabelBlocks(labels).inside(3).tolist() == [found, found]


def test_a_block_with_one_other_voxel_is_mixed() -> None:
    labels = np.zeros((1, 3, SIZE), np.uint8)
    labels[0, 1, 7] = 3
    blocks = LabelBlocks(labels)
    assert blocks.inside(3).tolist() == [0, MIXED, 0]
    assert blocks.inside(4).tolist() == [0, 0, 0]


def test_labels_around_a_structure_may_hide_it() -> None:
    """The extremes of a block do not tell whether a label between them is there."""
    labels = np.zeros((1, 1, SIZE), np.uint8)
    labels[0, 0, 0] = 9
    assert LabelBlocks(labels).inside(5).tolist() == [MIXED]


def test_the_last_block_may_be_shorter() -> None:
    blocks = LabelBlocks(np.zeros((1, 1, SIZE + 1), np.uint8))
    assert len(blocks) == 2
    assert blocks.inside(3).tolist() == [0]
