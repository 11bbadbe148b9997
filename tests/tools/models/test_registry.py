"""The registry: packages by content, changes on record before they count, no way past the gates but on record."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.errors import BadInput, ConfigError, Temporary
from domain.ids import LeadId, Region, TenantId
from domain.lead import LeadState
from domain.model import Additive, Bands, Curve, Package
from domain.model_shelf import Evidence, Pending
from domain.rollout import Stage
from tests.agents.leads import catalogue
from tools.models.registry import HISTORY, Registry
from tools.models.scorers import HomeScorers

PASSED = Evidence("pass")
WHO: dict[str, Any] = {"who": "ann", "at": 5, "comment": "as agreed"}


def package(intercept: int = 0) -> Package:
    """A package that says the same of everybody."""
    wide = 1_000_000
    return Package(
        family="logistic", model=Additive(intercept=intercept),
        calibration=Curve(name="calibration", knots=(-wide, wide), values=(-wide, wide)), features=(),
        bands=Bands(enter_hot=60, leave_hot=50, enter_warm=30, leave_warm=20), horizon_days=30, after_hours=1,
        trained_at=1, cases=10, won=5, data_digest="0" * 64,
    )  # fmt: skip


def registry_of(home: Path) -> Registry:
    """As a new process would open it."""
    return Registry(home, tenant=TenantId("t"), region=Region("eu"))


def kept(registry: Registry, intercept: int = 0, **files: bytes) -> str:
    """A registered package; its version."""
    named = {name.replace("_", "."): content for name, content in files.items()}
    pending = registry.register(package(intercept), named, split="time", **WHO)
    assert pending is not None
    return registry.write(pending).version


def lead(region: str = "eu") -> LeadState:
    return LeadState(LeadId("ld_1"), TenantId("t"), Region(region))


def test_a_package_is_named_by_its_content_and_kept_once(tmp_path: Path) -> None:
    registry = registry_of(tmp_path)
    version = kept(registry, card_md=b"# card")
    assert registry.register(package(), {"card.md": b"# card"}, split="time", **WHO) is None
    stored = registry_of(tmp_path).stored(version)
    assert stored is not None
    assert (stored.package, stored.files) == (package(), {"card.md": b"# card"})
    assert kept(registry, 7) != version
    assert registry.stored("0" * 12) is None
    assert registry.stored("../..") is None


@pytest.mark.parametrize("file", ["manifest.json", "card.md"])
def test_a_package_that_was_changed_is_refused(tmp_path: Path, file: str) -> None:
    registry = registry_of(tmp_path)
    version = kept(registry, card_md=b"# card")
    place = registry.folder / version / file
    place.write_bytes(place.read_bytes().replace(b"0", b"1") + b" ")
    with pytest.raises(ConfigError, match=r"changed|no manifest"):
        registry_of(tmp_path).stored(version)


def test_nothing_counts_before_it_is_written_and_its_row_names_no_person(tmp_path: Path) -> None:
    registry = registry_of(tmp_path)
    version = kept(registry)
    pending = registry.promote(version, evidence=PASSED, **WHO)
    assert registry.standing().champions == {}
    registry.write(pending)
    assert registry_of(tmp_path).standing().lineup("eu").champion == version
    assert (pending.entry.step, pending.entry.code) == ("models", "promoted")
    assert pending.entry.versions == {"scorer": version}
    assert "ann" not in repr(pending.entry)
    assert "agreed" not in repr(pending.entry)


@pytest.mark.parametrize("answer", ["fail", "inconclusive"])
def test_no_package_is_promoted_past_its_gates_unless_that_is_on_record(tmp_path: Path, answer: Any) -> None:
    registry = registry_of(tmp_path)
    version = kept(registry)
    evidence = Evidence(answer, ({"name": "auc", "answer": answer},))
    attempts: tuple[Callable[[], Pending], ...] = (
        lambda: registry.promote(version, evidence=evidence, **WHO),
        lambda: registry.start(version, [Stage(50)], evidence=evidence, **WHO),
    )
    for refused in attempts:
        with pytest.raises(BadInput, match="auc") as error:
            refused()
        assert error.value.code == f"gate:{answer}"
    assert registry.standing().champions == {}
    with pytest.raises(BadInput, match="comment"):
        registry.promote(version, evidence=evidence, who="ann", at=5, comment=" ", force=True)
    change = registry.write(registry.promote(version, evidence=evidence, force=True, **WHO))
    assert change.detail["forced"]
    assert registry.history()[-1].detail["evidence"]["answer"] == answer


def test_a_rollback_brings_the_former_champion_back_and_at_last_the_baseline(tmp_path: Path) -> None:
    registry = registry_of(tmp_path)
    one, two = kept(registry), kept(registry, 7)
    for version in (one, two):
        registry.write(registry.promote(version, evidence=PASSED, **WHO))
    assert registry.write(registry.rollback(**WHO)).version == one
    assert registry.write(registry.rollback(**WHO)).version == ""
    assert registry.standing().champions == {}
    with pytest.raises(BadInput, match="nothing was promoted"):
        registry.rollback(**WHO)


def test_of_two_changes_that_were_prepared_at_once_one_counts(tmp_path: Path) -> None:
    registry, other = registry_of(tmp_path), registry_of(tmp_path)
    one, two = kept(registry), kept(registry, 7)
    pending: list[Pending] = [
        r.promote(v, evidence=PASSED, **WHO) for r, v in ((registry, one), (other, two))
    ]
    registry.write(pending[0])
    with pytest.raises(Temporary, match="meanwhile"):
        other.write(pending[1])
    assert registry_of(tmp_path).standing().lineup("eu").champion == one


def test_a_line_torn_by_a_crash_does_not_count_and_is_cut_away(tmp_path: Path) -> None:
    registry = registry_of(tmp_path)
    version = kept(registry)
    file = registry.folder / HISTORY
    file.write_bytes(file.read_bytes() + b'{"number":2,"what":"promo')
    assert registry_of(tmp_path).standing().champions == {}
    registry = registry_of(tmp_path)
    registry.write(registry.promote(version, evidence=PASSED, **WHO))
    assert [change.what for change in registry_of(tmp_path).history()] == ["registered", "promoted"]


def test_one_rollout_at_a_time_and_no_promotion_beside_it(tmp_path: Path) -> None:
    registry = registry_of(tmp_path)
    one, two = kept(registry), kept(registry, 7)
    registry.write(registry.start(one, [Stage(50)], evidence=PASSED, **WHO))
    attempts: tuple[Callable[[], Pending], ...] = (
        lambda: registry.start(two, [Stage(50)], evidence=PASSED, **WHO),
        lambda: registry.promote(two, evidence=PASSED, **WHO),
        lambda: registry.rollback(**WHO),
    )
    for busy in attempts:
        with pytest.raises(BadInput, match="under way"):
            busy()
    registry.write(registry.advance(who="leadgraph", at=9, comment="seen enough", detail={}))
    assert registry.standing().lineup("eu").champion == one
    with pytest.raises(BadInput, match="no rollout"):
        registry.stop(detail={}, **WHO)


def test_a_damaged_package_is_an_outage_and_not_another_score(tmp_path: Path) -> None:
    """I9: leads wait for it; nobody is scored by something else in its stead."""
    registry = registry_of(tmp_path)
    version = kept(registry)
    registry.write(registry.promote(version, evidence=PASSED, **WHO))
    scorers = HomeScorers(registry, catalogue(), b"secret")
    assert scorers.choose(lead(), holdout=0).scorer == version
    (registry.folder / version / "manifest.json").write_bytes(b"{}")
    with pytest.raises(Temporary, match="cannot be loaded"):
        scorers.get(version)
    assert scorers.get("f" * 12) is None
    (registry.folder / HISTORY).write_bytes(b"no json\n")
    with pytest.raises(Temporary, match="damaged"):
        HomeScorers(registry_of(tmp_path), catalogue(), b"secret").choose(lead(), holdout=0)


def test_a_loaded_package_says_its_own_version(tmp_path: Path) -> None:
    registry = registry_of(tmp_path)
    version = kept(registry)
    found = HomeScorers(registry, catalogue(), b"secret").get(version)
    assert found is not None
    assert found.version == version
