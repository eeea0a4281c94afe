from __future__ import annotations

from MoBSegmentationLib.details_log import DetailsLog


def test_the_end_is_kept_and_the_cut_is_shown() -> None:
    log = DetailsLog()
    log.add(b"begin")
    assert log.text() == "begin"
    for _ in range(100):
        log.add(b"0123456789" * 100)
    log.add(b"end")
    text = log.text()
    assert text.startswith("[...]\n")
    assert text.endswith("0123456789end")
    assert len(text) <= 16 * 1024 + 6


def test_folders_are_hidden_and_broken_text_is_no_error() -> None:
    log = DetailsLog()
    log.add("é".encode()[1:] + b" read /tmp/run/input.nrrd of /tmp")
    assert log.text(hidden=("/tmp/run",)) == "\ufffd read .../input.nrrd of /tmp"
