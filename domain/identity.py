"""Who is who: keys seen together are joined, in any order, and a join can be taken back.

A `Link` says that two keys were seen together (or were declared one by an alias or a CRM merge, or declared apart by
its undo). The partition is a function of the *set* of links known at a time, so the order of arrival cannot matter.

Rules: strong keys joined by a link are one lead. A weak key (anonymous id, conversation) belongs to the one strong
component it was seen with; seen with two, it is shared (a shared device) and stands alone. A role key (info@) joins
nothing, ever.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from domain.signal import LeadKey

LinkKind = Literal["seen", "declared", "undone"]


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """Two keys (a < b) brought together by a signal. `undone` cancels every earlier link of the pair by (at, ref)."""

    at: int
    """Instant at which it occurred."""
    ref: str
    """The signal that said so."""
    a: LeadKey
    b: LeadKey
    kind: LinkKind
    known: int
    """Instant from which it was known: a merge learnt later must not leak into the past."""


@dataclass(frozen=True, slots=True)
class Partition:
    """Groups of keys, each one lead; `shared` keys were seen with several leads and join none."""

    groups: tuple[frozenset[LeadKey], ...]
    shared: frozenset[LeadKey]


def resolve(keys: Iterable[LeadKey], links: Iterable[Link], known_at: int | None = None) -> Partition:
    """The partition of `keys` under the links known by `known_at` (all when None). Order-independent."""
    seen = sorted(link for link in links if known_at is None or link.known <= known_at)
    live = _live(seen)
    everyone = set(keys) | {key for link in seen for key in (link.a, link.b)}
    parent: dict[LeadKey, LeadKey] = {key: key for key in everyone}
    for a, b in live:
        if a.kind.strong and b.kind.strong:
            _union(parent, a, b)
    touched = _touched(parent, live)
    shared = frozenset(key for key, roots in touched.items() if len(roots) > 1)
    for weak, roots in touched.items():
        if len(roots) == 1:
            _union(parent, weak, next(iter(roots)))
    _join_weak(parent, live, touched)
    groups: dict[LeadKey, set[LeadKey]] = {}
    for key in everyone:
        groups.setdefault(_find(parent, key), set()).add(key)
    return Partition(tuple(sorted((frozenset(g) for g in groups.values()), key=min)), shared)


def home_key(keys: Iterable[LeadKey], shared: frozenset[LeadKey] = frozenset()) -> LeadKey:
    """Of the keys on one signal, the one whose group the signal belongs to: strong before weak before role.

    A shared key decides only when nothing else is there.
    """
    return min(keys, key=lambda key: (key in shared, not key.kind.strong, key.kind == "role_hash", key))


def links_of(
    keys: tuple[LeadKey, ...], at: int, known: int, ref: str, kind: LinkKind = "seen"
) -> tuple[Link, ...]:
    """The links that one signal states: every pair of its keys, role keys left out."""
    usable = sorted({key for key in keys if key.kind != "role_hash"})
    return tuple(Link(at, ref, a, b, kind, known) for i, a in enumerate(usable) for b in usable[i + 1 :])


def _live(links: list[Link]) -> list[tuple[LeadKey, LeadKey]]:
    state: Mapping[tuple[LeadKey, LeadKey], bool] = {
        (link.a, link.b): link.kind != "undone" for link in links
    }
    return [pair for pair, on in state.items() if on]


def _touched(
    parent: dict[LeadKey, LeadKey], live: list[tuple[LeadKey, LeadKey]]
) -> dict[LeadKey, set[LeadKey]]:
    """For each weak key the roots of the strong components it was seen with."""
    touched: dict[LeadKey, set[LeadKey]] = {}
    for a, b in live:
        for weak, other in ((a, b), (b, a)):
            if _weak(weak) and other.kind.strong:
                touched.setdefault(weak, set()).add(_find(parent, other))
    return touched


def _weak(key: LeadKey) -> bool:
    return not key.kind.strong and key.kind != "role_hash"


def _join_weak(
    parent: dict[LeadKey, LeadKey],
    live: list[tuple[LeadKey, LeadKey]],
    touched: Mapping[LeadKey, set[LeadKey]],
) -> None:
    """Weak keys known only to each other form one anonymous lead (a visitor and his chat)."""
    for a, b in live:
        if _weak(a) and _weak(b) and a not in touched and b not in touched:
            _union(parent, a, b)


def _find(parent: dict[LeadKey, LeadKey], key: LeadKey) -> LeadKey:
    while parent[key] != key:
        parent[key] = parent[parent[key]]
        key = parent[key]
    return key


def _union(parent: dict[LeadKey, LeadKey], a: LeadKey, b: LeadKey) -> None:
    x, y = sorted((_find(parent, a), _find(parent, b)))
    parent[y] = x
