"""Slots heard in a talk: each names the customer's message that says it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from domain.handoff import Message
from tools.reasoner.listener import local_listener

CONFIG = Path(__file__).resolve().parents[2] / "config"
AT = datetime(2026, 3, 10, 15, tzinfo=UTC)


def talk(*said: tuple[str, str]) -> list[Message]:
    """Messages of (role, text), named by their place."""
    return [
        Message.model_validate({"id": f"m{n}", "role": role, "text": text, "at": AT + timedelta(minutes=n)})
        for n, (role, text) in enumerate(said)
    ]


async def test_every_slot_cites_the_customers_message_that_says_it() -> None:
    heard = await local_listener(CONFIG).hear(
        talk(
            ("customer", "We need 50 seats."),
            ("agent", "Do you mean 80 seats, with a budget of 9k EUR?"),
            ("customer", "We have a budget of 20k EUR, but it is too expensive."),
        )
    )
    cited = {slot.name: (slot.value, slot.ref) for slot in heard.slots}
    assert cited["seats"] == ("50", "m0")
    assert cited["budget"] == ("20000 eur", "m2")
    assert cited["objection"] == ("price", "m2")


async def test_a_later_turn_corrects_and_objections_add_up() -> None:
    heard = await local_listener(CONFIG).hear(
        talk(
            ("customer", "We would buy 50 seats by May, but the price is too high."),
            ("agent", "So you are not ready? Is our security a problem, or the contract?"),
            ("customer", "Make it 30 seats instead. Also we do not trust the cloud. It is urgent!"),
        )
    )
    said = [(slot.name, slot.value, slot.ref) for slot in heard.slots]
    assert said == [
        ("objection", "price", "m0"),
        ("objection", "trust", "m2"),
        ("seats", "30", "m2"),
        ("timeline", "2026-05", "m0"),
    ]
    assert (heard.mood.sentiment.value, heard.mood.urgency.value) == ("negative", "high")
