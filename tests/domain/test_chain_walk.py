"""The rules of a sound chain, each broken in turn."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit import AuditEntry
from domain.chain import GENESIS, encode, link
from domain.ids import Region, TenantId
from domain.ports.audit import StoredRow
from domain.verification import PROBLEMS_KEPT, Findings, Mark, Walk


def chain(length: int, *, tenant: str = "acme", writer: str = "w1", code: str = "ok") -> list[StoredRow]:
    """A sound chain of `length` rows."""
    rows, prev = [], GENESIS
    for seq in range(1, length + 1):
        entry = AuditEntry(
            tenant=TenantId(tenant), region=Region("eu"), step="run", code=code, at=seq, detail={"n": seq}
        )
        body = encode(entry, seq=seq, writer=writer)
        rows.append(StoredRow(tenant, writer, seq, prev, link(prev, body), body))
        prev = rows[-1].hash
    return rows


def walked(rows: list[StoredRow], *marks: Mark) -> tuple[Walk, list[str]]:
    """Walk over rows whose bodies agree with their envelope; the codes that were found."""
    findings = Findings()
    walk = Walk(marks, findings)
    for row in rows:
        walk.row(row, {"tenant": row.tenant, "writer": row.writer, "seq": row.seq})
    walk.close()
    return walk, [problem.code for problem in findings.all()]


def mark(row: StoredRow, by: str = "anchor") -> Mark:
    """What the anchor would say of `row`."""
    return Mark(row.tenant, row.writer, row.seq, row.hash, by)  # type: ignore[arg-type]  # text of the parameter


ROWS = chain(8)
OTHER = chain(8, tenant="zeta")
FORKED = chain(8, code="forked")


def test_sound_chains_have_no_findings() -> None:
    """Several chains of different length, some anchored."""
    walk, found = walked([*ROWS, *chain(3, writer="w2"), *OTHER], mark(ROWS[4]), mark(ROWS[6], "root"))
    assert found == []
    assert (walk.rows, walk.ends["acme", "w2"], walk.anchored) == (19, 3, {("acme", "w1"): 5})


def test_no_rows_are_sound() -> None:
    """An empty log has nothing wrong."""
    walk, found = walked([])
    assert (walk.rows, dict(walk.ends), found) == (0, {}, [])


@pytest.mark.parametrize(("broken", "first"), [
    (lambda r: [*r[:3], r[3]._replace(body=r[3].body.replace(b'"n":4', b'"n":5')), *r[4:]], "altered"),
    (lambda r: [*r[:3], r[3]._replace(hash="0" * 64), *r[4:]], "altered"),
    (lambda r: [*r[:3], *r[4:]], "gap"),
    (lambda r: r[1:], "gap"),
    (lambda r: [*r[:3], r[4], r[3], *r[5:]], "gap"),
    (lambda r: [*r[:4], r[3], *r[4:]], "duplicate"),
    (lambda r: [*r[:4], FORKED[3], *r[4:]], "fork"),
    (lambda r: [*r[:4], FORKED[2], *r[4:]], "disorder"),
    (lambda r: [*r[:4], *FORKED[4:]], "broken_link"),
    (lambda r: [*r[:4], *OTHER, *r[4:]], "chain_split"),
    (lambda r: [r[0]._replace(prev=r[1].hash, hash=link(r[1].hash, r[0].body)), *r[1:]], "broken_link"),
])  # fmt: skip
def test_each_break_has_its_name(broken: Callable[[list[StoredRow]], list[StoredRow]], first: str) -> None:
    """The first finding names what was done."""
    assert walked(broken(ROWS))[1][0] == first


def test_a_row_that_belongs_elsewhere_is_found() -> None:
    """Its own body contradicts the place in which it stands."""
    findings = Findings()
    walk = Walk((), findings)
    for row in ROWS:
        walk.row(row, {"tenant": "zeta", "writer": row.writer, "seq": row.seq})
    assert {problem.code for problem in findings.all()} == {"misplaced"}


def test_a_rewritten_chain_contradicts_root_and_anchor() -> None:
    """Perfectly linked, and yet another history."""
    assert walked(FORKED, mark(ROWS[5]))[1] == ["anchor_mismatch"]
    assert walked(FORKED, mark(ROWS[5], "root"))[1] == ["root_mismatch"]


def test_a_chain_cut_before_what_was_vouched_for_is_found() -> None:
    """And so is a chain that is gone altogether."""
    assert walked(ROWS[:4], mark(ROWS[4]))[1] == ["truncated"]
    assert walked(OTHER, mark(ROWS[4]))[1] == ["truncated"]
    assert walked(ROWS[:5], mark(ROWS[4]))[1] == []


def test_a_vouched_row_that_is_missing_is_named() -> None:
    """Beside the gap that it leaves."""
    assert walked([*ROWS[:4], *ROWS[5:]], mark(ROWS[4]))[1] == ["gap", "vouched_row_missing"]


def test_what_lies_after_the_last_anchored_row_can_be_cut_unseen() -> None:
    """The stated limit: nothing vouches for these rows yet."""
    assert walked(ROWS[:6], mark(ROWS[4]))[1] == []


@given(st.permutations(range(8)))
def test_only_the_one_order_is_sound(order: list[int]) -> None:
    """Any other arrangement of the same rows has findings."""
    found = walked([ROWS[i] for i in order])[1]
    assert (found == []) == (order == sorted(order))


@given(st.sets(st.integers(0, 7), min_size=1))
def test_no_subset_but_a_beginning_is_sound(kept: set[int]) -> None:
    """Removing rows shows, except at the unvouched end."""
    found = walked([ROWS[i] for i in sorted(kept)])[1]
    assert (found == []) == (kept == set(range(len(kept))))


def test_findings_are_bounded() -> None:
    """A ruined log does not fill the memory; the rest is counted."""
    findings = Findings()
    for seq in range(PROBLEMS_KEPT + 7):
        findings.add("altered", "a/w", seq, "words")
    told = findings.all()
    assert (len(told), told[-1].code, told[-1].words) == (
        PROBLEMS_KEPT + 1,
        "more",
        "7 more problems are not listed",
    )
