"""Made-up leads of accounts that sway together, with a score that says the truth."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from learning.weighted import Floats


@dataclass(frozen=True)
class World:
    """Outcomes, the true probability of each, and the account of each."""

    y: Floats
    p: Floats
    account: npt.NDArray[np.str_]
    own: Floats
    """A score that does not see how the account sways."""


def world(n: int, *, seed: int = 0, leads_an_account: int = 1) -> World:
    """`n` leads; the base rate is about .4."""
    dice = np.random.default_rng(seed)
    whose = np.arange(n) // leads_an_account
    sway = dice.normal(size=whose.max() + 1)[whose]
    own = dice.normal(size=n)
    p = 1 / (1 + np.exp(0.5 - sway - own))
    return World((dice.random(n) < p).astype(np.float64), p, np.array([f"acc_{i}" for i in whose]), own)
