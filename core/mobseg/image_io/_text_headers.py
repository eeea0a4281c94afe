"""What ITK does not check in the headers of NRRD and MetaImage files.

Formats: https://teem.sourceforge.net/nrrd/format.html and
https://docs.itk.org/en/latest/learn/metaio.html.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from mobseg.errors import InvalidInput
from mobseg.image_io._checks import NO_POSITION_WARNING, require_positive_spacing
from mobseg.image_io._payload import Codec, Payload, verify_payload

_Number = TypeVar("_Number", int, float)

#: Longest line read while looking for the end of a header; a file without one is no header at all.
_LONGEST_LINE = 1 << 20

_NRRD_CODECS: dict[str, Codec] = {"raw": "raw", "gzip": "zlib", "gz": "zlib"}

_META_ELEMENT_BYTES = {
    "MET_CHAR": 1,
    "MET_UCHAR": 1,
    "MET_SHORT": 2,
    "MET_USHORT": 2,
    "MET_INT": 4,
    "MET_UINT": 4,
    "MET_LONG_LONG": 8,
    "MET_ULONG_LONG": 8,
    "MET_FLOAT": 4,
    "MET_DOUBLE": 8,
}


def inspect_nrrd(path: Path) -> tuple[str, ...]:
    """Check header and voxel data of a ``.nrrd`` or ``.nhdr`` file.

    Returns:
        Warnings.

    Raises:
        InvalidInput: not NRRD, damaged, or with a spacing that is not positive.
    """
    fields, offset = _read_nrrd_fields(path)
    # NaN is the spacing of an axis that is not spatial.
    spacings = [mm for mm in _numbers(float, fields.get("spacings", "")) if not math.isnan(mm)]
    require_positive_spacing(spacings)
    payload = _nrrd_payload(path, fields, offset)
    if payload is not None:
        verify_payload(payload)
    return () if "space directions" in fields else (NO_POSITION_WARNING,)


def _read_nrrd_fields(path: Path) -> tuple[dict[str, str], int]:
    """Fields by name in lower case, and where the data begin."""
    fields = {}
    with path.open("rb") as stream:
        if not stream.readline(_LONGEST_LINE).startswith(b"NRRD"):
            raise _not_a("NRRD")
        while line := stream.readline(_LONGEST_LINE).decode("utf-8", "replace").strip():
            name, separator, value = line.partition(": ")
            if separator:
                fields[name.lower()] = value.strip()
        return fields, stream.tell()


def _nrrd_payload(path: Path, fields: dict[str, str], offset: int) -> Payload | None:
    """The data; ``None`` for the rare layouts that are left to ITK, which also counts the bytes."""
    codec = _NRRD_CODECS.get(fields.get("encoding", "").lower())
    if codec is None or "line skip" in fields or "byte skip" in fields:
        return None
    data_file = fields.get("data file", fields.get("datafile"))
    if data_file is None:
        return Payload(path, offset, codec)
    return Payload(path.parent / data_file, 0, codec) if _is_one_file(data_file) else None


def inspect_metaimage(path: Path) -> tuple[str, ...]:
    """Check header and voxel data of a ``.mha`` or ``.mhd`` file.

    Returns:
        Warnings.

    Raises:
        InvalidInput: not MetaImage, truncated, damaged, or with a spacing that is not positive.
    """
    fields, offset = _read_metaimage_fields(path)
    spacing = fields.get("ElementSpacing", fields.get("ElementSize"))
    require_positive_spacing(_numbers(float, spacing or ""))
    payload = _metaimage_payload(path, fields, offset)
    if payload is not None:
        verify_payload(payload)
    return () if spacing else (NO_POSITION_WARNING,)


def _read_metaimage_fields(path: Path) -> tuple[dict[str, str], int]:
    """Fields by name, and where the data begin if they are in the same file."""
    fields: dict[str, str] = {}
    with path.open("rb") as stream:
        while line := stream.readline(_LONGEST_LINE).decode("utf-8", "replace"):
            name, separator, value = line.partition("=")
            if not separator:
                break
            fields[name.strip()] = value.strip()
            if name.strip() == "ElementDataFile":
                return fields, stream.tell()
    raise _not_a("MetaImage")


def _metaimage_payload(path: Path, fields: dict[str, str], offset: int) -> Payload | None:
    """The data; ``None`` for the rare layouts that are left to ITK."""
    data_file = fields["ElementDataFile"]
    is_text = fields.get("BinaryData", "True").lower() == "false"
    if is_text or "HeaderSize" in fields or not _is_one_file(data_file):
        return None
    if data_file.upper() != "LOCAL":
        path, offset = path.parent / data_file, 0
    compressed = fields.get("CompressedData", "False").lower() == "true"
    return Payload(path, offset, "zlib" if compressed else "raw", _metaimage_bytes(fields))


def _metaimage_bytes(fields: dict[str, str]) -> int:
    sizes = _numbers(int, fields.get("DimSize", ""))
    channels = _numbers(int, fields.get("ElementNumberOfChannels", "1"))
    element_bytes = _META_ELEMENT_BYTES.get(fields.get("ElementType", ""), 0)
    return math.prod(sizes) * math.prod(channels) * element_bytes


def _numbers(kind: Callable[[str], _Number], text: str) -> list[_Number]:
    try:
        return [kind(word) for word in text.split()]
    except ValueError as error:
        raise InvalidInput(
            "The image's header holds a size or spacing that is not a number; export it again."
        ) from error


def _not_a(kind: str) -> InvalidInput:
    return InvalidInput(
        f"The file is named like a {kind} image, but its content is none; check the file or export it "
        "again."
    )


def _is_one_file(data_file: str) -> bool:
    return not data_file.upper().startswith("LIST") and "%" not in data_file
