"""The price table: money per million tokens, by the name of a model."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.errors import ConfigError


class Price(BaseModel):
    """Of one model, per million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tokens_in: Decimal = Field(ge=0)
    tokens_out: Decimal = Field(ge=0)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")

    currency: str = Field(pattern=r"^[A-Z]{3}$")
    models: dict[str, Price]


@dataclass(frozen=True, slots=True)
class Prices:
    """`by_model`: name -> price."""

    currency: str
    by_model: Mapping[str, Price]

    def cost_micro(self, model: str, tokens_in: int, tokens_out: int) -> int:
        """Millionths of the currency, rounded up; 0 for a model that the table does not know."""
        price = self.by_model.get(model)
        if price is None:
            return 0
        exact = price.tokens_in * tokens_in + price.tokens_out * tokens_out
        return int(exact.to_integral_value(ROUND_CEILING))


def load_prices(file: Path) -> Prices:
    """Read the table. Raises: ConfigError naming the file and the place."""
    try:
        table = _Table.model_validate(tomllib.loads(file.read_text("utf-8"), parse_float=Decimal))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file}: the price table cannot be read ({error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigError(f"{file}: {place}: {first['msg']}") from None
    return Prices(table.currency, table.models)
