"""Features of which more may only help, or only hurt, whatever a small history says by chance.

Few on purpose: only where the lead itself asks for something that leads to a sale, or where somebody said that there is
none. How recent or how many in general is left to the data: much traffic may be a competitor, or a robot.
"""

from collections.abc import Mapping
from typing import Final, Literal

Sign = Literal[-1, 1]
_HELPS: Final = (
    "count.page.pricing.7d",
    "count.page.pricing.30d",
    "decayed.page.pricing",
    "decayed.page.demo",
    "count.web.form.30d",
    "decayed.web.form",
    "count.product.trial_started.30d",
    "decayed.product.trial_started",
    "count.product.limit_reached.30d",
    "decayed.product.limit_reached",
    "decayed.product.seat_added",
    "intent.purchase",
    "intent.pricing",
    "intent.demo",
)
_HURTS: Final = ("decayed.crm.not_a_lead", "intent.not_a_buyer")
SIGNS: Final[Mapping[str, Sign]] = {**{name: 1 for name in _HELPS}, **{name: -1 for name in _HURTS}}
"""Name of a feature or an intent -> +1 or -1."""
