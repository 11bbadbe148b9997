"""The five agents, one file each: plain async functions that take ports as keyword arguments."""
