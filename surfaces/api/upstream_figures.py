"""Figures of what vendors are asked for: from the store, the same in every process, and counted in this one."""

from collections.abc import Sequence

from prometheus_client.core import Metric

from domain.instants import SECOND
from domain.ports.home import Home
from domain.ports.upstream import Upstream
from surfaces.api.families import counter, family
from surfaces.read_counts import counted


async def of_upstream(home: Home) -> Sequence[Metric]:
    """Nothing where nobody is asked. Raises: Temporary."""
    upstream, told = home.upstream, tuple[Metric, ...]()
    held = dict(await home.limits.waits(home.tenant, now=home.clock.now()))
    if upstream is not None and (upstream.readers or upstream.pollers or upstream.streams):
        held = dict.fromkeys((*upstream.readers, *(one.vendor for one in upstream.pollers)), 0) | held
        told = await _read_and_polled(home, upstream)
    waits = family(
        "leadgraph_vendor_wait_seconds",
        "For how long a vendor has asked to be left alone",
        ("vendor",),
        {(name,): held[name] / SECOND for name in sorted(held)},
    )
    return (*told, waits) if told or held else ()


async def _read_and_polled(home: Home, upstream: Upstream) -> tuple[Metric, ...]:
    """Of positions those that are in use now."""
    now = home.clock.now()
    waiting = await upstream.todos.waiting(home.tenant)
    used = {*(one.name for one in upstream.pollers), *(one.name for one in upstream.streams)}
    standing = [one for one in await upstream.positions.standing(home.tenant) if one.name in used]
    moved = {(one.name,): (now - one.moved_at) / SECOND for one in standing if one.moved_at}
    records = {(name,): float(waiting.get(name, 0)) for name in sorted(upstream.readers)}
    return (
        counter(
            "leadgraph_read_back",
            "Records asked, answered, failed, cached (known already); leads that waited for one, or went on without",
            ("vendor", "what"),
            counted(),
        ),
        family("leadgraph_records_waiting", "Records still to be read back", ("vendor",), records),
        family(
            "leadgraph_position_age_seconds",
            "Since a poller's or stream's position was last confirmed or moved",
            ("poller",),
            moved,
        ),
        family(
            "leadgraph_poller",
            "How each poller or stream stands",
            ("poller", "code"),
            {(one.name, one.code): 1.0 for one in standing},
        ),
    )
