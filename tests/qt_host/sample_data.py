"""Stand-in for the module Sample Data: keeps what was registered."""

from __future__ import annotations

from typing import Any, ClassVar


class SampleDataLogic:
    """Registers samples; the keyword arguments of the function are those of 3D Slicer."""

    sources: ClassVar[list[dict[str, Any]]] = []

    @staticmethod
    def registerCustomSampleDataSource(
        category="Custom",
        sampleName=None,
        uris=None,
        fileNames=None,
        nodeNames=None,
        customDownloader=None,
        thumbnailFileName=None,
        loadFileTypes=None,
        loadFiles=None,
        loadFileProperties=None,
        checksums=None,
    ):
        SampleDataLogic.sources.append(
            {
                "category": category,
                "sampleName": sampleName,
                "uris": uris,
                "fileNames": fileNames,
                "nodeNames": nodeNames,
                "thumbnailFileName": thumbnailFileName,
                "checksums": checksums,
            }
        )
