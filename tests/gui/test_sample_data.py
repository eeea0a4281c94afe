"""The sample CTs that the module offers."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import pytest

from tests.gui.conftest import needs

pytestmark = pytest.mark.slicer


@pytest.mark.parametrize("index", [-2, -1])
def test_samples_are_registered_once_startup_is_complete(module, index: int) -> None:
    sample_data = needs("tests.qt_host.sample_data")
    source = sample_data.SampleDataLogic.sources[index]
    path = Path(url2pathname(urlparse(source["uris"]).path))
    assert path.name == "ct.nii.gz"
    assert source["checksums"] == f"SHA256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    assert Path(source["thumbnailFileName"]).is_file()
    assert source["fileNames"].endswith(".nii.gz")
    assert source["sampleName"] == ["MoBSegmentationCT", "MoBSegmentationChestCT"][index]
