"""Canonical bytes and links, against an independent implementation of RFC 8785."""

import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from domain.audit import AuditEntry
from domain.chain import GENESIS, LARGEST, encode, link
from domain.ids import LeadId, Region, RunId, TenantId

AWKWARD = '\0\x07\b\t\n\f\r\x1b\x1f "\\/\x7f\x80\u2028\u2029\ufeff\uffffé\U0001f600\U0010ffff'
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.text(st.characters(max_codepoint=127), max_size=8)
scalars = st.one_of(texts, st.integers(-LARGEST, LARGEST), st.booleans(), st.none())
values = st.one_of(
    scalars, st.lists(texts, max_size=4).map(tuple), st.dictionaries(names, scalars, max_size=4)
)
entries = st.builds(
    AuditEntry,
    tenant=texts.map(TenantId),
    region=texts.map(Region),
    step=texts,
    code=texts,
    at=st.integers(-LARGEST, LARGEST),
    run_id=st.none() | texts.map(RunId),
    lead_id=st.none() | texts.map(LeadId),
    duration_us=st.integers(0, LARGEST),
    evidence=st.lists(texts, max_size=4).map(tuple),
    versions=st.dictionaries(names, texts, max_size=4),
    detail=st.dictionaries(names, values, max_size=6),
    commitment=st.none() | texts,
)
PLAIN = AuditEntry(tenant=TenantId("t"), region=Region("eu"), step="policy", code="ok", at=1)


def said(entry: AuditEntry, seq: int, writer: str) -> dict[str, Any]:
    """The row as a plain JSON value, spelt out."""
    return {
        "v": 1, "tenant": entry.tenant, "region": entry.region, "writer": writer, "seq": seq,
        "step": entry.step, "code": entry.code, "at": entry.at, "run_id": entry.run_id,
        "lead_id": entry.lead_id,
        "duration_us": entry.duration_us, "evidence": list(entry.evidence), "versions": dict(entry.versions),
        "detail": {k: list(v) if isinstance(v, tuple) else v for k, v in entry.detail.items()},
        "commitment": entry.commitment,
    }  # fmt: skip


@given(entries, st.integers(1, LARGEST), texts)
@example(replace(PLAIN, code=AWKWARD, detail={"a": AWKWARD, "\0\x7f": (AWKWARD,)}), 1, AWKWARD)
def test_bytes_are_those_of_an_independent_rfc_8785(entry: AuditEntry, seq: int, writer: str) -> None:
    """On everything that a row may hold, control characters and separators included."""
    assert encode(entry, seq=seq, writer=writer) == rfc8785.dumps(said(entry, seq, writer))


@given(entries)
def test_the_order_in_which_fields_were_put_in_does_not_matter(entry: AuditEntry) -> None:
    """Two writers of one fact write the same bytes."""
    turned = replace(
        entry,
        detail=dict(reversed(list(entry.detail.items()))),
        versions=dict(reversed(list(entry.versions.items()))),
    )
    assert encode(turned, seq=1, writer="w") == encode(entry, seq=1, writer="w")


@given(entries, st.integers(1, LARGEST))
def test_a_row_reads_back_as_what_it_said(entry: AuditEntry, seq: int) -> None:
    """Nothing is lost or changed on the way into bytes."""
    assert json.loads(encode(entry, seq=seq, writer="w")) == said(entry, seq, "w")


@pytest.mark.parametrize("bad", [
    {"detail": {"x": 0.5}}, {"detail": {"x": float("nan")}}, {"detail": {"x": LARGEST + 1}},
    {"detail": {"x": -LARGEST - 1}}, {"detail": {"é": 1}}, {"detail": {1: 1}}, {"detail": {"x": ("a", 1)}},
    {"detail": {"x": {"y": {"z": 1}}}}, {"detail": {"x": {"y": ("z",)}}}, {"detail": {"x": {"y": 0.5}}},
    {"detail": {"x": {"é": 1}}}, {"detail": {"x": b"bytes"}}, {"detail": {"x": {"a", "b"}}},
    {"detail": {"x": "\ud800"}}, {"detail": {"x": ("\udfff",)}}, {"code": "\ud83d"},
    {"evidence": ("\ude00",)},
    {"versions": {"x": "\ud800"}}, {"versions": {"é": "1"}}, {"versions": {"x": 1}}, {"code": 7},
    {"evidence": (7,)}, {"at": 0.5}, {"at": True}, {"at": LARGEST + 1}, {"duration_us": -LARGEST - 1},
])  # fmt: skip
def test_what_has_no_exact_form_is_refused(bad: dict[str, Any]) -> None:
    """Floats, big integers, lone surrogates, foreign types and deeper nesting never enter a chain."""
    with pytest.raises(ValueError):  # noqa: PT011 - the class is the contract; the words differ by cause
        encode(replace(PLAIN, **bad), seq=1, writer="w")


@pytest.mark.parametrize("seq", [1.0, LARGEST + 1, True])
def test_a_place_in_the_chain_is_a_whole_number(seq: Any) -> None:
    """The sequence number is held to the same rule as the values."""
    with pytest.raises(ValueError, match="whole numbers"):
        encode(PLAIN, seq=seq, writer="w")


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_a_link_is_the_plain_hash_of_the_one_before_and_the_body(first: bytes, second: bytes) -> None:
    """Anybody can check a chain with nothing but SHA-256."""
    one = link(GENESIS, first)
    assert one == sha256(b"0" * 64 + first).hexdigest()
    assert link(one, second) == sha256(one.encode() + second).hexdigest()
