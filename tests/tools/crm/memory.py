"""The in-memory twin of the CRM: dicts, the same rules as the embedded one, written a second time on purpose."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from domain.effect import Step, StepKind, StepReceipt
from domain.errors import Refused
from domain.ports.target import Change, Subject
from domain.signal import KeyKind


@dataclass(slots=True)
class Card:
    """One record."""

    ref: str
    owner: dict[str, str] = field(default_factory=lambda: {"owner": "", "team": ""})
    fields: dict[str, str] = field(default_factory=dict)
    programmes: set[str] = field(default_factory=set)
    touched: int | None = None
    do_not_contact: bool = False
    deleted: bool = False
    merged_into: str = ""


@dataclass(slots=True)
class Item:
    """A task, a note or a notification; `open` is False once closed or removed."""

    ref: str
    card: str
    params: Mapping[str, str]
    open: bool = True


@dataclass(slots=True)
class World:
    """All that the twin holds. `links` leads from (tenant, kind of key, value) to a card."""

    cards: dict[str, Card] = field(default_factory=dict)
    links: dict[tuple[str, str, str], str] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)
    talks: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    """Conversations by tenant and ref: owner, queue, priority."""

    def find(self, subject: Subject) -> Card | None:
        """The record of a lead as it is linked, merged or deleted as it may be."""
        for link in links_of(subject):
            if link in self.links:
                return self.cards[self.links[link]]
        return None

    def survivor(self, card: Card) -> Card:
        """What the record was merged into, or itself."""
        while card.merged_into:
            card = self.cards[card.merged_into]
        return card

    def create(self, subject: Subject) -> Card:
        """A new record linked to the lead."""
        card = Card(f"rec-{len(self.cards) + 1}")
        self.cards[card.ref] = card
        for link in links_of(subject):
            self.links.setdefault(link, card.ref)
        return card

    def add(self, what: str, card: Card, params: Mapping[str, str]) -> Item:
        """A new task, note or notification."""
        item = Item(f"{what}-{len(self.items) + 1}", card.ref, dict(params))
        self.items[item.ref] = item
        return item

    def count(self, what: str) -> int:
        """Open ones of ``task``, ``note``, ``notification``."""
        return sum(item.open and item.ref.startswith(f"{what}-") for item in self.items.values())


def links_of(subject: Subject) -> list[tuple[str, str, str]]:
    """Our id first, then keys of one person, then the rest; an address of many people leads nowhere."""
    keys = sorted(
        (key for key in subject.keys if key.kind is not KeyKind.ROLE), key=lambda key: not key.kind.strong
    )
    return [
        (subject.tenant, "lead", subject.lead_id),
        *((subject.tenant, k.kind.value, k.value) for k in keys),
    ]


class Did(NamedTuple):
    """What a step did."""

    ref: str
    before: dict[str, str]
    changes: list[tuple[str, str, str]]


def take(world: World, step: Step, subject: Subject) -> tuple[StepReceipt, list[Change]]:
    """Take one step. Raises: Refused."""
    found = world.find(subject)
    card = world.survivor(found) if found else None
    if card and card.deleted:
        raise Refused("the record is gone", "gone")
    undoing = step.kind in _NEEDS_RECORD or any(name.startswith("was.") for name in step.params)
    if card is None:
        if undoing:
            raise Refused("there is no record", "gone")
        if step.kind is StepKind.LEAVE:
            _names(step)
            return StepReceipt(before={"programmes": ""}), []
        card = world.create(subject)
    did = _TAKE[step.kind](world, card, step, subject)
    before = did.before | ({"merged_into": card.ref} if found and found.merged_into else {})
    return StepReceipt(did.ref, before), [Change(step.kind, *change) for change in did.changes]


def write(held: dict[str, str], params: Mapping[str, str]) -> Did:
    """Write names into `held`; where ``was.name`` is given, only if it still holds that."""
    names = [name for name in params if not name.startswith("was.")]
    kept = [name for name in names if params.get(f"was.{name}", held.get(name, "")) != held.get(name, "")]
    before = {name: held.get(name, "") for name in names} | (
        {"kept": ", ".join(sorted(kept))} if kept else {}
    )
    changes = []
    for name in names:
        if name not in kept and held.get(name, "") != params[name]:
            changes.append((name, held.get(name, ""), params[name]))
            held[name] = params[name]
    return Did("", before, changes)


def _fields(world: World, card: Card, step: Step, subject: Subject) -> Did:
    did = write(card.fields, step.params)
    card.fields = {name: value for name, value in card.fields.items() if value}
    return did._replace(ref=card.ref)


def _owner(world: World, card: Card, step: Step, subject: Subject) -> Did:
    if not {name.removeprefix("was.") for name in step.params} <= {"owner", "team"}:
        raise Refused("an owner has an owner and a team only", "invalid")
    return write(card.owner, step.params)._replace(ref=card.ref)


def _adding(what: str) -> Callable[[World, Card, Step, Subject], Did]:
    def add(world: World, card: Card, step: Step, subject: Subject) -> Did:
        text = "; ".join(f"{name}: {value}" for name, value in sorted(step.params.items()))
        return Did(world.add(what, card, step.params).ref, {}, [(what, "", text)])

    return add


def _closing(what: str, was: str, now: str) -> Callable[[World, Card, Step, Subject], Did]:
    def close(world: World, card: Card, step: Step, subject: Subject) -> Did:
        item = world.items.get(step.params.get("ref", ""))
        if (
            item is None
            or not item.ref.startswith(f"{what}-")
            or world.survivor(world.cards[item.card]) is not card
        ):
            raise Refused(f"there is no such {what}", "gone")
        state, item.open = (was if item.open else now), False
        return Did(item.ref, {"state": state}, [(item.ref, was, now)] if state == was else [])

    return close


def _names(step: Step) -> list[str]:
    if "programme" not in step.params:
        raise Refused("no programme is named", "invalid")
    return [name.strip() for name in step.params["programme"].split(",") if name.strip()]


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))


def _enrol(world: World, card: Card, step: Step, subject: Subject) -> Did:
    before = set(card.programmes)
    new = set(_names(step)) - before
    card.programmes |= new
    changes = [("programmes", _listed(before), _listed(card.programmes))] if new else []
    return Did(card.ref, {"programmes": _listed(before), "joined": _listed(new)}, changes)


def _leave(world: World, card: Card, step: Step, subject: Subject) -> Did:
    before, names = set(card.programmes), _names(step)
    left = before if names == ["all"] else before & set(names)
    card.programmes = before - left
    changes = [("programmes", _listed(before), _listed(card.programmes))] if left else []
    return Did(card.ref, {"programmes": _listed(left)}, changes)


def _hand_over(world: World, card: Card, step: Step, subject: Subject) -> Did:
    talks = sorted(key.value for key in subject.keys if key.kind is KeyKind.CONVERSATION)
    ref = talks[0] if talks else card.ref
    did = write(world.talks.setdefault((subject.tenant, ref), {}), step.params)
    ours = {f"was.{name}": value for name, value in step.params.items()}
    return Did(
        ref,
        {"conversation": ref} | did.before | ours,
        [(f"conversation.{n}", b, a) for n, b, a in did.changes],
    )


def _hand_back(world: World, card: Card, step: Step, subject: Subject) -> Did:
    ref = step.params.get("conversation", "")
    if (subject.tenant, ref) not in world.talks:
        raise Refused("there is no such conversation", "gone")
    names = {n: v for n, v in step.params.items() if n.removeprefix("was.") in ("owner", "priority", "queue")}
    did = write(world.talks[subject.tenant, ref], names)
    return Did(ref, did.before, [(f"conversation.{n}", b, a) for n, b, a in did.changes])


_NEEDS_RECORD = {StepKind.CLOSE_TASK, StepKind.REMOVE_NOTE, StepKind.HAND_BACK}
_TAKE: dict[StepKind, Callable[[World, Card, Step, Subject], Did]] = {
    StepKind.SET_FIELDS: _fields,
    StepKind.SET_OWNER: _owner,
    StepKind.CREATE_TASK: _adding("task"),
    StepKind.CLOSE_TASK: _closing("task", "open", "closed"),
    StepKind.ADD_NOTE: _adding("note"),
    StepKind.REMOVE_NOTE: _closing("note", "there", "removed"),
    StepKind.ENROL: _enrol,
    StepKind.LEAVE: _leave,
    StepKind.HAND_OVER: _hand_over,
    StepKind.HAND_BACK: _hand_back,
    StepKind.NOTIFY: _adding("notification"),
    StepKind.TELL_CUSTOMER: _adding("message"),
}
