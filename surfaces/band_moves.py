"""What would change the band of a lead, asked of the scorer that it has."""

from domain.band_moves import Moves, moves
from domain.decision import Decision
from domain.errors import LeadgraphError
from domain.lead import LeadState
from domain.model import LEAD_ACCOUNT, LEAD_REGION
from domain.ports.home import Home
from surfaces.pinning import scorer_for


def moves_of(home: Home, lead: LeadState, decision: Decision) -> Moves | None:
    """The smallest changes of what the lead does; None for the rules, which have seen no range, and known outcomes."""
    score, reading = decision.score, decision.reading
    if score is None or score.log_odds is None or reading is None or home.models is None:
        return None
    try:
        scorer, stored = scorer_for(home, lead), home.models.stored(score.version)
    except LeadgraphError:
        return None  # the score itself is there; this is an extra beside it
    if scorer is None or stored is None or scorer.version != score.version:
        return None
    sure = {intent.value: level for intent, level in reading.confidences}
    values = {**decision.features, LEAD_REGION: lead.region, LEAD_ACCOUNT: lead.account}
    known = {definition.name: definition for definition in home.catalogue.definitions}
    uses = [(use, known[use.name]) for use in stored.package.features if use.name in known]

    def points_at(name: str, value: int) -> int:
        return scorer.points({**values, name: value}, sure)

    return moves(decision.band.band, values, uses, points_at=points_at, thresholds=scorer.thresholds)
