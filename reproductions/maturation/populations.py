"""What the studies of activity by stage share: the curves of the population at every checkpoint.

The population is that of the study: units selective in an epoch and excited by some location. Their normalised curves
are made once per checkpoint, and then averaged over stages, phases of training and epochs, with and without statistics.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ...analysis import StagePSTH, TrainingGrowth, preferred_psth, stage_psth, training_growth
from ..study import Workbench
from .networks import Followed, Network, learning_span

#: options of the analyses of preferred directions, as published
PUBLISHED: Mapping[str, Any] = {
    "mode": "published", "population": "selective", "normalize": "baseline", "baseline": "fix1",
    "responsive_epoch": "stim1",
}  # fmt: skip
#: the same with choices on other trials than are shown, corrected tests, and no cue needed to show a delay response
CORRECTED: Mapping[str, Any] = {"population": "selective", "normalize": "baseline", "baseline": "fix1"}
#: s: cue and response of the rules without a delay
CUE_WINDOWS = {"overlap": (1.0, 1.25), "zero_gap": (1.0, 1.25), "gap": (1.1, 1.35)}
STAGES = ("early", "mid", "mature")
DIRECTIONS = ("preferred", "opposite")
_QUANTITY = "change / baseline"
# Bands over units of one network are not looked at.
_FEW_RESAMPLES = 10


@dataclasses.dataclass(frozen=True)
class Curves:
    """Curves of the population at the checkpoints of some networks.

    ``activity`` has (direction, time, unit) for each checkpoint, NaN for units outside the population there; ``time``
    (time,) and ``epochs`` are in s; ``networks``, ``trials_seen`` and ``performance`` are (checkpoint,).
    """

    activity: Sequence[np.ndarray]
    time: np.ndarray
    epochs: Mapping[str, tuple[float, float]]
    networks: tuple[str, ...]
    trials_seen: np.ndarray
    performance: np.ndarray

    def of(self, network: str) -> "Curves":
        """Return the curves of one network."""
        own = [index for index, name in enumerate(self.networks) if name == network]
        return dataclasses.replace(
            self, activity=[self.activity[index] for index in own], networks=(network,) * len(own),
            trials_seen=self.trials_seen[own], performance=self.performance[own],
        )  # fmt: skip

    def by_stage(self, stages: Any, measure: Any = None) -> StagePSTH:
        """Return the mean curves of each stage with intervals over networks, over units if there is only one."""
        return self._averaged(stages, measure)

    def by_network(self, stages: Any, measure: Any = None) -> dict[str, StagePSTH]:
        """Return the mean curves of each stage of each network; ``stages`` are (checkpoint,) of names."""
        names = np.asarray(stages)
        return {
            network: self.of(network)._averaged(names[self._own(network)], measure, n_resamples=_FEW_RESAMPLES)
            for network in dict.fromkeys(self.networks)
            if (names[self._own(network)] != "").any()
        }

    def growth(self, network: str, measure: Any) -> TrainingGrowth:
        """Return the mean over an epoch at each checkpoint of one network."""
        own = self.of(network)
        return training_growth(
            own.activity, self.edges(measure), own.time, np.array(DIRECTIONS), trials_seen=own.trials_seen,
            performance=own.performance, n_resamples=_FEW_RESAMPLES, quantity=_QUANTITY,
        )  # fmt: skip

    def edges(self, measure: Any) -> Any:
        """Return an epoch given by name, or as it is."""
        return self.epochs[measure] if isinstance(measure, str) else measure

    def _own(self, network: str) -> np.ndarray:
        return np.asarray(np.array(self.networks) == network)

    def _averaged(self, stages: Any, measure: Any, **options: Any) -> StagePSTH:
        # The two directions are passed as two trials: their means are themselves.
        found = stage_psth(
            self.activity, self.time, np.array(DIRECTIONS), stages, networks=self.networks,
            measure=self.edges(measure), trials_seen=self.trials_seen, performance=self.performance,
            quantity=_QUANTITY, **options,
        )  # fmt: skip
        dims = {field.name: field.metadata.get("dims", ()) for field in dataclasses.fields(found)}
        flipped = {
            name: np.flip(getattr(found, name), own.index("condition"))
            for name, own in dims.items()
            if "condition" in own and getattr(found, name) is not None
        }
        # Labels are sorted; a legend begins with the preferred one.
        return dataclasses.replace(found, conditions=found.conditions[::-1], **flipped)


def population_curves(found: Followed, epoch: str, *, baseline: str | tuple[float, float] = "fix1") -> Curves:
    """Return the published curves of units selective in an epoch, for their preferred cue and the opposite one.

    One replay and one selection per checkpoint.
    """
    activity = []
    for recording in found:
        epochs = recording.epochs
        edges: dict[str, Any] = {
            "baseline": epochs[baseline] if isinstance(baseline, str) else baseline,
            "responsive_epoch": epochs["stim1"],
        }
        curves = preferred_psth(
            recording.activity, recording.time, recording.trials["cue"], epochs[epoch], **{**PUBLISHED, **edges}
        )
        activity.append(curves.mean)
    spans = {name: (float(start), float(stop)) for name, (start, stop) in epochs.items() if name != "trial"}
    return Curves(activity, curves.time, spans, found.networks, found.trials_seen, found.performance)


def span_of(bench: Workbench, rule: str) -> Callable[[Network], np.ndarray]:
    """Return what gives the checkpoints around the learning of a rule, as many as the budget allows per network."""
    return lambda network: learning_span(network.performance[rule], bench.budget["checkpoints"])


def epoch_means(found: StagePSTH, direction: str = "preferred") -> dict[str, float]:
    """Return the mean of each stage in the measured epoch."""
    assert found.epoch_mean is not None  # asked for
    return dict(zip(found.stages, found.epoch_mean[:, found.conditions.index(direction)].tolist(), strict=True))


def epoch_gap(found: StagePSTH, first: str, second: str, direction: str = "preferred") -> tuple[float, float, float]:
    """Return the second stage less the first in the measured epoch with its interval, NaN where a stage is missing."""
    if (second, first) in found.pairs:  # stages given by name are in order of appearance
        value, low, high = epoch_gap(found, second, first, direction)
        return -value, -high, -low
    if (first, second) not in found.pairs:
        return np.nan, np.nan, np.nan
    pair, at = found.pairs.index((first, second)), found.conditions.index(direction)
    parts = found.epoch_difference, found.epoch_difference_low, found.epoch_difference_high
    value, low, high = (float(part[pair, at]) for part in parts if part is not None)
    return value, low, high


def rising(by_network: Iterable[Mapping[str, float]], stages: Sequence[str] = STAGES) -> str:
    """Return in how many networks a number rises from stage to stage, in words, of those that have all the stages."""
    complete = [values for values in by_network if all(np.isfinite(values.get(stage, np.nan)) for stage in stages)]
    count = sum(bool((np.diff([values[stage] for stage in stages]) > 0).all()) for values in complete)
    return f"{count} of {len(complete)} networks"


def clear_rises(results: Mapping[str, StagePSTH], first: str, last: str = "mature") -> str:
    """Return the names of what is larger at the last stage by its interval over networks, in words."""
    if any(found.drawn != "networks" for found in results.values()):
        return "no interval with one network"
    clear = [name for name, found in results.items() if epoch_gap(found, first, last)[1] > 0]
    return ", ".join(clear) or "none"
