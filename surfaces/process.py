"""What a process that answers others asks of the interpreter."""

import gc
import sys
from typing import Final

TURN_S: Final = 0.0005
"""How long a thread may go on while another waits."""
GARBAGE: Final = (10_000, 20, 50)
"""Objects made, and looks taken, before the collector looks again, by generation (Python begins with 700, 10, 10)."""


def share_evenly() -> None:
    """Have the threads of this process take shorter turns.

    A statement of the store gives its turn up and needs it back before it goes on: while a run is under way beside it,
    or an answer, it would wait up to 5 ms each time, and an acknowledged delivery takes a dozen statements.
    """
    sys.setswitchinterval(TURN_S)


def settle() -> None:
    """Have the collector leave out what is there by now, and look less often at the rest.

    A batch makes some ten thousand objects that all live until it is stored: to look through them, and through every
    module there is, again and again took a fifth of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)
