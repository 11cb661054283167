"""Networks at the checkpoint that stands for each stage of a rule, and one number of each of them."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from ...analysis import assign_stages
from ...readers import Recording
from .networks import Network, followed
from .populations import STAGES


@dataclasses.dataclass(frozen=True)
class Moment:
    """A network at the checkpoint that stands for a stage, and what it does there on test trials."""

    network: str
    stage: str
    performance: float
    trials_seen: int
    recording: Recording


def representatives(network: Network, rule: str) -> dict[str, int]:
    """Return the row of the checkpoint that stands for each stage that a network has on a rule, in order of stages.

    Of the published windows (without the fault that empties some mid stages), the checkpoint whose performance is
    nearest to the stage's target.
    """
    stages = assign_stages(network.performance[rule], network.trials_seen, mode="windows")
    rows = zip(stages.names, stages.representative[:, 0].tolist(), strict=True)
    return {stage: row for stage, row in rows if row >= 0}


def at_stages(found: Sequence[Network], rule: str, stages: Sequence[str] = STAGES) -> Iterator[Moment]:
    """Yield every network at each of the stages that it has on a rule, replayed when it is asked for."""
    for network in found:
        rows = {stage: row for stage, row in representatives(network, rule).items() if stage in stages}
        if not rows:
            continue
        with followed([network], rule, _all_of(list(rows.values()))) as recordings:
            for at, (stage, row) in enumerate(rows.items()):
                performance, seen = float(network.performance[rule][row]), int(network.trials_seen[row])
                yield Moment(network.name, stage, performance, seen, recordings[at])


def _all_of(rows: list[int]) -> Callable[[Network], np.ndarray]:
    return lambda network: np.array(rows)


def fullest(moments: Sequence[Moment]) -> str:
    """Return the network with most stages, the first of equals."""
    names = [moment.network for moment in moments]
    return max(names, key=names.count)


def by_network(moments: Sequence[Moment], values: Sequence[float]) -> list[dict[str, float]]:
    """Return one number per moment as stage → number, for each network."""
    found: dict[str, dict[str, float]] = {}
    for moment, value in zip(moments, values, strict=True):
        found.setdefault(moment.network, {})[moment.stage] = float(value)
    return list(found.values())


def at_stage(found: Sequence[Mapping[str, float]], stage: str) -> list[float]:
    """Return the number of each network that has the stage."""
    return [values[stage] for values in found if stage in values]
