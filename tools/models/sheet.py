"""The score sheet: points per rule as written in ``config/scoring.toml``, read strictly, in micro-points."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from string import Formatter
from typing import Any, Final

from domain.band import Thresholds
from domain.errors import ConfigError
from domain.feature import Aggregate
from domain.features import Catalogue
from domain.intent import Intent
from domain.score import MICRO_POINT

SEGMENT: Final = "segment"
"""A feature of its own: the size of the company, from whichever fact says it."""
SEGMENT_FACTS: Final = ("fact.employees", "fact.employee_band")
SILENCE_FACTS: Final = ("recency.engagement", "recency.any")
_MOST_POINTS: Final = 100
_IN_MICRO: Final = frozenset({Aggregate.DECAYED, Aggregate.SUM, Aggregate.LAST_AMOUNT, Aggregate.LAST_NUMBER})
_TEXTUAL: Final = frozenset({Aggregate.LAST})
_TOP: Final = frozenset(
    [
        "prior",
        "cold_start_below",
        "half_confident_at",
        "engagement_full",
        "bands",
        "group",
        "intent",
        "stage",
        "table",
        "tickets",
        "silence",
        "account",
    ]
)
_PLACES: Final = frozenset({"count", "value"})

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """`micro` micro-points for each `unit` of the feature beyond `beyond`, at most `cap` either way of 0."""

    name: str
    feature: str
    micro: int
    cap: int
    unit: int
    words: str
    beyond: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that together give at most `cap` micro-points."""

    name: str
    rows: tuple[Row, ...]
    cap: int


@dataclass(frozen=True, slots=True)
class Table:
    """Micro-points by the code of a feature; `otherwise` for any other code."""

    name: str
    feature: str
    points: Mapping[str, int]
    otherwise: int
    words: str

    @property
    def fits(self) -> bool:
        """True if it says who the lead is, rather than what speaks against it."""
        return self.name.startswith("fit.")


@dataclass(frozen=True, slots=True)
class Sheet:
    """All rules. Points in micro-points. `version` is the content hash of the file, 12 hex digits."""

    version: str
    prior: int
    cold_start_below: int
    half_confident_at: int
    engagement_full: int
    thresholds: Thresholds
    groups: tuple[Group, ...]
    intents: tuple[tuple[str, str, int, str], ...]
    """Intent, name of its row, micro-points at full confidence, words."""
    intent_cap: int
    intent_floor: int
    stages: Mapping[str, int]
    stage_half_life: int
    """Hours."""
    stage_words: str
    tables: tuple[Table, ...]
    tickets: Row
    silence: tuple[tuple[int, int], ...]
    """(hours, micro-points), longest first."""
    silence_words: str
    account: tuple[Row, ...]


def load_sheet(file: Path, catalogue: Catalogue) -> Sheet:
    """The sheet in `file`, whose features must be in `catalogue`.

    Raises: ConfigError naming the file, the place and the remedy.
    """
    try:
        written = file.read_bytes()
        document = tomllib.loads(written.decode(), parse_float=Decimal)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror}); check the path") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: is not UTF-8 text; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: is not TOML: {error}") from None
    return _Reader(str(file), catalogue).sheet(document, sha256(written).hexdigest()[:12])


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one file; every error names the place."""

    file: str
    catalogue: Catalogue

    def sheet(self, document: Entry, version: str) -> Sheet:
        """The whole sheet."""
        top = self.entry("the file", document, _TOP)
        intent = self.entry("[intent]", top["intent"], {"cap", "floor", "rows"})
        stage = self.entry("[stage]", top["stage"], {"half_life_days", "words", "points"})
        silence = self.entry("[silence]", top["silence"], {"words", "points"})
        tickets = self.entry("[tickets]", top["tickets"], {"feature", "words", "points", "cap"})
        return Sheet(
            version=version,
            prior=self.points("prior", top["prior"]),
            cold_start_below=self.number("cold_start_below", top["cold_start_below"]),
            half_confident_at=self.number("half_confident_at", top["half_confident_at"]),
            engagement_full=self.number("engagement_full", top["engagement_full"]) * MICRO_POINT,
            thresholds=self.thresholds(top["bands"]),
            groups=tuple(self.groups(top["group"])),
            intents=tuple(self.intents(intent["rows"])),
            intent_cap=self.points("[intent] cap", intent["cap"]),
            intent_floor=self.points("[intent] floor", intent["floor"]),
            stages=self.codes("[stage.points]", stage["points"]),
            stage_half_life=24 * self.number("[stage] half_life_days", stage["half_life_days"]),
            stage_words=self.words("[stage] words", stage["words"]),
            tables=tuple(self.tables(top["table"])),
            tickets=self.row("against.tickets", "[tickets]", tickets),
            silence=self.silence(silence["points"]),
            silence_words=self.words("[silence] words", silence["words"]),
            account=tuple(self.account(top["account"])),
        )

    def thresholds(self, written: Any) -> Thresholds:
        """The bands."""
        names = {"enter_hot", "leave_hot", "enter_warm", "leave_warm"}
        entry = self.entry("[bands]", written, names)
        try:
            return Thresholds(**{name: self.number(f"[bands] {name}", entry[name]) for name in names})
        except ValueError as error:
            raise ConfigError(f"{self.file}: [bands] {error}") from None

    def groups(self, written: Any) -> Iterator[Group]:
        """Groups of engagement."""
        for place, entry in self.list("[[group]]", written, {"name", "cap", "rows"}):
            name = self.name(place, entry["name"], "engagement.")
            keys = {"feature", "points", "cap", "words"}
            rows = [
                self.row(f"engagement.{str(row['feature']).removeprefix('decayed.')}", at, row)
                for at, row in self.list(f"{place} rows", entry["rows"], keys)
            ]
            yield Group(name, tuple(rows), self.points(f"{place} cap", entry["cap"]))

    def tables(self, written: Any) -> Iterator[Table]:
        """Tables of fit, and of what speaks against a lead."""
        keys = {"name", "feature", "words", "points"}
        for place, entry in self.list("[[table]]", written, keys, optional={"otherwise"}):
            feature = entry["feature"]
            if feature != SEGMENT:
                self.feature(place, feature, scope="lead", textual=True)
            yield Table(
                self.name(place, entry["name"], "fit.", "against."),
                feature,
                self.codes(f"{place} points", entry["points"]),
                self.points(f"{place} otherwise", entry.get("otherwise", 0)),
                self.words(place, entry["words"]),
            )

    def account(self, written: Any) -> Iterator[Row]:
        """Rows about the company."""
        keys = {"name", "feature", "words", "points", "cap"}
        for place, entry in self.list("[[account]]", written, keys, optional={"beyond"}):
            name = self.name(place, entry["name"], "account.")
            row = {key: value for key, value in entry.items() if key not in ("name", "beyond")}
            beyond = self.number(f"{place} beyond", entry.get("beyond", 0))
            yield self.row(name, place, row, scope="account", beyond=beyond)

    def row(self, name: str, place: str, entry: Entry, *, scope: str = "lead", beyond: int = 0) -> Row:
        """A rule that counts."""
        aggregate = self.feature(place, entry["feature"], scope=scope, textual=False)
        unit = 1_000_000 if aggregate in _IN_MICRO else 1
        micro = self.points(f"{place} points", entry["points"])
        cap = self.points(f"{place} cap", entry["cap"])
        if micro * cap <= 0:
            raise ConfigError(f"{self.file}: {place} points and cap must both be above 0, or both below")
        return Row(name, entry["feature"], micro, cap, unit, self.words(place, entry["words"]), beyond * unit)

    def silence(self, written: Any) -> tuple[tuple[int, int], ...]:
        """Steps of silence by days."""
        if not isinstance(written, dict) or not all(day.isdecimal() for day in written):
            raise ConfigError(f"{self.file}: [silence] points must be a table of days")
        steps = {24 * int(day): self.points(f"[silence] {day}", micro) for day, micro in written.items()}
        return tuple(sorted(steps.items(), reverse=True))

    def intents(self, written: Any) -> Iterator[tuple[str, str, int, str]]:
        """Points of every intent; one that is left out would silently give nothing."""
        names = {intent.value for intent in Intent if intent is not Intent.UNSURE}
        rows = self.entry("[intent.rows]", written, names)
        for name in sorted(names):
            place = f"[intent.rows] {name}"
            row = self.entry(place, rows[name], {"points", "words"})
            points, words = self.points(place, row["points"]), self.words(place, row["words"])
            yield name, f"intent.{name}", points, words

    def codes(self, place: str, written: Any) -> dict[str, int]:
        """Points by code."""
        if not isinstance(written, dict):
            raise ConfigError(f"{self.file}: {place} must be a table of codes and points")
        return {code_of(code): self.points(f"{place} {code}", value) for code, value in written.items()}

    def feature(self, place: str, name: Any, *, scope: str, textual: bool) -> Aggregate:
        """The aggregate of the feature called `name`."""
        known = {definition.name: definition for definition in self.catalogue.definitions}
        found = known.get(name) if isinstance(name, str) else None
        if found is None or found.scope != scope:
            raise ConfigError(f"{self.file}: {place} feature {name!r} is no {scope} feature of the catalogue")
        if (found.aggregate in _TEXTUAL) is not textual:
            kind = "a code" if textual else "a number"
            raise ConfigError(f"{self.file}: {place} needs a feature that is {kind}, {name} is not")
        return found.aggregate

    def name(self, place: str, written: Any, *prefixes: str) -> str:
        """The name of a ledger row."""
        if not isinstance(written, str) or not written.startswith(prefixes):
            raise ConfigError(f"{self.file}: {place} name must begin with {' or '.join(prefixes)}")
        return written

    def points(self, place: str, written: Any) -> int:
        """Points in micro-points."""
        known = isinstance(written, int | Decimal) and not isinstance(written, bool)
        if not known or not Decimal(written).is_finite() or abs(written) > _MOST_POINTS:
            raise ConfigError(f"{self.file}: {place} must be points between -100 and 100")
        micro = written * MICRO_POINT
        if micro != int(micro):
            raise ConfigError(f"{self.file}: {place} has more than six decimal places")
        return int(micro)

    def number(self, place: str, written: Any) -> int:
        """A whole number."""
        if isinstance(written, bool) or not isinstance(written, int) or not 0 <= written <= 1_000:
            raise ConfigError(f"{self.file}: {place} must be a whole number from 0 to 1000")
        return written

    def words(self, place: str, written: Any) -> str:
        """A sentence that may name {count} and {value}."""
        if not isinstance(written, str) or not written:
            raise ConfigError(f"{self.file}: {place} needs words")
        try:
            names = {name for _, name, _, _ in Formatter().parse(written) if name is not None}
        except ValueError as error:
            raise ConfigError(f"{self.file}: {place} words: {error}") from None
        if names - _PLACES:
            raise ConfigError(f"{self.file}: {place} words may name {{count}} and {{value}} only")
        return written

    def list(
        self, place: str, written: Any, keys: set[str], optional: Sequence[str] | set[str] = ()
    ) -> Iterator[tuple[str, Entry]]:
        """Entries of a list with their places."""
        if not isinstance(written, list):
            raise ConfigError(f"{self.file}: {place} must be a list of entries")
        for number, entry in enumerate(written, start=1):
            label = entry.get("name") or entry.get("feature") if isinstance(entry, dict) else None
            at = f"{place} {number} ({label})"
            yield at, self.entry(at, entry, keys, optional)

    def entry(self, place: str, written: Any, keys: Any, optional: Sequence[str] | set[str] = ()) -> Entry:
        """A table with exactly these keys."""
        if not isinstance(written, dict):
            raise ConfigError(f"{self.file}: {place} must be a table")
        for key in sorted(set(written) - set(keys) - set(optional)):
            raise ConfigError(f"{self.file}: {place}: {key!r} means nothing here")
        for key in sorted(set(keys) - set(written)):
            raise ConfigError(f"{self.file}: {place}: {key} is missing")
        return written


def code_of(value: str) -> str:
    """A stated code in one spelling.

    >>> code_of("Professional Services")
    'professional_services'
    """
    return value.strip().lower().replace(" ", "_").replace("-", "_")
