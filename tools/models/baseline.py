"""Baseline v0: a static score by plain rules, with an exact ledger. Points, not a probability.

One list of rows is made from features and intent; the points are its sum, so that `points` and `score` agree.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from domain.closed import CLOSED, OUTCOME_FACTS, outcome_of
from domain.feature import decay_table
from domain.features import Catalogue
from domain.intent import IntentReading
from domain.policy_facts import segment_of
from domain.ports.scorer import FeatureValues
from domain.score import MICRO_POINT, Part, Score
from domain.signal import MICRO, Event
from tools.models.evidence import INTENT, behind, signals_known
from tools.models.sheet import (
    SEGMENT,
    SEGMENT_FACTS,
    SILENCE_FACTS,
    Group,
    Row,
    Sheet,
    Table,
    code_of,
    load_sheet,
)

CODE: Final = 1
"""Raised when the code makes other points of the same sheet."""
_LOW: Final = 1 * MICRO_POINT
_HIGH: Final = 99 * MICRO_POINT
_LAST_HOUR: Final = 24 * 365 - 1
_KEPT: Final = 1_024
"""Looked-up codes that are remembered."""


Line = tuple[str, int, str | None, str, str | int]
"""A row of the ledger before it has its signals: name, micro-points, feature, words, and the value that fills them.

A plain tuple, because bands and cooling make some hundred of them in a run.
"""


class Baseline:
    """A `Scorer` by the rules of one sheet."""

    name = "baseline-v0"

    def __init__(self, sheet: Sheet, catalogue: Catalogue) -> None:
        """Score by `sheet`; `catalogue` tells which signals are behind a feature."""
        self._sheet, self._catalogue = sheet, catalogue
        self.version = f"{CODE}-{sheet.version}"
        self.thresholds = sheet.thresholds
        self.uses = _features_of(sheet)
        self._fit_best = sum(max([0, *table.points.values()]) for table in sheet.tables if table.fits)
        self._fit_worst = sum(-min([0, *table.points.values()]) for table in sheet.tables if table.fits)
        self._stage_decay = decay_table(sheet.stage_half_life)
        self._looked_up: dict[tuple[str, str, int | str], Line | None] = {}

    def points(self, features: FeatureValues, confidences: Mapping[str, int]) -> int:
        """Points, 1..99, or 0 and 100 for a known outcome; equal to ``score(...).points``."""
        outcome = outcome_of(features)
        if outcome is not None:
            return CLOSED[outcome]
        total = sum([line[1] for line in self._lines(features, confidences)])
        return _rounded(min(_HIGH, max(_LOW, total)))

    def score(
        self, features: FeatureValues, reading: IntentReading, events: tuple[Event, ...], as_of: int
    ) -> Score:
        """The score with its ledger. A known outcome is the whole ledger: 100 for won, 0 for lost."""
        lines = self._lines(features, {intent.value: sure for intent, sure in reading.confidences})
        outcome = outcome_of(features)
        ledger = _closed(outcome) if outcome is not None else _open(lines)
        known = signals_known(events, as_of)
        sheet = self._sheet
        return Score(
            points=sum([line[1] for line in ledger]) // MICRO_POINT,
            fit=self._fit(lines),
            engagement=self._engagement(lines),
            ledger=tuple([self._part(line, events, as_of) for line in ledger]),
            unit="points",
            scorer=self.name,
            version=self.version,
            cold_start=outcome is None and known < sheet.cold_start_below,
            confidence=1000 if outcome is not None else 1000 * known // (known + sheet.half_confident_at),
        )

    def _lines(self, features: FeatureValues, confidences: Mapping[str, int]) -> list[Line]:
        """All rows but bound and rounding, without those that give nothing."""
        sheet = self._sheet
        lines: list[Line] = [("prior", sheet.prior, None, "", "")]
        for group in sheet.groups:
            _add_group(lines, group, features)
        if confidences:
            self._add_intents(lines, confidences)
        self._add_stage(lines, features)
        for table in sheet.tables:
            self._add_table(lines, table, features)
        _add_row(lines, sheet.tickets, features.get(sheet.tickets.feature))
        self._add_silence(lines, features)
        for row in sheet.account:
            _add_row(lines, row, features.get(row.feature))
        return lines

    def _add_intents(self, lines: list[Line], confidences: Mapping[str, int]) -> None:
        sheet, up, down = self._sheet, 0, 0
        for name, row, full, words in sheet.intents:
            sure = confidences.get(name)
            if not sure:
                continue
            micro = full * sure // 1000
            lines.append((row, micro, row, words, sure // 10))
            if micro > 0:
                up += micro
            else:
                down += micro
        if up > sheet.intent_cap:
            lines.append(("intent.cap", sheet.intent_cap - up, None, "", ""))
        if down < sheet.intent_floor:
            lines.append(("intent.floor", sheet.intent_floor - down, None, "", ""))

    def _add_stage(self, lines: list[Line], features: FeatureValues) -> None:
        stage = features.get("stage")
        if not isinstance(stage, str):
            return
        full = self._sheet.stages.get(code_of(stage))
        hours = features.get("stage.hours")
        if full and isinstance(hours, int):
            micro = full * self._stage_decay[min(max(hours, 0), _LAST_HOUR)] // 1_000_000
            lines.append(("stage", micro, "stage", self._sheet.stage_words, stage))

    def _add_table(self, lines: list[Line], table: Table, features: FeatureValues) -> None:
        feature = table.feature
        value = features.get(feature)
        if feature == SEGMENT:
            feature, value = _segment(features)
        if value is None:
            return
        known = self._looked_up
        key = (table.name, feature, value)
        if key not in known:
            if len(known) >= _KEPT:
                known.clear()
            known[key] = _looked_up(table, feature, str(value))
        line = known[key]
        if line is not None:
            lines.append(line)

    def _add_silence(self, lines: list[Line], features: FeatureValues) -> None:
        hours = features.get(SILENCE_FACTS[0])
        feature = SILENCE_FACTS[0] if hours is not None else SILENCE_FACTS[1]
        hours = hours if hours is not None else features.get(feature)
        if isinstance(hours, int):
            words, days = self._sheet.silence_words, hours // 24
            for least, micro in self._sheet.silence:
                if hours >= least:
                    lines.append(("against.silence", micro, feature, words, days))
                    return

    def _fit(self, lines: list[Line]) -> int:
        """0..100; 50 = nothing known, or nothing for or against."""
        total = _sum_of(lines, "fit.")
        most = self._fit_best if total > 0 else self._fit_worst
        return max(0, min(100, 50 + (50 * total // most if most else 0)))

    def _engagement(self, lines: list[Line]) -> int:
        full = self._sheet.engagement_full or 1
        return max(0, min(100, 100 * _sum_of(lines, "engagement.") // full))

    def _part(self, line: Line, events: tuple[Event, ...], as_of: int) -> Part:
        name, micro, feature, words, value = line
        if feature is None:
            return Part(name, micro)
        refs, count = behind(feature, events, as_of, self._catalogue)
        said = words.format(count=value if feature.startswith(INTENT) else count, value=value)
        return Part(name, micro, feature, refs, count, said)


def baseline(folder: Path, catalogue: Catalogue) -> Baseline:
    """The baseline with ``scoring.toml`` of `folder`. Raises: ConfigError."""
    return Baseline(load_sheet(folder / "scoring.toml", catalogue), catalogue)


def _open(lines: list[Line]) -> list[Line]:
    """`lines` with the rows that make them whole points within 1..99."""
    total = sum([line[1] for line in lines])
    bound = min(_HIGH, max(_LOW, total))
    if bound != total:
        lines.append(("bound", bound - total, None, "", ""))
    whole = _rounded(bound) * MICRO_POINT
    if whole != bound:
        lines.append(("rounding", whole - bound, None, "", ""))
    return lines


def _closed(outcome: str) -> list[Line]:
    return [("outcome", CLOSED[outcome] * MICRO_POINT, "outcome", "The deal is {value}", outcome)]


def _rounded(micro: int) -> int:
    return (micro + MICRO_POINT // 2) // MICRO_POINT


def _sum_of(lines: list[Line], prefix: str) -> int:
    return sum([line[1] for line in lines if line[0].startswith(prefix)])


def _add_group(lines: list[Line], group: Group, features: FeatureValues) -> None:
    total = 0
    for row in group.rows:
        value = features.get(row.feature)
        if value:
            total += _add_row(lines, row, value)
    if total > group.cap:
        lines.append((f"{group.name}.cap", group.cap - total, None, "", ""))


def _add_row(lines: list[Line], row: Row, value: int | str | None) -> int:
    """Add what `row` gives for `value`, if anything, and return it."""
    if not isinstance(value, int) or value <= row.beyond:
        return 0
    micro = row.micro * (value - row.beyond) // row.unit
    micro = min(micro, row.cap) if row.cap > 0 else max(micro, row.cap)
    if micro:
        lines.append((row.name, micro, row.feature, row.words, value if row.unit == 1 else ""))
    return micro


def _segment(features: FeatureValues) -> tuple[str, str | None]:
    """Which fact tells the size of the company, and the size."""
    employees, stated = features.get(SEGMENT_FACTS[0]), features.get(SEGMENT_FACTS[1])
    if isinstance(employees, int):
        return SEGMENT_FACTS[0], segment_of(employees // MICRO, stated)
    return SEGMENT_FACTS[1], segment_of(None, stated) if stated is not None else None


def _looked_up(table: Table, feature: str, value: str) -> Line | None:
    code = code_of(value)
    micro = table.points.get(code, table.otherwise)
    return (table.name, micro, feature, table.words, code.replace("_", " ")) if micro else None


def _features_of(sheet: Sheet) -> frozenset[str]:
    counted = {row.feature for group in sheet.groups for row in group.rows} | {sheet.tickets.feature}
    coded = {table.feature for table in sheet.tables}
    if SEGMENT in coded:
        coded = (coded - {SEGMENT}) | {*SEGMENT_FACTS}
    return frozenset(counted | coded | OUTCOME_FACTS | {*SILENCE_FACTS})
