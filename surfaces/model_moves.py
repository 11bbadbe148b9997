"""Changes of the registry of models: on record first, then in force."""

from domain.model_shelf import Change, Pending
from domain.ports.audit import AuditLog
from domain.ports.models import Models


async def moved(models: Models, audit: AuditLog, pending: Pending) -> Change:
    """Make the audit row of a prepared change durable, then let it count (I3).

    Raises: Temporary if another change came first; the row then stays as that of an attempt.
    """
    await audit.append([pending.entry])
    return models.write(pending)
