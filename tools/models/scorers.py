"""The scorers of a home by version: loaded on first use, and chosen for each lead."""

from domain.errors import ConfigError, Temporary
from domain.features import Catalogue
from domain.lead import LeadState
from domain.ports.scorer import Scorer
from domain.rollout import Choice, choose, unit_of
from tools.models.learned import Learned
from tools.models.registry import Registry


class HomeScorers:
    """Satisfies `domain.ports.scorer.Scorers`."""

    def __init__(self, registry: Registry, catalogue: Catalogue, secret: bytes) -> None:
        """`secret` belongs to the installation: with it go the draws."""
        self._registry, self._catalogue, self._secret = registry, catalogue, secret
        self._loaded: dict[str, Scorer] = {}

    def choose(self, lead: LeadState, *, holdout: int) -> Choice:
        """The arm and the package of a lead as things stand now. A damaged history is an outage, too."""
        try:
            lineup = self._registry.standing().lineup(lead.region)
        except ConfigError as error:
            raise Temporary(str(error)) from error
        return choose(lineup, unit_of(lead), secret=self._secret, holdout=holdout)

    def get(self, version: str) -> Scorer | None:
        """The scorer of a package. A damaged one is an outage: leads wait for it, none is parked (I9)."""
        if version in self._loaded:
            return self._loaded[version]
        try:
            stored = self._registry.stored(version)
            if stored is None:
                return None
            self._loaded[version] = Learned(stored.package, stored.files, self._catalogue)
        except ConfigError as error:
            raise Temporary(f"model package {version} cannot be loaded: {error}") from error
        return self._loaded[version]
