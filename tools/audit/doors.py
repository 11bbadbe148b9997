"""What the audit commands ask for, with paths as people give them. The composition root hands these on."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from domain.ports.audit import AuditLog
from domain.ports.home import Home
from domain.verification import Verification
from tools.audit.export import export
from tools.audit.signed import SignedAuditLog
from tools.audit.verify import verify_log
from tools.audit.verify_export import verify_export
from tools.privacy.keys import public_key


def audit_verify_file(
    file: Path, *, anchor: Path | None, key: Path | None, until: int | None
) -> Verification:
    """Verify an export. Raises: BadInput, ConfigError for files that cannot be read."""
    return verify_export(file, anchor=anchor, public_key=public_key(key) if key else None, until=until)


async def audit_verify(
    home: Home, *, anchor: Path | None, key: Path | None, until: int | None
) -> Verification:
    """Verify a home's own log. Raises: ConfigError for files that cannot be read."""
    found = public_key(key) if key else None
    return await verify_log(_signed(home.audit), anchor=anchor, public_key=found, until=until)


async def audit_export(home: Home, file: Path, *, told: Callable[[int], None]) -> dict[str, int]:
    """Export the log of the home's tenant; the counts by name. Raises: BadInput."""
    return asdict(await export(_signed(home.audit), file, tenant=home.tenant, told=told))


def audit_anchor(home: Home) -> Path:
    """Where the home anchors its roots."""
    return _signed(home.audit).anchor


def _signed(log: AuditLog) -> SignedAuditLog:
    if not isinstance(log, SignedAuditLog):
        raise TypeError("this home's audit log has no signing key")
    return log
