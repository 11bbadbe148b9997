"""Lines of JSON on stderr, with nothing in them that anybody sent."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

Line = Mapping[str, Any]
Told = Callable[[Line], None]
"""Is told of each thing that happened: field -> value."""


def unheard(_: Line) -> None:
    """Tells nobody."""


def defect_of(error: BaseException) -> dict[str, str]:
    """The class of an error and where it came from: its words may hold what somebody sent."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    where = "" if last is None else f"{last.tb_frame.f_code.co_filename}:{last.tb_lineno}"
    return {"error": type(error).__name__, "at": where}


def to_stderr(event: str) -> Told:
    """A line of JSON for each `event`."""
    import structlog

    log = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
    )

    def told(line: Line) -> None:
        log.info(event, **line)

    return told
