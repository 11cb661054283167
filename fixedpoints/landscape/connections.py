"""Connections: where each unstable direction of each saddle leads, the graph of attractors."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from ... import plotting
from ...errors import InputError
from ...results import Result, axes, count_noun, digest_arrays
from ..options import check_count, check_positive
from ..problem import ArrayLike, Dynamics, Step, host, make_problem, precision
from ..record import FixedPoints
from .departures import Departures, depart
from .ends import Ends, attractor_names, count_outcomes, default_limit, follow_to_the_end
from .scene import Scene, make_scene
from .settling import SENTENCES, Outcome, Watch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[Any]

# An orbit passes through another saddle when it comes this near, as a share of the way between the two.
_PASSES = 1e-3
_LONGEST = 200_000


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Connections(Result):
    """Where the unstable directions of fixed points lead, one row per direction (edge).

    Attributes
    ----------
    dynamics : {"map", "flow"}
    states : ndarray, shape (point, unit)
        The points given; ``n_unstable`` (point,) how many directions of each are unstable.
    source : ndarray of int, shape (edge,)
        Row of the point that the edge leaves.
    kinds : ndarray of int8, shape (edge,)
        0 along a real eigenvector, 1 at a phase in the plane of a complex pair, 2 sampled from the sphere of all
        unstable directions (only where these are two or more, and no single complex pair).
    numbers : ndarray of int, shape (edge,)
        Of the eigenvalue, fastest growing first; of the sample.
    signs : ndarray of int8, shape (edge,)
        +1 or −1 along an eigenvector whose largest component is positive; 0 otherwise.
    phases : ndarray, shape (edge,), rad
    alternating : ndarray of bool, shape (edge,)
        The eigenvalue of a map is below −1: orbits change sides at each step, and both signs lead to one attractor.
    directions : ndarray, shape (edge, unit), length 1
    distances : ndarray, shape (edge,)
        Length of the displacement from the point that the orbit starts with.
    nonlinearity : ndarray, shape (edge,)
        Share of the first move that the Jacobian does not explain, at most 1e-3 unless the map has a kink there.
    target : ndarray of int, shape (edge,)
        Number of the attractor that the edge leads to, −1 for none.
    resting : ndarray of int, shape (edge,)
        Row of the unstable point that the orbit came to rest at: a connection of saddles to the last bit; −1 otherwise.
    via : ndarray of int, shape (edge,)
        Row of the other unstable point that the orbit passes through, to a thousandth of the distance between the
        two; −1 for none. A connection from saddle to saddle shows as ``via`` and a ``target`` that rounding chose.
    closest : ndarray of int, shape (edge,)
        Row of the other unstable point that the orbit came closest to, −1 if there is no other.
    closest_distance : ndarray, shape (edge,)
    outcomes : ndarray of int8, shape (edge,)
        Codes of :class:`~dynascope.fixedpoints.landscape.settling.Outcome`.
    ages : ndarray, shape (edge,)
        Steps (map) or time (flow) until settled.
    attractors, periods, points : ndarray, shapes (attractor, unit), (attractor,) and (attractor,)
        As in :class:`~dynascope.fixedpoints.Basins`.
    """

    dynamics: Dynamics
    states: Array = axes("point", "unit")
    n_unstable: Array = axes("point")
    source: Array = axes("edge")
    kinds: Array = axes("edge")
    numbers: Array = axes("edge")
    signs: Array = axes("edge")
    phases: Array = axes("edge", units="rad")
    alternating: Array = axes("edge")
    directions: Array = axes("edge", "unit")
    distances: Array = axes("edge")
    nonlinearity: Array = axes("edge")
    target: Array = axes("edge")
    resting: Array = axes("edge")
    via: Array = axes("edge")
    closest: Array = axes("edge")
    closest_distance: Array = axes("edge")
    outcomes: Array = axes("edge")
    ages: Array = axes("edge")
    attractors: Array = axes("attractor", "unit")
    periods: Array = axes("attractor")
    points: Array = axes("attractor")

    kind: ClassVar[str] = "connections"

    def __len__(self) -> int:
        return len(self.source)

    def names(self) -> list[str]:
        """Return what each attractor is called: its point's number, or its period."""
        return attractor_names(self.periods, self.points, self.dynamics)

    def endings(self) -> Mapping[str, int]:
        """Return how many edges ended in each way."""
        return count_outcomes(self.outcomes)

    def leads_to(self, point: int) -> list[int]:
        """Return the numbers of the attractors that the edges of a point (a row of ``states``) lead to, ascending."""
        if not 0 <= point < len(self.states):
            raise InputError(f"point: expected a row from 0 to {len(self.states) - 1}, found {point!r}")
        reached = self.target[(self.source == point) & (self.target >= 0)]
        return [int(number) for number in np.unique(reached)]

    def neighbours(self, *, n_unstable: int | None = 1) -> dict[tuple[int, int], list[int]]:
        """Return the pairs of attractors that some unstable point leads to both of, with the rows of these points.

        By default only points with one unstable direction count: the border between two basins is the stable set of
        such a point, where more than two meet that of the others. None counts all.
        """
        found: dict[tuple[int, int], list[int]] = {}
        for point in np.unique(self.source).tolist():
            if n_unstable is not None and int(self.n_unstable[point]) != n_unstable:
                continue
            reached = self.leads_to(point)
            for i, first in enumerate(reached):
                for second in reached[i + 1 :]:
                    found.setdefault((first, second), []).append(point)
        return dict(sorted(found.items()))

    def summary(self) -> str:
        """Return what each unstable point leads to, and which attractors are neighbours, as text."""
        names = self.names()
        sources = np.unique(self.source).tolist()
        directions, points = count_noun(len(self), "direction"), count_noun(len(sources), "unstable point")
        lines = [f"{directions} of {points}, {count_noun(len(self.attractors), 'attractor')}"]
        for point in sources:
            own = self.source == point
            parts = [names[number] for number in self.leads_to(point)]
            lost = count_outcomes(self.outcomes[own & (self.target < 0) & (self.resting < 0)])
            parts += [f"{count} {sentence}" for sentence, count in lost.items()]
            passed = np.concatenate([self.via[own], self.resting[own]])
            through = np.unique(passed[passed >= 0]).tolist()
            passing = f"; past or into point {', '.join(map(str, through))}" if through else ""
            lines.append(f"  point {point} ({self.n_unstable[point]} unstable) → {', '.join(parts)}{passing}")
        pairs = [f"{names[first]} – {names[second]}" for first, second in self.neighbours()]
        return "\n".join([*lines, *([f"neighbours: {'; '.join(pairs)}"] if pairs else [])])

    def reasons(self) -> list[str]:
        """Return for each edge how its orbit ended, in a sentence."""
        return [SENTENCES[Outcome(code)] for code in self.outcomes.tolist()]

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the graph: attractors in the colours of the basins picture, unstable points open, who leads where."""
        from ..drawing.graph import draw_graph

        drawn = plotting.axes_or_new(ax, width=5.0, height=4.4)
        draw_graph(drawn, self)
        return drawn


def connections(
    step: Step,
    points: FixedPoints | ArrayLike,
    inputs: ArrayLike | None = None,
    *,
    dynamics: Dynamics = "map",
    n_steps: int | None = None,
    duration: float | None = None,
    n_phases: int = 8,
    n_samples: int | None = None,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> Connections:
    """Return where each unstable direction of each point leads: to which attractor, and past which other saddle.

    Orbits start at x* ± εv for each real unstable eigenvector v, at ``n_phases`` phases in the plane of each complex
    pair, and, where more than one such direction is unstable, along directions sampled from the sphere of all. ε is so
    small that the first move is linear to a thousandth, or as nearly as it gets.

    Parameters
    ----------
    step : callable
        As for :func:`~dynascope.fixedpoints.find_fixed_points`.
    points : FixedPoints, or array of shape (k, state)
        All fixed points known, stable and unstable.
    inputs : array or tensor, shape (input,), or None
        The one constant input. Only points found under it are used.
    dynamics : {"map", "flow"}
    n_steps : int ≥ 1 or None
        Longest orbit of a map; None means 10 000 and the time to leave the slowest saddle, at most 200 000.
    duration : float > 0 or None
        Longest orbit of a flow; None means 200 times the slowest time constant of the points.
    n_phases : int ≥ 1
    n_samples : int ≥ 0 or None
        Sampled directions per point; None means 16 times 2 to the number of unstable directions, at most 512.
    seed : int
        Of the sampled directions.
    dtype : torch.float64 or torch.float32

    Returns
    -------
    Connections

    Raises
    ------
    InputError
        If an argument has a wrong shape, dtype or range, or ``points`` are not at rest under ``step`` and ``inputs``.

    Notes
    -----
    Orbits settle as in :func:`~dynascope.fixedpoints.basins`. A real eigenvalue of a map below −1 makes orbits
    alternate between both sides: the two signs are one orbit seen from its two ends, and both are followed. That an
    orbit joins two saddles cannot be decided in floating point; ``via`` says that it passes through one to a thousandth
    of the way.

    Examples
    --------
    >>> found = connections(lambda x: torch.tanh(2 * x), np.array([[-0.957504], [0.957504], [0.0]]))
    >>> found.source, found.signs, found.target
    (array([2, 2]), array([ 1, -1], dtype=int8), array([1, 0]))
    """
    check_count("n_phases", n_phases)
    check_count("seed", seed, 0)
    for name, value, least in (("n_steps", n_steps, 1), ("n_samples", n_samples, 0)):
        if value is not None:
            check_count(name, value, least)
    if duration is not None:
        check_positive("duration", duration)
    with precision(dtype), torch.inference_mode(mode=False), torch.enable_grad():
        scene = _scene(step, points, inputs, dynamics, dtype)
        departures = depart(scene, n_phases=n_phases, n_samples=n_samples, seed=seed)
        given = n_steps if dynamics == "map" else duration
        limit = _default_limit(scene, departures) if given is None else float(given)
        unstable = np.flatnonzero(scene.n_unstable > 0)
        watch = _watch(scene, unstable, departures)
        starts = scene.tensor(departures.starts(scene))
        ends = follow_to_the_end(scene, starts, limit=limit, watch=watch)
    parameters: dict[str, Any] = {"limit": limit, "n_phases": n_phases, "n_samples": n_samples, "seed": seed}
    parameters["dtype"] = str(dtype).removeprefix("torch.")
    return _record(scene, _all_states(points), departures, ends, unstable, parameters)


def _all_states(points: FixedPoints | ArrayLike) -> Array:
    given = points.states if isinstance(points, FixedPoints) else points
    return host(given).astype(float)


def _scene(
    step: Step, points: FixedPoints | ArrayLike, inputs: ArrayLike | None, dynamics: Dynamics, dtype: torch.dtype
) -> Scene:
    """Return the scene whose starts are the points themselves."""
    states = points.states if isinstance(points, FixedPoints) else points
    if len(states) == 0:
        raise InputError("points: there are none; expected the fixed points, with the unstable ones among them")
    if inputs is not None and np.ndim(inputs) != 1:
        raise InputError(f"inputs: expected one constant input of shape (input,), found {np.shape(inputs)}")
    problem = make_problem(step, states, inputs, dtype=dtype, dynamics=dynamics)
    return make_scene(problem, points)


def _watch(scene: Scene, unstable: Array, departures: Departures) -> Watch:
    place = np.full(len(scene.points), -1)
    place[unstable] = np.arange(len(unstable))
    return Watch(scene.tensor(scene.points[unstable]), torch.as_tensor(place[departures.source]))


def _default_limit(scene: Scene, departures: Departures) -> float:
    """Return the default limit and, for a map, three times the steps to leave the slowest unstable point."""
    limit = default_limit(scene)
    if scene.problem.dynamics == "flow" or not len(departures.source):
        return limit
    sizes = np.abs(scene.eigenvalues)
    growing = sizes[sizes > 1 + 1e-7]
    leaving = np.log(scene.scale / departures.distance.min()) / np.log(growing.min())
    return float(min(limit + np.ceil(3 * leaving), _LONGEST))


def _record(
    scene: Scene, states: Array, departures: Departures, ends: Ends, unstable: Array, parameters: Mapping[str, Any]
) -> Connections:
    rows, settled = scene.rows, ends.settled
    n_unstable = np.full(len(states), -1)
    n_unstable[rows] = scene.n_unstable
    near = np.append(unstable, -1)[settled.nearest]  # row of scene.points
    apart = np.linalg.norm(scene.points[near] - scene.points[departures.source], axis=1) if len(near) else np.zeros(0)
    passes = (near >= 0) & (settled.distances <= _PASSES * apart)
    closest = np.append(rows, -1)[near]
    digested = [scene.points, *([] if scene.problem.inputs is None else [host(scene.problem.inputs[0])])]
    return Connections(
        dynamics=scene.problem.dynamics,
        states=states,
        n_unstable=n_unstable,
        source=rows[departures.source],
        kinds=departures.kind.astype(np.int8),
        numbers=departures.number,
        signs=departures.sign.astype(np.int8),
        phases=departures.phase,
        alternating=departures.alternating,
        directions=departures.directions,
        distances=departures.distance,
        nonlinearity=departures.nonlinearity,
        target=ends.assignment,
        resting=ends.resting,
        via=np.where(passes, closest, -1),
        closest=closest,
        closest_distance=settled.distances,
        outcomes=settled.outcomes.astype(np.int8),
        ages=settled.ages,
        attractors=ends.attractors,
        periods=ends.periods,
        points=ends.points,
        parameters=parameters,
        input_digest=digest_arrays(digested),
    )
