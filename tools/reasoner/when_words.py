"""The words of times to come, in English, German, French and Spanish."""

from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _numbered(start: int, *lines: str) -> dict[str, int]:
    """Each word of a line with the number of the line."""
    return {name: number for number, line in enumerate(lines, start=start) for name in line.split()}


MONTHS: Final = _numbered(
    1,
    "january jan januar janvier enero", "february feb februar février febrero", "march mar märz mars marzo",
    "april apr avril abril", "may mai mayo", "june jun juni juin junio", "july jul juli juillet julio",
    "august aug août agosto", "september sep sept septembre septiembre", "october oct oktober octobre octubre",
    "november nov novembre noviembre", "december dec dezember décembre diciembre",
)  # fmt: skip
DAYS: Final = _numbered(
    0,
    "monday mon montag lundi", "tuesday tue dienstag mardi", "wednesday wed mittwoch mercredi",
    "thursday thu donnerstag jeudi", "friday fri freitag vendredi",
    "saturday samstag samedi", "sunday sonntag dimanche",
)  # fmt: skip
AHEAD: Final = {
    "today": 0, "tonight": 0, "heute": 0, "tomorrow": 1, "morgen": 1, "demain": 1, "mañana": 1, "übermorgen": 2,
}  # fmt: skip
TO_COME: Final = _words(
    "by in until till before from starting start for during end early mid late next through to of bis ende im ab "
    "anfang mitte für vor en avant fin para antes de del this on around about kommenden come than"
)
"""Words before a month or a year that make it a time to come."""
GONE: Final = _words("since last past seit letzten letztes letzter depuis dernier desde pasado ago")
UNITS: Final = {
    name: unit
    for unit, names in {
        "day": "day days tag tage tagen jour jours día días",
        "week": "week weeks woche wochen semaine semaines semana semanas",
        "month": "month months monat monate monaten mois mes meses",
        "quarter": "quarter quarters quartal quartalen trimestre",
        "year": "year years jahr jahre jahren an ans año años",
    }.items()
    for name in names.split()
}  # fmt: skip
WITHIN: Final = _words("within inside binnen innerhalb")
IN: Final = _words("in dans dentro en")
BY: Final = _words("by on this until till before bis am vor avant for to")
THIS: Final = _words("this diese diesen dieses cette ce este esta the der of eo this")
NEXT: Final = _words(
    "next nächste nächsten nächster nächstes prochain prochaine próximo próxima coming kommenden"
)
ENDS: Final = {"eom": "month", "eoq": "quarter", "eoy": "year", "eow": "week"}
ORDINALS: Final = {"first": 1, "second": 2, "third": 3, "fourth": 4}
SUFFIXES: Final = frozenset({"st", "nd", "rd", "th", "of", "the", "de", "."})
SEASONS: Final = _words(
    "spring summer autumn fall winter frühjahr frühling sommer herbst christmas easter weihnachten ostern"
)
BUDGET_YEARS: Final = _words("fiscal financial budget business fy")
ENDING: Final = _words("is ends closes runs finishes")
"""Behind "before the quarter"."""
ABOUT: Final = _words(
    "the den about around over roughly approximately say maybe under less than at most just some only"
)
"""Between "in" and a number of weeks."""
HENCE: Final = _words("now today")
"""Behind "three weeks from"."""
OVER: Final = _words(
    "charged billed paid received refund refunded broke stopped failed signed decided bought invoiced happened crashed "
    "invoice bill arrived cancelled started"
)
"""In a sentence with one of these, "this month" and "today" tell of something that has happened."""

WISHES: Final = _words("need want start buy sign order begin get brauchen wollen")
TIMES: Final = _words("second third fourth fifth sixth times twice once outage outages")
"""Before "in a week": so often, not so soon."""
