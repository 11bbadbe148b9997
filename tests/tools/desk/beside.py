"""Each desk with a person in it, who does something at a moment that the test names."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from domain.effect import Step, StepKind
from domain.ports.target import Subject
from domain.signal import KeyKind, LeadKey
from tests.tools.crm.vendor_worlds import Account
from tests.tools.crm.worlds import LEAD, TENANT
from tests.tools.desk.conftest import chatwoot_account, intercom_account, zendesk_account
from tests.tools.vendor_server import Asked, Said

ANN = 32
HEARD = 1_700_000_000
"""When the last message was heard, in seconds since 1970."""
SENTENCE = "A colleague's coming <now> & you need not repeat yourself."
TELL = Step(
    StepKind.TELL_CUSTOMER, {"tell": SENTENCE, "heard": "2023-11-14T22:13:20.000Z", "owner": "r1", "held": ""}
)


@dataclass
class Desk:
    """One desk. A conversation of it has the number 42."""

    account: Account
    name: str

    @property
    def talk(self) -> Any:
        """The conversation as the fake holds it."""
        if self.name == "zendesk":
            return self.account.fake.tickets[42]
        return self.account.fake.talks["42" if self.name == "intercom" else 42]

    @property
    def owner(self) -> int | None:
        """Who has it, None for nobody."""
        field = {"chatwoot": "agent", "intercom": "admin", "zendesk": "assignee"}[self.name]
        return getattr(self.talk, field) or None

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What was said in it, as the fake holds it."""
        name = {"chatwoot": "messages", "intercom": "parts", "zendesk": "comments"}[self.name]
        return getattr(self.talk, name)  # type: ignore[no-any-return]  # of a fake

    @property
    def subject(self) -> Subject:
        """Whose conversation it is."""
        return Subject(TENANT, LEAD, (LeadKey(KeyKind.CONVERSATION, f"{self.name}:42"),))

    def give(self, person: int) -> None:
        """It stands under that name, without a trace of how."""
        field = {"chatwoot": "agent", "intercom": "admin", "zendesk": "assignee"}[self.name]
        setattr(self.talk, field, person)

    def ann_takes(self) -> None:
        """As she does it there."""
        self.account.fake.take(self.talk.id, ANN)

    def ann_writes(self, at: int) -> None:
        """To the customer."""
        fake = self.account.fake
        if self.name == "zendesk":
            made = fake.say(42, "Hello, I am Ann", author=ANN)
            made["created_at"] = datetime.fromtimestamp(at, UTC).isoformat()
        elif self.name == "intercom":
            fake.say("42", "Hello, I am Ann", author={"type": "admin", "id": str(ANN)}, at=at)
        else:
            fake.say(42, "Hello, I am Ann", sender={"id": ANN, "type": "user"}, at=at)

    def closes(self) -> None:
        """It is closed."""
        if self.name == "intercom":
            self.talk.open = False
        else:
            self.talk.status = "resolved" if self.name == "chatwoot" else "solved"

    def opens(self) -> None:
        """It is open, and we write a minute after what was heard."""
        self.account.fake.now = HEARD + 60
        if self.name == "intercom":
            self.talk.open = True
        else:
            self.talk.status = "open"


@dataclass
class When:
    """Stands in for the faults of a wire: `act` happens once, right before the request that `picks`."""

    picks: Callable[[Asked], bool]
    act: Callable[[], object]
    done: bool = False

    def __bool__(self) -> bool:
        return True

    def popleft(self) -> Callable[[Any, Asked], Said]:
        """As of a deque of faults."""

        def fault(fake: Any, asked: Asked) -> Said:
            if not self.done and self.picks(asked):
                self.done = True
                self.act()
            return fake.handle(asked)  # type: ignore[no-any-return]  # what a fake says

        return fault


OPEN: dict[str, Callable[..., Account]] = {
    "chatwoot": chatwoot_account,
    "intercom": intercom_account,
    "zendesk": zendesk_account,
}


def a_desk(name: str, folder: Path, **choices: Any) -> Desk:
    """A desk whose conversation is open."""
    desk = Desk(OPEN[name](folder, **choices), name)
    desk.opens()
    return desk
