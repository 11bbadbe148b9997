"""Which embedder this machine has."""

from domain.ports.embedder import Embedder
from tools.embed.hashing import Hashing
from tools.embed.minilm import MiniLm
from tools.embed.weights import installed


def embedder_here() -> Embedder:
    """MiniLM where its weights are installed, else hashed words, which say that they stand in. Loads nothing."""
    folder = installed()
    return Hashing() if folder is None else MiniLm(folder)
