"""The frozen bundle of everything outside a run that the composition root opens."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domain.attributes import Attribute
from domain.cited import Mark
from domain.effect import StepKind
from domain.features import Catalogue
from domain.ids import Region, TenantId
from domain.ports.access import ApiKeys
from domain.ports.accounts import Accounts
from domain.ports.approvals import Approvals
from domain.ports.audit import AuditLog
from domain.ports.clock import Clock
from domain.ports.commit import Commit
from domain.ports.desks import Desks
from domain.ports.events import Events
from domain.ports.feedback import Feedback
from domain.ports.inbox import Inbox
from domain.ports.limits import Limits
from domain.ports.memory import Memory, MemoryBook
from domain.ports.model import Model
from domain.ports.models import Models
from domain.ports.outbox import Outbox
from domain.ports.policy import Policy
from domain.ports.quarantine import Quarantine
from domain.ports.reads import Reads
from domain.ports.reasoner import Reasoner
from domain.ports.scorer import Scorer, Scorers
from domain.ports.spending import Spending
from domain.ports.talks import Talks
from domain.ports.target import Notes, Target
from domain.ports.upstream import Upstream
from domain.ports.vault import KeyHasher, Vault
from domain.ports.work import Work
from domain.sentences import Sentences


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Everything outside the process, built once in `app.py`; never a global."""

    root: Path
    tenant: TenantId
    region: Region
    clock: Clock
    inbox: Inbox
    work: Work
    commit: Commit
    reads: Reads
    accounts: Accounts
    quarantine: Quarantine
    outbox: Outbox
    approvals: Approvals
    limits: Limits
    feedback: Feedback
    talks: Talks
    targets: Mapping[StepKind, Target]
    """Where each kind of step goes."""
    audit: AuditLog
    vault: Vault
    hasher: KeyHasher
    reasoner: Reasoner
    scorer: Scorer
    policy: Policy
    catalogue: Catalogue
    versions: Mapping[str, str]
    """Names and content hashes recorded in each decision: graph, policy, features, scorer, reasoner, code."""
    settings: Any
    """The settings value, opaque to everything below `app.py`; shown by `doctor`."""
    attributes: tuple[Attribute, ...] = ()
    """What `identity.attributes` may carry here; each is a feature of the catalogue."""
    scorers: Scorers | None = None
    """The model packages and who gets which; None: the baseline alone."""
    models: Models | None = None
    """The registry of packages."""
    regions: frozenset[str] = frozenset()
    """Regions that an item may name; `region` is always one of them."""
    model: Model | None = None
    """The language model; None where none is configured."""
    mark: Mark | None = None
    """Keyed hash of a text under the install secret: what marks a text off for a language model."""
    access: ApiKeys | None = None
    """Keys of the HTTP API; None: there are none beside that of the settings."""
    spending: Spending | None = None
    """What the language model has used up; None: it is not known here."""
    memory: Memory | None = None
    """What was said, by its meaning; None: it is off."""
    remembered: MemoryBook | None = None
    """What memory was given."""
    upstream: Upstream | None = None
    """What vendors are asked for; None: nobody is."""
    desk: Desks | None = None
    """The desk whose conversations are followed; None: none is."""
    events: Events | None = None
    """What others are told, and who; None: nobody is."""
    notes: tuple[Notes, ...] = ()
    """What was noted about steps at vendors."""
    sentences: Sentences = field(default_factory=Sentences)
    """What customers are told when a talk goes to a person."""
    within: Region | None = None
    """The only region that is seen through it; None: whatever lies here."""
