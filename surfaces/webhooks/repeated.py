"""What a vendor repeats: a delivery that shows a record as it is now says mostly what is known, and what we wrote."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from domain.ports.home import Home
from domain.ports.receivers import Reading
from domain.ports.sources import RawItem
from surfaces.news import News


async def without_repeated(home: Home, reading: Reading) -> Reading:
    """`reading` without what is no news, see `Reading.standing`; that is counted instead. Raises: Temporary."""
    if not reading.standing:
        return reading
    places = [
        place
        for place, reason in reading.standing.items()
        if reason != "echo" or await _known(home, reading.items[place])
    ]
    asked = [reading.items[place] for place in places]
    news = {id(item) for item in await News(home).of(asked)}
    left = {place for place in reading.standing if id(reading.items[place]) not in news}
    ignored = Counter(reading.ignored) + Counter(reading.standing[place] for place in left)
    items = tuple(item for place, item in enumerate(reading.items) if place not in left)
    return replace(reading, items=items, ignored=dict(ignored), standing={})


async def _known(home: Home, item: RawItem) -> bool:
    """Whether a lead has the record: of one that only we have written, nobody has told."""
    first = item["keys"][0]["value"] if isinstance(item, Mapping) else ""
    return await home.reads.find_lead(home.tenant, first) is not None
