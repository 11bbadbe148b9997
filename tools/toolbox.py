"""Functions of tools that commands need and may not import themselves: handed to them as one value."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.attributes import Attribute
    from domain.features import Catalogue
    from domain.instants import Instant
    from domain.ports.chat import Chat
    from domain.ports.home import Home
    from domain.ports.policy import Policy
    from domain.ports.receivers import Receivers
    from domain.ports.sources import RawItem, Source
    from domain.verification import Verification
    from tools.credential_doors import Doors
    from tools.diagnosis import Check
    from tools.models.mlflow import MlflowPackages
    from tools.policy.load import PolicyReport
    from tools.policy.shelf import PolicyShelf
    from tools.reasoner.doors import Texts
    from tools.settings import Found
    from tools.setup.doors import Connecting


class Tools:
    """Each is loaded on use."""

    def settings(self) -> "Found":
        """The settings and where each came from."""
        from tools.settings import find_settings

        return find_settings()

    def diagnose(self) -> "tuple[Found, list[Check]]":
        """The settings, and what is well or broken in the environment."""
        from tools.diagnosis import diagnose, loaded_tables

        found = self.settings()
        return found, list(diagnose(found.settings, lambda: loaded_tables(found.settings.config)))

    def source(self, name: str) -> "Source":
        """The reader of one kind of file. Raises: BadInput listing the names."""
        from tools.sources import source

        return source(name)

    def receivers(self) -> "Receivers":
        """The receivers of webhooks, by the settings. Raises: ConfigError."""
        from tools.receivers import SettingsReceivers

        return SettingsReceivers(self.settings().settings)

    def chat(self, home: "Home") -> "AbstractContextManager[Chat | None]":
        """The chat in which a home asks people; None where none is set. Raises: ConfigError."""
        from tools.chat.opening import chat_of

        return chat_of(home.settings, home.root, home.clock, home.limits)

    def connecting(self) -> "Connecting":
        """What it takes to connect a vendor. Raises: ConfigError."""
        from tools.setup.doors import Connecting

        return Connecting(self.settings())

    def credentials(self) -> "Doors":
        """What is sealed in the home; no value is opened. Raises: ConfigError."""
        from tools.credential_doors import doors

        return doors()

    def read_leads(self, file: Path) -> "Iterator[tuple[int, RawItem]]":
        """The signals of a file of leads."""
        from tools.sources.leads import read_leads

        return read_leads(file)

    def catalogue(self) -> "Catalogue":
        """The catalogue of features, without opening a home."""
        from tools.catalogue import home_catalogue

        settings = self.settings().settings
        return home_catalogue(settings.config, settings.home)[0]

    def declare(self, home: "Home", attributes: "Sequence[Attribute]") -> None:
        """Declare a home's attributes: features of its catalogue from its next opening on."""
        from tools.attributes import save_attributes

        save_attributes(home.root, attributes)

    def load_policy(self, folder: Path) -> "Policy":
        """The decision tables in `folder`. Raises: ConfigError."""
        from tools.policy.load import load_policy

        return load_policy(folder)

    @property
    def policy_folder(self) -> Path:
        """The shipped tables."""
        return self.settings().settings.config / "policies"

    def check_policy(self, folder: Path) -> "PolicyReport":
        """All mistakes of the tables in `folder`, and of the list of salespeople."""
        from tools.policy.load import check_policy

        return check_policy(folder, self.settings().settings.config / "reps.csv")

    def policy_shelf(self, home: "Home") -> "PolicyShelf":
        """The versions of a home."""
        from tools.policy.shelf import PolicyShelf

        return PolicyShelf(home.root, tenant=home.tenant, region=home.region)

    def policy_versions(self, home: "Home") -> "Callable[[str], Policy | None]":
        """Recorded versions by their hash."""
        return self.policy_shelf(home).get

    def crm_ledger(self, home: "Home") -> list[tuple[str, str]]:
        """(key, kind) of every request that the home's embedded CRM applied, from its own file."""
        from tools.targets import crm_ledger

        return crm_ledger(home.root)

    def user_name(self) -> str:
        """Who is at the keyboard."""
        from tools.policy.shelf import user_name

        return user_name()

    def closed_world(self) -> "AbstractContextManager[None]":
        """A wall around replays."""
        from tools.guard import closed_world

        return closed_world()

    def make_company(self, folder: Path, *, leads: int, seed: int) -> None:
        """A made-up company's tables."""
        from tools.company import make_company

        make_company(folder, leads=leads, seed=seed)

    def company_items(self, folder: Path, *, days: int) -> "list[tuple[int, RawItem]]":
        """Its signals of the first `days` days."""
        from tools.company import last_day

        return list(self.source("leadforge").read(folder, until=last_day(days)))

    def company_wins(self, folder: Path) -> "Mapping[str, int]":
        """Its sales, the future included: key -> Instant."""
        from tools.company import wins

        return wins(self.source("leadforge").read(folder))

    def audit_verify_file(
        self, file: Path, *, anchor: Path | None, key: Path | None, until: "Instant | None"
    ) -> "Verification":
        """Verify an export."""
        from tools.audit.doors import audit_verify_file

        return audit_verify_file(file, anchor=anchor, key=key, until=until)

    async def audit_verify(
        self, home: "Home", *, anchor: Path | None, key: Path | None, until: "Instant | None"
    ) -> "Verification":
        """Verify the log of a home."""
        from tools.audit.doors import audit_verify

        return await audit_verify(home, anchor=anchor, key=key, until=until)

    async def audit_export(self, home: "Home", file: Path, *, told: Callable[[int], None]) -> dict[str, int]:
        """Write a home's log to `file`; the counts of what was written."""
        from tools.audit.doors import audit_export

        return await audit_export(home, file, told=told)

    def audit_anchor(self, home: "Home") -> Path:
        """Where a home's roots are anchored."""
        from tools.audit.doors import audit_anchor

        return audit_anchor(home)

    def texts(self) -> "Texts":
        """The local reader of texts, without opening a home."""
        from tools.reasoner.doors import Texts

        return Texts(self.settings().settings.config)

    def mlflow(self, server: str) -> "MlflowPackages":
        """Packages in an MLflow server. Raises: ConfigError without the extra."""
        from tools.models.mlflow import MlflowPackages

        return MlflowPackages(server)
