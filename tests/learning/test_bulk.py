"""Rescoring in bulk gives what a run gives, lead by lead."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from agents.scoring import would_move
from domain.consent import Lawful
from domain.ids import AccountId, LeadId, Region, TenantId
from domain.instants import DAY
from domain.intents import Said
from domain.kinds import Kind
from domain.lead import Band, BandState, LeadState
from domain.model import LEAD_ACCOUNT, LEAD_REGION
from domain.signal import Event
from learning import bulk
from learning.bulk import rescore
from learning.train import Trained, train
from tests.learning.market import START, fresh_catalogue, lead_events, market
from tools.models.learned import Learned

LATER = START + 45 * DAY


@cache
def package() -> Trained:
    """A package of the made-up market."""
    return train(market(), families=("logistic",))


def leads(seed: int, n: int = 60) -> list[LeadState]:
    """Leads of two regions; some were won or lost, one asked to be forgotten."""
    found = []
    for number, (name, events) in enumerate(lead_events(seed, n).items()):
        if number % 7 == 0:
            at, result = START + 40 * DAY, ("won", "lost")[number % 2]
            closing = Event(at, "s:end", result, Kind.OUTCOME.value, "", 0, at, ())
            events = tuple(sorted((*events, closing)))
        place = Region(("eu", "us")[number % 2])
        band = (Band.COLD, Band.WARM, Band.HOT)[number % 3]
        found.append(
            LeadState(
                LeadId(name),
                TenantId("t"),
                place,
                AccountId("a1") if number % 3 else None,
                events,
                band=BandState(band, settled=band),
            )
        )
    return [replace(found[0], suppressed=True), *found[1:]]


def test_a_lead_in_bulk_has_the_points_and_the_band_of_a_lead_alone() -> None:
    made, catalogue = package(), fresh_catalogue()
    scorer = Learned(made.package, made.files, catalogue)
    told = leads(1)
    found = {one.lead_id: one for one in rescore(made.package, made.files, catalogue, told, LATER)}
    assert set(found) == {lead.lead_id for lead in told[1:]}
    for lead in told[1:]:
        lawful = Lawful(lead.events).of(LATER)
        values = dict(catalogue.evaluate(lawful, LATER)) | {
            LEAD_REGION: lead.region,
            LEAD_ACCOUNT: lead.account,
        }
        sure = {intent.value: level for intent, level in Said(lawful).at(LATER).items()}
        one = found[lead.lead_id]
        assert one.points == scorer.points(values, sure)
        assert one.moves == would_move(lead, {}, LATER, scorer=scorer, catalogue=catalogue)
    assert {0, 100} <= {one.points for one in found.values()}
    assert any(one.moves for one in found.values())


def test_a_band_is_left_as_late_in_bulk_as_in_a_run() -> None:
    made = package()
    (lead,) = [lead for lead in leads(1) if not lead.suppressed][:1]
    warm = replace(lead, band=BandState(Band.WARM, LATER - DAY, LATER - DAY, Band.WARM, LATER - DAY, 0))
    (one,) = rescore(made.package, made.files, fresh_catalogue(), [warm], LATER)
    edges = made.package.bands
    expected = one.points < edges.leave_warm or one.points >= edges.enter_hot or one.points in (0, 100)
    assert one.moves == expected


def test_never_more_than_one_batch_of_leads_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million leads are read as they are worked on; a batch more or less changes no points."""
    made, told, catalogue = package(), leads(1, 30), fresh_catalogue()
    whole = rescore(made.package, made.files, catalogue, told, LATER)
    given, held = 0, list[int]()
    worked = bulk.points_of_events

    def read() -> Iterator[LeadState]:
        nonlocal given
        for lead in told[1:]:
            given += 1
            yield lead

    def counted(*args: Any, **options: Any) -> Any:
        held.append(given - sum(held))
        return worked(*args, **options)

    monkeypatch.setattr(bulk, "BATCH", 10)
    monkeypatch.setattr(bulk, "points_of_events", counted)
    assert rescore(made.package, made.files, catalogue, read(), LATER) == whole
    assert held == [10, 10, 9]
