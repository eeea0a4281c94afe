from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mobseg.bundle import extraction
from mobseg.bundle.archive import unpack_bundle
from mobseg.bundle.extraction import read_bundle_metadata
from mobseg.bundle.metadata import BundleMetadata
from mobseg.errors import BundleError, OutputError

Changed = Callable[[dict[str, bytes | None]], Path]


def assert_refused(bundle: Path, folder: Path, message: str) -> None:
    """The bundle is refused in one sentence, and no file or folder is left outside or inside."""
    outside = sorted(folder.parent.rglob("*"))
    with pytest.raises(BundleError, match=message):
        unpack_bundle(bundle, folder)
    assert sorted(folder.parent.rglob("*")) == outside


def test_a_bundle_unpacks_to_its_model(
    pristine_bundle: Path, metadata: BundleMetadata, tmp_path: Path
) -> None:
    model = unpack_bundle(pristine_bundle, tmp_path / "models" / "x")
    assert model.path == tmp_path / "models" / "x"
    assert model.metadata == metadata
    assert model.folds == (0, 1)
    assert (model.path / "MODEL_CARD.md").read_text("utf-8") == "# Card\n"
    assert list(model.path.parent.iterdir()) == [model.path]


def test_metadata_is_read_without_unpacking(
    pristine_bundle: Path, metadata: BundleMetadata
) -> None:
    assert read_bundle_metadata(pristine_bundle) == metadata


def test_an_existing_destination_is_kept(pristine_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="exists already"):
        unpack_bundle(pristine_bundle, tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "../evil.json",
        "fold_0/../../evil.pth",
        "/etc/evil.json",
        "C:/evil.json",
        "C:evil.json",
        "..\\evil.json",
        "fold_0\\checkpoint_final.pth",
        "//server/share/plans.json",
        "evil.py",
        "fold_0/evil.py",
        "fold_0/fold_0/checkpoint_final.pth",
        "fold_0/",
        "fold_x/checkpoint_final.pth",
        "Plans.json",
    ],
)
def test_any_other_name_is_refused(changed_bundle: Changed, tmp_path: Path, name: str) -> None:
    assert_refused(changed_bundle({name: b"evil"}), tmp_path / "m", "which is no file of a bundle")


def test_a_name_with_a_null_byte_is_refused(pristine_bundle: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "null.zip"
    data = pristine_bundle.read_bytes()
    assert data.count(b"MODEL_CARD.md") == 2
    bundle.write_bytes(data.replace(b"MODEL_CARD.md", b"plans.json\0.m"))
    assert_refused(bundle, tmp_path / "m", "which is no file of a bundle")


def with_entry(bundle: Path, target: Path, change: Callable[[zipfile.ZipInfo], None]) -> Path:
    """Add ``curves.png`` and change its record in the zip's directory."""
    target.write_bytes(bundle.read_bytes())
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("curves.png", b"x" * 1000)
        change(archive.filelist[-1])
    return target


def test_a_symbolic_link_is_refused(pristine_bundle: Path, tmp_path: Path) -> None:
    def change(entry: zipfile.ZipInfo) -> None:
        entry.external_attr = 0o120777 << 16

    bundle = with_entry(pristine_bundle, tmp_path / "link.zip", change)
    assert_refused(bundle, tmp_path / "m", "symbolic link")


def test_an_encrypted_file_is_refused(pristine_bundle: Path, tmp_path: Path) -> None:
    def change(entry: zipfile.ZipInfo) -> None:
        entry.flag_bits |= 1

    bundle = with_entry(pristine_bundle, tmp_path / "locked.zip", change)
    assert_refused(bundle, tmp_path / "m", "encrypted")


def test_an_unusual_compression_is_refused(pristine_bundle: Path, tmp_path: Path) -> None:
    def change(entry: zipfile.ZipInfo) -> None:
        entry.compress_type = zipfile.ZIP_LZMA

    bundle = with_entry(pristine_bundle, tmp_path / "lzma.zip", change)
    assert_refused(bundle, tmp_path / "m", "unusual compression")


def test_a_file_larger_than_declared_is_refused(pristine_bundle: Path, tmp_path: Path) -> None:
    def change(entry: zipfile.ZipInfo) -> None:
        entry.file_size = 10

    bundle = with_entry(pristine_bundle, tmp_path / "liar.zip", change)
    assert_refused(bundle, tmp_path / "m", "damaged")


def test_a_name_twice_is_refused(pristine_bundle: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "twice.zip"
    bundle.write_bytes(pristine_bundle.read_bytes())
    with warnings.catch_warnings(), zipfile.ZipFile(bundle, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("plans.json", b"{}")
    assert_refused(bundle, tmp_path / "m", "two files of the same name")


def test_a_zip_bomb_is_refused(changed_bundle: Changed, tmp_path: Path) -> None:
    bundle = changed_bundle({"curves.png": bytes(40 << 20)})
    assert bundle.stat().st_size < 1 << 20
    assert_refused(bundle, tmp_path / "m", "would inflate to")


def test_too_many_files_are_refused(changed_bundle: Changed, tmp_path: Path) -> None:
    folds = {f"fold_{n}/checkpoint_best.pth": b"x" for n in range(100)}
    assert_refused(changed_bundle(folds), tmp_path / "m", "more than 64")


def test_too_many_bytes_are_refused(
    pristine_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extraction, "MAX_TOTAL_BYTES", 1000)
    assert_refused(pristine_bundle, tmp_path / "m", "would inflate to")


def test_a_changed_file_is_noticed(
    changed_bundle: Changed, pristine_bundle: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(pristine_bundle) as archive:
        plans = json.loads(archive.read("plans.json"))
    bundle = changed_bundle({"plans.json": json.dumps({**plans, "extra": 1}).encode()})
    assert_refused(bundle, tmp_path / "m", r"plans\.json was damaged or changed")


def test_an_added_file_is_noticed(changed_bundle: Changed, tmp_path: Path) -> None:
    bundle = changed_bundle({"fold_7/checkpoint_final.pth": b"x"})
    assert_refused(bundle, tmp_path / "m", "not those of its manifest")


@pytest.mark.parametrize("name", ["manifest.json", "mobseg.json", "plans.json"])
def test_a_missing_file_is_noticed(changed_bundle: Changed, tmp_path: Path, name: str) -> None:
    assert_refused(changed_bundle({name: None}), tmp_path / "m", "manifest")


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_a_truncated_bundle_is_refused(pristine_bundle: Path, tmp_path: Path, share: float) -> None:
    data = pristine_bundle.read_bytes()
    bundle = tmp_path / "half.zip"
    bundle.write_bytes(data[: int(share * len(data))])
    assert_refused(bundle, tmp_path / "m", "truncated, damaged or no zip file")
    with pytest.raises(BundleError, match="truncated"):
        read_bundle_metadata(bundle)


def test_a_damaged_byte_is_noticed(pristine_bundle: Path, tmp_path: Path) -> None:
    data = bytearray(pristine_bundle.read_bytes())
    data[len(data) // 2] ^= 0xFF
    bundle = tmp_path / "damaged.zip"
    bundle.write_bytes(data)
    assert_refused(bundle, tmp_path / "m", "damaged")


def test_a_missing_bundle_is_refused(tmp_path: Path) -> None:
    assert_refused(tmp_path / "nothing.zip", tmp_path / "m", "does not exist")


def test_metadata_of_a_zip_without_it_is_refused(changed_bundle: Changed) -> None:
    with pytest.raises(BundleError, match=r"holds no usable mobseg\.json"):
        read_bundle_metadata(changed_bundle({"mobseg.json": None}))
