"""``mobseg dataset``: a public data set as a raw data set of nnU-Net, with a recorded split."""

from __future__ import annotations

import argparse
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mobseg.cli.progress_bar import TerminalProgress
from mobseg.datasets import Conversion, NnunetSource, Source, TotalSegmentatorSource, convert
from mobseg.errors import InvalidInput
from mobseg.interruption import orderly_interruption

_RAW, _PREPROCESSED = "nnUNet_raw", "nnUNet_preprocessed"

#: Scans for training, validation and test in Table 1 of the paper.
_PAPER = {
    "pancreas": (648, 130, 163),
    "gallbladder": (524, 105, 131),
    "duodenum": (614, 154, 154),
    "adrenal_gland_left": (640, 128, 160),
}


@dataclass(frozen=True)
class DatasetCommand:
    """Converts a data set.

    Attributes:
        layout: of the source, ``totalsegmentator`` or ``nnunet``.
        source: its folder.
        organs: structures to take; empty for ``nnunet``.
        number: nnU-Net's number of the new data set.
        name: its name, after the number.
        seed: of the split.
    """

    NAME: ClassVar[str] = "dataset"
    HELP: ClassVar[str] = "turn a public data set into one of nnU-Net, with a recorded split"

    layout: str
    source: Path
    organs: tuple[str, ...]
    number: int
    name: str
    seed: int

    @staticmethod
    def configure(parser: argparse.ArgumentParser) -> None:
        """Add the arguments."""
        layouts = parser.add_subparsers(dest="layout", metavar="LAYOUT", required=True)
        for layout, text in (
            ("totalsegmentator", "a folder per subject with ct.nii.gz and segmentations/*.nii.gz"),
            ("nnunet", "imagesTr, labelsTr and dataset.json, as of nnU-Net or the Decathlon"),
        ):
            subparser = layouts.add_parser(layout, help=text, description=text)
            subparser.add_argument("source", metavar="SRC", type=Path, help="its folder")
            if layout == "totalsegmentator":
                subparser.add_argument(
                    "--organ",
                    dest="organs",
                    action="append",
                    required=True,
                    help="structure, such as pancreas; once for each",
                )
            subparser.add_argument(
                "--number", type=int, required=True, metavar="NNN", help="of the data set, 1 to 999"
            )
            subparser.add_argument("--name", help="of the data set (default: made from its labels)")
            subparser.add_argument("--seed", type=int, default=0, help="of the split (default: 0)")

    @classmethod
    def from_arguments(cls, namespace: argparse.Namespace) -> DatasetCommand:
        """Make the command from the parsed arguments."""
        return cls(
            layout=namespace.layout,
            source=namespace.source,
            organs=tuple(getattr(namespace, "organs", ())),
            number=namespace.number,
            name=namespace.name or "",
            seed=namespace.seed,
        )

    def run(self) -> int:
        """Convert, and print what was taken and what was left out."""
        raw, preprocessed = _folder(_RAW), _folder(_PREPROCESSED)
        source = self._open()
        name = self._dataset_name(source)
        with (
            orderly_interruption() as is_interrupted,
            TerminalProgress(sys.stderr, is_cancelled=is_interrupted) as progress,
        ):
            conversion = convert(source, raw, preprocessed, name, self.seed, progress)
        _print_result(conversion, self.organs)
        print(f"Data set: {raw / name}")
        return 0

    def _open(self) -> Source:
        if self.layout == "totalsegmentator":
            return TotalSegmentatorSource(self.source, self.organs)
        return NnunetSource(self.source)

    def _dataset_name(self, source: Source) -> str:
        if not 1 <= self.number <= 999:
            raise InvalidInput(f"The number must be 1 to 999, got {self.number}.")
        name = self.name or "".join(part.title() for part in source.label_names)
        return f"Dataset{self.number:03d}_{re.sub('[^A-Za-z0-9]', '', name)}"


def _folder(variable: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        raise InvalidInput(f"Set {variable} to nnU-Net's folder before converting a data set.")
    return Path(value)


def _print_result(conversion: Conversion, organs: tuple[str, ...]) -> None:
    split = conversion.split
    print("                          train  validation  test")
    rows = [("this data set", (len(split.train), len(split.validation), len(split.test)))]
    rows += [(f"paper, {organ}", _PAPER[organ]) for organ in organs if organ in _PAPER]
    for title, (train, validation, test) in rows:
        print(f"{title:<25}{train:>6}{validation:>12}{test:>6}")
    print(f"Left out without the labels: {len(conversion.absent)}")
    print(f"Left out as damaged: {len(conversion.damaged)}")
    for name, reason in conversion.damaged.items():
        print(f"  {name}: {reason}")
