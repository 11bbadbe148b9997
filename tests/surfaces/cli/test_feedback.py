"""``leadgraph leads override`` and its neighbours over a real home: what a person fixes, every run respects."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from domain.instants import DAY, HOUR, Instant
from domain.ports.home import Home
from surfaces.cli.context import Exit
from tests.surfaces.cli.acting_world import World, a_hot_lead, item

LEAD = "crm_id:lead-1"
HOT = a_hot_lead(20_000)
AGAIN = item(40, "web.page_view", {"page": "/pricing"})


class Desk(World):
    """What these tests ask of the command line, in a word each."""

    def later(self, us: int = HOUR) -> None:
        self.at = Instant(self.at + us)

    def decision(self) -> dict[str, Any]:
        """The newest decision of the lead, as the audit tells it, with owner and signals as they are stored."""
        (story,) = self.records("audit", "show", LEAD)
        with self.home() as home:
            stored = asyncio.run(_newest(home))
        more = {"rationale": " ".join(story["rationale"]), "signals": stored["signals"]}
        decision: dict[str, Any] = story["decision"] | more | {"owner": stored["verdict"]["owner"]}
        return decision

    def score(self) -> dict[str, Any]:
        (scored,) = self.records("score", "--lead", LEAD)
        return scored

    def replayed(self) -> None:
        """Every decision so far comes out the same."""
        code, out = self.call("audit", "replay", "--all", "--json")
        result = orjson.loads(out)
        assert (code, result["different"], result["unreplayable"]) == (Exit.OK, 0, {})
        assert result["identical"] > 0

    def in_crm(self) -> str:
        (record,) = self.crm().records()
        return record.owner


async def _newest(home: Home) -> dict[str, Any]:
    lead = await home.reads.find_lead(home.tenant, LEAD)
    assert lead is not None
    stored = await home.reads.latest_decision(home.tenant, lead)
    assert stored is not None
    content: dict[str, Any] = orjson.loads(stored.content)
    return content


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


def test_a_fixed_owner_is_kept_by_every_run_until_it_is_lifted(desk: Desk) -> None:
    """New signals come, the run keeps it; lifted, the next run is free again; each replays as it was."""
    desk.works(*HOT)
    routed = desk.decision()["owner"]
    assert routed == desk.in_crm()
    said = ("--owner", "rep_000009", "--reason", "they know each other")
    (row,) = desk.records("leads", "override", LEAD, *said, "--by", "rita")
    assert (row["kind"], row["value"], row["by"], row["until"]) == ("owner", "rep_000009", "rita", None)
    desk.works()
    assert desk.decision()["owner"] == "rep_000009"
    desk.later()
    desk.works(AGAIN)
    decision = desk.decision()
    assert decision["signals"] == ["web:s40"]
    assert decision["owner"] == "rep_000009"
    assert "A person has fixed the owner: rep_000009" in decision["rationale"]
    desk.records("leads", "lift", LEAD, "--owner")
    desk.works()
    assert desk.decision()["owner"] == routed
    desk.replayed()


def test_a_lead_that_nobody_had_is_given_to_the_owner_that_was_fixed(desk: Desk) -> None:
    """Routing still says when; it does not say who. Whoever is fixed may have no room left and be in no team."""
    desk.works(item(1, "web.page_view", {"page": "/blog"}))
    desk.records("leads", "override", LEAD, "--owner", "Zoe Q", "--reason", "hers")
    assert "Zoe Q is in no team" in desk.err.getvalue()
    desk.works(*HOT[1:])
    desk.works(item(5, "identity.identify", {"seniority": "vp", "buyer_role": "economic_buyer"}))
    assert desk.decision()["band"] == "hot"
    assert desk.in_crm() == "Zoe Q"
    assert [line.kind.value for line in desk.crm().ledger()].count("set_owner") == 1
    desk.replayed()


def test_fixed_points_show_in_score_and_ledger_and_replay(desk: Desk) -> None:
    """The ledger still sums to what is shown, and the words say who it was that said so."""
    desk.works(*HOT)
    natural = desk.score()
    assert natural["band"] == "hot"
    desk.records("leads", "override", LEAD, "--points", "35", "--reason", "a student", "--by", "rita")
    desk.works()
    decision, scored = desk.decision(), desk.score()
    assert decision["score"]["points"] == scored["points"] == 35
    assert decision["band"] == scored["band"] == "cold"
    assert scored["fixed"] == {"points": "35"}
    ledger = dict(scored["ledger"])
    assert ledger["override"] == (35 - natural["points"]) * 1_000_000
    assert sum(ledger.values()) == 35_000_000
    assert f"A person set the points to 35; baseline-v0 gives {natural['points']}" in decision["rationale"]
    _, card = desk.call("score", "--lead", LEAD)
    assert "fixed by a person: points 35" in card
    assert "a student" in card
    desk.records("leads", "lift", LEAD, "--points")
    desk.works()
    assert desk.decision()["score"]["points"] == natural["points"]
    assert desk.decision()["band"] == "hot"
    desk.replayed()


def test_an_override_ends_with_its_day_and_the_lead_is_decided_anew(desk: Desk) -> None:
    """The last day counts to its end."""
    desk.works(*HOT)
    (row,) = desk.records(
        "leads", "override", LEAD, "--points", "5", "--until", "2026-03-11", "--reason", "away"
    )
    assert row["until"] == "2026-03-12T00:00:00.000Z"
    desk.works()
    assert desk.decision()["score"]["points"] == 5
    desk.later(2 * DAY)
    desk.works()
    decision = desk.decision()
    assert decision["reason"] == "override"
    assert decision["score"]["points"] > 5
    assert "fixed" not in desk.score()
    desk.replayed()


def test_lists_show_what_is_fixed_and_the_history_shows_all(desk: Desk) -> None:
    desk.works(*HOT)
    desk.user = "ann"
    desk.records("leads", "override", LEAD, "--owner", "rep_000001", "--reason", "first")
    desk.later()
    desk.records("leads", "override", LEAD, "--owner", "rep_000002", "--reason", "second")
    (lead,) = desk.records("leads", "list")
    assert [(one["value"], one["by"], one["reason"]) for one in lead["fixed"]] == [
        ("rep_000002", "ann", "second")
    ]
    _, words = desk.call("leads", "list")
    assert "fixed: owner rep_000002" in words
    desk.records("leads", "lift", LEAD, "--owner", "--by", "omar")
    rows = desk.records("leads", "overrides", LEAD)
    assert [(row["value"], row["ended"], row["ended_by"]) for row in rows] == [
        ("rep_000001", "replaced", "ann"),
        ("rep_000002", "lifted", "omar"),
    ]
    (lead,) = desk.records("leads", "list")
    assert lead["fixed"] == []


def test_labels_are_exported_one_on_a_line_in_one_order(desk: Desk) -> None:
    desk.works(*HOT, item(20, "crm.outcome", {"result": "lost"}))
    desk.records("leads", "override", LEAD, "--points", "70", "--reason", "they come back")
    first = desk.call("leads", "labels", "--json")
    assert first == desk.call("leads", "labels", "--json")
    labels = [orjson.loads(line) for line in first[1].splitlines()]
    assert [(one["kind"], one["value"], one["provenance"]) for one in labels] == [
        ("outcome", "lost", "signal"),
        ("points", "70", "override"),
    ]
    assert desk.records("leads", "labels", "--since", "2026-03-11") == []
    assert len(desk.records("leads", "labels", "--since", "2026-03-10", "--until", "2026-03-11")) == 2
    _, words = desk.call("leads", "labels")
    assert "lost" in words


def test_an_outcome_counts_more_than_points_that_a_person_fixed(desk: Desk) -> None:
    desk.works(*HOT, item(20, "crm.outcome", {"result": "won"}))
    desk.records("leads", "override", LEAD, "--points", "35", "--reason", "so")
    desk.works()
    decision = desk.decision()
    assert decision["score"]["points"] == 100
    assert "the outcome is known: that stands" in decision["rationale"]
    desk.replayed()


REFUSED = {
    ("override", LEAD, "--reason", "so"): "give one of: --owner NAME",
    ("override", LEAD, "--reason", "so", "--owner", "a", "--points", "4"): "give one of: --owner NAME",
    ("override", LEAD, "--reason", "so", "--points", "100"): "no whole number from 1 to 99",
    ("override", LEAD, "--reason", " ", "--points", "40"): "reason: is missing",
    ("override", LEAD, "--reason", "so", "--points", "40", "--until", "2026-03-09"): "has passed",
    ("override", LEAD, "--reason", "so", "--points", "40", "--until", "tomorrow"): "neither a day",
    ("override", "nobody", "--reason", "so", "--points", "40"): "none is known as nobody",
    ("lift", LEAD): "give one of: --owner, --points",
    ("lift", LEAD, "--owner"): "nothing is fixed",
    ("labels", "--since", "2026-13-01"): "neither a day",
}


def test_what_makes_no_sense_is_refused_in_words(desk: Desk) -> None:
    desk.works(item(1, "web.page_view", {"page": "/blog"}))
    for words, problem in REFUSED.items():
        desk.err.truncate(0)
        code, _ = desk.call("leads", *words)
        assert code == Exit.ERROR
        assert problem in desk.err.getvalue(), words
    assert desk.records("leads", "overrides", LEAD) == []
