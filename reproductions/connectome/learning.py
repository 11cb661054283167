"""How fast and how well wirings learn, and whether topology matters once the initial spectral radius is the same."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from ...analysis import LearningComparison, compare_learning, learning_speed
from ...readers import open_archive
from ...trainers import checkpoint_models
from ...trainers.connectome.graph import spectral_radius
from ...trainers.connectome.tasks import UNIFORM_VARIANCE
from ..study import FindingsTable
from ..words import MISSING, between, interval, spread
from .networks import STRATEGIES, Curves, Wiring
from .published import MARMOSET_SETTLED

REMAPPED = tuple(strategy for strategy in STRATEGIES if strategy.remap)
# Rows of the arrays of a LearningComparison.
_MINIMUM, _SETTLED = 0, 2
# Of the variance of the numbers, what is left when 99 % is recalled.
_LEFT = 0.01


@dataclasses.dataclass(frozen=True, eq=False)
class Learnt:
    """What networks of one wiring learnt; arrays are (run,), epochs are counted as published.

    Attributes
    ----------
    curves : their validation losses
    radius : initial spectral radius
    """

    curves: Curves
    radius: np.ndarray

    @cached_property
    def minimum(self) -> np.ndarray:
        """Lowest validation loss."""
        return learning_speed(self.curves.loss).minimum

    @cached_property
    def settled(self) -> np.ndarray:
        """Epoch at which 99 % of the fall of a network's own loss is behind."""
        return learning_speed(self.curves.loss).settled_epoch

    @property
    def recalled(self) -> np.ndarray:
        """First epoch at which 99 % of the variance of the numbers is recalled, NaN if never.

        Unlike :attr:`settled` it does not depend on how bad the network was at first.
        """
        below = self.curves.loss <= _LEFT * UNIFORM_VARIANCE
        return np.where(below.any(1), below.argmax(1), np.nan)


Results = Mapping[Wiring, Learnt]


def learnt(curves: Curves) -> Learnt:
    """Return what networks learnt, with the spectral radius of the weights that they began with."""
    radii = []
    for path in curves.paths:
        with open_archive(path, verify=False) as archive:
            _, start = checkpoint_models(archive)[0]
            radii.append(spectral_radius(start.arrays()["recurrent_weight"]))
    return Learnt(curves, np.array(radii))


def own_gain(nulls: Sequence[str]) -> list[Wiring]:
    """Return each strategy with the connectome and with each null model, as the published comparison has them.

    Without remapping, weights shuffled on the mask are no other network than the connectome's.
    """
    pairs = itertools.product(STRATEGIES, ("bio", *nulls))
    return [Wiring(strategy, topology) for strategy, topology in pairs if strategy.remap or topology != "weights"]


def matched(nulls: Sequence[str]) -> list[Wiring]:
    """Return null models with the spectral radius of the connectome; without remapping they have it anyway."""
    return [Wiring(*pair, match_radius=True) for pair in itertools.product(REMAPPED, nulls)]


def ladder(radii: Sequence[float]) -> list[Wiring]:
    """Return the connectome and the published null model at each of several initial spectral radii."""
    pairs = itertools.product(radii, ("bio", "rand"))
    return [Wiring(REMAPPED[0], topology, radius=radius) for radius, topology in pairs]


def initialized(schemes: Sequence[str]) -> list[Wiring]:
    """Return the connectome and the published null model with other initial weights."""
    pairs = itertools.product(schemes, ("bio", "rand"))
    return [Wiring(REMAPPED[0], topology, scheme) for scheme, topology in pairs]


def compared(bio: Learnt, null: Learnt) -> LearningComparison:
    """Return rank-sum tests of a null model against the connectome."""
    return compare_learning({"bio": bio.curves.loss[np.newaxis], "null": null.curves.loss[np.newaxis]})


def later(bio: Learnt, null: Learnt) -> np.ndarray:
    """Return by how many epochs a null model settles later than the connectome, seed by seed (run,)."""
    return np.asarray(null.settled - bio.settled)


def worse(bio: Learnt, null: Learnt) -> np.ndarray:
    """Return log10 of the lowest loss of a null model over that of the connectome, seed by seed (run,)."""
    return np.asarray(np.log10(null.minimum / bio.minimum))


def table(results: Results, wirings: Sequence[Wiring], title: str, learning_rate: float) -> FindingsTable:
    """Return radius, lowest loss and epochs of each wiring."""
    published = MARMOSET_SETTLED.get(learning_rate, {})
    rows = []
    for wiring in wirings:
        own = results[wiring]
        theirs = published.get((wiring.strategy.name, wiring.topology)) if _is_published(wiring) else None
        rows.append([
            _name(wiring), wiring.topology, spread(own.radius, 2), f"{_geometric(own.minimum):.1e}",
            spread(own.settled, 0), _reached(own.recalled), theirs or MISSING,
        ])  # fmt: skip
    header = ["wiring", "topology", "radius", "lowest loss", "99 % of its fall", "99 % recalled", "marmoset, 99 %"]
    note = (
        "Mean ± s.d. over runs; the lowest validation loss is a geometric mean. Epoch at which 99 % of the fall of a "
        "network's own loss is behind, and epoch at which 99 % of the variance of the numbers is recalled (its median; "
        "in parentheses how many get there). Networks of a run have the same draws of weights and trials; all share a "
        "conversion of the connectome; null models are drawn anew. Last column: two seeds of the published program, "
        "ANOTHER SPECIES with twice as many units."
    )
    return FindingsTable(title, header, rows, note)


def control_table(results: Results, nulls: Sequence[str]) -> FindingsTable:
    """Return how each null model differs from the connectome at its own gain and at the connectome's."""
    rows = []
    for strategy, topology in itertools.product(REMAPPED, nulls):
        bio, cells = results[Wiring(strategy)], []
        for same in (False, True):
            null = results[Wiring(strategy, topology, match_radius=same)]
            cells += [spread(null.radius, 2), *_differences(bio, null)]
        rows.append([strategy.name, topology, *cells])
    columns = ["radius", "epochs later", "p", "log10 loss", "p"]
    header = ["strategy", "topology", *(f"{column}, {whose}" for whose in ("own", "bio's") for column in columns)]
    return FindingsTable("Topology with and without its gain: null models against the connectome", header, rows, _NOTE)


def ladder_table(results: Results, radii: Sequence[float]) -> FindingsTable:
    """Return how the published null model differs from the connectome when both have the same given radius."""
    rows = []
    for radius in radii:
        bio, null = (results[Wiring(REMAPPED[0], topology, radius=radius)] for topology in ("bio", "rand"))
        shown = [spread(bio.settled, 0), spread(null.settled, 0)]
        rows.append([f"{radius:g}", *shown, *_differences(bio, null)])
    header = ["radius", "bio, 99 %", "rand, 99 %", "epochs later", "p", "log10 loss", "p"]
    return FindingsTable(f"One radius for both, {REMAPPED[0].name}", header, rows, _NOTE)


_NOTE = (
    "Epochs by which the null model comes later to 99 % of the fall, and log10 of the ratio of its lowest loss to the "
    "connectome's: means of the differences between networks of one seed with 95 % intervals (Student's t). p: "
    "two-sided rank-sum tests, not adjusted. At its own radius a null model has weights as large as the connectome's; "
    "to get the radius that an outlying eigenvalue gives to the connectome all of its weights are made larger."
)


def control_remarks(results: Results, nulls: Sequence[str], radii: Sequence[float]) -> list[str]:
    """Return in words whether the connectome differs from null models once the radius is the same."""
    remarks = []
    for strategy in REMAPPED:
        bio = results[Wiring(strategy)]
        own, same = (results[Wiring(strategy, "rand", match_radius=match)] for match in (False, True))
        remarks.append(
            f"{strategy.name}: rand has the radius {own.radius.mean():.2f}, bio {bio.radius.mean():.2f}. With its own, "
            f"rand comes to 99 % {between(later(bio, own))} epochs after bio, and its lowest loss lies "
            f"{between(worse(bio, own), '+.2f')} decades above bio's; with bio's radius {between(later(bio, same))} "
            f"epochs and {between(worse(bio, same), '+.2f')} decades."
        )
        apart = [name for name in nulls if _differs(bio, results[Wiring(strategy, name, match_radius=True)])]
        alike = [name for name in nulls if name not in apart]
        remarks.append(
            f"{strategy.name}, at bio's radius: by the interval the 99 % epoch of "
            f"{', '.join(apart) or 'no null model'} differs from bio's, that of {', '.join(alike) or 'none'} does not."
        )
    at = [[results[Wiring(REMAPPED[0], name, radius=radius)] for name in ("bio", "rand")] for radius in radii]
    gaps = [abs(float(np.mean(later(bio, null)))) for bio, null in at]
    moved = [np.ptp([float(one[which].settled.mean()) for one in at]) for which in (0, 1)]
    remarks.append(
        f"Radius against topology, {REMAPPED[0].name}: from radius {radii[0]:g} to {radii[-1]:g} the 99 % epoch moves "
        f"by {moved[0]:.0f} epochs in bio and {moved[1]:.0f} in rand; between the two at one radius it differs by "
        f"{min(gaps):.0f} to {max(gaps):.0f}."
    )
    return remarks


def _differs(bio: Learnt, null: Learnt) -> bool:
    _, low, high = interval(later(bio, null))
    return low > 0 or high < 0


def _differences(bio: Learnt, null: Learnt) -> list[str]:
    tests = compared(bio, null).p_values[:, 0, 0]
    slower, poorer = (f"{tests[row]:.2g}" for row in (_SETTLED, _MINIMUM))
    return [between(later(bio, null)), slower, between(worse(bio, null), "+.2f"), poorer]


def _is_published(wiring: Wiring) -> bool:
    return wiring == Wiring(wiring.strategy, wiring.topology)


def _name(wiring: Wiring) -> str:
    extra = "" if wiring.initialization == "default" else f", {wiring.initialization}"
    return wiring.strategy.name + extra


def _geometric(values: np.ndarray) -> float:
    return float(np.exp(np.log(values).mean()))


def _reached(epochs: np.ndarray) -> str:
    found = epochs[np.isfinite(epochs)]
    return f"{np.median(found):.0f} ({len(found)} of {len(epochs)})" if len(found) else f"never (0 of {len(epochs)})"
