"""Small pieces of HTML and of wording."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from mobseg.prediction import RunRecord


def milliliters(volume_mm3: float) -> str:
    """A volume for people, with two or three significant digits."""
    value = volume_mm3 / 1000
    return f"{value:.1f} mL" if value >= 1 else f"{value:.2f} mL"


def figure(png: bytes, *, alt: str, caption: str) -> str:
    """A picture inside the page."""
    source = f"data:image/png;base64,{b64encode(png).decode('ascii')}"
    return (
        f'<figure><img src="{source}" alt="{escape(alt)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    text_columns: int = 2,
    css_class: str = "",
) -> str:
    """A table whose first columns hold text and whose others hold numbers."""
    head = f"<thead>{_row('th', header, text_columns)}</thead>" if header else ""
    body = "".join(_row("td", row, text_columns) for row in rows)
    return (
        f'<div class="frame"><table class="{css_class}">{head}<tbody>{body}</tbody></table></div>'
    )


def _row(tag: str, cells: Sequence[str], text_columns: int) -> str:
    texts = [f"<{tag}>{escape(cell)}</{tag}>" for cell in cells[:text_columns]]
    numbers = [f'<{tag} class="n">{escape(cell)}</{tag}>' for cell in cells[text_columns:]]
    return f"<tr>{''.join(texts + numbers)}</tr>"


def record_rows(record: RunRecord) -> list[tuple[str, str]]:
    """Everything a record holds besides its notes, as pairs of name and value."""
    parts: tuple[tuple[str, Mapping[str, Any]], ...] = (
        ("Model", record.model),
        ("Option", record.options),
        ("Input", record.input),
        ("Version of", record.versions),
        ("Seconds for", {k: f"{v:.2f}" for k, v in record.seconds_by_stage.items()}),
    )
    return [
        (f"{part}: {key}".replace("_", " "), _plain(value))
        for part, entries in parts
        for key, value in entries.items()
    ]


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_plain(item) for item in value)
    return str(value)
