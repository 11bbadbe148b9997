"""Figures that were read before, as Prometheus has them."""

from collections.abc import Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

Labelled = Mapping[Any, float]
"""Values of the labels, as a tuple in their order -> the figure."""


def family(name: str, words: str, labels: tuple[str, ...], rows: Labelled) -> Metric:
    """A gauge with a figure for each set of labels."""
    found = GaugeMetricFamily(name, words, labels=labels)
    for values, number in rows.items():
        found.add_metric(values, number)
    return found


def counter(name: str, words: str, labels: tuple[str, ...], rows: Labelled) -> Metric:
    """The same of what only rises."""
    found = CounterMetricFamily(name, words, labels=labels)
    for values, number in rows.items():
        found.add_metric(values, number)
    return found
