"""Which memory a home has."""

from contextlib import ExitStack

from domain.ports.clock import Clock
from domain.ports.embedder import Embedder
from domain.ports.memory import Cases
from tools.memory.chroma import Chroma
from tools.memory.memory import VectorMemory
from tools.settings import Settings


def open_memory(
    settings: Settings, record: Cases, embedder: Embedder, clock: Clock, *, later: ExitStack
) -> VectorMemory | None:
    """As the setting ``memory`` says; None for ``off``. Loads and opens nothing; `later` closes it."""
    if settings.memory == "off":
        return None
    place = settings.home / "memory" if settings.memory == "embedded" else settings.memory
    vectors = Chroma(place, embedder=embedder.name, width=embedder.width)
    memory = VectorMemory(vectors, record, embedder, clock)
    later.callback(memory.close)
    return memory
