"""Metrics: names and classes, as pure triples under Keras's objects."""

from jkeras.metrics.base import Metric as Metric
