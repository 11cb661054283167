"""Fixed points through training with exact bifurcations: what appears, disappears or changes while a network learns."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from ...errors import InputError, unknown_name
from ...results import digest_arrays
from ..find import find_fixed_points
from ..problem import DYNAMICS, ArrayLike, Dynamics, Step
from ..record import FixedPoints
from .parameters import Parametrized
from .passage import Passage, Walking, passage
from .tracking import starts_of_each
from .training_branches import Branches, continua
from .training_points import Readout, points_through_training, slow_points_through_training
from .training_record import TrainingDiagram

Array = npt.NDArray[Any]

# Continuation finds points that the search missed, whose other ends are then to be followed in the neighbouring gaps.
# Each round takes them one gap farther.
_ROUNDS = 4


def training_diagram(
    between: Sequence[Parametrized],
    trials_seen: Sequence[float],
    starts: ArrayLike | Sequence[ArrayLike],
    *,
    dynamics: Dynamics = "map",
    dt: float | None = None,
    readout: Readout | Sequence[Readout] | None = None,
    certify: bool = True,
    slow_points: bool = True,
    slow_tolerance: float = 1e-3,
    switch: bool = False,
    max_step: float = 0.05,
    max_points: int = 500,
    max_branches: int = 64,
    state_scale: float | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> TrainingDiagram:
    """Return the fixed points of a network at its checkpoints, how they are connected, and where they bifurcate.

    Each checkpoint is searched from its own starts and from the points of its neighbours, forwards and backwards. All
    points are then followed from each checkpoint to the next as the weights move along a straight line, by
    pseudo-arclength continuation: pairs are born and die in folds, points split in pitchforks, begin to oscillate in
    Hopf and Neimark-Sacker bifurcations, each located to rounding on that line.
    :func:`~dynascope.fixedpoints.track_points` is the cheaper relative: it links points and needs no line.

    Parameters
    ----------
    between : sequence of callables, one per pair of neighbouring checkpoints
        (n, state), (n, 1) → (n, state): the earlier network at 0, the later at 1; inputs are built in.
        ``along_checkpoints`` makes them from weights, ``along_family`` from a map with a parameter
        (:mod:`~dynascope.fixedpoints.following.checkpoints`).
    trials_seen : ascending numbers, one per checkpoint
    starts : array or tensor (n, state), or a list of one such array per checkpoint
        States that the network visits, and chords between them (:func:`~dynascope.fixedpoints.sample_starts`).
    dynamics : {"map", "flow"}
    dt : float > 0 or None
        Seconds per step of a map: time constants are then in seconds, otherwise in steps. Not for flows.
    readout : callable, list of one per checkpoint, or None
        States (k, state) → angles (k,), rad: where the network would look. NaN where it says nothing.
    certify : bool
        Whether to compute a certificate of existence and uniqueness for each point.
    slow_points, slow_tolerance : as for :func:`~dynascope.fixedpoints.find_fixed_points`
    switch : bool
        Whether to enter branches that cross on the way: finds points that the starts missed. Next to a continuum,
        where hundreds of branches meet, leave it off.
    max_step, max_points, max_branches, state_scale : as for :func:`~dynascope.fixedpoints.bifurcation_diagram`
        In each gap, whose length is the unit of the parameter. A branch ends ten times ``state_scale`` out.
    progress : callable
        Is told after each gap how many of how many are crossed.

    Raises
    ------
    InputError
        If the lists differ in length, trials do not ascend, an option is out of range, the readout returns something
        else than one angle per state, or a map cannot be searched.

    Notes
    -----
    Training did not take the straight line. What exists at checkpoints is certain; where in between it began
    is the place on the line. Per gap and branch some twenty points of 2 ms each for small systems, of 0.05 s for 256
    units, and twenty more for each bifurcation.

    Examples
    --------
    >>> from dynascope.fixedpoints.following.checkpoints import along_family
    >>> between = along_family(lambda x, w: (w * x).tanh(), [0.5, 0.8, 2.0])
    >>> found = training_diagram(between, [0, 100, 200], np.linspace(-1, 1, 7)[:, None])
    >>> found.counts().tolist(), found.of_type("pitchfork").round(6).tolist()
    ([1, 1, 3], [116.666667])
    """
    places = _checked_trials(trials_seen, between)
    given = starts_of_each(starts, len(places))
    walking = Walking(dynamics, switch, max_step, max_points, max_branches, state_scale)
    readouts = _checked_readouts(readout, len(places))
    _check_options(dynamics, dt)
    steps = [_at(between[min(index, len(between) - 1)], float(index == len(between))) for index in range(len(places))]
    own = [
        find_fixed_points(
            step, rows, dynamics=dynamics, certify=False, slow_points=slow_points, slow_tolerance=slow_tolerance
        )
        for step, rows in zip(steps, given, strict=True)
    ]
    found = _neighbours_tried(steps, own, dynamics)
    passages = _followed(between, found, walking, progress)
    known = [each.before for each in passages] + [passages[-1].after]
    final = [
        find_fixed_points(step, states, dynamics=dynamics, certify=certify) if len(states) else empty
        for step, states, empty in zip(steps, known, found, strict=True)
    ]
    branches = Branches.linked(passages, final)
    return TrainingDiagram(
        dynamics=dynamics,
        dt=None if dt is None else float(dt),
        trials_seen=places,
        **points_through_training(final, branches, readouts),
        **slow_points_through_training(own, readouts),
        **branches.arrays(places),
        parameters={
            "certify": certify, "slow_points": slow_points, "slow_tolerance": slow_tolerance, "switch": switch,
            "max_step": max_step, "max_points": max_points, "max_branches": max_branches, "state_scale": state_scale,
        },
        input_digest=digest_arrays(given),
    )  # fmt: skip


def _at(between: Parametrized, place: float) -> Callable[[Tensor], Tensor]:
    """Return the map at one place of the way to the next checkpoint."""
    return lambda states: between(states, states.new_full((len(states), 1), place))


def _neighbours_tried(steps: Sequence[Step], own: Sequence[FixedPoints], dynamics: Dynamics) -> list[FixedPoints]:
    """Return the points of every checkpoint after trying those of its neighbours, forwards and then backwards."""
    found = list(own)
    for index, neighbour in [(i, i - 1) for i in range(1, len(own))] + [
        (i, i + 1) for i in range(len(own) - 2, -1, -1)
    ]:
        rows = np.concatenate([found[index].states, found[neighbour].states])
        if len(rows):
            found[index] = find_fixed_points(steps[index], rows, dynamics=dynamics, certify=False)
    return found


def _followed(
    between: Sequence[Parametrized],
    found: Sequence[FixedPoints],
    walking: Walking,
    progress: Callable[[int, int], None],
) -> list[Passage]:
    """Return the passages of all gaps; points that one finds at its ends are followed in the gaps beside it."""
    known = [points.states for points in found]
    isolated = [continua(points).labels < 0 for points in found]
    passages: dict[int, Passage] = {}
    for _ in range(_ROUNDS):
        for gap, line in enumerate(between):
            if gap in passages and passages[gap].knows(known[gap], known[gap + 1]):
                continue
            passages[gap] = passage(line, known[gap], known[gap + 1], (isolated[gap], isolated[gap + 1]), walking)
            for index, states in ((gap, passages[gap].before), (gap + 1, passages[gap].after)):
                isolated[index] = np.append(isolated[index], np.ones(len(states) - len(known[index]), bool))
                known[index] = states
            progress(len(passages), len(between))
    return [passages[gap].with_points(known[gap], known[gap + 1]) for gap in range(len(between))]


def _checked_readouts(readout: Readout | Sequence[Readout] | None, n_checkpoints: int) -> Sequence[Readout] | None:
    if readout is None:
        return None
    readouts = [readout] * n_checkpoints if callable(readout) else list(readout)
    if len(readouts) != n_checkpoints:
        raise InputError(f"readout: expected a function, or {n_checkpoints}, one per checkpoint, found {len(readouts)}")
    return readouts


def _checked_trials(trials_seen: Sequence[float], between: Sequence[Parametrized]) -> Array:
    if not len(between):
        raise InputError("between: expected at least one map, from a checkpoint to the next, found none")
    places = np.asarray(trials_seen, float)
    if places.shape != (len(between) + 1,) or not np.isfinite(places).all() or (np.diff(places) <= 0).any():
        raise InputError(
            f"trials_seen: expected {len(between) + 1} ascending numbers, one more than maps, found {list(trials_seen)}"
        )
    return places


def _check_options(dynamics: str, dt: float | None) -> None:
    if dynamics not in DYNAMICS:
        raise InputError(unknown_name("dynamics", dynamics, DYNAMICS))
    if dt is None:
        return
    if isinstance(dt, bool) or not isinstance(dt, (int, float, np.number)) or not 0 < dt < np.inf:
        raise InputError(f"dt: expected a number of seconds > 0, found {dt!r}")
    if dynamics == "flow":
        raise InputError(f"dt: a flow has its own unit of time and takes no dt, found {dt!r}; leave it out")
