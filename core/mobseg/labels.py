"""What the label values mean: names, colours and SNOMED CT terminology."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mobseg.errors import BundleError


@dataclass(frozen=True)
class Code:
    """A coded concept, as in DICOM: value, coding scheme (``SCT`` for SNOMED CT) and meaning."""

    value: str
    scheme: str
    meaning: str


#: Category of every anatomical segment when nothing more special is known.
ANATOMICAL_STRUCTURE = Code("123037004", "SCT", "Anatomical Structure")


@dataclass(frozen=True)
class Label:
    """One foreground label.

    Attributes:
        value: positive integer in the label map.
        name: shown to people.
        color_rgb: red, green and blue in 0..255.
        category: coded category of the segment.
        type: coded type of the segment; ``None`` when the model names none.
    """

    value: int
    name: str
    color_rgb: tuple[int, int, int]
    category: Code = ANATOMICAL_STRUCTURE
    type: Code | None = None


@dataclass(frozen=True)
class LabelTable:
    """All foreground labels of a model in the order of its output channels."""

    labels: tuple[Label, ...]

    def __post_init__(self) -> None:
        values = [label.value for label in self.labels]
        if not values or min(values) < 1 or len(set(values)) != len(values):
            raise BundleError(
                f"Label values must be distinct and positive, got {values}; correct the model's labels."
            )

    def __iter__(self) -> Iterator[Label]:
        return iter(self.labels)

    def __len__(self) -> int:
        return len(self.labels)

    def by_value(self, value: int) -> Label:
        """The label with this value.

        Raises:
            KeyError: no label has it.
        """
        for label in self.labels:
            if label.value == value:
                return label
        raise KeyError(value)
