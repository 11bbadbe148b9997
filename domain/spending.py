"""What asking a language model uses up: calls, tokens, money."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spent:
    """An amount. `micro` is money in millionths of the price table's currency."""

    calls: int = 0
    tokens: int = 0
    micro: int = 0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.calls + other.calls, self.tokens + other.tokens, self.micro + other.micro)

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(self.calls - other.calls, self.tokens - other.tokens, self.micro - other.micro)

    def beyond(self, limit: "Spent") -> str:
        """What of it exceeds `limit`: ``calls``, ``tokens``, ``money``; empty if nothing does.

        >>> Spent(1, 500).beyond(Spent(1, 499)), Spent(1, 500).beyond(Spent(1, 500))
        ('tokens', '')
        """
        pairs = (
            ("calls", self.calls, limit.calls),
            ("tokens", self.tokens, limit.tokens),
            ("money", self.micro, limit.micro),
        )
        return next((name for name, used, most in pairs if used > most), "")
