"""What tables may ask and answer, declared once: columns with type and codes, outputs of each table."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from domain.policy import Fact
from tools.policy.problems import Mistakes

FILE = "columns.toml"
OTHER = "other"
"""A code that stands for every value not listed, where a column declares it."""
Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]


class Column(BaseModel):
    """One fact about the lead. `usual` stands in example cases that do not name the column."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["code", "number", "flag"]
    words: str
    codes: tuple[Code, ...] = ()
    unit: str = ""
    usual: Fact = None
    after_routing: bool = False
    """Known only once routing has answered: for the approval and timing tables."""

    @model_validator(mode="after")
    def _consistent(self) -> "Column":
        if (self.type == "code") != bool(self.codes):
            raise ValueError("a code column lists its codes, other columns have none")
        fits = {
            "code": self.usual is None or self.usual in self.codes,
            "number": self.usual is None
            or (isinstance(self.usual, int) and not isinstance(self.usual, bool)),
            "flag": isinstance(self.usual, bool),
        }
        if not fits[self.type]:
            raise ValueError("usual does not fit the column's type (a flag needs true or false)")
        return self


class Output(BaseModel):
    """One thing that a row of a table says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["code", "codes", "number", "sentence"]
    words: str
    codes: tuple[Code, ...] = ()
    optional: bool = False
    """The cell may be empty."""

    @model_validator(mode="after")
    def _consistent(self) -> "Output":
        if (self.type in ("code", "codes")) != bool(self.codes):
            raise ValueError("an output of codes lists them, other outputs have none")
        return self


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: dict[str, Column]
    outputs: dict[str, dict[str, Output]]


@dataclass(frozen=True, slots=True)
class Columns:
    """What `columns.toml` declares: facts by name, and outputs by table and name."""

    facts: Mapping[str, Column]
    outputs: Mapping[str, Mapping[str, Output]]
    codes: Mapping[str, frozenset[str]] = field(init=False)
    """For code columns only."""

    def __post_init__(self) -> None:
        """Index the codes."""
        found = {name: frozenset(column.codes) for name, column in self.facts.items() if column.codes}
        object.__setattr__(self, "codes", found)

    def usual(self) -> dict[str, Fact]:
        """Facts of a lead of which nothing special is known."""
        return {name: column.usual for name, column in self.facts.items()}


def read_columns(folder: Path, mistakes: Mistakes) -> Columns | None:
    """Read `columns.toml`; None, with the mistakes noted, if it cannot be used."""
    file = folder / FILE
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        mistakes.add("is missing", "every policy folder declares its columns there; copy the shipped one")
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        mistakes.add(f"is not valid TOML: {error}", "mend the line, text goes in double quotes")
        return None
    try:
        parsed = _File.model_validate(raw)
    except ValidationError as error:
        for item in error.errors():
            place = ".".join(map(str, item["loc"]))
            mistakes.add(f"{place}: {item['msg']}", "see the other entries of the file", column=place)
        return None
    return Columns(parsed.columns, parsed.outputs)
