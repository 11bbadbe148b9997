"""Scoring models behind the `Scorer` port: they load and predict; training lives elsewhere."""
