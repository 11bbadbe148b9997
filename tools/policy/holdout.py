"""The share of accounts that stay on the baseline, so that what a learned score brings can be told at all."""

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from domain.rollout import MILLE
from tools.policy.problems import Mistakes, did_you_mean

FILE: Final = "holdout.toml"
"""May be missing, as in versions made before there were hold-outs: nobody is held out then."""
DEFAULT: Final = "default"
"""Counts for every region that is not named."""
MOST: Final = MILLE // 2
"""At most half of the accounts, per mille."""


def read_holdout(folder: Path, regions: Collection[str], mistakes: Mistakes) -> Mapping[str, int]:
    """Per mille by region; every mistake is noted."""
    file = folder / FILE
    if not file.is_file():
        return {}
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        mistakes.add(f"is no valid TOML: {error}", "write it as in the shipped file")
        return {}
    shares = told.pop("holdout", {})
    for name in told:
        mistakes.add(f"has an unknown table {name}", "it has one table, [holdout]", column=name)
    if not isinstance(shares, dict):
        mistakes.add("has no table [holdout]", "write [holdout], then region = share", column="holdout")
        return {}
    for region, share in shares.items():
        if region != DEFAULT and region not in regions:
            known = did_you_mean(region, {*regions, DEFAULT}, "regions are")
            mistakes.add("is no region of this policy", known, column=region)
        if not isinstance(share, int) or isinstance(share, bool) or not 0 <= share <= MOST:
            remedy = f"give a whole number from 0 to {MOST}, per mille of the accounts"
            mistakes.add("is no share", remedy, column=region, cell=str(share))
    return shares
