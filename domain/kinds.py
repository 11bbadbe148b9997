"""The kinds of signal, and for each the only payload fields that are kept.

The allow-list is the minimisation rule: a field that is not listed here is dropped at the door and counted.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal


class Channel(StrEnum):
    """Where a signal comes from, for per-channel activity."""

    WEB = "web"
    PRODUCT = "product"
    SUPPORT = "support"
    MARKETING = "marketing"
    CRM = "crm"
    IDENTITY = "identity"
    CONSENT = "consent"


class Kind(StrEnum):
    """What happened. The part before the dot is the channel."""

    PAGE_VIEW = "web.page_view"
    FORM = "web.form"
    SESSION = "web.session"
    FEATURE_USED = "product.feature_used"
    SEAT_ADDED = "product.seat_added"
    LIMIT_REACHED = "product.limit_reached"
    TRIAL_STARTED = "product.trial_started"
    MESSAGE = "support.message"
    TICKET_OPENED = "support.ticket_opened"
    TICKET_SOLVED = "support.ticket_solved"
    EMAIL_OPENED = "marketing.email_opened"
    EMAIL_CLICKED = "marketing.email_clicked"
    CONTENT = "marketing.content"
    WEBINAR = "marketing.webinar"
    STAGE_CHANGE = "crm.stage_change"
    ACTIVITY = "crm.activity"
    OUTCOME = "crm.outcome"
    OWNER_CHANGE = "crm.owner_change"
    MERGE = "crm.merge"
    PRIVACY_DELETE = "crm.privacy_delete"
    NOT_A_LEAD = "crm.not_a_lead"
    IDENTIFY = "identity.identify"
    ATTRIBUTES = "identity.attributes"
    ALIAS = "identity.alias"
    CONSENT = "consent.changed"

    @property
    def channel(self) -> Channel:
        """The channel, read off the name."""
        return Channel(self.value.split(".", 1)[0])


Type = Literal["str", "int", "number", "bool"]
ATTRIBUTE_PREFIX: Final = "attr."
"""Before an attribute's name, as a fact's subject and as a feature's name: so none is taken for a trait."""


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One permitted payload field. `values` lists what is usual; others pass but trip the unseen-value gate."""

    type: Type = "str"
    max_length: int = 200
    values: frozenset[str] = frozenset()
    required: bool = False
    strict: bool = False
    """If true a value outside `values` is refused instead of counted."""


@dataclass(frozen=True, slots=True)
class KindSpec:
    """What a kind keeps.

    `subject` names the field that becomes the event's subject, `amount` the one that is summed, `text` the free
    text that only the intent agent reads, `facts` the fields that describe the lead or its company, `value` the
    code that becomes the event's value. `declared` says that the home declares the fields, all of them facts
    (`domain.attributes`).
    """

    fields: dict[str, FieldSpec] = field(default_factory=dict)
    subject: str | None = None
    amount: str | None = None
    text: str | None = None
    facts: tuple[str, ...] = ()
    value: str | None = None
    declared: bool = False


def _one_of(*values: str, required: bool = False, strict: bool = False) -> FieldSpec:
    return FieldSpec(values=frozenset(values), required=required, strict=strict)


_TEXT = FieldSpec(max_length=20_000)
_NAME = FieldSpec()
_NEEDED = FieldSpec(required=True)
_INT = FieldSpec("int")
_NUMBER = FieldSpec("number")

TRAITS: dict[str, FieldSpec] = {
    "industry": _NAME,
    "employees": FieldSpec("int"),
    "employee_band": _NAME,
    "revenue_band": _NAME,
    "country": FieldSpec(max_length=60),
    "job_title": _NAME,
    "job_function": _NAME,
    "seniority": _one_of("individual_contributor", "manager", "director", "vp", "c_suite"),
    "buyer_role": _one_of("economic_buyer", "technical_evaluator", "champion", "end_user"),
    "email_domain_type": _one_of("corporate", "personal", "education", "competitor", "unknown"),
    "lead_source": _NAME,
    "relationship": _one_of(
        "prospect", "customer", "former_customer", "partner", "competitor", "student", "vendor"
    ),
    "process_maturity": _one_of("low", "medium", "high"),
    "amount_requested": _NUMBER,
    "owner": _NAME,
}
"""Firmographics and roles that `identity.identify` may carry. No names, addresses or free text."""

SPECS: dict[Kind, KindSpec] = {
    Kind.PAGE_VIEW: KindSpec(
        {"page": _NEEDED, "section": _NAME, "duration_s": _NUMBER, "campaign": _NAME}, "page"
    ),
    Kind.FORM: KindSpec(
        {"form": _NEEDED, "message": _TEXT, "employees": _INT, "industry": _NAME, "country": _NAME},
        "form",
        text="message",
        facts=("employees", "industry", "country"),
    ),
    Kind.SESSION: KindSpec(
        {"type": _NAME, "pages": _INT, "pricing_pages": _INT, "demo_pages": _INT, "duration_s": _NUMBER},
        "type",
        "pages",
    ),
    Kind.FEATURE_USED: KindSpec({"feature": _NEEDED, "count": _INT}, "feature", "count"),
    Kind.SEAT_ADDED: KindSpec({"seats": FieldSpec("int", required=True), "plan": _NAME}, "plan", "seats"),
    Kind.LIMIT_REACHED: KindSpec({"limit": _NEEDED, "used": _NUMBER}, "limit"),
    Kind.TRIAL_STARTED: KindSpec({"plan": _NAME}, "plan"),
    Kind.MESSAGE: KindSpec(
        {
            "text": FieldSpec(max_length=20_000, required=True),
            "role": _one_of("customer", "agent", "bot", required=True, strict=True),
            "conversation_id": _NAME,
            "topic": _NAME,
        },
        "role",
        text="text",
    ),
    Kind.TICKET_OPENED: KindSpec(
        {"ticket_id": _NEEDED, "severity": _one_of("low", "normal", "high", "urgent"), "subject": _TEXT},
        "ticket_id",
        text="subject",
    ),
    Kind.TICKET_SOLVED: KindSpec({"ticket_id": _NEEDED}, "ticket_id"),
    Kind.EMAIL_OPENED: KindSpec({"campaign": _NAME, "template": _NAME}, "campaign"),
    Kind.EMAIL_CLICKED: KindSpec({"campaign": _NAME, "link": _NAME}, "link"),
    Kind.CONTENT: KindSpec({"content": _NEEDED, "campaign": _NAME}, "content"),
    Kind.WEBINAR: KindSpec({"webinar": _NAME, "attended": FieldSpec("bool")}, "webinar"),
    Kind.STAGE_CHANGE: KindSpec(
        {
            "stage": _NEEDED,
            "pipeline": _NAME,
            "amount": _NUMBER,
            "object": _NAME,
            "amount_requested": _NUMBER,
        },
        "stage",
        "amount",
        facts=("amount_requested",),
    ),
    Kind.ACTIVITY: KindSpec(
        {
            "type": _NEEDED,
            "direction": _one_of("inbound", "outbound", "internal"),
            "outcome": _NAME,
            "actor": _NAME,
            "lifecycle": _NAME,
            "note": _TEXT,
        },
        "type",
        text="note",
    ),
    Kind.OUTCOME: KindSpec(
        {
            "result": _one_of("won", "lost", "reverted", required=True, strict=True),
            "amount": _NUMBER,
            "reason": _NAME,
        },
        "result",
        "amount",
    ),
    Kind.OWNER_CHANGE: KindSpec({"owner": _NEEDED}, "owner"),
    Kind.MERGE: KindSpec({"undo": FieldSpec("bool")}),
    Kind.PRIVACY_DELETE: KindSpec(),
    Kind.NOT_A_LEAD: KindSpec({"reason": _NAME, "actor": _NAME}, "reason"),
    Kind.IDENTIFY: KindSpec(dict(TRAITS), facts=tuple(TRAITS)),
    Kind.ATTRIBUTES: KindSpec(declared=True),
    Kind.ALIAS: KindSpec({"undo": FieldSpec("bool")}),
    Kind.CONSENT: KindSpec(
        {
            "status": _one_of("granted", "denied", "withdrawn", required=True, strict=True),
            "purpose": _one_of("sales", "marketing", "all"),
        },
        "status",
        value="purpose",
    ),
}
"""The whole contract of payloads. Changing it is a schema change and bumps the catalogue's digest."""
