"""Cases and traces as JSON lines: what was asked, what came out, and which way it took.

A case says what is put to the system and what is right; a trace is a case with what the system answered. Scorers read
traces only, so a stored trace can be scored again without running anything.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.errors import BadInput
from domain.instants import Instant, iso

MAX_LINE: Final = 4_000_000
"""Bytes of one line; a longer one is refused."""
FORM: Final = 1
T = TypeVar("T", bound=BaseModel)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Case(_Frozen):
    """One question. `at` is the Instant of the decision, `target` what is right (0 or 1 for won)."""

    form: Literal[1] = FORM
    id: str = Field(min_length=1, max_length=200)
    suite: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    dataset: str = Field(min_length=1, max_length=120)
    part: Literal["train", "test"] = "test"
    account: str | None = None
    at: int | None = None
    target: int | str | None = None
    slices: Mapping[str, str] = Field(default_factory=dict)
    """Such as ``segment, region, channel, history, reasoner, month``."""
    given: Mapping[str, Any] = Field(default_factory=dict)
    """What the suite needs to ask its question again."""


class Step(_Frozen):
    """One transition of the graph, as its audit row tells it: codes only."""

    step: str
    code: str
    evidence: tuple[str, ...] = ()
    detail: Mapping[str, Any] = Field(default_factory=dict)


class Trace(_Frozen):
    """A case, the answer and the way to it. `seconds` is what the answer took, where it was measured."""

    case: Case
    output: Mapping[str, Any]
    steps: tuple[Step, ...] = ()
    seconds: float | None = Field(default=None, ge=0)


class Card(_Frozen):
    """What a set of cases is: where from, how split, how many, and the hash of its lines."""

    dataset: str
    source: str
    split: str
    cases: int = Field(ge=0)
    won: int = Field(ge=0)
    accounts: int = Field(ge=0)
    first: str | None = None
    last: str | None = None
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    notes: tuple[str, ...] = ()


def lines_of(records: Iterable[BaseModel]) -> Iterator[str]:
    """One JSON line each, keys in the order of the schema."""
    for record in records:
        yield record.model_dump_json(exclude_defaults=True) + "\n"


def save(file: Path, records: Iterable[BaseModel]) -> str:
    """Write JSON lines, whole or not at all; gives the sha256 of what was written. Raises: BadInput."""
    draft, digest = file.with_name(f"{file.name}.part"), sha256()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("w", encoding="utf-8") as sink:
            for line in lines_of(records):
                sink.write(line)
                digest.update(line.encode())
        draft.replace(file)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise BadInput(str(file), f"cannot be written ({error.strerror})", "name another folder") from None
    return digest.hexdigest()


def load_traces(file: Path) -> tuple[Trace, ...]:
    """All traces of a file. Raises: BadInput naming the line and the field of the first mistake."""
    return tuple(_read(file, Trace))


def load_cases(file: Path) -> tuple[Case, ...]:
    """All cases of a file. Raises: BadInput naming the line and the field of the first mistake."""
    return tuple(_read(file, Case))


def _read(file: Path, kind: type[T]) -> Iterator[T]:
    try:
        with file.open("rb") as source:
            for number, line in enumerate(source, 1):
                if line.strip():
                    yield _parsed(file, number, line, kind)
    except OSError as error:
        raise BadInput(str(file), f"cannot be read ({error.strerror})", "name a file of JSON lines") from None


def _parsed(file: Path, number: int, line: bytes, kind: type[T]) -> T:
    where = f"{file.name}:{number}"
    if len(line) > MAX_LINE:
        raise BadInput(where, f"is over {MAX_LINE:,} bytes long", "one case a line")
    try:
        return kind.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the line"
        raise BadInput(
            f"{where} {field}", first["msg"], f"see the schema of a {kind.__name__.lower()}"
        ) from None


def checked(cases: Sequence[Case]) -> tuple[Case, ...]:
    """The cases, if they can be trusted to judge by: no id twice, no account (or lead) to learn from and to judge by.

    Raises: BadInput naming one that breaks this.
    """
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise BadInput(f"case {case.id}", "is there twice", "give each case an id of its own")
        seen.add(case.id)
    learnt = {case.account or case.id for case in cases if case.part == "train"}
    judged = {case.account or case.id for case in cases if case.part == "test"}
    for name in sorted(learnt & judged):
        raise BadInput(
            f"account {name}", "has cases to learn from and to judge by", "split by account", code="split"
        )
    return tuple(cases)


def card_of(cases: Sequence[Case], *, source: str, split: str, notes: Sequence[str] = ()) -> Card:
    """The card of a set of cases. Raises: BadInput without any."""
    if not cases:
        raise BadInput("cases", "there are none", "give at least one")
    digest = sha256()
    for line in lines_of(cases):
        digest.update(line.encode())
    times = sorted(case.at for case in cases if case.at is not None)
    return Card(
        dataset=cases[0].dataset,
        source=source,
        split=split,
        cases=len(cases),
        won=sum(case.target == 1 for case in cases),
        accounts=len({case.account or case.id for case in cases}),
        first=_day(times[0]) if times else None,
        last=_day(times[-1]) if times else None,
        sha256=digest.hexdigest(),
        notes=tuple(notes),
    )


def _day(at: int) -> str:
    return iso(Instant(at))[:10]
