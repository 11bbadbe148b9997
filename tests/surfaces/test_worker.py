"""The worker's rounds over accounts: who is woken when a company changes."""

from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from domain.band import Thresholds
from domain.features import Catalogue
from domain.ids import AccountId, LeadId, Region, TenantId
from domain.instants import HOUR
from domain.lead import AccountSnapshot, Band, BandState, LeadState
from domain.ports.accounts import Refreshed
from surfaces.worker import WAKE_AT_MOST, refresh_accounts

TENANT, ACME, NOW = TenantId("acme"), AccountId("acme.test"), 480_000 * HOUR
WON, MEMBERS = "account.members.won", "account.members"


def member(number: int, band: Band, *, suppressed: bool = False) -> LeadState:
    lead = LeadState(LeadId(f"ld_{number}"), TENANT, Region("eu"), account=ACME, suppressed=suppressed)
    return LeadState(
        lead.lead_id, TENANT, lead.region, ACME, band=BandState(band, settled=band), suppressed=suppressed
    )


class Accounts:
    """One account that is due, and what was saved of it."""

    def __init__(self, members: Sequence[LeadState], before: AccountSnapshot | None) -> None:
        self._members, self._before = members, before
        self.saved: list[Refreshed] = []

    async def due(self, *, now: int, limit: int) -> Sequence[tuple[TenantId, AccountId]]:
        return [(TENANT, ACME)]

    async def members(self, tenant: TenantId, account: AccountId) -> Sequence[LeadState]:
        return self._members

    async def snapshot(self, tenant: TenantId, account: AccountId) -> AccountSnapshot | None:
        return self._before

    async def save(self, refreshed: Sequence[Refreshed], *, now: int) -> None:
        self.saved += refreshed


class CountsColleagues:
    """A scorer for which ten colleagues make anybody hot."""

    thresholds = Thresholds(enter_hot=60, leave_hot=50, enter_warm=30, leave_warm=20)
    uses: frozenset[str] = frozenset()

    def points(self, features: dict[str, Any], confidences: dict[str, int]) -> int:
        return 9 * int(features[MEMBERS])


class Ten(Catalogue):
    """Account values as the test wants them."""

    values: dict[str, int]

    def account_values(
        self, states: Iterable[LeadState], as_of: int, *, known_at: int | None = None
    ) -> dict[str, int | str | None]:
        return dict(self.values)


async def woken(
    members: Sequence[LeadState], values: dict[str, int], before: dict[str, int] | None
) -> Sequence[str]:
    catalogue = Ten(())
    catalogue.values = values
    accounts = Accounts(members, None if before is None else AccountSnapshot(ACME, 3, NOW - HOUR, before))
    clock = SimpleNamespace(now=lambda: NOW)
    home: Any = SimpleNamespace(
        clock=clock, accounts=accounts, catalogue=catalogue, scorer=CountsColleagues(), scorers=None
    )
    assert await refresh_accounts(home, limit=5) == 1
    (one,) = accounts.saved
    assert one.snapshot == AccountSnapshot(ACME, 1 if before is None else 4, NOW, values)
    return one.wake


@pytest.mark.parametrize("before", [None, {MEMBERS: 5}])
async def test_a_company_that_changes_wakes_those_whose_band_would_move_and_nobody_else(
    before: dict[str, int] | None,
) -> None:
    members = [
        member(1, Band.COLD),
        member(2, Band.HOT),
        member(3, Band.WARM),
        member(4, Band.COLD, suppressed=True),
    ]
    assert await woken(members, {MEMBERS: 10}, before) == ["ld_1", "ld_3"]


async def test_a_company_that_has_bought_wakes_every_colleague() -> None:
    members = [member(1, Band.HOT), member(2, Band.HOT)]
    assert await woken(members, {MEMBERS: 10, WON: 1}, {MEMBERS: 10}) == ["ld_1", "ld_2"]


async def test_the_fan_out_is_bounded() -> None:
    members = [member(number, Band.COLD) for number in range(WAKE_AT_MOST + 5)]
    assert len(await woken(members, {MEMBERS: 10}, None)) == WAKE_AT_MOST
