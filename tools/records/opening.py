"""Opens what reads vendors back, as the settings say: with the same credentials that write there."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final
from urllib.parse import urlsplit

from domain.errors import ConfigError
from domain.instants import SECOND
from domain.ports.clock import Clock
from domain.ports.limits import Limits
from domain.ports.upstream import Poller, Positions, Reader, Stream, Todos, Upstream
from tools.echoes import actors_of, ids_of, written_of
from tools.records.guarded import Gate, GuardedPoller, GuardedReader
from tools.settings import Settings
from tools.vendor import Api, Renew
from tools.vendors import hubspot_login, login_of, token_of
from tools.waits import SharedWait, account

POLLED: Final = ("chatwoot", "hubspot", "salesforce")
Ways = tuple[Reader | None, tuple[Poller, ...]]
"""How a vendor is read and polled."""


def open_upstream(
    settings: Settings,
    todos: Todos,
    positions: Positions,
    *,
    clock: Clock,
    limits: Limits,
    later: ExitStack,
) -> Upstream:
    """Readers for the vendors that `crm` and `desk` name, pollers for those of them that `poll` names, streams.

    `later` closes them. Raises: ConfigError naming what is missing.
    """
    in_use = {settings.crm, settings.desk} - {"embedded", "off"}
    for name in settings.poll:
        if name not in POLLED:
            raise ConfigError(f"poll: {name} is not asked; name some of {', '.join(POLLED)}")
        if name not in in_use:
            raise ConfigError(f"poll: {name} is not set up; set crm or desk to it, with its credentials")
    readers: dict[str, Reader] = {}
    pollers: list[Poller] = []
    streams: list[Stream] = []
    if settings.crm_channels and "salesforce" not in in_use:
        raise ConfigError("crm_channels: salesforce is not set up; set crm to it, with its credentials")
    for vendor in sorted(in_use):
        wait = account(settings, vendor, limits, clock.now, behind=True)
        gate = Gate(vendor, wait, clock.now)
        reader, some = _ways(vendor, settings, clock, later, wait)
        if reader is not None:
            readers[vendor] = GuardedReader(reader, gate)
        guarded = [GuardedPoller(one, gate) for one in some]
        pollers += guarded if vendor in settings.poll else []
        if vendor == "salesforce" and settings.crm_channels:
            streams += [_stream(one, settings, guarded, clock, later) for one in settings.crm_channels]
    return Upstream(
        todos,
        positions,
        readers,
        tuple(pollers),
        tuple(streams),
        wait_us=round(settings.read_wait_s * SECOND),
        every_us=settings.poll_s * SECOND,
    )


def _ways(vendor: str, settings: Settings, clock: Clock, later: ExitStack, wait: SharedWait) -> Ways:
    actors = actors_of(settings, vendor)
    if vendor == "hubspot":
        return _hubspot(settings, actors, clock, later, wait=wait)
    if vendor == "salesforce":
        return _salesforce(settings, actors, clock, later, wait=wait)
    setting, renew = token_of("desk", settings.desk_token, settings.desk_token_file)
    if vendor == "chatwoot":
        from tools.desk.chatwoot import MANNERS
        from tools.records.chatwoot import ChatwootPoller, ChatwootReader

        api = Api(MANNERS, settings.desk_url or "", renew, clock, setting=setting, wait=wait)
        later.callback(lambda: asyncio.run(api.aclose()))
        number = settings.desk_account
        return ChatwootReader(api, number, actors), (ChatwootPoller(api, number),)
    return _other_desk(settings, renew, clock, later, setting=setting, wait=wait), ()


def _other_desk(
    settings: Settings, renew: Renew, clock: Clock, later: ExitStack, *, setting: str, wait: SharedWait
) -> Reader | None:
    reader: Reader
    if settings.desk == "intercom":
        from tools.desk.intercom import MANNERS, URL
        from tools.records.intercom import IntercomReader

        api = Api(MANNERS, settings.desk_url or URL, renew, clock, setting=setting, wait=wait)
        reader = IntercomReader(api, actors_of(settings, "intercom"))
    elif settings.desk == "zendesk":
        from tools.desk import zendesk
        from tools.records.zendesk import ZendeskReader

        api = Api(zendesk.MANNERS, settings.desk_url or "", renew, clock, setting=setting, wait=wait)
        reader = ZendeskReader(api)
    else:
        return None
    later.callback(lambda: asyncio.run(api.aclose()))
    return reader


def _hubspot(
    settings: Settings, actors: frozenset[str], clock: Clock, later: ExitStack, *, wait: SharedWait
) -> Ways:
    from tools.crm.hubspot import MANNERS, URL
    from tools.records.hubspot import (
        FILES,
        HubSpotJournal,
        HubSpotReader,
        JournalLogin,
        no_token,
    )

    url = settings.crm_url or URL
    setting, renew = hubspot_login(settings)
    api = Api(MANNERS, url, renew, clock, setting=setting, wait=wait)
    later.callback(lambda: asyncio.run(api.aclose()))
    reader = HubSpotReader(api, actors, written_of(settings, "hubspot"))
    if "hubspot" not in settings.poll:
        return reader, ()
    client, secret = settings.crm_client_id, settings.crm_client_secret
    if client is None or secret is None:
        raise ConfigError("poll: hubspot's journal needs crm_client_id and crm_client_secret of the app")
    login = JournalLogin(url, client, secret.get_secret_value())
    journal = Api(MANNERS, url, login, clock, setting="crm_client_secret", wait=wait)
    files = Api(FILES, url, no_token, clock, setting="crm_client_secret")
    later.callback(lambda: asyncio.run(journal.aclose()))
    later.callback(lambda: asyncio.run(files.aclose()))
    portals = ids_of(settings.webhook_accounts, "hubspot")
    return reader, (HubSpotJournal(journal, files, urlsplit(url).hostname or "", portals),)


def _salesforce(
    settings: Settings, actors: frozenset[str], clock: Clock, later: ExitStack, *, wait: SharedWait
) -> Ways:
    from tools.crm.salesforce import MANNERS
    from tools.records.salesforce import FIELDS, Org, SalesforcePoller, SalesforceReader

    login = login_of(settings)
    api = Api(MANNERS, login.url, login, clock, setting="crm_client_secret", wait=wait)
    later.callback(lambda: asyncio.run(api.aclose()))
    org = Org(api, login, actors, written_of(settings, "salesforce"))
    return SalesforceReader(org), tuple(SalesforcePoller(org, entity) for entity in FIELDS)


def _stream(
    channel: str, settings: Settings, pollers: Sequence[Poller], clock: Clock, later: ExitStack
) -> Stream:
    """One channel of Salesforce; `pollers` ask for what it has missed."""
    from tools.records.salesforce import FIELDS
    from tools.records.salesforce_session import LONGEST, LONGEST_S, MOST_BYTES, manners
    from tools.records.salesforce_stream import SalesforceStream

    login = login_of(settings)
    api = Api(
        manners(login.setting), login.url, login, clock, setting=login.setting, timeout=LONGEST,
        deadline_s=LONGEST_S, most=MOST_BYTES,
    )  # fmt: skip
    later.callback(lambda: asyncio.run(api.aclose()))
    actors = actors_of(settings, "salesforce")
    accounts = ids_of(settings.webhook_accounts, "salesforce")
    queries, written = dict(zip(FIELDS, pollers, strict=True)), written_of(settings, "salesforce")
    return SalesforceStream(api, login, channel, queries, actors, accounts, written)
