"""Registers the CT that ships with the extension with the module Sample Data."""

from __future__ import annotations

from pathlib import Path

CATEGORY = "MoBSegmentation"
SAMPLE_NAME = "MoBSegmentationCT"

#: Of ``mobseg/resources/sample/ct.nii.gz``; a test compares it with the file.
SHA256 = "3483a03c8b4cd805004754575378b7c54f81071acbe672e796edc480498d58ea"


def sample_file() -> Path:
    """The CT; its origin and licence are in ``SOURCE.md`` beside it."""
    import mobseg  # noqa: PLC0415

    return Path(mobseg.__file__).parent / "resources" / "sample" / "ct.nii.gz"


def register() -> None:
    """Add the sample; it is read from the extension's own folder, not from the network."""
    import SampleData  # noqa: PLC0415  only there in 3D Slicer

    thumbnail = Path(__file__).parents[1] / "Resources" / "Icons" / f"{SAMPLE_NAME}.png"
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=SAMPLE_NAME,
        thumbnailFileName=str(thumbnail),
        uris=sample_file().as_uri(),
        fileNames="MoBSegmentationCT.nii.gz",
        checksums=f"SHA256:{SHA256}",
        nodeNames=SAMPLE_NAME,
    )
