"""Which checkpoints of a network a figure looks at, and what each network does at each stage."""

from typing import Any

import numpy as np

from ...analysis import assign_stages
from ...analysis.psth import Stages
from .networks import learning_span


def evenly(rows: np.ndarray, most: int) -> np.ndarray:
    """Return at most ``most`` of the rows, evenly spread, the first and the last among them."""
    places = np.linspace(0, len(rows) - 1, min(most, len(rows)))
    return np.asarray(rows[np.unique(places.round().astype(int))])


def of_each_stage(performance: np.ndarray, largest: int, most: int) -> np.ndarray:
    """Return the rows of at most ``most`` checkpoints of each stage by cuts, of those of :func:`learning_span`."""
    span = learning_span(performance, largest)
    membership = assign_stages(performance[span]).membership
    return np.sort(np.concatenate([evenly(span[members], most) for members in membership]))


def network_means(values: np.ndarray, stages: Stages) -> list[dict[str, Any]]:
    """Return the mean of (checkpoint, …) over the checkpoints of each stage that a network has, for each network."""
    found = []
    for network in range(len(stages.networks)):
        own = stages.membership & (stages.network_codes == network)
        members = zip(stages.names, own, strict=True)
        found.append({name: values[rows].mean(axis=0) for name, rows in members if rows.any()})
    return found
