"""A whole home that listens to Salesforce: real store and HTTP, an org on loopback, a clock that the test sets."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from domain.ids import TenantId
from domain.instants import SECOND, Instant
from domain.ports.home import Home
from domain.ports.upstream import Upstream
from surfaces.catching_up import CatchingUp, sync
from tests.domain.items import NOW
from tests.surfaces.upstream_world import UpstreamWorld, now
from tests.tools.crm.fake_salesforce import CLIENT_ID, CLIENT_SECRET
from tests.tools.records.fake_cometd import Place, Streams
from tests.tools.records.vendors import PERSON
from tools.clock import ReplayClock
from tools.crm.salesforce import MANNERS
from tools.login import Login
from tools.records.salesforce import FIELDS, Org, SalesforcePoller, SalesforceReader
from tools.records.salesforce_session import manners
from tools.records.salesforce_stream import SalesforceStream
from tools.vendor import Api

LEADS = "/data/LeadChangeEvent"
QUIET_S = 0.2
_numbers = itertools.count(1)
_changes = itertools.count(1)


@dataclass
class StreamWorld(UpstreamWorld):
    """What is listened to, and by whom."""

    place: Place
    asked: Org
    """The org by its other interface."""
    given: dict[str, Any] = field(default_factory=dict)
    """Of the streams."""
    deadline_s: float = 8.0
    """For any answer."""

    @property
    def org(self) -> Streams:
        """The org."""
        return self.place.fake

    def process(self, channel: str = LEADS) -> Home:
        """The home as one more process has it: with a session of its own."""
        url, setting = self.place.url, "crm_client_secret"
        login = Login(url, CLIENT_ID, CLIENT_SECRET)
        ways, deadline_s = manners(setting), self.deadline_s
        api = Api(ways, url, login, self.clock, setting=setting, deadline_s=deadline_s)
        queries = {name: SalesforcePoller(self.asked, name) for name in FIELDS}
        stream = SalesforceStream(api, login, channel, queries, quiet_s=QUIET_S, **self.given)
        assert self.home.upstream is not None
        upstream = Upstream(
            self.home.upstream.todos, self.home.upstream.positions, {"salesforce": SalesforceReader(self.asked)},
            streams=(stream,),
        )  # fmt: skip
        return replace(self.home, upstream=upstream)

    def catch(self, home: Home | None = None, **given: Any) -> dict[str, int]:
        """One catching up, until the channel is quiet; its figures."""
        return dict(now(sync(home or self.process(**given), "salesforce")))

    def begin(self) -> None:
        """Hear what there is. On a busy machine an answer may come too late: then it is waited out, as ever."""
        for _ in range(3):
            if not self.catch()["failed"]:
                return
            self.pass_by(301)
        raise AssertionError(self.standing())

    def catching(self, home: Home | None = None) -> CatchingUp:
        """What runs beside a worker."""
        return CatchingUp(home or self.process())

    def change(self, ref: str, *, at: int = NOW - SECOND, channel: str = LEADS, **more: Any) -> int:
        """Somebody changes a Lead, and Salesforce tells it; the replay id. `head` is of the event's header."""
        head = {
            "entityName": "Lead", "recordIds": [ref], "changeType": "UPDATE", "changeOrigin": "",
            "transactionKey": f"tx{next(_changes):06}", "sequenceNumber": 1, "commitTimestamp": at // 1_000,
            "commitUser": PERSON, "changedFields": list(more), **more.pop("head", {}),
        }  # fmt: skip
        return self.org.publish(channel, {"ChangeEventHeader": head, **more}, at=at)

    def titles(self, ref: str) -> list[str]:
        """Those that are known of a lead, in the order in which they were said."""
        return [one["job_title"] for _, one in self.said(f"salesforce:{ref}") if "job_title" in one]

    def stands(self, channel: str = LEADS) -> tuple[str | None, str]:
        """Position and code."""
        return self.standing()[f"salesforce.stream{channel}"]

    def flagged(self) -> Sequence[str]:
        """What the audit log says of positions."""
        rows = now(self.home.reads.audit_rows(self.home.tenant))
        return [str(row["code"]) for row in rows if row["step"] == "sync"]


def listening(home: Home, place: Place, **given: Any) -> StreamWorld:
    """A world of its own: a new tenant, a new org at `place`, and a clock that stands at `NOW`."""
    clock = ReplayClock(Instant(NOW))
    place.fake = Streams()
    place.fake.kept[LEADS] = []
    tenant = TenantId(f"s{next(_numbers)}")
    login = Login(place.url, CLIENT_ID, CLIENT_SECRET)
    asked = Org(Api(MANNERS, place.url, login, clock, setting="crm_client_secret"), login)
    return StreamWorld(replace(home, tenant=tenant, clock=clock), clock, {}, place, asked, given)
