"""Registers the CTs that ship with the extension with the module Sample Data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CATEGORY = "MoBSegmentation"


@dataclass(frozen=True)
class Sample:
    """A CT that ships with the core; origin and licence are in ``SOURCE.md`` beside it.

    Attributes:
        name: in the module Sample Data, and of the thumbnail.
        folder: in ``mobseg/resources``.
        sha256: of the file; a test compares it.
    """

    name: str
    folder: str
    sha256: str

    @property
    def file(self) -> Path:
        """The CT."""
        import mobseg  # noqa: PLC0415

        return Path(mobseg.__file__).parent / "resources" / self.folder / "ct.nii.gz"

    @property
    def thumbnail(self) -> Path:
        """A picture of it."""
        return Path(__file__).parents[1] / "Resources" / "Icons" / f"{self.name}.png"


HEAD_AND_NECK = Sample(
    name="MoBSegmentationCT",
    folder="sample",
    sha256="3483a03c8b4cd805004754575378b7c54f81071acbe672e796edc480498d58ea",
)
CHEST = Sample(
    name="MoBSegmentationChestCT",
    folder="sample_chest",
    sha256="133e9241ae33d6be042876984e37d365c2fd7e139bc93885d7224270997f38ad",
)


def register() -> None:
    """Add the samples; they are read from the extension's own folder, not from the network."""
    import SampleData  # noqa: PLC0415  only there in 3D Slicer

    for sample in (HEAD_AND_NECK, CHEST):
        SampleData.SampleDataLogic.registerCustomSampleDataSource(
            category=CATEGORY,
            sampleName=sample.name,
            thumbnailFileName=str(sample.thumbnail),
            uris=sample.file.as_uri(),
            fileNames=f"{sample.name}.nii.gz",
            checksums=f"SHA256:{sample.sha256}",
            nodeNames=sample.name,
        )
