"""Fixed points through training: found at every checkpoint and linked from each to the next."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ...errors import InputError
from ...results import digest_arrays
from ..find import find_fixed_points
from ..problem import ArrayLike, Dynamics, Step, host, precision
from ..record import FixedPoints
from . import events
from .system import System, make_system
from .trace import NO_TANGENT, Limits, Walk, walk
from .tracking_record import BIRTH, DEATH, GAINED, LOST, Tracking

Array = npt.NDArray[Any]

# Two states this close, as a share of their size, are the same point reached in two ways.
_SAME = 1e-5


def track_points(
    steps: Sequence[Step],
    labels: Sequence[float],
    starts: ArrayLike | Sequence[ArrayLike],
    inputs: ArrayLike | None = None,
    *,
    between: Sequence[Callable[[Tensor, Tensor], Tensor]] | None = None,
    dynamics: Dynamics = "map",
    gate: float = 0.5,
    max_step: float = 0.05,
    max_points: int = 500,
    label_name: str = "trials seen",
) -> Tracking:
    """Return the fixed points at every checkpoint and the tracks that link them.

    Each checkpoint is searched from its starts and from the points of its neighbours, forwards and backwards, so that
    a point found once is looked for everywhere.

    Parameters
    ----------
    steps : maps, one per checkpoint, as for :func:`~dynascope.fixedpoints.find_fixed_points`
    labels : ascending numbers, one per checkpoint, for example trials seen
    starts : array or tensor (n, state), or a list of one such array per checkpoint
    inputs : (input,) or None, the same constant input everywhere
    between : interpolated maps or None
        One per pair of neighbouring checkpoints: (n, state), (n, 1) → (n, state), checkpoint i at p = 0 and i + 1 at
        p = 1, for example from :func:`along_weights`; any ``inputs`` are built in. Points are then linked by following
        each along p: two that meet in a fold die together. None: points are linked to their nearest
        neighbours, as pairs of least total distance (the Hungarian method).
    dynamics : {"map", "flow"}
    gate : float > 0
        Without ``between``: the longest link, as a share of the distance to the nearest other point.
    max_step, max_points : of each walk along p, as for :func:`continue_branch`
    label_name : what the labels count, for the picture

    Raises
    ------
    InputError
        If the lists differ in length, labels do not ascend, or the maps cannot be searched.

    Notes
    -----
    The straight line between weights is one way from one checkpoint to the next, not the one that training took.
    Nearest neighbours need checkpoints that are close: a point that moves farther than ``gate`` times the distance to
    the next one is reported as a death and a birth.

    Examples
    --------
    >>> steps = [lambda x, g=g: torch.tanh(g * x) for g in (0.5, 1.5, 2.0)]
    >>> track_points(steps, [0, 100, 200], np.linspace(-1, 1, 7)[:, None]).counts()
    array([1, 3, 3])
    """
    places, given = _checked(steps, labels, starts, between, gate)
    found = _found_everywhere(steps, given, inputs, dynamics)
    notes: list[str] = []
    linker = _Nearest(gate) if between is None else _Continuation(between, dynamics, max_step, max_points, notes)
    return Tracking(
        dynamics=dynamics,
        labels=places,
        **_Tracks.linked(found, linker).arrays(places),
        linking=linker.name,
        label_name=label_name,
        notes=notes,
        parameters={"gate": gate, "max_step": max_step, "max_points": max_points},
        input_digest=digest_arrays(given),
    )


@dataclasses.dataclass(frozen=True, eq=False)
class _Points:
    """Points of one checkpoint; a row of every array each."""

    states: Array
    eigenvalues: Array
    stable: Array
    n_unstable: Array

    @classmethod
    def of(cls, found: FixedPoints) -> "_Points":
        return cls(found.states, found.eigenvalues, found.stable, found.n_unstable)


@dataclasses.dataclass(frozen=True, eq=False)
class _Links:
    """What became of the points of a checkpoint in the next one.

    Attributes
    ----------
    next : for each point the row of the next checkpoint, −1 if it dies
    left, left_states : where in between (0 to 1), and in what state, a point died or changed its stability
    begun, begun_states : where and in what state a new point was born
    """

    next: Array
    left: Array
    left_states: Array
    begun: Array
    begun_states: Array

    @classmethod
    def halfway(cls, before: _Points, after: _Points) -> "_Links":
        """Return no links, with everything halfway, to be filled in."""
        left, begun = (np.full(len(points.states), 0.5) for points in (before, after))
        return cls(np.full(len(left), -1), left, before.states.copy(), begun, after.states.copy())


class _Nearest:
    name = "nearest neighbours"

    def __init__(self, gate: float) -> None:
        self.gate = gate

    def link(self, gap: int, before: _Points, after: _Points) -> _Links:
        """Return the pairs of least total distance among those within the gate."""
        links = _Links.halfway(before, after)
        if len(before.states) and len(after.states):
            distance = np.linalg.norm(before.states[:, None] - after.states[None], axis=-1)
            allowed = distance <= self.gate * np.minimum(_spacing(before.states)[:, None], _spacing(after.states)[None])
            # A forbidden pair costs more than all allowed ones together.
            cost = np.where(allowed, distance, 1 + distance[allowed].sum() + distance.max())
            rows, columns = linear_sum_assignment(cost)
            kept = allowed[rows, columns]
            links.next[rows[kept]] = columns[kept]
        return links


class _Continuation:
    name = "continuation"

    def __init__(
        self,
        between: Sequence[Callable[[Tensor, Tensor], Tensor]],
        dynamics: Dynamics,
        max_step: float,
        max_points: int,
        notes: list[str],
    ) -> None:
        self.between, self.dynamics, self.notes = between, dynamics, notes
        self.max_step, self.max_points = max_step, max_points

    def link(self, gap: int, before: _Points, after: _Points) -> _Links:
        """Follow every point of the checkpoint to the next, and every one still without a link back."""
        links = _Links.halfway(before, after)
        for row, state in enumerate(before.states):
            end, links.left[row], links.left_states[row] = self._walk(gap, state, 0.0)
            if end is None:
                continue
            partner = _row_of(end, after.states)
            if partner < 0:
                self._note(f"a point between checkpoints {gap} and {gap + 1} leads to one that the search did not find")
            elif partner in links.next:
                self._note(f"two points of checkpoint {gap} lead to one of checkpoint {gap + 1}: branches cross there")
            else:
                links.next[row] = partner
        for row in sorted(set(range(len(after.states))) - set(links.next.tolist())):
            links.begun[row], links.begun_states[row] = self._walk(gap, after.states[row], 1.0)[1:]
        return links

    def _walk(self, gap: int, state: Array, origin: float) -> tuple[Array | None, float, Array]:
        """Return the state at the other end of the gap, None if the walk turns back, and where what happened."""
        scale = float(max(np.linalg.norm(state), np.sqrt(len(state))))
        with precision(torch.float64), torch.inference_mode(mode=False), torch.enable_grad():
            system = make_system(
                self.between[gap], state, origin, dynamics=self.dynamics, state_scale=scale, parameter_scale=1.0
            )
            walked = self._walked(system, system.scaled(state, origin), origin)
        if walked.reason == NO_TANGENT or not walked.reason.startswith("reached"):
            self._note(f"between checkpoints {gap} and {gap + 1}: {walked.reason}")
        return _outcome(system, walked, origin, state)

    def _walked(self, system: System, z: Array, origin: float) -> Walk:
        along = np.zeros(len(z))
        along[-1] = 1.0 if origin == 0 else -1.0
        start = events.described_start(system, z, along)
        if start is None:
            return Walk([], [], NO_TANGENT)
        limits = Limits(
            low=0.0,
            high=1.0,
            max_points=self.max_points,
            max_step=self.max_step,
            state_bound=100 * system.state_scale,
        )
        return walk(system, start, limits)

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)


def _outcome(system: System, walked: Walk, origin: float, state: Array) -> tuple[Array | None, float, Array]:
    """Return where a walk over a gap arrived, None if it did not, and place and state of the bifurcation on its way."""
    arrived = bool(walked.points) and abs(system.parameter(walked.points[-1].z) - (1 - origin)) < 1e-12
    turned = [special for special in walked.specials if special.type == events.FOLD]
    # What turns a walk back is its first fold; on the way through, whatever changed the stability.
    seen = walked.specials if arrived or not turned else turned
    end = system.state(walked.points[-1].z) if arrived else None
    if not seen:
        return end, 0.5, state
    return end, system.parameter(seen[0].point.z), system.state(seen[0].point.z)


@dataclasses.dataclass(frozen=True, eq=False)
class _Tracks:
    """Points of all checkpoints with the number of their track, and what happened."""

    points: list[_Points]
    numbers: list[Array]
    happened: list[tuple[str, int, float, Array]]  # type, track, checkpoint + share of the gap, state

    @classmethod
    def linked(cls, points: list[_Points], linker: "_Nearest | _Continuation") -> "_Tracks":
        numbers = [np.arange(len(points[0].states))]
        happened: list[tuple[str, int, float, Array]] = []
        n_tracks = len(points[0].states)
        for gap in range(len(points) - 1):
            before, after = points[gap], points[gap + 1]
            links = linker.link(gap, before, after)
            own = np.full(len(after.states), -1)
            for row, following in enumerate(links.next):
                track = int(numbers[gap][row])
                if following < 0:
                    happened.append((DEATH, track, gap + float(links.left[row]), links.left_states[row]))
                    continue
                own[following] = track
                if before.stable[row] != after.stable[following]:
                    kind = GAINED if after.stable[following] else LOST
                    happened.append((kind, track, gap + float(links.left[row]), links.left_states[row]))
            for row in np.flatnonzero(own < 0).tolist():
                own[row] = n_tracks
                happened.append((BIRTH, n_tracks, gap + float(links.begun[row]), links.begun_states[row]))
                n_tracks += 1
            numbers.append(own)
        return cls(points, numbers, happened)

    def arrays(self, labels: Array) -> dict[str, Array]:
        """Return the arrays of the record."""
        places = np.array([place for _, _, place, _ in self.happened], float)
        states = np.concatenate([points.states for points in self.points])
        return {
            "checkpoint": np.repeat(np.arange(len(labels)), [len(points.states) for points in self.points]),
            "track": np.concatenate(self.numbers).astype(int),
            "states": states,
            "eigenvalues": np.concatenate([points.eigenvalues for points in self.points]),
            "stable": np.concatenate([points.stable for points in self.points]),
            "n_unstable": np.concatenate([points.n_unstable for points in self.points]),
            "event_types": np.array([kind for kind, _, _, _ in self.happened], dtype=np.str_),
            "event_track": np.array([track for _, track, _, _ in self.happened], dtype=int),
            "event_label": np.interp(places, np.arange(len(labels)), labels),
            "event_states": np.array([state for _, _, _, state in self.happened]).reshape(-1, states.shape[1]),
        }


def _found_everywhere(
    steps: Sequence[Step], starts: list[Array], inputs: ArrayLike | None, dynamics: Dynamics
) -> list[_Points]:
    """Return the points of every checkpoint, searched forwards and then backwards with the neighbours' points."""
    found: list[_Points] = []
    for step, rows in zip(steps, starts, strict=True):
        known = [rows, found[-1].states] if found else [rows]
        found.append(_search(step, np.concatenate(known), inputs, dynamics))
    for index in range(len(steps) - 2, -1, -1):
        known = [starts[index], found[index].states, found[index + 1].states]
        found[index] = _search(steps[index], np.concatenate(known), inputs, dynamics)
    return found


def _search(step: Step, starts: Array, inputs: ArrayLike | None, dynamics: Dynamics) -> _Points:
    return _Points.of(find_fixed_points(step, starts, inputs, dynamics=dynamics, certify=False))


def _spacing(states: Array) -> Array:
    """Return the distance from each state to the nearest other one, (k,); the norm of the only state, at least 1."""
    if len(states) == 1:
        return np.array([max(float(np.linalg.norm(states)), 1.0)])
    distance = np.linalg.norm(states[:, None] - states[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    return np.asarray(distance.min(axis=1))


def _row_of(state: Array, states: Array) -> int:
    if not len(states):
        return -1
    distance = np.linalg.norm(states - state, axis=1)
    nearest = int(distance.argmin())
    return nearest if distance[nearest] <= _SAME * max(1.0, float(np.linalg.norm(state))) else -1


def _checked(
    steps: Sequence[Step],
    labels: Sequence[float],
    starts: ArrayLike | Sequence[ArrayLike],
    between: Sequence[Any] | None,
    gate: float,
) -> tuple[Array, list[Array]]:
    if not len(steps):
        raise InputError("steps: expected at least one map, found none")
    places = np.asarray(labels, float)
    if places.shape != (len(steps),) or not np.isfinite(places).all() or (np.diff(places) <= 0).any():
        raise InputError(f"labels: expected {len(steps)} ascending numbers, one per step, found {list(labels)}")
    if between is not None and len(between) != len(steps) - 1:
        raise InputError(f"between: expected {len(steps) - 1} maps, one per pair of neighbours, found {len(between)}")
    if not 0 < gate < np.inf:
        raise InputError(f"gate: expected a number > 0, found {gate!r}")
    return places, starts_of_each(starts, len(steps))


def starts_of_each(starts: ArrayLike | Sequence[ArrayLike], n_maps: int) -> list[Array]:
    """Return the starts of every map, each (n, state) with the same number of state variables."""
    given = [host(part) for part in (starts if isinstance(starts, (list, tuple)) else [starts] * n_maps)]
    sizes = {rows.shape[1:] for rows in given}
    if len(given) != n_maps or len(sizes) != 1 or any(rows.ndim != 2 for rows in given):
        raise InputError(
            f"starts: expected shape (n, state), or a list of {n_maps} such arrays, found "
            f"{[rows.shape for rows in given][:5]}"
        )
    return given
