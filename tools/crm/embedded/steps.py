"""What each step does to the records of the CRM, and what it answers."""

import sqlite3
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from domain.effect import Step, StepKind, StepReceipt
from domain.errors import Refused
from domain.ports.target import Change, Subject
from domain.signal import KeyKind
from tools.crm.embedded import records
from tools.crm.embedded.records import Record

WAS: Final = "was."
"""Before the name of a field: what we wrote there, in a step that takes it back."""
_CONVERSATION: Final = ("owner", "priority", "queue")


class Done(NamedTuple):
    """What a step did: the answer, each single write, and the record."""

    receipt: StepReceipt
    changes: tuple[Change, ...] = ()
    record: int | None = None


class _Did(NamedTuple):
    ref: str
    before: Mapping[str, str]
    changes: tuple[tuple[str, str, str], ...] = ()
    """(field, before, after)"""


_Taker = Callable[[sqlite3.Connection, Record, Step, Subject], _Did]


def take(conn: sqlite3.Connection, step: Step, subject: Subject) -> Done:
    """Take one step inside the caller's transaction. Raises: Refused (``gone``, ``invalid``)."""
    record = records.find(conn, subject)
    if record is None:
        if step.kind is StepKind.LEAVE:
            _named_in(step)
            return Done(StepReceipt(before={"programmes": ""}))
        if step.kind in _TAKES_BACK or any(name.startswith(WAS) for name in step.params):
            raise Refused(f"there is no record of {subject.lead_id}", "gone")
        record = records.create(conn, subject.tenant, subject.lead_id)
    if record.deleted:
        raise Refused(f"the record of {subject.lead_id} was deleted", "gone")
    records.link(conn, record, subject.tenant, records.links_of(subject))
    did = _TAKERS[step.kind](conn, record, step, subject)
    before = {**did.before, "merged_into": record.ref} if record.merged else dict(did.before)
    changes = tuple(Change(step.kind, *change) for change in did.changes)
    return Done(StepReceipt(did.ref, before), changes, record.id)


def _written(held: Mapping[str, str], params: Mapping[str, str]) -> tuple[dict[str, str], _Did]:
    """`held` after writing `params`; where ``was.name`` is given, only if it still holds that."""
    after, before, changes, kept = dict(held), dict[str, str](), list[tuple[str, str, str]](), list[str]()
    for name, value in params.items():
        if name.startswith(WAS):
            continue
        now = held.get(name, "")
        before[name] = now
        if params.get(WAS + name, now) != now:
            kept.append(name)
        elif now != value:
            after[name] = value
            changes.append((name, now, value))
    if kept:
        before["kept"] = ", ".join(sorted(kept))
    return after, _Did("", before, tuple(changes))


def _set_fields(conn: sqlite3.Connection, record: Record, step: Step, _: Subject) -> _Did:
    fields, did = _written(record.fields, step.params)
    if did.changes:
        records.save(conn, record, fields, {"owner": record.owner, "team": record.team})
    return did._replace(ref=record.ref)


def _set_owner(conn: sqlite3.Connection, record: Record, step: Step, _: Subject) -> _Did:
    if not {name.removeprefix(WAS) for name in step.params} <= {"owner", "team"}:
        raise Refused("an owner has an owner and a team, and nothing else", "invalid")
    owner, did = _written({"owner": record.owner, "team": record.team}, step.params)
    if did.changes:
        records.save(conn, record, record.fields, owner)
    return did._replace(ref=record.ref)


def _adding(what: str) -> _Taker:
    def add(conn: sqlite3.Connection, record: Record, step: Step, _: Subject) -> _Did:
        made = conn.execute(
            "INSERT INTO item (what, record, params) VALUES (?, ?, ?)",
            (what, record.id, records.dumps(step.params)),
        ).lastrowid
        text = "; ".join(f"{name}: {value}" for name, value in sorted(step.params.items()))
        return _Did(f"{what}-{made}", {}, ((what, "", text),))

    return add


def _closing(what: str, was: str, now: str) -> _Taker:
    """Close a task or remove a note; one that a person closed already stays as it is."""

    def close(conn: sqlite3.Connection, record: Record, step: Step, _: Subject) -> _Did:
        ref = step.params.get("ref", "")
        kind, _dash, number = ref.partition("-")
        row = conn.execute(
            "SELECT open FROM item WHERE id = ? AND what = ? AND record = ?",
            (
                int(number) if number.isascii() and number.isdigit() and len(number) < 19 else 0,
                what,
                record.id,
            ),
        ).fetchone()
        if row is None or kind != what:
            raise Refused(f"the record has no {what} {ref!r}", "gone")
        if not row["open"]:
            return _Did(ref, {"state": now})
        conn.execute("UPDATE item SET open = 0 WHERE id = ?", (int(number),))
        return _Did(ref, {"state": was}, ((ref, was, now),))

    return close


def _named_in(step: Step) -> list[str]:
    if "programme" not in step.params:
        raise Refused(f"{step.kind.value} names no programme", "invalid")
    return [name.strip() for name in step.params["programme"].split(",") if name.strip()]


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))


def _enrol(conn: sqlite3.Connection, record: Record, step: Step, _: Subject) -> _Did:
    before = set(records.programmes(conn, record))
    new = set(_named_in(step)) - before
    conn.executemany("INSERT INTO membership VALUES (?, ?)", [(record.id, name) for name in sorted(new)])
    changes = (("programmes", _listed(before), _listed(before | new)),) if new else ()
    return _Did(record.ref, {"programmes": _listed(before), "joined": _listed(new)}, changes)


def _leave(conn: sqlite3.Connection, record: Record, step: Step, _: Subject) -> _Did:
    before, names = set(records.programmes(conn, record)), _named_in(step)
    left = before if names == ["all"] else before & set(names)
    conn.executemany(
        "DELETE FROM membership WHERE record = ? AND programme = ?", [(record.id, n) for n in sorted(left)]
    )
    changes = (("programmes", _listed(before), _listed(before - left)),) if left else ()
    return _Did(record.ref, {"programmes": _listed(left)}, changes)


def _hand_over(conn: sqlite3.Connection, record: Record, step: Step, subject: Subject) -> _Did:
    """The conversation of the lead, or the record's own where none is known by a key."""
    known = sorted(key.value for key in subject.keys if key.kind is KeyKind.CONVERSATION)
    ref = known[0] if known else record.ref
    did = _write_conversation(conn, subject, ref, step.params)
    ours = {WAS + name: value for name, value in step.params.items()}
    return did._replace(before={"conversation": ref, **did.before, **ours})


def _hand_back(conn: sqlite3.Connection, _: Record, step: Step, subject: Subject) -> _Did:
    ref = step.params.get("conversation", "")
    if _conversation(conn, subject, ref) is None:
        raise Refused(f"there is no conversation {ref!r}", "gone")
    ours = {n: v for n, v in step.params.items() if n.removeprefix(WAS) in _CONVERSATION}
    return _write_conversation(conn, subject, ref, ours)


def _conversation(conn: sqlite3.Connection, subject: Subject, ref: str) -> dict[str, str] | None:
    row = conn.execute(
        "SELECT state FROM conversation WHERE tenant = ? AND ref = ?", (subject.tenant, ref)
    ).fetchone()
    return records.loads(row["state"]) if row else None


def _write_conversation(
    conn: sqlite3.Connection, subject: Subject, ref: str, params: Mapping[str, str]
) -> _Did:
    state, did = _written(_conversation(conn, subject, ref) or {}, params)
    conn.execute(
        "INSERT INTO conversation VALUES (?, ?, ?) ON CONFLICT (tenant, ref) DO UPDATE SET state = excluded.state",
        (subject.tenant, ref, records.dumps(state)),
    )
    changes = tuple((f"conversation.{name}", before, after) for name, before, after in did.changes)
    return did._replace(ref=ref, changes=changes)


_TAKES_BACK: Final = {StepKind.CLOSE_TASK, StepKind.REMOVE_NOTE, StepKind.HAND_BACK}
_TAKERS: Final[Mapping[StepKind, _Taker]] = {
    StepKind.SET_FIELDS: _set_fields,
    StepKind.SET_OWNER: _set_owner,
    StepKind.CREATE_TASK: _adding("task"),
    StepKind.CLOSE_TASK: _closing("task", "open", "closed"),
    StepKind.ADD_NOTE: _adding("note"),
    StepKind.REMOVE_NOTE: _closing("note", "there", "removed"),
    StepKind.ENROL: _enrol,
    StepKind.LEAVE: _leave,
    StepKind.HAND_OVER: _hand_over,
    StepKind.HAND_BACK: _hand_back,
    StepKind.NOTIFY: _adding("notification"),
}
TAKES: Final = frozenset(_TAKERS)
