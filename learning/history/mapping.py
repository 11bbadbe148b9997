"""What a mapping may say: which column of an export is what. Three layouts, strictly read (`mapping_file`)."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from domain.attributes import MOST, Attribute
from domain.contract import KEY_KINDS, SOURCE
from domain.kinds import SPECS, Kind
from domain.signal import Consent

FORMATS: Final = ("iso", "unix_s", "unix_ms")
"""Forms of time that are not a pattern of ``%`` codes."""
Column = Annotated[str, Field(min_length=1)]
Texts = tuple[str, ...]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone; write a name such as Europe/Berlin or UTC") from None
    return name


def _form(text: str) -> str:
    if text not in FORMATS and "%" not in text:
        raise ValueError(f"{text!r} is no form of time; write {', '.join(FORMATS)} or codes such as %d.%m.%Y")
    return text


def _key(name: str) -> str:
    if name not in KEY_KINDS:
        raise ValueError(f"{name!r} is no kind of key; use one of {', '.join(KEY_KINDS)}")
    return name


def _source(name: str) -> str:
    if not SOURCE.fullmatch(name):
        raise ValueError("use lower-case letters, digits, '_', '.', '-'; at most 40")
    return name


Zone = Annotated[str, AfterValidator(_zone)]
Form = Annotated[str, AfterValidator(_form)]
KeyName = Annotated[str, AfterValidator(_key)]
SourceName = Annotated[str, AfterValidator(_source)]


class Strict(BaseModel):
    """Frozen, and unknown names are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Short(Strict):
    """Where a single text stands, it is the column."""

    @model_validator(mode="before")
    @classmethod
    def _text_is_column(cls, given: Any) -> Any:
        return {"column": given} if isinstance(given, str) else given


class Stamp(Short):
    """A column that holds a time; forms and zone of the whole mapping if it names none."""

    column: Column
    formats: tuple[Form, ...] = ()
    zone: Zone | None = None


class Cell(Short):
    """A value: of a column, or the same for all rows. `values` puts other words for some, `otherwise` for the rest."""

    column: Column | None = None
    value: str | None = None
    type: Literal["text", "number", "flag"] = "text"
    scale: float = Field(default=1.0, gt=0)
    values: dict[str, str] = Field(default_factory=dict)
    otherwise: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.column is None) == (self.value is None):
            raise ValueError("name either a column or a value")
        return self


class Lead(Short):
    """How a row names its lead: by a column, or by its own number (`row`), which then must not change."""

    column: Column | None = None
    row: bool = False
    key: KeyName = "crm_id"

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.column is None) == (not self.row):
            raise ValueError("name the column of the lead's key, or say row: true if the rows have none")
        return self


class AttributeColumn(Strict):
    """A column that becomes an attribute. While it carries a question (`ask`) it is not used."""

    column: Column
    type: Literal["number", "category"]
    unit: str = ""
    description: str = ""
    scale: float = Field(default=1.0, gt=0)
    """A number of the column times this is in `unit`."""
    ask: str | None = None

    def declared(self, name: str) -> Attribute:
        """The attribute called `name`."""
        unit = self.unit or ("units" if self.type == "number" else "code")
        words = self.description or self.column
        return Attribute(name=name, type=self.type, unit=unit, description=words[:200])


class EventColumn(Strict):
    """A column of a wide table that holds the time of something: one signal where it is filled."""

    at: Stamp
    kind: Kind
    payload: dict[str, Cell] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _listed(self) -> Self:
        check_payload(self.kind, self.payload)
        return self


class Outcome(Strict):
    """How it ended: values of `column`, and when, or so many hours after the lead was created."""

    column: Column
    won: Texts = Field(min_length=1)
    lost: Texts
    open: Texts = ()
    at: Stamp | None = None
    hours_after: int | None = Field(default=None, ge=1, le=24 * 3660)
    amount: Cell | None = None
    reason: Cell | None = None

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        twice = {*self.won} & {*self.lost} | {*self.won} & {*self.open} | {*self.lost} & {*self.open}
        if twice:
            raise ValueError(f"{', '.join(sorted(twice))} stands under two results; leave it under one")
        if self.at is None and self.hours_after is None:
            raise ValueError("say when: `at` names the column of its time, `hours_after` assumes one")
        return self


class Order(Strict):
    """An assumed order where a table has no times: by a column (or as the rows stand), one row each `step_minutes`.

    `random`: the rows stand anyhow, so nothing is learnt or judged by their order.
    """

    column: Column | None = None
    random: bool = False
    descending: bool = False
    starts: datetime
    step_minutes: int = Field(default=60, ge=1, le=10_080)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.random and (self.column is not None or self.descending):
            raise ValueError("is random, so no column and no direction may be named")
        return self

    @property
    def start(self) -> datetime:
        """The time of the first row; UTC if no zone was given."""
        return self.starts if self.starts.tzinfo else self.starts.replace(tzinfo=UTC)


class When(Strict):
    """Which rows a rule is for: cells that are one of the texts, or begin with one."""

    equals: dict[str, str | Texts] = Field(default_factory=dict)
    starts: dict[str, str | Texts] = Field(default_factory=dict)


class Rule(Strict):
    """One kind of event: rows for which all of `when` holds become a signal of `kind`, or nothing (`drop`)."""

    when: When = When()
    kind: Kind | None = None
    payload: dict[str, Cell] = Field(default_factory=dict)
    drop: bool = False

    @model_validator(mode="after")
    def _listed(self) -> Self:
        if (self.kind is None) != self.drop:
            raise ValueError("name a kind, or say drop: true")
        if self.kind is not None:
            check_payload(self.kind, self.payload)
        return self


class Shared(Strict):
    """What every layout has."""

    version: int = Field(default=1, ge=1, le=1)
    source: SourceName
    """Who said it: the source of the signals, and part of their ids."""
    known_delay_hours: int = Field(default=0, ge=0, le=24 * 366)
    """How much later than it occurred a thing was known to you."""
    exported_at: datetime | None = None
    """Up to when the export saw outcomes; default: the newest time in it."""

    @property
    def attributes_declared(self) -> tuple[Attribute, ...]:
        """The attributes that a home must declare to take this in."""
        return ()


class Tabular(Shared):
    """What both layouts of a table have."""

    lead: Lead
    account: Column | None = None
    region: Cell | None = None
    consent: Consent | None = None
    """The same for all rows; none: unknown."""
    encoding: str = "utf-8"
    missing: Texts = ()
    """Texts that stand for nothing, beside the empty cell."""
    formats: tuple[Form, ...] = ("iso",)
    zone: Zone | None = None
    """Of times that name none; without it such a time is refused."""
    decimal: Literal[".", ","] = "."
    never: dict[str, str] = Field(default_factory=dict)
    """Columns that must not be used, each with its reason."""


class Wide(Tabular):
    """One row per lead."""

    layout: Literal["wide"]
    created: Stamp | None = None
    order: Order | None = None
    attributes_at: Stamp | None = None
    """When the attributes were as they are; default: when the lead was created."""
    attributes: dict[str, AttributeColumn] = Field(default_factory=dict)
    events: tuple[EventColumn, ...] = Field(default=(), max_length=200)
    outcome: Outcome | None = None

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if (self.created is None) == (self.order is None):
            raise ValueError("name the column `created`, or an assumed `order` if the table has no times")
        if len(self.attributes) > MOST:
            raise ValueError(
                f"{len(self.attributes)} attributes are too many, at most {MOST} can be declared"
            )
        for name, one in self.attributes.items():
            try:
                one.declared(name)
            except ValueError as error:
                raise ValueError(f"attribute {name!r}: {words_of(error)}") from None
        return self

    @property
    def attributes_used(self) -> dict[str, AttributeColumn]:
        """Those without an open question."""
        return {name: one for name, one in self.attributes.items() if one.ask is None}

    @property
    def attributes_declared(self) -> tuple[Attribute, ...]:
        return tuple(one.declared(name) for name, one in self.attributes_used.items())


class Events(Tabular):
    """One row per event: the first rule that fits says what it is."""

    layout: Literal["events"]
    at: Stamp
    id: Texts = ()
    """Columns that together name the event within its lead; without them its content does."""
    rules: tuple[Rule, ...] = Field(min_length=1)
    rest: Literal["refuse", "drop"] = "refuse"
    """What becomes of rows that no rule fits."""


class FromSource(Shared):
    """A file or folder that one of Leadgraph's own readers knows."""

    layout: Literal["source"]
    reader: str
    key: KeyName = "crm_id"


Mapping_ = Wide | Events | FromSource
"""A mapping, of one of three layouts."""


def check_payload(kind: Kind, payload: dict[str, Cell]) -> None:
    """Raises: ValueError for a field that `kind` does not list, or one that it needs and `payload` has not."""
    fields = SPECS[kind].fields
    unknown = sorted(payload.keys() - fields.keys())
    if unknown:
        raise ValueError(
            f"{kind.value} has no field {', '.join(unknown)}; it takes {', '.join(fields) or 'none'}"
        )
    needed = sorted(name for name, spec in fields.items() if spec.required and name not in payload)
    if needed:
        raise ValueError(f"{kind.value} needs the field {', '.join(needed)}")


def words_of(error: ValueError) -> str:
    """The first problem of a validation error in one line."""
    return re.sub(r"\s+", " ", str(error).split("\n", 2)[-1 if "\n" in str(error) else 0])[:200]


def columns_named(mapping: Mapping_) -> Iterator[tuple[str, str]]:
    """(column, place) of every column that `mapping` names, `never` apart."""
    if not isinstance(mapping, FromSource):
        yield from _named(mapping.model_dump(exclude={"never"}, exclude_defaults=True), "")
        if isinstance(mapping, Events):
            for rule, one in enumerate(mapping.rules):
                for column in {**one.when.equals, **one.when.starts}:
                    yield column, f"rules.{rule}.when"
            yield from ((column, "id") for column in mapping.id)
        if mapping.account is not None:
            yield mapping.account, "account"


def _named(node: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "column" and isinstance(value, str):
                yield value, place
            else:
                yield from _named(value, f"{place}.{key}".lstrip("."))
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from _named(value, f"{place}.{index}")
