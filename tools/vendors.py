"""Opens the connectors that the settings name, and checks them without a write."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pydantic import SecretStr

from domain.errors import ConfigError, Temporary
from domain.ids import TenantId
from domain.ports.clock import Clock
from domain.ports.target import Subject
from tools.clock import SystemClock
from tools.credentials import Credentials
from tools.field_map import FieldMap, field_map
from tools.marked import MarkedTarget, Vendor
from tools.sent import Sent
from tools.settings import Settings
from tools.vendor import Api, Manners, Renew
from tools.waits import SharedWait

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


def open_crm(
    settings: Settings, root: Path, clock: Clock, later: ExitStack, *, wait: SharedWait | None = None
) -> Opened:
    """The vendor's CRM that `settings.crm` names. `later` closes it; `wait` is its account, where others ask it too.

    Raises: ConfigError naming what is missing.
    """
    if settings.crm == "salesforce":
        return _salesforce(settings, root, clock, later, wait)
    from tools.crm.hubspot import MANNERS, OWN, URL, HubSpot

    setting, renew = hubspot_login(settings)
    fields = field_map(settings.config, "hubspot", own=OWN)
    api = Api(MANNERS, settings.crm_url or URL, renew, clock, setting=setting, wait=wait)
    sent = _sent(root, "hubspot", clock, later)
    vendor = HubSpot(api, fields, sent, clock, create=settings.crm_create)
    return Opened(_target(vendor, api, sent, settings, later), vendor.check, fields.people)


def open_desk(
    settings: Settings, root: Path, clock: Clock, later: ExitStack, *, wait: SharedWait | None = None
) -> Opened:
    """The desk that `settings.desk` names; else as `open_crm`."""
    setting, renew = token_of("desk", settings.desk_token, settings.desk_token_file)

    def asked(manners: Manners, url: str | None) -> Api:
        if url is None:
            raise ConfigError("desk needs desk_url: the address of the desk")
        return Api(manners, url, renew, clock, setting=setting, wait=wait)

    vendor, api, fields, talk_of = _desk(settings, asked)
    target = _target(vendor, api, _sent(root, vendor.name, clock, later), settings, later)
    return Opened(target, vendor.check, fields.people, lambda one: talk_of(one) is not None, fields.queues)


def _desk(
    settings: Settings, asked: Callable[[Manners, str | None], Api]
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
        return zendesk.Zendesk(api, tickets, fields), api, fields, zendesk.conversation_of
    from tools.desk import chatwoot

    fields = field_map(settings.config, "chatwoot", own=chatwoot.OWN)
    api = asked(chatwoot.MANNERS, settings.desk_url)
    account = chatwoot.Chatwoot(api, fields, account=settings.desk_account)
    return account, api, fields, chatwoot.conversation_of


def open_contacts(
    settings: Settings, root: Path, clock: Clock, later: ExitStack, *, wait: SharedWait | None = None
) -> Opened | None:
    """Contacts of the desk as the place of scores: where no vendor's CRM is, and the field map names attributes."""
    if settings.desk != "intercom" or settings.crm != "embedded":
        return None
    from tools.crm import intercom as contacts
    from tools.desk import intercom

    fields = field_map(settings.config, "intercom", own=contacts.OWN)
    if not fields.fields:
        return None
    setting, renew = token_of("desk", settings.desk_token, settings.desk_token_file)
    url = settings.desk_url or intercom.URL
    api = Api(intercom.MANNERS, url, renew, clock, setting=setting, wait=wait)
    sent = _sent(root, contacts.NAME, clock, later)
    vendor = contacts.IntercomContacts(api, fields, sent)
    target = _target(vendor, api, sent, settings, later)
    return Opened(target, vendor.check, fields.people, lambda one: bool(contacts.contacts_of(one)))


def open_programmes(
    settings: Settings, root: Path, clock: Clock, later: ExitStack, *, wait: SharedWait | None = None
) -> Opened:
    """The lists that `settings.programmes` names; else as `open_crm`."""
    from tools.programmes import brevo, hubspot
    from tools.programmes.membership import Lists, Programmes

    lists: Lists
    if settings.programmes == "hubspot":
        from tools.crm.hubspot import MANNERS, URL

        setting, renew = hubspot_login(settings)
        fields = field_map(settings.config, "hubspot", own=("lead",))
        url = settings.crm_url if settings.crm == "hubspot" else None
        api = Api(MANNERS, url or URL, renew, clock, setting=setting, wait=wait)
        lists = hubspot.HubSpotLists(api, fields)
    else:
        setting, renew = token_of("programmes", settings.programmes_token, settings.programmes_token_file)
        fields = field_map(settings.config, "brevo")
        api = Api(
            brevo.MANNERS, settings.programmes_url or brevo.URL, renew, clock, setting=setting, wait=wait
        )
        lists = brevo.BrevoLists(api)
    vendor = Programmes(lists, fields.programmes)
    target = _target(vendor, api, _sent(root, vendor.name, clock, later), settings, later)
    return Opened(target, vendor.check, fields.people)


def _salesforce(
    settings: Settings, root: Path, clock: Clock, later: ExitStack, wait: SharedWait | None
) -> Opened:
    from tools.crm.salesforce import MANNERS, OWN, Salesforce

    login = login_of(settings)
    fields = field_map(settings.config, "salesforce", own=OWN)
    api = Api(MANNERS, login.url, login, clock, setting=login.setting, wait=wait)
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
    key_file, key, user = settings.crm_jwt_key_file, settings.crm_jwt_key, settings.crm_jwt_user
    keyed = key_file is not None or key is not None
    if url is not None and client is not None and keyed and user is not None:
        return StatementLogin(
            url,
            client,
            "",
            key_file=key_file,
            key="" if key is None else key.get_secret_value(),
            subject=user,
            audience=settings.crm_jwt_audience,
            now=SystemClock().now,
        )
    if url is None or client is None or secret is None:
        raise ConfigError(
            "salesforce needs crm_url (your My Domain), crm_client_id, and crm_client_secret, or crm_jwt_user with "
            "crm_jwt_key or crm_jwt_key_file"
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
