"""The outcome of a review on disk."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from base64 import b64decode

import numpy as np
import pytest

from mobseg.errors import InvalidInput, OutputError
from mobseg.geometry import VolumeGeometry
from mobseg.image_io import read_label_volume
from tests.mrml.cases import GRIDS, PLAIN, SHAPE, prediction
from tests.mrml.conftest import REASON
from tests.mrml.test_review_session import mask
from tests.support.predictions import LEFT, RIGHT

slicer = pytest.importorskip("slicer", reason=REASON, exc_type=ImportError)
export = pytest.importorskip("MoBSegmentationLib.export", reason=REASON, exc_type=ImportError)
review = pytest.importorskip(
    "MoBSegmentationLib.review_session", reason=REASON, exc_type=ImportError
)
pytestmark = pytest.mark.slicer

COMMENT = '=1+1 <b>ä</b> "x", y'


@pytest.fixture
def make_session(scene, add_result):
    """A review with one region added, one removed, and some decisions."""

    def make(geometry=PLAIN):
        session = review.ReviewSession(scene, add_result(prediction(geometry)))
        session.exclude(1)
        session.include(2)
        session.set_status(3, "accepted")
        session.set_comment(3, COMMENT)
        session.reviewer_initials = "J<D"
        return session

    return make


@pytest.mark.parametrize("geometry", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize("name", ["reviewed.nii.gz", "reviewed.seg.nrrd"])
def test_the_segmentation_is_written_as_reviewed(make_session, tmp_path, geometry, name) -> None:
    session = make_session(geometry)
    export.export_review(session, tmp_path / "größe" / "out")
    volume = read_label_volume(tmp_path / "größe" / "out" / name)
    for label in (LEFT, RIGHT):
        written = volume.array == label.value
        corner = np.rint(geometry.ras_to_ijk(volume.geometry.ijk_to_ras((0, 0, 0)))).astype(int)
        found = np.argwhere(written) + corner[::-1]
        assert {tuple(v) for v in found.tolist()} == {
            tuple(v) for v in np.argwhere(mask(session.result, label)).tolist()
        }
    if name.endswith(".nii.gz"):
        assert volume.geometry.is_close(geometry)


def test_names_and_terminology_survive(scene, make_session, tmp_path) -> None:
    export.export_review(make_session(), tmp_path / "out")
    node = slicer.util.loadSegmentation(str(tmp_path / "out" / "reviewed.seg.nrrd"))
    segmentation = node.GetSegmentation()
    names = [segmentation.GetNthSegment(n).GetName() for n in range(2)]
    assert names == [LEFT.name, RIGHT.name]
    header = (tmp_path / "out" / "reviewed.seg.nrrd").read_bytes().partition(b"\n\n")[0]
    assert b"45289007" in header


def test_decisions_are_written_for_people_and_programs(make_session, tmp_path) -> None:
    session = make_session()
    export.export_review(session, tmp_path / "out")
    with (tmp_path / "out" / "decisions.csv").open(newline="", encoding="utf-8-sig") as file:
        table = list(csv.DictReader(file))
    content = json.loads((tmp_path / "out" / "decisions.json").read_text(encoding="utf-8"))
    rows = session.rows()
    assert [row["status"] for row in table] == [row.status for row in rows]
    assert [region["status"] for region in content["regions"]] == [row.status for row in rows]
    assert [row.status for row in rows[:4]] == ["edited", "edited", "accepted", "open"]
    assert content["regions"][2]["comment"] == COMMENT
    assert table[2]["comment"] == f"'{COMMENT}"  # no formula
    assert float(table[2]["peak_a_mm"]) == pytest.approx(rows[2].peak_ras_mm[1], rel=1e-5)
    assert content["threshold"] == session.threshold
    assert content["reviewer_initials"] == "J<D"


def test_volumes_before_and_after(make_session, tmp_path) -> None:
    session = make_session()
    export.export_review(session, tmp_path / "out")
    content = json.loads((tmp_path / "out" / "decisions.json").read_text(encoding="utf-8"))
    predicted = slicer.util.arrayFromVolume(session.result.prediction)
    voxel_mm3 = PLAIN.voxel_volume_mm3
    for structure, label in zip(content["structures"], (LEFT, RIGHT), strict=True):
        before, after = predicted == label.value, mask(session.result, label)
        expected = {
            "value": label.value,
            "name": label.name,
            "before_mm3": before.sum() * voxel_mm3,
            "after_mm3": after.sum() * voxel_mm3,
            "added_mm3": (after & ~before).sum() * voxel_mm3,
            "removed_mm3": (before & ~after).sum() * voxel_mm3,
        }
        assert structure == pytest.approx(expected)
    assert sum(one["added_mm3"] + one["removed_mm3"] for one in content["structures"]) > 0


def test_a_review_in_which_half_of_the_regions_are_excluded(scene, add_result, tmp_path) -> None:
    large_voxels = VolumeGeometry(SHAPE, np.diag([-4.0, -4.0, 5.0, 1.0]))
    session = review.ReviewSession(scene, add_result(prediction(large_voxels)))
    regions = session.regions
    assert len(regions) >= 20
    expected = {label.value: mask(session.result, label) for label in (LEFT, RIGHT)}
    for region in regions[::2]:
        session.exclude(region.id)
        expected[region.label_value][tuple(session.voxels(region.id))] = False
    assert session.regions == regions  # what is to be checked does not depend on the edits
    assert session.progress() == (len(regions[::2]), len(regions))
    assert session.next_open() == regions[1].id
    export.export_review(session, tmp_path / "out")
    written = read_label_volume(tmp_path / "out" / "reviewed.nii.gz").array
    for value, voxels in expected.items():
        np.testing.assert_array_equal(written == value, voxels)


def test_the_report_shows_everything_and_trusts_no_text(make_session, tmp_path) -> None:
    session = make_session()
    export.export_review(session, tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Research use only" in page
    assert "Tiny &lt;model&gt;" in page
    assert "J&lt;D" in page
    assert "&lt;b&gt;ä&lt;/b&gt;" in page
    assert f"3 of {len(session.rows())} regions decided" in page
    pictures = re.findall(r"src='data:image/png;base64,([^']+)'", page)
    assert len(pictures) == min(20, len(session.rows()))
    assert all(b64decode(picture).startswith(b"\x89PNG") for picture in pictures)
    assert "http" not in page


def test_without_the_image_there_are_no_pictures(scene, make_session, tmp_path) -> None:
    session = make_session()
    scene.RemoveNode(session.result.source)
    export.export_review(session, tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "No pictures" in page
    assert "<img" not in page


def test_a_segment_of_the_reviewer_gets_a_value_of_its_own(make_session, tmp_path) -> None:
    session = make_session()
    segmentation = session.result.segmentation.GetSegmentation()
    segmentation.AddEmptySegment("mine", "Lesion")
    drawn = np.zeros(SHAPE, np.uint8)
    drawn[0, :3, :3] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        drawn, session.result.segmentation, "mine", session.result.source
    )
    export.export_review(session, tmp_path / "out")
    written = read_label_volume(tmp_path / "out" / "reviewed.nii.gz").array
    np.testing.assert_array_equal(written == RIGHT.value + 1, drawn > 0)
    content = json.loads((tmp_path / "out" / "decisions.json").read_text(encoding="utf-8"))
    assert content["structures"][2]["name"] == "Lesion"
    assert content["structures"][2]["before_mm3"] == 0


def test_an_existing_folder_is_left_alone(make_session, tmp_path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputError, match="exists"):
        export.export_review(make_session(), tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("name", ["write_report", "write_decisions_json", "_write_segmentation"])
def test_a_full_disk_leaves_nothing_behind(make_session, tmp_path, monkeypatch, name) -> None:
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export, name, fail)
    target = tmp_path / "exports"
    target.mkdir()
    with pytest.raises(OutputError, match="No space left"):
        export.export_review(make_session(), target / "out")
    assert not list(target.iterdir())


def test_a_segmentation_that_stops_being_written_is_an_error(make_session, tmp_path) -> None:
    with pytest.raises(OSError, match="stopped"):
        export._write_segmentation(
            make_session().result.segmentation, tmp_path / "none" / "reviewed.seg.nrrd"
        )


def test_a_deleted_segmentation_cannot_be_exported(scene, make_session, tmp_path) -> None:
    session = make_session()
    scene.RemoveNode(session.result.segmentation)
    with pytest.raises(InvalidInput, match="deleted"):
        export.export_review(session, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_of_the_library_needs_torch_or_qt() -> None:
    code = (
        "import sys; import MoBSegmentationLib.export, MoBSegmentationLib.display, "
        "MoBSegmentationLib.restricted_editing; "
        "print([n for n in ('torch', 'nnunetv2', 'PySide6', 'qt', 'mobseg') if n in sys.modules])"
    )
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == "[]"
