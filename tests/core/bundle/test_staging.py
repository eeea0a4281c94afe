from __future__ import annotations

from pathlib import Path

import pytest

from mobseg.bundle.staging import staged
from mobseg.errors import OutputError


def test_a_folder_appears_complete(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder"
    with staged(target) as folder:
        folder.mkdir()
        (folder / "file").write_text("content", "utf-8")
        assert not target.exists()
    assert (target / "file").read_text("utf-8") == "content"
    assert list(target.parent.iterdir()) == [target]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), staged(tmp_path / "file") as file:
        file.write_text("half", "utf-8")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_an_existing_destination_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old", "utf-8")
    with pytest.raises(OutputError, match="exists already"), staged(target):
        pytest.fail("must not get here")
    assert target.read_text("utf-8") == "old"


def test_a_folder_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    with pytest.raises(OutputError, match="cannot be written"), staged(target) as folder:
        folder.mkdir()
        target.mkdir()
        (target / "theirs").touch()
    assert [path.name for path in target.iterdir()] == ["theirs"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_disk_that_takes_no_more_is_one_sentence(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="only POSIX limits the size of files")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(OutputError, match="free disk space"), staged(tmp_path / "f") as file:
            file.write_bytes(bytes(20_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_a_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"), staged(tmp_path / "file" / "x"):
        pytest.fail("must not get here")
