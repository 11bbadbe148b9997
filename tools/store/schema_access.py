"""The table of the keys of the HTTP API."""

from sqlalchemy import Column, Integer, MetaData, PrimaryKeyConstraint, Table, Text


def key_table(metadata: MetaData) -> Table:
    """The table, added to `metadata`."""
    return Table(
        "api_key",
        metadata,
        _text("key_id"),
        _text("tenant"),
        _text("region"),
        _text("name"),
        _text("scopes"),  # separated by blanks
        _text("digest"),  # SHA-256 of the whole secret, hex
        Column("made_at", Integer, nullable=False),
        _text("made_by"),
        Column("expires_at", Integer),
        Column("revoked_at", Integer),
        Column("used_at", Integer),  # to the hour
        PrimaryKeyConstraint("tenant", "key_id"),
        sqlite_with_rowid=False,
    )


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)
