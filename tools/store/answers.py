"""Remembered answers of a language model, sealed under the lead's key, and what asking it has cost."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from domain.audit import Sealed
from domain.errors import Permanent
from domain.ids import LeadId, TenantId
from domain.spending import Spent
from tools.privacy.vault import KeyRow
from tools.store.config import Config
from tools.store.engine import Database, Tx
from tools.store.keyring import keep_pending

ALL: Final = ""
"""In the place of a lead: the sum of a tenant."""


class SqlAnswers:
    """Satisfies `domain.ports.model.Answers`. An answer goes with its lead through merges and splits."""

    def __init__(self, database: Database, config: Config) -> None:
        self._database, self._config = database, config

    async def get(self, tenant: TenantId, lead: LeadId, key: str) -> Mapping[str, Any] | None:
        """The remembered fields; None also where the lead's key is gone."""
        place = {"tenant": tenant, "lead": lead, "key": key}
        row = await self._database.read(lambda tx: tx.one("answer", place))
        if row is None:
            return None
        try:
            plain = self._config.open_text(
                tenant, Sealed(row.ciphertext, row.salt, row.commitment, row.key_id)
            )
        except Permanent:  # erased with its lead's keys, or changed by hand: asked anew
            return None
        found: dict[str, Any] = orjson.loads(plain)
        return found

    async def put(
        self, tenant: TenantId, lead: LeadId, key: str, answer: Mapping[str, Any], *, now: int
    ) -> None:
        """Remember; nothing is remembered of a lead that was merged away or asked to be forgotten."""
        plain = orjson.dumps(dict(answer))

        def work(tx: Tx) -> Sequence[KeyRow]:
            row = tx.one("lead_of_effect", {"tenant": tenant, "lead": lead})
            if row is None or not row.live or row.suppressed:
                return ()
            sealed = self._config.seal_text(tenant, lead, plain)
            values = {
                "tenant": tenant,
                "region": row.region,
                "lead": lead,
                "key": key,
                "at": now,
                "ciphertext": sealed.ciphertext,
                "salt": sealed.salt,
                "commitment": sealed.commitment,
                "key_id": sealed.key_id,
            }
            tx.run("insert_answer", values)
            return keep_pending(tx, self._config.ring, {lead: row.region})

        self._config.ring.stored(await self._database.write(work))


class SqlSpending:
    """Satisfies `domain.ports.spending.Spending`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reserve(
        self,
        tenant: TenantId,
        lead: LeadId,
        *,
        day: int,
        want: Spent,
        lead_limit: Spent,
        tenant_limit: Spent,
    ) -> str:
        """Take from both budgets, or say which is used up."""

        def work(tx: Tx) -> str:
            so_far = _spent(tx, tenant, lead, day), _spent(tx, tenant, ALL, day)
            over = exceeded(want, *so_far, lead_limit=lead_limit, tenant_limit=tenant_limit)
            if not over:
                _add(tx, tenant, lead, day, want)
            return over

        return await self._database.write(work)

    async def settle(self, tenant: TenantId, lead: LeadId, *, day: int, reserved: Spent, used: Spent) -> None:
        """Put what was used in the place of what was reserved."""
        await self._database.write(lambda tx: _add(tx, tenant, lead, day, used - reserved))

    async def spent(self, tenant: TenantId, lead: LeadId | None, *, day: int) -> Spent:
        """What was spent on a day."""
        return await self._database.read(lambda tx: _spent(tx, tenant, lead or ALL, day))


def exceeded(want: Spent, lead: Spent, tenant: Spent, *, lead_limit: Spent, tenant_limit: Spent) -> str:
    """Which budget `want` would exceed, given what was spent; empty if none.

    >>> exceeded(Spent(1), Spent(), Spent(9), lead_limit=Spent(1), tenant_limit=Spent(9))
    'tenant_calls'
    """
    for whose, so_far, limit in (("lead", lead, lead_limit), ("tenant", tenant, tenant_limit)):
        over = (so_far + want).beyond(limit)
        if over:
            return f"{whose}_{over}"
    return ""


def _spent(tx: Tx, tenant: str, lead: str, day: int) -> Spent:
    row = tx.one("spent", {"tenant": tenant, "lead": lead, "day": day})
    return Spent(row.calls, row.tokens, row.micro) if row is not None else Spent()


def _add(tx: Tx, tenant: str, lead: str, day: int, more: Spent) -> None:
    known = tx.one("lead_of_effect", {"tenant": tenant, "lead": lead})
    amount = {"day": day, "calls": more.calls, "tokens": more.tokens, "micro": more.micro}
    rows = ((lead, known.region if known is not None else ""), (ALL, ""))
    tx.run("add_spent", [{"tenant": tenant, "lead": one, "region": region, **amount} for one, region in rows])
