from __future__ import annotations

import os
import time

from MoBSegmentationLib.run_folder import RunFolder, remove_stale_run_folders


def test_a_folder_has_neutral_names_and_goes_with_all_that_is_in_it(tmp_path) -> None:
    folder = RunFolder.create(tmp_path / "new")
    folder.input.write_bytes(b"image")
    (folder.result / "deep").mkdir(parents=True)
    assert (folder.input.name, folder.result.name) == ("input.nrrd", "result")
    folder.remove_input()
    folder.remove_input()
    assert not folder.input.exists()
    assert folder.result.exists()
    assert folder.remove()
    assert not folder.path.exists()
    assert folder.remove()


def test_only_old_run_folders_are_stale(tmp_path) -> None:
    new, old = RunFolder.create(tmp_path), RunFolder.create(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    two_days_ago = time.time() - 2 * 24 * 3600
    for path in (old.path, other):
        os.utime(path, (two_days_ago, two_days_ago))
    remove_stale_run_folders(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([new.path, other])
    remove_stale_run_folders(tmp_path / "nothing")
