from __future__ import annotations

import base64
import dataclasses
from html.parser import HTMLParser
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.image import imread
from scipy import ndimage

from mobseg.errors import GeometryMismatch, OutputError
from mobseg.prediction_folder import (
    ThresholdRecord,
    read_prediction_folder,
    write_prediction_folder,
)
from mobseg.regions import flag_regions
from mobseg.report import REPORT_FILE, report_writer, write_report
from mobseg.report.write import PICTURED_REGIONS
from mobseg.volume import ScalarVolume
from tests.support.predictions import RECORD, make_maps

SHAPE = (20, 40, 40)
MATRIX = np.diag([-2.0, -2.0, 4.0, 1.0])
INTENDED_USE = "Segments <glands> on CT."


def make_result(spots, is_stochastic=True, score="variance"):
    """A box-shaped gland with doubtful spots on its posterior surface, the last one the worst."""
    k, j, i = np.indices(SHAPE)
    probability = np.where((abs(k - 10) < 6) & (abs(j - 20) < 9) & (abs(i - 20) < 9), 0.95, 0.02)
    variance = np.zeros(SHAPE)
    for n in range(spots):
        at = (6 + 3 * (n // 3), 12, 15 + 5 * (n % 3))
        variance[at] = 0.1 + 0.01 * n
        probability[at] = 0.7 - 0.01 * n
    maps = make_maps(
        variance=variance,
        probability=probability,
        labels=np.where(probability > 0.5, 3, 0),
        ijk_to_ras_mm=MATRIX,
        is_stochastic=is_stochastic,
    )
    maps = dataclasses.replace(
        maps, predictive_entropy_nats=2 * maps.probability_variance[0].astype(np.float32)
    )
    noise = np.random.default_rng(0).standard_normal(SHAPE)
    hounsfield = np.where(probability > 0.5, 60, -90) + 400 * ndimage.gaussian_filter(noise, 2)
    return SimpleNamespace(
        volume=ScalarVolume(hounsfield.astype(np.int16), maps.geometry),
        maps=maps,
        regions=flag_regions(maps, score, 0.05, min_volume_mm3=0),
        threshold=ThresholdRecord(score, 0.05, "Chosen by the user."),
        record=RECORD,
    )


class Page(HTMLParser):
    """Text, pictures, table rows and links of a page."""

    def __init__(self, html):
        super().__init__()
        self.text, self.pictures, self.rows, self.links, self.tags = "", [], [], [], []
        self._inside = ""
        self.feed(html)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append(tag)
        self._inside = tag
        if tag == "img":
            self.pictures.append(attributes)
        if tag == "tr":
            self.rows.append([])
        self.links += [attributes[name] for name in ("src", "href") if name in attributes]

    def handle_endtag(self, tag):
        self._inside = ""
        self.text += " "

    def handle_data(self, data):
        if self._inside != "style":
            self.text += data
        if self._inside in ("td", "th"):
            self.rows[-1].append(data)


def write_and_parse(folder, result, **options):
    path = folder / REPORT_FILE
    options = {"intended_use": INTENDED_USE} | options
    write_report(path, result.volume, result, **options)
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def result():
    return make_result(PICTURED_REGIONS + 1)


@pytest.fixture(scope="module")
def page(result, tmp_path_factory):
    return write_and_parse(tmp_path_factory.mktemp("report"), result)


def pixels_of(picture):
    kind, data = picture["src"].split(",")
    assert kind == "data:image/png;base64"
    return imread(BytesIO(base64.b64decode(data)))[..., :3]


def test_it_says_what_it_is(page):
    assert "Research use only, not a medical device." in page.text
    assert INTENDED_USE in page.text
    assert "Tiny <model>" in page.text
    assert "The image has no air." in page.text
    assert "Variance of the probability" in page.text
    assert "from the threshold 0.05" in page.text
    assert "Chosen by the user." in page.text


def test_names_are_never_taken_for_html(page):
    assert not {"model", "glands"} & set(page.tags)


def test_it_needs_no_other_file_and_no_network(page):
    assert page.links
    assert all(link.startswith("data:image/png;base64,") for link in page.links)
    assert not {"script", "link", "iframe"} & set(page.tags)


def test_every_region_is_in_the_table(page, result):
    found = {row[0]: row for row in page.rows if len(row) == 9}
    assert len(result.regions) == PICTURED_REGIONS + 1
    for region in result.regions:
        row = found[str(region.id)]
        assert row[1:3] == ["Left gland", region.reason]
        assert float(row[3]) == pytest.approx(region.volume_mm3, abs=0.5)
        assert float(row[4]) == pytest.approx(region.expected_error_mm3, abs=0.5)
        position = [float(cell.replace("\N{MINUS SIGN}", "-")) for cell in row[6:]]
        assert position == pytest.approx(region.peak_ras_mm, abs=0.05)


def test_the_summary_adds_up(page, result):
    volume_ml = np.count_nonzero(result.maps.labels) * 16 / 1000
    assert ["Left gland", f"{volume_ml:.1f} mL", "7", "0.11 mL"] in page.rows
    assert "7 regions to check 0.11 mL volume to check" in page.text
    assert "2 s computing time" in page.text


def test_every_picture_is_described_and_not_blank(page):
    assert len(page.pictures) == PICTURED_REGIONS + 2
    for picture in page.pictures:
        assert len(picture["alt"]) > 30
        pixels = pixels_of(picture)
        assert pixels.std() > 0.1
        assert len(np.unique(pixels[..., 0])) > 50


def test_pictures_of_regions_have_the_physical_aspect(page):
    """The gland is 17 voxels of 2 mm wide and 11 of 4 mm high; all three panels share one scale."""
    pixels = pixels_of(page.pictures[1])
    red, green, blue = np.moveaxis(pixels, -1, 0)
    is_outline = (blue > 0.75) & (green > 0.65) & (red < 0.45)
    panels = {"axial": (12, 472), "coronal": (484, 944), "sagittal": (956, 1416)}
    sizes = {
        name: [np.ptp(np.flatnonzero(is_outline[:, a:b].any(axis=axis))) for axis in (0, 1)]
        for name, (a, b) in panels.items()
    }
    per_mm = 460 / 120
    assert sizes["coronal"] == pytest.approx([34 * per_mm, 44 * per_mm], abs=8)
    assert sizes["axial"][0] == pytest.approx(34 * per_mm, abs=8)
    assert sizes["sagittal"][1] == pytest.approx(44 * per_mm, abs=8)


def test_the_heat_map_is_where_the_strokes_point(page, result):
    pixels = pixels_of(page.pictures[1])
    peak = np.array(result.regions[0].peak_ras_mm)
    middle = result.maps.geometry.ijk_to_ras((19.5, 19.5, 9.5))
    shift = np.clip(middle - peak, -30, 30)
    x = 12 + 230 + shift[0] * 460 / 120
    red, _, blue = pixels[34 + 230, round(x)]
    assert red > blue + 0.1


def test_a_deterministic_model_claims_no_variance(tmp_path):
    text = write_and_parse(tmp_path, make_result(1, is_stochastic=False, score="entropy")).text
    assert "Entropy (nats)" in text
    assert "deterministic and predicts no variance" in text
    assert "Variance of the probability" not in text


def test_nothing_flagged(tmp_path):
    page = write_and_parse(tmp_path, make_result(0), intended_use=None)
    assert "No region reaches the threshold." in page.text
    assert "The model does not state what it is meant for." in page.text
    assert len(page.pictures) == 2


def test_nothing_segmented(tmp_path):
    result = make_result(0)
    result.maps = dataclasses.replace(result.maps, labels=np.zeros(SHAPE, np.uint8))
    page = write_and_parse(tmp_path, result)
    assert ["Left gland", "0.00 mL", "0", "0.00 mL"] in page.rows
    assert len(page.pictures) == 2


def test_it_can_be_made_from_a_stored_prediction(tmp_path):
    result = make_result(1)
    write_prediction_folder(
        tmp_path / "out",
        result.maps,
        result.regions,
        result.record,
        threshold=result.threshold,
        extra_writers=[report_writer(result.volume, result, INTENDED_USE)],
    )
    first = (tmp_path / "out" / REPORT_FILE).read_text(encoding="utf-8")
    stored = read_prediction_folder(tmp_path / "out")
    write_report(tmp_path / "again.html", result.volume, stored, intended_use=INTENDED_USE)
    assert Page((tmp_path / "again.html").read_text(encoding="utf-8")).text == Page(first).text


def test_an_image_on_another_grid_is_refused(tmp_path):
    result = make_result(0)
    other = make_maps(variance=np.zeros((20, 40, 41))).geometry
    volume = ScalarVolume(np.zeros((20, 40, 41)), other)
    with pytest.raises(GeometryMismatch, match="different grids"):
        write_report(tmp_path / REPORT_FILE, volume, result, intended_use=None)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        write_and_parse(tmp_path / "missing", make_result(0))
