"""When nobody is to be disturbed: freezes, holidays, rest days and quiet hours, per region, in local time."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from domain.instants import Instant, instant, moment
from tools.policy.holiday_dates import Dates
from tools.policy.problems import Mistakes, did_you_mean

FILE = "calendar.toml"
DEFAULT = "default"
"""The region whose calendar counts where a region has none of its own."""
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONGEST = 400
"""Closed days looked through for the next opening."""


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"{name!r} is no known time zone; write one such as Europe/Berlin") from error
    return name


class Freeze(BaseModel):
    """Days, both ends included, on which no lead is contacted."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    why: str

    @model_validator(mode="after")
    def _forward(self) -> "Freeze":
        if self.last < self.first:
            raise ValueError("ends before it begins")
        return self


class RegionCalendar(BaseModel):
    """Hours of one region. `quiet` such as ``20:00-08:00`` in local time; empty = none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zone: Annotated[str, AfterValidator(_zone)]
    quiet: Annotated[str, Field(pattern=r"^(|([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)$")] = ""
    rest_days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = ()
    holidays: Annotated[str, Field(pattern=r"^(|[A-Z]{2}(-[A-Z0-9]{1,3})?)$")] = ""
    """Country, or country and subdivision, such as ``DE`` or ``DE-BE``."""
    freezes: tuple[Freeze, ...] = ()


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    regions: dict[str, RegionCalendar]


@dataclass(frozen=True, slots=True)
class _Hours:
    """A region's calendar with everything looked up."""

    zone: ZoneInfo
    quiet: tuple[time, time] | None
    rest: frozenset[int]
    holidays: frozenset[date]
    freezes: tuple[tuple[date, date], ...]

    def closed(self, day: date) -> bool:
        """Freeze or holiday."""
        return day in self.holidays or any(first <= day <= last for first, last in self.freezes)

    def quiet_at(self, local: datetime) -> bool:
        """Quiet hours or rest day."""
        if local.weekday() in self.rest:
            return True
        if self.quiet is None:
            return False
        start, end = self.quiet
        now = local.time()
        return start <= now < end if start < end else now >= start or now < end


@dataclass(frozen=True, slots=True)
class Calendar:
    """The calendars of all regions."""

    regions: Mapping[str, RegionCalendar]
    holidays: Mapping[str, Dates]
    """Holiday dates by country code, as expanded when the version was made."""
    _hours: Mapping[str, _Hours] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Look up zones and dates once: later questions touch no file."""
        object.__setattr__(self, "_hours", {name: self._look_up(one) for name, one in self.regions.items()})

    def _look_up(self, one: RegionCalendar) -> _Hours:
        parts = [time.fromisoformat(part) for part in one.quiet.split("-")] if one.quiet else []
        return _Hours(
            zone=ZoneInfo(one.zone),
            quiet=(parts[0], parts[1]) if parts and parts[0] != parts[1] else None,
            rest=frozenset(_DAYS.index(day) for day in one.rest_days),
            holidays=self.holidays.get(one.holidays, frozenset()),
            freezes=tuple((freeze.first, freeze.last) for freeze in one.freezes),
        )

    def state(self, at: int, region: str) -> tuple[bool, bool, int | None]:
        """(freeze or holiday?, quiet hours or rest day?, the next open Instant if either) at `at`.

        The Instant given back is open: neither closed nor quiet. A lead woken then is not put off again.
        """
        hours = self._hours.get(region) or self._hours[DEFAULT]
        local = moment(Instant(at)).astimezone(hours.zone)
        closed, quiet = hours.closed(local.date()), hours.quiet_at(local)
        if not (closed or quiet):
            return False, False, None
        return closed, quiet, _next_open(at, hours)

    def zone(self, region: str) -> str:
        """The time zone of the calendar of `region`."""
        return (self._hours.get(region) or self._hours[DEFAULT]).zone.key


def _next_open(at: int, hours: _Hours) -> int:
    """The first open Instant after `at`: only local midnights and the end of quiet hours can be one."""
    day = moment(Instant(at)).astimezone(hours.zone).date()
    ends = [time.min] if hours.quiet is None else sorted({time.min, hours.quiet[1]})
    for _ in range(_LONGEST):
        if not (hours.closed(day) or day.weekday() in hours.rest):
            for end in ends:
                for found in _instants(day, end, hours.zone):
                    local = moment(Instant(found)).astimezone(hours.zone)
                    if found > at and not hours.quiet_at(local):
                        return found
        day += timedelta(days=1)
    return _instants(day, time.min, hours.zone)[0]


def _instants(day: date, at: time, zone: ZoneInfo) -> tuple[int, ...]:
    """When clocks show `at` on `day`: twice in the night when they go back, shifted when they skip it."""
    both = (datetime.combine(day, at, zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    return tuple(sorted({int(instant(one)) for one in both}))


def read_calendar(
    folder: Path, regions: frozenset[str], mistakes: Mistakes
) -> Mapping[str, RegionCalendar] | None:
    """Read `calendar.toml`; None, with the mistakes noted, if it cannot be used."""
    try:
        raw = tomllib.loads((folder / FILE).read_text(encoding="utf-8-sig"))
        parsed = _File.model_validate(raw)
    except FileNotFoundError:
        mistakes.add("is missing", "every policy folder has one; copy the shipped one")
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        mistakes.add(
            f"is not valid TOML: {error}", "mend the line; text goes in double quotes, dates without"
        )
        return None
    except ValidationError as error:
        for item in error.errors():
            place = ".".join(map(str, item["loc"]))
            mistakes.add(f"{place}: {item['msg']}", "see the comments at the head of the file", column=place)
        return None
    if DEFAULT not in parsed.regions:
        mistakes.add(
            "has no [regions.default]", "add it: it counts for every region without a calendar of its own"
        )
        return None
    for region in sorted(parsed.regions.keys() - regions - {DEFAULT}):
        remedy = did_you_mean(region, regions, "columns.toml lists")
        mistakes.add("is no code of the column region", remedy, column=f"regions.{region}")
    return parsed.regions
