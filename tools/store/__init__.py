"""The durable store: signals, leads, work, decisions and audit rows in one SQLite database (decision 0004)."""

from tools.store.config import Config
from tools.store.opening import Store, open_store

__all__ = ["Config", "Store", "open_store"]
