"""Reports of a run: one HTML page that needs nothing else, Markdown, and JUnit for a build server."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final
from xml.etree import ElementTree as Xml

from evals.pictures import pictures

Document = Mapping[str, Any]
STYLE: Final = """
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--line:#d0d5db;--c1:#0b62a8;--c2:#b4540a;--c3:#2e7d32;
--c4:#7b3fa0;--c5:#a3272f;--c6:#5c6670}
@media(prefers-color-scheme:dark){:root{--ink:#e8eaed;--paper:#16191d;--line:#3a4048;--c1:#6cb6f5;--c2:#f0a35e;
--c3:#7fce84;--c4:#cfa3ea;--c5:#f08a90;--c6:#a9b3bd}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:68rem;margin:2rem auto;
padding:0 1rem}table{border-collapse:collapse;margin:.5rem 0 1.5rem}th,td{border-bottom:1px solid var(--line);
padding:.25rem .7rem;text-align:right}th:first-child,td:first-child{text-align:left}.charts{display:flex;
flex-wrap:wrap;gap:1rem}svg{width:32rem;max-width:100%;height:auto}svg text{fill:var(--ink);font-size:11px}
svg .title{font-size:13px;font-weight:600}svg .grid{stroke:var(--line)}svg .mark{stroke:var(--c6);
stroke-dasharray:3 3;fill:none}svg .line{fill:none;stroke-width:2}.pass{color:var(--c3)}.fail{color:var(--c5)}
.inconclusive{color:var(--c2)}
"""
Rows = Sequence[Sequence[str]]


def html_of(documents: Sequence[Document]) -> str:
    """One page with everything that the runs found."""
    title = "Leadgraph evals"
    body = "".join(_section(document) for document in documents)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{STYLE}</style></head><body><h1>{title}</h1>{body}</body></html>\n"
    )


def markdown_of(documents: Sequence[Document]) -> str:
    """The same tables as Markdown."""
    lines = ["# Leadgraph evals", ""]
    for document in documents:
        lines += [f"## {heading(document)}", "", *(f"{line}\n" for line in remarks(document))]
        for name, rows in tables(document):
            lines += [
                f"### {name}",
                "",
                _pipe(rows[0]),
                _pipe(["---"] * len(rows[0])),
                *map(_pipe, rows[1:]),
                "",
            ]
    return "\n".join(lines) + "\n"


def junit_of(documents: Sequence[Document]) -> str:
    """One test case per gate or, where there is none, per scorer; inconclusive ones are skipped, never passed."""
    root = Xml.Element("testsuites")
    for document in documents:
        gates = document.get("gates", [])
        counts = {
            answer: sum(gate["answer"] == answer for gate in gates) for answer in ("fail", "inconclusive")
        }
        suite = Xml.SubElement(
            root, "testsuite", name=heading(document), tests=str(len(gates)), failures=str(counts["fail"]),
            skipped=str(counts["inconclusive"]),
        )  # fmt: skip
        for gate in gates:
            case = Xml.SubElement(suite, "testcase", name=str(gate["name"]), classname=str(document["suite"]))
            if gate["answer"] != "pass":
                tag = "failure" if gate["answer"] == "fail" else "skipped"
                Xml.SubElement(case, tag, message=str(gate["words"]))
    return '<?xml version="1.0" encoding="utf-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"


def heading(document: Document) -> str:
    """Such as ``scoring: x_education``."""
    return f"{document['suite']}: {document['dataset']}"


def _section(document: Document) -> str:
    parts = [f"<h2>{escape(heading(document))}</h2>"]
    parts += [f"<p>{escape(line)}</p>" for line in remarks(document)]
    charts = pictures(document)
    if charts:
        parts.append(f'<div class="charts">{"".join(charts)}</div>')
    for name, rows in tables(document):
        head = "".join(f"<th>{escape(cell)}</th>" for cell in rows[0])
        body = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows[1:])
        parts.append(f"<h3>{escape(name)}</h3><table><tr>{head}</tr>{body}</table>")
    return "".join(parts)


def _cell(text: str) -> str:
    style = f' class="{text}"' if text in ("pass", "fail", "inconclusive") else ""
    return f"<td{style}>{escape(text)}</td>"


def _pipe(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def remarks(document: Document) -> list[str]:
    """How it was split, how many cases, what was left out, and notes."""
    lines = [str(document["split"])] if document.get("split") else []
    if "n" in document:
        rate = f", base rate {document['base_rate']:.3f}" if document.get("base_rate") is not None else ""
        lines.append(f"{document['n']:,} cases{rate}; answer: {document.get('answer', 'not gated')}")
    left_out = {name: n for name, n in document.get("left_out", {}).items() if n}
    if left_out:
        lines.append(
            "left out: " + ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in left_out.items())
        )
    return lines + [str(note) for note in document.get("notes", ())]


def tables(document: Document) -> list[tuple[str, Rows]]:
    """All tables of a document, by title; the first row is the head."""
    made = [
        ("gates", _gates(document)),
        ("figures", _figures(document)),
        ("against the baselines", _baselines(document)),
        ("marks", _marks(document)),
        ("leaks", _leaks(document)),
        ("by age of the lead", _ages(document)),
        ("calibration by month", _months(document)),
        *((f"by {name}", _slice(rows)) for name, rows in document.get("slices", {}).items()),
    ]
    return [(name, rows) for name, rows in made if len(rows) > 1]


def words_of(seen: Mapping[str, Any] | None) -> str:
    """A figure with its interval, as people read it."""
    if not seen or seen.get("value") is None:
        return "insufficient data"
    if seen.get("low") is None:
        return f"{seen['value']:.4f}"
    return f"{seen['value']:.4f} ({seen['low']:.4f} to {seen['high']:.4f})"


def _gates(document: Document) -> Rows:
    return [
        ["gate", "answer", "because"],
        *([g["name"], g["answer"], g["words"]] for g in document.get("gates", ())),
    ]


def _figures(document: Document) -> Rows:
    found = document.get("metrics", {})
    rows = [[name, words_of(seen)] for name, seen in found.items()]
    parts = document.get("brier_parts", {})
    return [
        ["figure", "value (95 % interval)"],
        *rows,
        *([f"brier: {n}", f"{v:.4f}"] for n, v in parts.items()),
    ]


def _baselines(document: Document) -> Rows:
    found = document.get("baselines", {})
    names = list(dict.fromkeys(name for by in found.values() for name in by))
    rows = [
        [who, *(words_of(by[name]) if name in by else "" for name in names),
         words_of(document["differences"][who]["auc"])]
        for who, by in found.items()
    ]  # fmt: skip
    return [["baseline", *names, "AUC of the score less its own"], *rows]


def _marks(document: Document) -> Rows:
    found = document.get("marks", {})
    rows = [
        [name, f"{one['n']:,}", words_of(one), "; ".join(one.get("examples", ()))[:300]]
        for name, one in found.items()
    ]
    return [["scorer", "cases", "mean mark", "where it was not met"], *rows]


def _leaks(document: Document) -> Rows:
    return [["feature", "how", "why"], *(
        [str(leak.get("name")), "refused" if leak.get("hard") else "warning", str(leak.get("why"))]
        for leak in document.get("leaks", ()))]  # fmt: skip


def _ages(document: Document) -> Rows:
    return [["age", "cases", "AUC", "lift at 10 %", "AUC less that at creation"], *(
        [str(one["age"]), f"{one['n']:,}", words_of(one["auc"]), words_of(one["lift_at_10"]), words_of(one.get("gain"))]
        for one in document.get("ages", ()))]  # fmt: skip


def _months(document: Document) -> Rows:
    return [["month", "cases", "said", "came", "calibration error"], *(
        [one["month"], f"{one['n']:,}", f"{one['said']:.3f}", words_of(one["rate"]), words_of(one["ece"])]
        for one in document.get("by_month", ()))]  # fmt: skip


def _slice(rows: Mapping[str, Any]) -> Rows:
    return [["value", "cases", "won", "AUC", "calibration error"], *(
        [value, f"{one['n']:,}", f"{one['won']:,}", one.get("words") or words_of(one.get("auc")),
         words_of(one["ece"]) if "ece" in one else ""]
        for value, one in rows.items())]  # fmt: skip
