"""A crew that begins nothing again: a part that ends unasked fails the test."""

from surfaces.log import Line
from surfaces.supervising import Crew


def strict() -> Crew:
    """Raises what it should tell, as an AssertionError."""

    def told(line: Line) -> None:
        raise AssertionError(line)

    return Crew(told)
