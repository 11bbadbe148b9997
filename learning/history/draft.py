"""A suggestion as a mapping in YAML, with its reasons beside it, and as a document for machines."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from domain.attributes import MOST
from learning.history.leaks import Suspicion
from learning.history.profile import Profile
from learning.history.suggest import Suggestion

_SOURCE: Final = re.compile(r"[^a-z0-9_.-]+")


def draft(found: Suggestion, called: str) -> str:
    """The mapping as YAML, loadable as it stands. `called` becomes the source of the signals."""
    return "\n".join([*_head(found, called), *(_events(found) if found.repeated else _wide(found))]) + "\n"


def document(found: Suggestion, called: str) -> dict[str, Any]:
    """``rows, lead, created, order, account, outcome, leaks, asked, columns, draft``, for JSON."""
    thought = {one.name: one for one in found.suspicions}
    return {
        "rows": found.table.frame.height,
        "lead": found.lead,
        "created": found.created,
        "order": found.running,
        "account": found.account,
        "outcome": None
        if found.ending is None
        else {
            "column": found.ending.column,
            "won": list(found.ending.won),
            "lost": list(found.ending.lost),
            "open": list(found.ending.open),
            "why": found.ending.why,
            "instead": list(found.ending.others),
        },
        "leaks": [one.name for one in found.suspicions if one.verdict == "flagged"],
        "asked": [one.name for one in found.suspicions if one.verdict == "asked"],
        "columns": [_column(one, thought.get(one.name)) for one in found.columns.values()],
        "draft": draft(found, called),
    }


def _column(one: Profile, thought: Suspicion | None) -> dict[str, Any]:
    return {
        "name": one.name,
        "type": one.kind,
        "filled": round(one.share, 4),
        "distinct": one.distinct,
        "verdict": thought.verdict if thought else None,
        "auc": None if thought is None or thought.auc is None else round(thought.auc, 4),
        "reasons": [
            {"code": why.code, "words": why.words, "figure": why.figure}
            for why in (thought.reasons if thought else ())
        ],
    }


def source_name(called: str) -> str:
    """`called` as the name of a source.

    >>> source_name("Leads 2024.csv.gz")
    'leads_2024'
    """
    plain = _SOURCE.sub("_", called.lower().split(".")[0]).strip("_.-")[:40]
    return plain if plain[:1].isalpha() else f"file_{plain}"[:40].rstrip("_")


def _q(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _list(texts: tuple[str, ...]) -> str:
    return f"[{', '.join(_q(text) for text in texts)}]"


def _head(found: Suggestion, called: str) -> Iterator[str]:
    yield "# A draft. Read it through: what is in question is not used until its `ask` is answered and taken out."
    yield f"layout: {'events' if found.repeated else 'wide'}"
    yield f"source: {source_name(called)}"
    if found.lead is None:
        yield "lead: {row: true, key: anonymous_id}   # no column names the lead: the row's number does"
    else:
        cells = found.columns[found.lead].cells.drop_nulls()
        key = "email" if len(cells) and cells.str.contains("@", literal=True).all() else "crm_id"
        yield f"lead: {{column: {_q(found.lead)}, key: {key}}}"
    if found.account is not None:
        yield f"account: {_q(found.account)}"
    if found.table.encoding not in ("utf-8", "utf-8-sig", "utf-16"):
        yield f"encoding: {found.table.encoding}"
    if found.markers:
        yield f"missing: {_list(found.markers)}   # read as empty"
    if any(one.decimal == "," for one in found.columns.values()):
        yield 'decimal: ","'
    times = [one for one in found.columns.values() if one.kind == "time"]
    if any(not one.zoned for one in times):
        yield "zone: UTC   # the times name no zone: write the one of those who made the file"


def _stamp(one: Profile) -> str:
    if one.forms[:1] == ("iso",):
        return _q(one.name)
    return f"{{column: {_q(one.name)}, formats: {_list(one.forms[:1])}}}" + (
        f"   # or {', '.join(one.forms[1:])}: no value tells" if len(one.forms) > 1 else ""
    )


def _wide(found: Suggestion) -> Iterator[str]:
    if found.created is not None:
        yield f"created: {_stamp(found.columns[found.created])}"
    else:
        column = "" if found.running is None else f"column: {_q(found.running)}, "
        yield "# The file has no times. Order and dates are assumed; nothing can be said by date."
        yield f"order: {{{column}starts: 2020-01-01T00:00:00Z, step_minutes: 60}}"
    yield from _outcome(found)
    verdicts = {one.name: one for one in found.suspicions}
    yield from _never(found, verdicts)
    yield from _attributes(found, verdicts)


def _outcome(found: Suggestion) -> Iterator[str]:
    ending = found.ending
    if ending is None:
        yield "# No column with two results was found: name it under `outcome`, or nothing can be learnt."
        return
    yield f"outcome:   # {_line(ending.why)}"
    if ending.others:
        yield f"  # it might also be: {_line(', '.join(ending.others))}"
    yield f"  column: {_q(ending.column)}"
    yield f"  won: {_list(ending.won)}"
    yield f"  lost: {_list(ending.lost)}"
    if ending.open:
        yield f"  open: {_list(ending.open)}"
    if found.ended is not None:
        yield f"  at: {_stamp(found.columns[found.ended])}"
    else:
        yield "  hours_after: 1   # no column tells when"


def _roles(found: Suggestion) -> set[str | None]:
    ending = found.ending.column if found.ending else None
    return {found.lead, found.created, found.running, found.account, found.ended, ending}


def _never(found: Suggestion, verdicts: dict[str, Suspicion]) -> Iterator[str]:
    reasons: dict[str, str] = {}
    for name, one in found.columns.items():
        if name in _roles(found):
            continue
        thought = verdicts.get(name)
        if thought is not None and thought.verdict == "flagged":
            reasons[name] = "; ".join(why.words for why in thought.reasons)
        elif name in found.useless:
            reasons[name] = found.useless[name]
        elif one.kind == "time":
            reasons[name] = "a time: write under `events` what happened then, or leave it out"
    if reasons:
        yield "never:"
        yield from (f"  {_q(name)}: {_q(why)}" for name, why in reasons.items())


def _attributes(found: Suggestion, verdicts: dict[str, Suspicion]) -> Iterator[str]:
    chosen = [
        one
        for name, one in found.columns.items()
        if name not in _roles(found) and one.kind in ("number", "category")
        if name not in verdicts or verdicts[name].verdict != "flagged"
    ]
    if not chosen:
        return
    strongest = sorted(chosen, key=lambda one: -(_auc(verdicts, one.name)))
    kept = {one.name for one in strongest[:MOST]}
    yield "attributes:"
    taken: set[str] = set()
    for one in chosen:
        if one.name not in kept:
            yield f"  # beyond {MOST}: {_line(one.name)}"
            continue
        thought = verdicts.get(one.name)
        parts = [f"column: {_q(one.name)}", f"type: {'number' if one.kind == 'number' else 'category'}"]
        if thought is not None and thought.verdict == "asked":
            parts.append(f"ask: {_q('; '.join(why.words for why in thought.reasons))}")
        yield f"  {_slug(one.name, taken)}: {{{', '.join(parts)}}}"


def _auc(verdicts: dict[str, Suspicion], name: str) -> float:
    thought = verdicts.get(name)
    return thought.auc or 0.0 if thought else 0.0


def _slug(name: str, taken: set[str]) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    plain = (plain if plain[:1].isalpha() else f"c_{plain}")[:56].rstrip("_")
    slug, n = plain, 1
    while slug in taken:
        n += 1
        slug = f"{plain}_{n}"
    taken.add(slug)
    return slug


def _line(text: str) -> str:
    """One line, for a comment."""
    return re.sub(r"\s+", " ", text)[:300]


def _events(found: Suggestion) -> Iterator[str]:
    if found.created is not None:
        yield f"at: {_stamp(found.columns[found.created])}"
    yield "rules:   # the first that fits; docs/history.md lists the kinds"
    if found.activity is None:
        yield "  - {kind: crm.activity, payload: {type: {value: event}}}"
        return
    column = _q(found.activity)
    for result in ("won", "lost"):
        levels = getattr(found.ending, result) if found.ending else ()
        if levels:
            yield f"  - when: {{equals: {{{column}: {_list(levels)}}}}}"
            yield f"    kind: crm.outcome\n    payload: {{result: {{value: {result}}}}}"
    yield f"  - kind: crm.activity\n    payload: {{type: {column}}}"
