"""Opens the connectors that the settings name, and checks them without a write."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from pydantic import SecretStr

from domain.errors import ConfigError, LeadgraphError, Temporary
from domain.ids import TenantId
from domain.ports.clock import Clock
from domain.ports.target import Subject
from tools.clock import SystemClock
from tools.credentials import Credentials
from tools.field_map import FieldMap, field_map
from tools.marked import MarkedTarget, Vendor
from tools.policy.reps import load_reps
from tools.sent import Sent
from tools.settings import Settings
from tools.vendor import Api, Manners, Renew

if TYPE_CHECKING:
    from tools.login import Login


@dataclass(frozen=True, slots=True)
class Opened:
    """A connector: what takes steps, and what says if the account is ready for it."""

    target: MarkedTarget
    check: Callable[[], Coroutine[None, None, list[str]]]
    people: Mapping[str, str]
    """Our reps, with the vendor's ids of them."""
    talks: Callable[[Subject], bool] = lambda _: False
    """If a lead has a conversation there."""
    queues: Mapping[str, str] = field(default_factory=dict)
    """Our queues, with the vendor's ids of them."""


class _Desk(Vendor, Protocol):
    """A desk's connector."""

    async def check(self) -> list[str]:
        """What the account lacks."""
        ...


FOLLOWED: Final = ("sales", "support")
"""The queues to which a conversation that is followed goes."""


def open_crm(settings: Settings, root: Path, clock: Clock, later: ExitStack) -> Opened:
    """The vendor's CRM that `settings.crm` names. `later` closes it. Raises: ConfigError naming what is missing."""
    if settings.crm == "salesforce":
        return _salesforce(settings, root, clock, later)
    from tools.crm.hubspot import MANNERS, OWN, URL, HubSpot

    setting, renew = hubspot_login(settings)
    fields = field_map(settings.config, "hubspot", own=OWN)
    api = Api(MANNERS, settings.crm_url or URL, renew, clock, setting=setting)
    sent = _sent(root, "hubspot", clock, later)
    vendor = HubSpot(api, fields, sent, clock, create=settings.crm_create)
    return Opened(_target(vendor, api, sent, settings, later), vendor.check, fields.people)


def open_desk(settings: Settings, root: Path, clock: Clock, later: ExitStack) -> Opened:
    """The desk that `settings.desk` names. `later` closes it. Raises: ConfigError naming what is missing."""
    setting, renew = token_of("desk", settings.desk_token, settings.desk_token_file)

    def asked(manners: Manners, url: str | None) -> Api:
        if url is None:
            raise ConfigError("desk needs desk_url: the address of the desk")
        return Api(manners, url, renew, clock, setting=setting)

    vendor, api, fields, talk_of = _desk(settings, clock, asked)
    target = _target(vendor, api, _sent(root, vendor.name, clock, later), settings, later)
    return Opened(target, vendor.check, fields.people, lambda one: talk_of(one) is not None, fields.queues)


def _desk(
    settings: Settings, clock: Clock, asked: Callable[[Manners, str | None], Api]
) -> tuple["_Desk", Api, FieldMap, Callable[[Subject], str | None]]:
    """The connector, its way to the desk, its field map, and which conversation of a lead is there."""
    if settings.desk == "intercom":
        from tools.desk import intercom

        fields = field_map(settings.config, "intercom", own=intercom.OWN)
        api = asked(intercom.MANNERS, settings.desk_url or intercom.URL)
        admin = intercom.Intercom(api, fields, admin=settings.desk_account)
        return admin, api, fields, intercom.conversation_of
    if settings.desk == "zendesk":
        from tools.desk import zendesk

        fields = field_map(settings.config, "zendesk", own=zendesk.OWN)
        api = asked(zendesk.MANNERS, settings.desk_url)
        tickets = zendesk.Tickets(api, fields)
        return zendesk.Zendesk(api, tickets, fields, clock), api, fields, zendesk.conversation_of
    from tools.desk import chatwoot

    fields = field_map(settings.config, "chatwoot", own=chatwoot.OWN)
    api = asked(chatwoot.MANNERS, settings.desk_url)
    account = chatwoot.Chatwoot(api, fields, account=settings.desk_account)
    return account, api, fields, chatwoot.conversation_of


def open_programmes(settings: Settings, root: Path, clock: Clock, later: ExitStack) -> Opened:
    """The lists that `settings.programmes` names. `later` closes them. Raises: ConfigError naming what is missing."""
    from tools.programmes import brevo, hubspot
    from tools.programmes.membership import Lists, Programmes

    lists: Lists
    if settings.programmes == "hubspot":
        from tools.crm.hubspot import MANNERS, URL

        setting, renew = hubspot_login(settings)
        fields = field_map(settings.config, "hubspot", own=("lead",))
        url = settings.crm_url if settings.crm == "hubspot" else None
        api = Api(MANNERS, url or URL, renew, clock, setting=setting)
        lists = hubspot.HubSpotLists(api, fields)
    else:
        setting, renew = token_of("programmes", settings.programmes_token, settings.programmes_token_file)
        fields = field_map(settings.config, "brevo")
        api = Api(brevo.MANNERS, settings.programmes_url or brevo.URL, renew, clock, setting=setting)
        lists = brevo.BrevoLists(api)
    vendor = Programmes(lists, fields.programmes)
    target = _target(vendor, api, _sent(root, vendor.name, clock, later), settings, later)
    return Opened(target, vendor.check, fields.people)


def checked(settings: Settings) -> Iterator[tuple[str, list[str]]]:
    """The name of each vendor in use, with what its account lacks; empty if it is ready. Vendors are only read."""
    openers = [open_crm] if settings.crm != "embedded" else []
    openers += [open_desk] if settings.desk != "off" else []
    openers += [open_programmes] if settings.programmes != "embedded" else []
    for opener in openers:
        name = {open_crm: settings.crm, open_desk: settings.desk}.get(opener, f"{settings.programmes}_lists")
        with ExitStack() as later:
            try:
                opened = opener(settings, settings.home, SystemClock(), later)
                problems = asyncio.run(opened.check())
                problems += [] if opener is open_programmes else _strangers(settings, name, opened)
                problems += _unnamed(settings, name, opened) if opener is open_desk else []
                problems += _echoing(settings, name) if opener is open_desk else []
            except LeadgraphError as error:
                problems = [str(error)]
        yield name, problems
    if settings.slack_channel:
        from tools.chat.opening import lacking

        yield "slack", lacking(settings)


def _strangers(settings: Settings, name: str, opened: Opened) -> list[str]:
    """The reps of ours that the field map does not name: what is given to them would be refused."""
    missing = [
        rep.rep_id for rep in load_reps(settings.config / "reps.csv") if rep.rep_id not in opened.people
    ]
    some = ", ".join(missing[:3]) + (" and others" if len(missing) > 3 else "")
    return [f"people: add {some} to config/fields/{name}.toml"] if missing else []


def _echoing(settings: Settings, name: str) -> list[str]:
    """Where we speak to customers, our own words must be known when they come back."""
    if not settings.desk_tell_customer or name in settings.webhook_actors:
        return []
    return [f"webhook_actors: add {name}=ID of our own user, or what customers are told is heard as news"]


def _unnamed(settings: Settings, name: str, opened: Opened) -> list[str]:
    """The queues that a desk's conversations go to and that the field map does not name."""
    missing = [queue for queue in FOLLOWED if queue not in opened.queues and settings.desk_handoff != "off"]
    words = " and ".join(missing)
    return [f"queues: add {words} to [queues] of config/fields/{name}.toml"] if missing else []


def _salesforce(settings: Settings, root: Path, clock: Clock, later: ExitStack) -> Opened:
    from tools.crm.salesforce import MANNERS, OWN, Salesforce

    login = login_of(settings)
    fields = field_map(settings.config, "salesforce", own=OWN)
    api = Api(MANNERS, login.url, login, clock, setting=login.setting)
    sent = _sent(root, "salesforce", clock, later)
    vendor = Salesforce(api, fields, sent, login, create=settings.crm_create)
    return Opened(_target(vendor, api, sent, settings, later), vendor.check, fields.people)


def _sent(root: Path, vendor: str, clock: Clock, later: ExitStack) -> Sent:
    sent = Sent(root / f"{vendor}.db", clock)
    later.callback(sent.close)
    return sent


def _target(vendor: Vendor, api: Api, sent: Sent, settings: Settings, later: ExitStack) -> MarkedTarget:
    later.callback(lambda: asyncio.run(api.aclose()))
    return MarkedTarget(vendor, api, sent, tenant=TenantId(settings.tenant))


def login_of(settings: Settings) -> "Login":
    """How we log in at Salesforce. Raises: ConfigError naming what is missing."""
    from tools.login import Login, StatementLogin

    url, client, secret = settings.crm_url, settings.crm_client_id, settings.crm_client_secret
    key_file, user = settings.crm_jwt_key_file, settings.crm_jwt_user
    if url is not None and client is not None and key_file is not None and user is not None:
        return StatementLogin(
            url,
            client,
            "",
            key_file=key_file,
            subject=user,
            audience=settings.crm_jwt_audience,
            now=SystemClock().now,
        )
    if url is None or client is None or secret is None:
        raise ConfigError(
            "salesforce needs crm_url (your My Domain), crm_client_id, and crm_client_secret or both "
            "crm_jwt_key_file and crm_jwt_user"
        )
    return Login(url, client, secret.get_secret_value())


def hubspot_login(settings: Settings) -> tuple[str, Renew]:
    """Where a person renews what HubSpot is asked with, and how a token is got: a private app's, or by a refresh token.

    Raises: ConfigError naming what is missing, or what is there twice.
    """
    refresh, client, secret = settings.crm_refresh_token, settings.crm_client_id, settings.crm_client_secret
    if refresh is None:
        return token_of("crm", settings.crm_token, settings.crm_token_file)
    if settings.crm_token is not None or settings.crm_token_file is not None:
        raise ConfigError(
            "crm_refresh_token and crm_token are both set: keep one (leadgraph credentials forget NAME)"
        )
    if client is None or secret is None or settings.crm == "salesforce":
        raise ConfigError("crm_refresh_token needs crm=hubspot, crm_client_id and crm_client_secret")
    from tools.crm.hubspot import URL
    from tools.refresh import SETTING, RefreshLogin

    kept, url = Credentials(settings.home, master=settings.master_key), settings.crm_url or URL
    given = refresh.get_secret_value()
    login = RefreshLogin(
        url,
        client,
        secret.get_secret_value(),
        given,
        kept,
        SystemClock().now,
        sealed=kept.get(SETTING) == given,
    )
    return SETTING, login


def token_of(what: str, token: SecretStr | None, file: Path | None) -> tuple[str, Renew]:
    """Where a person renews the token, and how it is read: anew from its file, if it has one."""
    if file is None and token is None:
        raise ConfigError(f"{what} needs {what}_token, or {what}_token_file: the file that holds the token")

    async def renew(_stale: str | None) -> str:
        if file is None:
            return token.get_secret_value() if token is not None else ""
        try:
            return await asyncio.to_thread(lambda: file.read_text("utf-8").strip())
        except (OSError, UnicodeDecodeError) as error:
            raise Temporary(f"{what}_token_file cannot be read ({type(error).__name__})") from None

    return (f"{what}_token_file" if file is not None else f"{what}_token"), renew
