"""The HTTP application over one home."""

from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI

from domain.ports.home import Home
from domain.ports.listener import Listener
from domain.ports.receivers import Receivers
from surfaces.api import problems
from surfaces.api.approvals import approvals_router
from surfaces.api.decisions import decisions_router
from surfaces.api.described import described
from surfaces.api.events import events_router
from surfaces.api.guard import Door, guard
from surfaces.api.guesses import Guesses
from surfaces.api.handoff import handoff_router
from surfaces.api.health import Health, Works
from surfaces.api.leads import leads_router
from surfaces.api.metrics import Figures
from surfaces.api.rates import Rates
from surfaces.api.signals import signals_router
from surfaces.api.signals import straight as signals_straight
from surfaces.api.state import state_router
from surfaces.api.straight import Api
from surfaces.asking import Asking
from surfaces.handoff import DEADLINE_S, Desk
from surfaces.log import Told
from surfaces.supervising import Crew
from surfaces.webhooks.router import straight as webhooks_straight
from surfaces.webhooks.router import webhook_router
from surfaces.webhooks.slack import slack_router


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a server is to be had. `key` is the setting `api_key`."""

    key: str | None = None
    open_: bool = False
    """While no key was ever made, everybody is let in who is on this machine."""
    deadline_s: float = DEADLINE_S
    """Bounds the hearing of a talk."""
    hosts: frozenset[str] = frozenset()
    """Names under which this machine is asked while it stands open; without any, under whatever name."""
    rates: Rates | None = None
    """How often a key may ask; None: as often as it likes."""
    guesses: Guesses | None = None
    """What wrong keys cost; None: nothing."""


def build_app(
    home: Home,
    listener: Listener,
    terms: Terms = Terms(),
    *,
    receivers: Receivers | None = None,
    asking: Asking | None = None,
    figures: Figures | None = None,
    worker: Works | None = None,
    crew: Crew | None = None,
    told: Told | None = None,
) -> FastAPI:
    """The application. Every route but ``/healthz`` asks for a key, see `surfaces.api.guard`.

    Webhooks are taken where there are `receivers`, presses of buttons where there is `asking`: they prove themselves
    by the vendor's scheme, not by the key. `told` gets a line for each request; `worker` is the one in this
    process, `crew` keeps going what works beside the answering.
    """
    figures = figures or Figures(home)
    door = Door(home, terms.key, open_=terms.open_, hosts=terms.hosts, guesses=terms.guesses)
    needs = guard(door, terms.rates)
    hooks = {} if receivers is None else webhooks_straight(home, receivers)
    app = Api(
        ways={**signals_straight(home, needs), **hooks},
        told=_all(figures.note, told, None if worker is None else worker.answered),
        title="Leadgraph",
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)

    desk = Desk(home, listener, deadline_s=terms.deadline_s)
    app.include_router(handoff_router(home, needs, desk))
    for router in (signals_router, leads_router, decisions_router, approvals_router, events_router):
        app.include_router(router(home, needs))
    app.include_router(state_router(Health(home, worker, crew), figures, needs))
    if receivers is not None:
        app.include_router(webhook_router(home, receivers))
    if asking is not None:
        app.include_router(slack_router(asking))
    described(app)
    return app


def _all(*given: Told | None) -> Told:
    wanted = [one for one in given if one is not None]

    def told(line: Any) -> None:
        for one in wanted:
            one(line)

    return told
