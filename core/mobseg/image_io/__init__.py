"""Volumes on disk: NIfTI, NRRD, MetaImage and DICOM series.

Every check a file must pass before the rest of the package sees it is made here, and so is the only
conversion between the LPS world of ITK and DICOM and the RAS world of this package.
"""

from mobseg.image_io._checks import require_3d, require_scalar, require_usable_grid
from mobseg.image_io._fingerprint import voxel_sha256
from mobseg.image_io._gzip_write import compressor
from mobseg.image_io._read import ReadResult, read_label_volume, read_map, read_scalar_volume
from mobseg.image_io._segmentation import write_segmentation_nrrd
from mobseg.image_io._write import write_label_volume, write_map, write_scalar_volume

__all__ = [
    "ReadResult",
    "compressor",
    "read_label_volume",
    "read_map",
    "read_scalar_volume",
    "require_3d",
    "require_scalar",
    "require_usable_grid",
    "voxel_sha256",
    "write_label_volume",
    "write_map",
    "write_scalar_volume",
    "write_segmentation_nrrd",
]
