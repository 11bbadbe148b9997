"""MLflow as one more place for packages: a package is pushed as the artifacts of one run, and pulled back checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from domain.errors import BadInput, ConfigError, Temporary
from domain.model import Package
from domain.ports.models import StoredPackage
from tools.models.manifest import canonical
from tools.models.packages import MANIFEST, read_package

FOLDER: Final = "package"
VERSION_TAG: Final = "leadgraph.version"
SPLIT_TAG: Final = "leadgraph.split"
SPLITS: Final = ("time", "account")


@dataclass(frozen=True, slots=True)
class Pulled:
    """A package that came back whole, and how its held-out leads are told."""

    package: Package
    files: Mapping[str, bytes]
    split: str


class MlflowPackages:
    """Packages in the tracking server at `server`; each is one finished run with its version as a tag."""

    def __init__(self, server: str) -> None:
        """`server` is a tracking address. Raises: ConfigError if the extra is not installed."""
        try:
            from mlflow.exceptions import MlflowException
            from mlflow.tracking import MlflowClient
        except ImportError:
            remedy = 'install it with: pip install "leadgraph[mlflow]"'
            raise ConfigError(f"mlflow: the extra is not installed; {remedy}") from None
        self._server, self._error = server, MlflowException
        self._client: Any = MlflowClient(tracking_uri=server, registry_uri=server)

    def push(self, stored: StoredPackage, *, name: str, split: str) -> str:
        """Put a package there under the experiment `name`; pushing it again finds it. The address of its run.

        `split` (``time`` or ``account``) tells how the leads it was not made of are found; it goes along.
        Raises: Temporary if the server cannot be used.
        """
        try:
            experiment = self._experiment(name)
            found = self._find(experiment, stored.version)
            if found is None:
                found = self._put(experiment, stored, split)
        except self._error as error:
            raise Temporary(f"MLflow at {self._server} cannot be used now: {error}") from error
        return f"{self._server}/#/experiments/{experiment}/runs/{found.info.run_id}"

    def pull(self, version: str, *, name: str) -> Pulled:
        """The package of this version, checked against its own hash.

        Raises: BadInput if it is not there; ConfigError if it came back changed; Temporary.
        """
        try:
            found = self._find(self._experiment(name), version)
            if found is None:
                raise BadInput("version", f"MLflow has no package {version} under {name}", "push it first")
            with TemporaryDirectory(prefix="leadgraph-") as scratch:
                folder = self._client.download_artifacts(found.info.run_id, FOLDER, scratch)
                stored = read_package(Path(folder), version)
        except self._error as error:
            raise Temporary(f"MLflow at {self._server} cannot be used now: {error}") from error
        split = found.data.tags.get(SPLIT_TAG)
        if split not in SPLITS:
            raise ConfigError(
                f"MLflow's run {found.info.run_id} does not say how leads were held out; push it anew"
            )
        return Pulled(stored.package, stored.files, split)

    def _experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        return str(found.experiment_id if found is not None else self._client.create_experiment(name))

    def _find(self, experiment: str, version: str) -> Any:
        """The finished run with that version: one that broke off half-way is not found, and pushed anew."""
        asked = f"tags.`{VERSION_TAG}` = '{version}' and attributes.status = 'FINISHED'"
        runs = self._client.search_runs([experiment], filter_string=asked, max_results=1)
        return runs[0] if runs else None

    def _put(self, experiment: str, stored: StoredPackage, split: str) -> Any:
        run = self._client.create_run(experiment, tags={VERSION_TAG: stored.version, SPLIT_TAG: split})
        run_id = run.info.run_id
        with TemporaryDirectory(prefix="leadgraph-") as scratch:
            for file, content in {MANIFEST: canonical(stored.package), **stored.files}.items():
                (Path(scratch) / file).write_bytes(content)
            self._client.log_artifacts(run_id, scratch, FOLDER)
        for figure, one in stored.package.metrics.items():
            if one.value is not None:
                self._client.log_metric(run_id, figure, one.value)
        self._client.set_terminated(run_id, "FINISHED")
        return run
