"""What is usual for each source, kept in the transaction that takes its signals in."""

from collections.abc import Iterable, Mapping, Sequence

from domain.ids import Region, TenantId
from domain.ports.inbox import Refused
from domain.quality import GateFailure, StreamStats, failures
from domain.signal import Signal
from tools.store.engine import Tx

Source = tuple[TenantId, Region, str]


class Streams:
    """Reads and writes statistics; keeps the last ones parsed, and parses again when the stored bytes are others."""

    def __init__(self) -> None:
        self._parsed: dict[Source, tuple[bytes, StreamStats]] = {}

    def update(
        self,
        tx: Tx,
        signals: Iterable[Signal],
        refused: Iterable[Refused],
        dropped: Mapping[tuple[str, str, str], int],
        now: int,
    ) -> None:
        """Fold a batch into the statistics of its sources."""
        taken: dict[Source, tuple[list[Signal], list[Refused]]] = {}
        for signal in signals:
            taken.setdefault((signal.tenant, signal.region, signal.source), ([], []))[0].append(signal)
        for item in refused:
            taken.setdefault((item.tenant, item.region, item.source), ([], []))[1].append(item)
        rows = []
        for source, (good, bad) in taken.items():
            stats = self._stored(tx, source).updated(good, bad, dropped, now)
            body = stats.to_json()
            self._parsed[source] = body, stats
            rows.append({"tenant": source[0], "region": source[1], "source": source[2], "body": body})
        tx.run("keep_stream", rows)

    def failing(self, tx: Tx, sources: Sequence[Source], now: int) -> tuple[GateFailure, ...]:
        """The gates that fail for these sources."""
        return tuple(failure for source in sources for failure in failures(self._stored(tx, source), now))

    def _stored(self, tx: Tx, source: Source) -> StreamStats:
        row = tx.one("stream", {"tenant": source[0], "region": source[1], "source": source[2]})
        if row is None:
            return StreamStats.empty(source[2])
        kept = self._parsed.get(source)
        if kept is None or kept[0] != row.body:
            try:
                kept = row.body, StreamStats.from_json(row.body)
            except ValueError:
                kept = row.body, StreamStats.empty(source[2])
            self._parsed[source] = kept
        return kept[1]
