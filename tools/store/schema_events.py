"""The tables of outgoing events: what happened, in the order of its commit, and who is told."""

from sqlalchemy import Column, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text, text


def event_tables(metadata: MetaData) -> tuple[Table, Table]:
    """The tables, added to `metadata`."""
    return _feed(metadata), _subscription(metadata)


def _feed(metadata: MetaData) -> Table:
    return Table(
        "feed",
        metadata,
        Column("place", Integer, primary_key=True),  # order of commit
        *_where(),
        _text("kind"),  # decision, approval, talk
        _text("ref"),  # its id
        _int("at"),
        Index("feed_place", "tenant", "region", "place"),
    )


def _subscription(metadata: MetaData) -> Table:
    return Table(
        "subscription",
        metadata,
        _text("subscription_id"),
        *_where(),
        _text("url"),
        _text("types"),  # separated by blanks
        _text("state"),  # see domain.ports.events.SubscriptionState
        _text("reason", default=""),  # code of the last failure, or of the end
        _int("position"),  # of the last event that arrived
        _int("made_at"),
        _int("generation", default=0),  # of its secret
        _int("rotated_at", default=0),
        _int("tries", default=0),  # since something arrived
        Column("failing_since", Integer),
        _int("next_try", default=0),
        _int("lease_until", default=0),  # 0: nobody holds it
        _int("token", default=0),
        PrimaryKeyConstraint("tenant", "subscription_id"),
        Index("subscription_on", "tenant", "next_try", sqlite_where=text("state = 'on'")),
        sqlite_with_rowid=False,
    )


def _where() -> tuple[Column[str], Column[str]]:
    return _text("tenant"), _text("region")


def _text(name: str, *, default: str | None = None) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


def _int(name: str, *, default: int | None = None) -> Column[int]:
    return Column(
        name, Integer, nullable=False, server_default=None if default is None else text(str(default))
    )
