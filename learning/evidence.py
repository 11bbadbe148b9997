"""Evidence that may be looked at any time: betting against a bound, event by event.

For each event a bound says that its probability lies in [low, high]. A bet on another probability q has the bound's
nearest one, r, for its opponent: a stake of 1 is multiplied by q / r when the event happens and by (1 - q) / (1 - r)
when it does not. If the bound is true, no such bet wins on average, whatever within the bound is true. So the stake
exceeds 1 / alpha at any time in the whole stream with probability alpha at most (Ville 1939; Ramdas, Grünwald, Vovk
and Shafer 2023, "Game-theoretic statistics and safe anytime-valid inference"). The stake is spread evenly over several
bets, which keeps that promise (a mixture, as in Robbins 1970). One may look after every event and stop when one
likes: no number of looks has to be planned.
"""

from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
NEVER: Final = -1


@dataclass(frozen=True, slots=True)
class Stake:
    """The greatest stake (natural logarithm) reached over `events`, and the first event at which it passed a limit."""

    log_e: float
    events: int
    passed_at: int = NEVER

    @property
    def e(self) -> float:
        """The stake itself, capped so that it can be written down."""
        return float(np.exp(min(self.log_e, 600.0)))


def stake(happened: Floats, low: Floats, high: Floats, bets: Floats, *, limit: float) -> Stake:
    """Bet against ``low <= probability <= high`` over events in their order.

    Args:
        happened: 1 or 0 per event.
        low: Least probability under the bound, per event.
        high: Greatest, per event; where a bet lies within, nothing is won or lost.
        bets: Probability that each bet stands for (bets x events), strictly between 0 and 1.
        limit: The stake, such as 1 / alpha, at which the bound counts as broken.
    """
    n = len(happened)
    if not n:
        return Stake(0.0, 0)
    nearest = np.clip(bets, low, high)
    won, not_won = np.log(bets) - np.log(nearest), np.log1p(-bets) - np.log1p(-nearest)
    paths = np.cumsum(np.where(happened == 1, won, not_won), axis=1)
    together = np.logaddexp.reduce(paths, axis=0) - np.log(len(bets))
    over = np.flatnonzero(together >= np.log(limit))
    return Stake(max(0.0, float(together.max(initial=-inf))), n, int(over[0]) if len(over) else NEVER)


def in_arm(share: Floats, ratio: float) -> Floats:
    """Probability that an event fell on the arm with this share of units, if it is `ratio` times as frequent there."""
    weighted = share * ratio
    return np.asarray(weighted / (weighted + 1 - share), dtype=np.float64)


def moved(p: Floats, log_odds: float, slope: float = 1.0) -> Floats:
    """Probabilities `p` on the log-odds scale times `slope` plus `log_odds`."""
    odds = slope * (np.log(p) - np.log1p(-p)) + log_odds
    return np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float64)
