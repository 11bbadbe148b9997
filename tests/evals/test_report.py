"""Reports stand alone, hold every figure, and never let what they show become part of the page."""

import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as Xml

from evals.charts import Axes, Series, extent, line_chart
from evals.report import html_of, junit_of, markdown_of
from evals.suites import scoring
from tests.evals.made_up import traces

ABOUT = {
    "split": "two thirds",
    "gates": {"margin": 0.02, "ece": 0.2},
    "leaks": [{"name": "x", "hard": False, "why": "strong"}],
}
TOLD = scoring.score(traces(), ABOUT, draws=200)
HOSTILE = "<script>alert(1)</script>\"'&|"


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def tags(page: str) -> _Tags:
    parsed = _Tags()
    parsed.feed(page)
    assert parsed.open == []
    return parsed


def test_the_page_needs_nothing_from_elsewhere() -> None:
    seen = tags(html_of([TOLD])).seen
    assert not [tag for tag, _ in seen if tag in ("script", "link", "img", "iframe", "object")]
    assert not [at for _, attrs in seen for at in attrs if at in ("src", "href")]
    assert "http" not in html_of([TOLD]).replace("http://www.w3.org/2000/svg", "")


def test_the_page_has_its_charts_and_tables() -> None:
    page = html_of([TOLD])
    for words in (
        "Said and came",
        "Wins caught by share worked",
        "against the baselines",
        "auc_non_inferior",
    ):
        assert words in page
    assert page.count("<svg") == page.count("</svg>") >= 2


def test_hostile_names_stay_words() -> None:
    told = {**TOLD, "dataset": HOSTILE, "leaks": [{"name": HOSTILE, "hard": True, "why": HOSTILE}]}
    page = html_of([told])
    assert "<script" not in page
    tags(page)
    lines = [line for line in markdown_of([told]).splitlines() if line.startswith("| <script>")]
    assert all(re.sub(r"\\\|", "", line).count("|") == 4 for line in lines)
    Xml.fromstring(junit_of([told]))  # noqa: S314 - our own text, to see that it is well formed


def test_junit_counts_what_cannot_be_told_as_skipped_and_never_as_passed() -> None:
    gates: list[dict[str, Any]] = [
        {"name": n, "answer": n, "words": "w"} for n in ("pass", "fail", "inconclusive")
    ]
    suite = Xml.fromstring(junit_of([{**TOLD, "gates": gates}])).find("testsuite")  # noqa: S314 - our own text
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    assert [len(case) for case in suite] == [0, 1, 1]


def test_months_and_ages_get_a_chart_where_there_are_two() -> None:
    month = {"n": 100, "said": 0.3, "rate": {"value": 0.31, "low": 0.2, "high": 0.4}, "ece": {"value": None}}
    age = {
        "n": 100,
        "auc": {"value": 0.6, "low": 0.5, "high": 0.7},
        "lift_at_10": {"value": 2.0, "low": 1.0, "high": 3.0},
    }
    told = {
        **TOLD,
        "by_month": [{**month, "month": f"2026-{m:02}"} for m in range(1, 10)],
        "ages": [{**age, "age": words} for words in ("creation", "1 day", "14 days")],
    }
    page = html_of([told])
    for words in ("Calibration by month", "AUC by age of the lead", "Lift at 10 % by age"):
        assert words in page
    tags(page)


def test_words_below_an_axis_leave_each_other_room() -> None:
    words = tuple(f"2026-{m:02}" for m in range(1, 13))
    chart = line_chart(
        Axes("t", "x", "y", (0, 11), words=words), [Series("a", tuple((float(i), 0.5) for i in range(12)))]
    )
    places = [float(x) for x in re.findall(r'x="([\d.]+)" y="272" text-anchor="middle">2026', chart)]
    assert len(places) >= 3
    assert min(b - a for a, b in pairwise(places)) >= 45


def test_every_mark_of_a_chart_lies_inside_it() -> None:
    wild = Series("a", ((0.0, -5.0), (1.0, 9.0)), ((-9.0, -1.0), (8.0, 10.0)))
    chart = line_chart(Axes("t", "x", "y"), [wild])
    heights = [float(y) for y in re.findall(r'c?y="([\d.]+)"', chart)]
    assert all(0 <= y <= 300 for y in heights)


def test_a_range_is_never_empty() -> None:
    for values in ([], [0.5], [0.5, 0.5], [0.1, 0.9]):
        low, high = extent(values)
        assert low < high
