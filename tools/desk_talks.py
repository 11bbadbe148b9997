"""Opens the desk whose conversations are followed."""

import asyncio
from contextlib import ExitStack

from domain.errors import ConfigError
from domain.ports.clock import Clock
from domain.ports.desks import Conversations, Desks, DueTalks
from domain.ports.limits import Limits
from tools.field_map import field_map
from tools.settings import Settings
from tools.vendor import Api, Manners
from tools.vendors import token_of
from tools.waits import account


def open_desks(settings: Settings, due: DueTalks, *, clock: Clock, limits: Limits, later: ExitStack) -> Desks:
    """The desk that `settings.desk` names. `later` closes it. Raises: ConfigError naming what is missing."""
    dry, tells = settings.desk_handoff == "dry", settings.desk_tell_customer
    return Desks(_conversations(settings, clock, limits, later), due, dry=dry, tells=tells)


def _conversations(settings: Settings, clock: Clock, limits: Limits, later: ExitStack) -> Conversations:
    setting, renew = token_of("desk", settings.desk_token, settings.desk_token_file)

    wait = account(settings, settings.desk, limits, clock.now)

    def api(manners: Manners, url: str | None) -> Api:
        if url is None:
            raise ConfigError("desk needs desk_url: the address of the desk")
        opened = Api(manners, url, renew, clock, setting=setting, wait=wait)
        later.callback(lambda: asyncio.run(opened.aclose()))
        return opened

    if settings.desk == "intercom":
        from tools.desk import intercom
        from tools.desk.intercom_talks import IntercomTalks

        reading = api(intercom.MANNERS, settings.desk_url or intercom.URL)
        fields = field_map(settings.config, "intercom", own=intercom.OWN)
        return IntercomTalks(reading, fields, admin=settings.desk_account)
    if settings.desk == "zendesk":
        from tools.desk import zendesk

        fields = field_map(settings.config, "zendesk", own=zendesk.OWN)
        return zendesk.Tickets(api(zendesk.MANNERS, settings.desk_url), fields)
    from tools.desk import chatwoot

    fields = field_map(settings.config, "chatwoot", own=chatwoot.OWN)
    return chatwoot.ChatwootTalks(
        api(chatwoot.MANNERS, settings.desk_url), fields, account=settings.desk_account
    )
