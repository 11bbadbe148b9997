"""When the customer wants it, in words, as a day, a span of days, a month, a quarter or a year.

Resolved against the time of the message, never against today, so that it is read the same later. What may mean two
things is kept as said: ``03/04/2026``, ``next_fiscal_year``, ``next_friday``. What lies behind ("since March") is none.
"""

import calendar
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from tools.reasoner import when_words as words
from tools.reasoner.numbers import number_at
from tools.reasoner.passage import Passage

_LEFT: Final = frozenset({"have", "got"})
"""Before a number of weeks "to find something"."""


class When(NamedTuple):
    """A time to come: its code, the words that say it, and the last day it may mean, where that is known."""

    value: str
    start: int
    end: int
    last: date | None


class _Stretch(NamedTuple):
    """So many units, to the word `end`; `ranged` if more than one number of them is said."""

    unit: str
    many: int
    end: int
    ranged: bool


def times_of(passage: Passage, at: date) -> list[When]:
    """The times to come said in `passage`, written on the day `at`, in order."""
    found: list[When] = []
    place, told = 0, _told(passage)
    while place < len(passage.tokens):
        one = _at(passage, place, at)
        if one is not None and not _over(passage, one, told):
            found.append(one)
        place = one.end if one is not None else place + 1
    return found


def _at(passage: Passage, place: int, at: date) -> When | None:
    token = passage.tokens[place]
    if token[0].isdigit():
        read = (_written(passage, place), _day_month(passage, place, at), _year(passage, place, at))
        return next(filter(None, read), None) or _hence(passage, place, at)
    if token in words.MONTHS:
        return _month(passage, place, at)
    return next((one for read in _READERS if (one := read(passage, place, at)) is not None), None)


def _told(passage: Passage) -> set[int]:
    """The words of sentences that tell of something done."""
    told = set[int]()
    for first, last in passage.sentences():
        if words.OVER.intersection(passage.tokens[first:last]):
            told.update(range(first, last))
    return told


def _over(passage: Passage, one: When, told: set[int]) -> bool:
    """What has happened: a word before the time says so, or the sentence tells of something done."""
    if words.GONE.intersection(passage.tokens[max(0, one.start - 2) : one.start]):
        return True
    return one.start in told and passage.tokens[one.start] in words.THIS | {"today", "heute"}


def _written(passage: Passage, place: int) -> When | None:
    """Days in digits: ``2026-04-03``, ``03.04.2026``, ``25/12/2026``; ``03/04/2026`` may be two days."""
    tokens, token = passage.tokens, passage.tokens[place]
    if token.count(".") == 2:
        return _valid([*reversed(token.split("."))], place, place + 1)
    parts = tokens[place : place + 3]
    gaps = {passage.between(place), passage.between(place + 1)} if len(parts) == 3 else set[str]()
    if len(parts) < 3 or not all(part.isdecimal() and len(part) <= 4 for part in parts) or len(gaps) != 1:
        return None
    gap = gaps.pop()
    if gap == "-" and len(parts[0]) == 4:
        return _valid(parts, place, place + 3)
    if gap != "/" or len(parts[2]) not in (2, 4):
        return None
    year = parts[2] if len(parts[2]) == 4 else f"20{parts[2]}"
    one, two = (
        _valid([year, *order], place, place + 3) for order in ((parts[1], parts[0]), (parts[0], parts[1]))
    )
    if one is None or two is None or one.value == two.value:
        return one or two
    return When("/".join(parts), place, place + 3, None)


def _valid(parts: list[str], start: int, end: int) -> When | None:
    if not all(part.isdecimal() and len(part) <= 4 for part in parts):
        return None
    try:
        day = date(*(int(part) for part in parts))
    except ValueError:
        return None
    return _of_day(day, start, end) if 2000 <= day.year < 2100 else None


def _day_month(passage: Passage, place: int, at: date) -> When | None:
    """``15 May``, ``3rd of April 2026``."""
    tokens, end = passage.tokens, place + 1
    while end < len(tokens) and end < place + 4 and tokens[end] in words.SUFFIXES:
        end += 1
    if end >= len(tokens) or tokens[end] not in words.MONTHS or not _is_day(tokens[place]):
        return None
    return _dated(passage, (int(tokens[place]), words.MONTHS[tokens[end]]), (place, end + 1), at)


def _month(passage: Passage, place: int, at: date) -> When | None:
    """``April 3rd``, ``by March``, ``in May 2027``; a month without such a word before it may be anything."""
    tokens, month = passage.tokens, words.MONTHS[passage.tokens[place]]
    following = tokens[place + 1 : place + 2]
    day = following and _is_day(following[0]) and passage.between(place).isspace()
    if day and passage.tokens[place + 2 : place + 3] not in (["seats"], ["users"], ["people"]):
        end = place + 2
        while end < len(tokens) and tokens[end] in ("st", "nd", "rd", "th", ","):
            end += 1
        return _dated(passage, (int(following[0]), month), (place, end), at)
    if not place or tokens[place - 1] not in words.TO_COME:
        return None
    year, end = _year_behind(passage, place + 1)
    year = year or at.year + (month < at.month)
    last = date(year, month, calendar.monthrange(year, month)[1])
    return None if last < at else When(f"{year}-{month:02d}", place, end, last)


def _dated(passage: Passage, day: tuple[int, int], span: tuple[int, int], at: date) -> When | None:
    year, end = _year_behind(passage, span[1])
    for guess in (year,) if year else (at.year, at.year + 1):
        found = _valid([str(guess), str(day[1]), str(day[0])], span[0], max(end, span[1]))
        if found and found.last and found.last >= at:
            return found
    return None


def _year_behind(passage: Passage, place: int) -> tuple[int | None, int]:
    token = passage.tokens[place] if place < len(passage.tokens) else ""
    return (
        (int(token), place + 1)
        if len(token) == 4 and token[:2] == "20" and token.isdecimal()
        else (None, place)
    )


def _is_day(token: str) -> bool:
    return token.isdecimal() and len(token) <= 2 and 1 <= int(token) <= 31


def _year(passage: Passage, place: int, at: date) -> When | None:
    """``by 2027``."""
    year, end = _year_behind(passage, place)
    if year is None or not place or passage.tokens[place - 1] not in words.TO_COME | words.SEASONS:
        return None
    return When(str(year), place, end, date(year, 12, 31)) if at.year <= year <= at.year + 5 else None


def _quarter(passage: Passage, place: int, at: date) -> When | None:
    """``Q3``, ``Q3 2026``, ``H2``, ``the second quarter``."""
    tokens = passage.tokens
    token, following = tokens[place], tokens[place + 1 : place + 2]
    number, halves = 0, False
    if (
        token in ("q", "h")
        and following
        and following[0] in ("1", "2", "3", "4")
        and passage.between(place) == ""
    ):
        number, halves = int(following[0]), token[0] == "h"
    elif (
        token in words.ORDINALS
        and following
        and following[0] in ("quarter", "half")
        and "year" not in tokens[place + 1 : place + 2]
    ):
        number, halves = words.ORDINALS[token], following[0] == "half"
    if not number or (halves and number > 2):
        return None
    year, end = _year_behind(passage, place + 2)
    size = 6 if halves else 3
    year = year or at.year + (number * size < at.month)
    last = date(year, number * size, calendar.monthrange(year, number * size)[1])
    return None if last < at else When(f"{year}-{'h' if halves else 'q'}{number}", place, end, last)


def _relative(passage: Passage, place: int, at: date) -> When | None:
    """``this month``, ``end of the quarter``, ``next week``, ``le mois prochain``."""
    tokens, token = passage.tokens, passage.tokens[place]
    if token in words.ENDS:
        return _span(words.ENDS[token], 0, (place, place + 1), at)
    following = tokens[place + 1] if place + 1 < len(tokens) else ""
    if following in words.BUDGET_YEARS:
        return _budget_year(passage, place)
    if tokens[max(0, place - 1) : place + 2] == ["the", "new", "year"]:
        return _span("year", 1, (place, place + 2), at)
    if token in words.UNITS:
        return _after_unit(tokens, place, at)
    if following not in words.UNITS:
        return None
    if token in words.NEXT:
        far = tokens[place + 2 : place + 4] == ["but", "one"]
        return _span(words.UNITS[following], 1 + far, (place, place + 2 + 2 * far), at)
    if (token in words.THIS and _closes(tokens, place)) or token in ("end", "ende"):
        return _span(words.UNITS[following], 0, (place, place + 2), at)
    return None


def _after_unit(tokens: Sequence[str], place: int, at: date) -> When | None:
    """``by year end``, ``month after next``, ``mois prochain``."""
    if tokens[place + 1 : place + 2] in (["prochain"], ["prochaine"], ["que"]):
        return _span(words.UNITS[tokens[place]], 1, (place, place + 2), at)
    if tokens[place + 1 : place + 2] == ["end"] and {"by", "before", "until", "till"}.intersection(
        tokens[max(0, place - 2) : place]
    ):
        return _span(words.UNITS[tokens[place]], 0, (place, place + 2), at)
    if tokens[place + 1 : place + 3] == ["after", "next"]:
        return _span(words.UNITS[tokens[place]], 2, (place, place + 3), at)
    return None


def _closes(tokens: Sequence[str], place: int) -> bool:
    """ "this month" is a time; "the month" only as in "the end of the month", "before the month is out"."""
    if tokens[place] not in ("the", "of", "der") or {"end", "ende"} & set(tokens[max(0, place - 2) : place]):
        return True
    behind = tokens[place + 2 : place + 3]
    return tokens[place - 1 : place] == ["before"] and bool(words.ENDING.intersection(behind))


def _budget_year(passage: Passage, place: int) -> When | None:
    """``next fiscal year``, ``before the financial year closes``: whose months are not known."""
    tokens = passage.tokens
    end = place + (2 if tokens[place + 1] == "fy" else 3)
    if tokens[place + 1] != "fy" and tokens[end - 1 : end] != ["year"]:
        return None
    if tokens[place] in words.NEXT:
        return When("next_fiscal_year", place, end, None)
    near = words.TO_COME.intersection(tokens[max(0, place - 4) : place]) - {"for", "about"}
    ours = tokens[place] in ("the", "this", "our", "current")
    return When("this_fiscal_year", place, end, None) if ours and near else None


def _span(unit: str, ahead: int, span: tuple[int, int], at: date) -> When:
    """The unit that holds `at`, or the one `ahead` of it."""
    if unit == "day":
        return _of_day(at + timedelta(ahead), *span)
    if unit == "week":
        first = at - timedelta(at.weekday()) + timedelta(7 * ahead)
        return _between(first, first + timedelta(6), span)
    if unit == "year":
        return When(str(at.year + ahead), *span, date(at.year + ahead, 12, 31))
    step = 3 if unit == "quarter" else 1
    months = at.year * 12 + at.month - 1 + step * ahead
    year, month = months // 12, months % 12 + 1
    month = (month - 1) // step * step + step
    last = date(year, month, calendar.monthrange(year, month)[1])
    return When(f"{year}-q{month // 3}" if step == 3 else f"{year}-{month:02d}", *span, last)


def _counted(passage: Passage, place: int, at: date) -> When | None:
    """``in six weeks``, ``within 3 months``, ``in the next 10 days``, ``in a few weeks``."""
    tokens, token = passage.tokens, passage.tokens[place]
    left = token in _LEFT and place > 0
    if token not in words.IN | words.WITHIN and not left:
        return None
    behind, within = place + 1, left or token in words.WITHIN
    while behind < len(tokens) and tokens[behind] in words.NEXT | words.ABOUT:
        within, behind = within or tokens[behind] in words.NEXT, behind + 1
    said = tokens[behind : behind + 3]
    if said[:1] == ["a"] and said[1:2] and said[1] in ("few", "couple"):
        at_unit = behind + (3 if said[2:] == ["of"] else 2)
        unit = tokens[at_unit] if at_unit < len(tokens) else ""
        return When(f"few_{words.UNITS[unit]}s", place, at_unit + 1, None) if unit in words.UNITS else None
    stretch = _stretch(passage, behind)
    if stretch is None or (
        left and tokens[stretch.end : stretch.end + 1] not in (["to"], ["left"], ["until"], ["for"])
    ):
        return None
    if words.TIMES.intersection(tokens[max(0, place - 3) : place]):
        return None  # "the third outage in a week"
    return _ahead(stretch, place, at, within=within or stretch.ranged)


def _hence(passage: Passage, place: int, at: date) -> When | None:
    """``three weeks from now``."""
    tokens, stretch = passage.tokens, _stretch(passage, place)
    if stretch is None or tokens[stretch.end : stretch.end + 1] != ["from"]:
        return None
    now = words.HENCE.intersection(tokens[stretch.end + 1 : stretch.end + 2])
    ahead = stretch._replace(end=stretch.end + 2)
    return _ahead(ahead, place, at, within=stretch.ranged) if now else None


def _stretch(passage: Passage, place: int) -> _Stretch | None:
    """``six weeks``, ``half a year``, ``a fortnight``, ``two to three months``."""
    tokens = passage.tokens
    if tokens[place : place + 3] == ["half", "a", "year"]:
        return _Stretch("month", 6, place + 3, ranged=False)
    count, end = _count(passage, place)
    most, last = _count(passage, end + 1) if tokens[end : end + 1] in (["to"], ["or"]) else (0, end)
    if most > count:
        count, end = most, last
    if not count or end >= len(tokens):
        return None
    if tokens[end] in ("fortnight", "fortnights"):
        return _Stretch("week", 2 * count, end + 1, ranged=False)
    unit = words.UNITS.get(tokens[end])
    return None if unit is None else _Stretch(unit, count, end + 1, ranged=most == count)


def _count(passage: Passage, place: int) -> tuple[int, int]:
    said = passage.tokens[place : place + 1]
    if said and said[0] in ("a", "an", "one", "einem", "einer", "un", "une"):
        return 1, place + 1
    number = number_at(passage, place) if said else None
    if number is None or number.high % 1_000 or number.high > 999_000:
        return 0, place
    return number.high // 1_000, number.end


def _ahead(stretch: _Stretch, start: int, at: date, *, within: bool) -> When | None:
    unit, count, span = stretch.unit, stretch.many, (start, stretch.end)
    days = count * {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}[unit]
    if days > 3_650:
        return None
    if within:
        return _between(at, at + timedelta(days), span)
    if unit in ("day", "week"):
        return _span(unit, count, span, at)
    return _span("month" if unit == "year" else unit, count * (12 if unit == "year" else 1), span, at)


def _named_day(passage: Passage, place: int, at: date) -> When | None:
    """``by Friday``, ``tomorrow``; "next Friday" is this week's to some, so it is kept as said."""
    token, before = passage.tokens[place], passage.tokens[place - 1] if place else ""
    ahead = words.AHEAD.get(token)
    if (
        ahead == 0
        and before not in words.BY
        and not words.WISHES.intersection(passage.tokens[max(0, place - 5) : place])
    ):
        return None  # "we use it today" is no wish
    if ahead == 1 and passage.tokens[max(0, place - 2) : place] == ["day", "after"]:
        return _of_day(at + timedelta(2), place - 2, place + 1)
    if ahead is not None:
        return _of_day(at + timedelta(ahead), place, place + 1)
    if token not in words.DAYS:
        return None
    if before in words.NEXT:
        return When(f"next_{calendar.day_name[words.DAYS[token]].lower()}", place - 1, place + 1, None)
    latest = passage.tokens[place + 1 : place + 4] == ["at", "the", "latest"]
    if before not in words.BY and not latest:
        return None
    return _of_day(at + timedelta((words.DAYS[token] - at.weekday()) % 7), place, place + 1)


def _season(passage: Passage, place: int, at: date) -> When | None:
    """``by summer`` is kept as said, as it has no month everywhere; with a year the year counts."""
    tokens, before = passage.tokens, passage.tokens[max(0, place - 2) : place]
    if tokens[place] not in words.SEASONS or not words.TO_COME.intersection(before):
        return None
    year, end = _year_behind(passage, place + 1)
    if year:
        return _year(passage, place + 1, at)
    return When(tokens[place], place, end, None)


_READERS: Final = (_quarter, _relative, _counted, _hence, _named_day, _season)


def _of_day(day: date, start: int, end: int) -> When:
    return When(day.isoformat(), start, end, day)


def _between(first: date, last: date, span: tuple[int, int]) -> When:
    return When(f"{first.isoformat()}..{last.isoformat()}", *span, last)


def spoken_for(times: list[When]) -> Iterator[int]:
    """The words that times are made of."""
    for one in times:
        yield from range(one.start, one.end)
