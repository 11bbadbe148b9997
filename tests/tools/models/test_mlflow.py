"""Packages in MLflow: what comes back is what was pushed, digest for digest."""

from pathlib import Path
from typing import Any

import pytest

from domain.errors import BadInput, ConfigError, Temporary
from domain.model_shelf import split_of
from tests.tools.models.test_registry import WHO, kept, package, registry_of

pytest.importorskip("mlflow", reason="needs the extra mlflow: pip install 'leadgraph[mlflow]'")

from tools.models.mlflow import FOLDER, MlflowPackages


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where MLflow's own store of files lies."""
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture
def there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowPackages:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return MlflowPackages(folder.as_uri())


def test_what_is_pulled_into_another_home_has_the_same_version(there: MlflowPackages, tmp_path: Path) -> None:
    ours, theirs = registry_of(tmp_path / "ours"), registry_of(tmp_path / "theirs")
    version = kept(ours, card_md=b"# card")
    stored = ours.stored(version)
    assert stored is not None
    there.push(stored, name="one", split=split_of(ours.history(), version))
    pulled = there.pull(version, name="one")
    pending = theirs.register(pulled.package, pulled.files, split=pulled.split, **WHO)
    assert pending is not None
    assert theirs.write(pending).version == version
    again = theirs.stored(version)
    assert again is not None
    assert (again.package, again.files) == (stored.package, stored.files)


@pytest.mark.parametrize("split", ["time", "account"])
def test_how_leads_were_held_out_goes_along(there: MlflowPackages, tmp_path: Path, split: str) -> None:
    ours = registry_of(tmp_path)
    pending = ours.register(package(), {}, split=split, **WHO)
    assert pending is not None
    version = ours.write(pending).version
    stored = ours.stored(version)
    assert stored is not None
    there.push(stored, name=split, split=split_of(ours.history(), version))
    assert there.pull(version, name=split).split == split


def test_pushing_twice_finds_the_first(there: MlflowPackages, tmp_path: Path) -> None:
    ours = registry_of(tmp_path)
    stored = ours.stored(kept(ours))
    assert stored is not None
    places = {there.push(stored, name="twice", split="time") for _ in range(2)}
    assert len(places) == 1


def test_what_is_not_there_is_refused(there: MlflowPackages) -> None:
    with pytest.raises(BadInput, match="push it first"):
        there.pull("0" * 12, name="none")


def test_what_came_back_changed_is_refused(there: MlflowPackages, folder: Path, tmp_path: Path) -> None:
    ours = registry_of(tmp_path)
    stored = ours.stored(kept(ours, 5, card_md=b"# card"))
    assert stored is not None
    there.push(stored, name="changed", split="time")
    for manifest in folder.glob(f"**/{FOLDER}/manifest.json"):
        manifest.write_bytes(manifest.read_bytes().replace(b'"intercept":5', b'"intercept":6'))
    with pytest.raises(ConfigError):
        there.pull(stored.version, name="changed")


def test_a_server_that_is_down_is_said_so_at_once(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    ours = registry_of(tmp_path)
    stored = ours.stored(kept(ours))
    assert stored is not None
    with pytest.raises(Temporary, match="cannot be used now"):
        MlflowPackages("http://127.0.0.1:9").push(stored, name="down", split="time")
