"""Writes the report of an experiment: Markdown, HTML, figures and the figures of every case."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from mobseg.experiment.config import ExperimentConfig
from mobseg.experiment.figures import draw_bases_figure, draw_figures
from mobseg.experiment.results import Row, read_results, write_per_case
from mobseg.experiment.steps import Places, run_name
from mobseg.experiment.table import Table
from mobseg.experiment.tables import counts_table, paper_tables, result_tables
from mobseg.report.markup import figure
from mobseg.report.markup import table as html_table
from mobseg.report.stylesheet import STYLESHEET

_TEST_TITLES = {"validation": "Validation cases", "test": "Test cases"}


def write_report(config: ExperimentConfig, places: Places) -> list[Path]:
    """Write ``report.md``, ``report.html``, one CSV per set of cases and the figures.

    Only what was measured is shown, so a report can also be made of an unfinished experiment.

    Returns:
        The files.
    """
    sections: list[tuple[str, list[Table], list[tuple[Path, str]]]] = []
    written = []
    for cases in config.cases:
        rows = read_results(config, places, cases)
        if not rows:
            continue
        csv_path = places.output / f"per_case_{cases}.csv"
        write_per_case(rows, csv_path)
        written.append(csv_path)
        pictures = draw_figures(rows, places.output / "figures", cases)
        pictures += _bases_figure(config, rows, places, cases)
        title = _TEST_TITLES.get(cases, cases)
        sections.append((title, result_tables(rows, _control(config, rows)), pictures))
    slices = _slices(config, places)
    if slices:
        sections.append(("Failures and corrections", [], slices))
    counts = Table("", (), ()) if not sections else counts_table(_counts(config, places))
    reference = paper_tables()
    markdown, html = places.output / "report.md", places.output / "report.html"
    markdown.write_text(_markdown(config.title, counts, sections, reference), encoding="utf-8")
    html.write_text(_html(config.title, counts, sections, reference), encoding="utf-8")
    return [markdown, html, *written]


def _bases_figure(
    config: ExperimentConfig, rows: Sequence[Row], places: Places, cases: str
) -> list[tuple[Path, str]]:
    """Dice by number of bases, of the arms that are there."""
    by_name = {row.name: row for row in rows}
    bases = {
        int(number): by_name[name]
        for number, name in config.bases_figure.items()
        if name in by_name
    }
    if not bases:
        return []
    return [draw_bases_figure(bases, _control(config, rows), places.output / "figures", cases)]


def _slices(config: ExperimentConfig, places: Places) -> list[tuple[Path, str]]:
    """The pictures of failures and corrections that are there, with their captions."""
    pictures = []
    for name in config.slices:
        arm = config.arm(name)
        path = places.slices(run_name(arm, config.seeds_of(arm)[0]))
        caption = (
            f"{name}, first seed: the case of the lowest Dice (failure) and that of the largest gain over "
            "the base (correction). Reference green, base blue, model orange."
        )
        if path.exists():
            pictures.append((path, caption))
    return pictures


def _control(config: ExperimentConfig, rows: Sequence[Row]) -> Row:
    """The first arm, or the base while that is not there yet."""
    return next((row for row in rows if row.name == config.arms[0].name), rows[0])


def _counts(config: ExperimentConfig, places: Places) -> dict[str, int]:
    split = json.loads((places.preprocessed / "splits_final.json").read_text())[0]
    counts = {name: len(split[name]) for name in ("train", "val")}
    if "test" in config.cases:
        labels = places.raw / config.cases["test"].labels
        counts["test"] = len(list(labels.glob("*.*")))
    return counts


def _markdown(
    title: str,
    counts: Table,
    sections: Iterable[tuple[str, list[Table], list[tuple[Path, str]]]],
    reference: Iterable[Table],
) -> str:
    lines = [f"# {title}", "", *_markdown_table(counts)]
    for heading, tables, pictures in sections:
        lines += [f"## {heading}", ""]
        for one in tables:
            lines += _markdown_table(one)
        for path, caption in pictures:
            lines += [f"![{caption}](figures/{path.name})", ""]
    lines += ["## The paper's tables", ""]
    for one in reference:
        lines += _markdown_table(one)
    return "\n".join(lines)


def _markdown_table(table: Table) -> list[str]:
    if not table.rows:
        return []
    lines = [f"### {table.title}", ""]
    lines += [f"| {' | '.join(table.header)} |", f"|{'---|' * len(table.header)}"]
    lines += [f"| {' | '.join(row)} |" for row in table.rows]
    return [*lines, "", *([table.note, ""] if table.note else [])]


def _html(
    title: str,
    counts: Table,
    sections: Iterable[tuple[str, list[Table], list[tuple[Path, str]]]],
    reference: Iterable[Table],
) -> str:
    body = [_html_table(counts)]
    for heading, tables, pictures in sections:
        body.append(f"<h2>{escape(heading)}</h2>")
        body += [_html_table(one) for one in tables]
        body += [
            figure(path.read_bytes(), alt=caption, caption=caption) for path, caption in pictures
        ]
    body.append("<h2>The paper's tables</h2>")
    body += [_html_table(one) for one in reference]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLESHEET}</style></head><body><header><div><h1>{escape(title)}</h1></div></header>"
        f"<main>{''.join(body)}</main></body></html>"
    )


def _html_table(table: Table) -> str:
    if not table.rows:
        return ""
    note = f"<p>{escape(table.note)}</p>" if table.note else ""
    body = html_table(table.header, table.rows, text_columns=table.text_columns)
    return f"<h3>{escape(table.title)}</h3>{body}{note}"
