"""Where to leave an unstable point: its unstable directions, and how small a step keeps the linear part in charge."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from ..problem import host
from ..stability import MARGIN, growth
from .scene import Scene

Array = npt.NDArray[Any]

# First displacement, as a share of the distance to the nearest other point, and the least share tried.
_FIRST, _LEAST = 1e-3, 1e-8
# Largest share of the first move that may not be linear.
_LINEAR = 1e-3
_MOST_SAMPLES = 512

KINDS = ("eigenvector", "phase", "sample")


@dataclasses.dataclass(frozen=True, eq=False)
class Departures:
    """Starts beside unstable points, one row per direction.

    Attributes
    ----------
    source : (d,) row of ``scene.points``
    kind : (d,) index into KINDS: along a real eigenvector, at a phase in the plane of a complex pair, or sampled
        from the sphere of all unstable directions
    number : (d,) of the eigenvalue, by descending modulus (map) or real part (flow); of the sample
    sign : (d,) +1 or −1 along an eigenvector, 0 otherwise
    phase : (d,) rad, 0 outside a plane
    alternating : (d,) whether the eigenvalue of a map is real and below −1: orbits change sides at each step
    directions : (d, state), length 1
    distance : (d,), length of the displacement
    nonlinearity : (d,), share of the first move that the Jacobian does not explain
    """

    source: Array
    kind: Array
    number: Array
    sign: Array
    phase: Array
    alternating: Array
    directions: Array
    distance: Array
    nonlinearity: Array

    def starts(self, scene: Scene) -> Array:
        """Return the states to start from, (d, state)."""
        made: Array = scene.points[self.source] + self.distance[:, None] * self.directions
        return made


@dataclasses.dataclass(frozen=True)
class _Direction:
    source: int
    kind: str
    number: int
    sign: int
    phase: float
    vector: Array
    alternating: bool = False


def depart(scene: Scene, *, n_phases: int, n_samples: int | None, seed: int) -> Departures:
    """Return the departures from all unstable points of the scene."""
    found: list[_Direction] = []
    for row in np.flatnonzero(scene.n_unstable > 0):
        found += _directions_of(scene, int(row), n_phases, n_samples, seed)
    source = np.array([d.source for d in found], dtype=int)
    vectors = np.array([d.vector for d in found]).reshape(-1, scene.problem.n_states)
    distance, nonlinearity = _distances(scene, source, vectors)
    return Departures(
        source=source,
        kind=np.array([KINDS.index(d.kind) for d in found], dtype=int),
        number=np.array([d.number for d in found], dtype=int),
        sign=np.array([d.sign for d in found], dtype=int),
        phase=np.array([d.phase for d in found], dtype=float),
        alternating=np.array([d.alternating for d in found], dtype=bool),
        directions=vectors,
        distance=distance,
        nonlinearity=nonlinearity,
    )


def _directions_of(scene: Scene, row: int, n_phases: int, n_samples: int | None, seed: int) -> list[_Direction]:
    values, vectors = np.linalg.eig(scene.jacobians[row].astype(float))
    unstable = growth(values, scene.problem.dynamics) > MARGIN
    values, vectors = values[unstable], vectors[:, unstable]
    # A degenerate pair may come out with imaginary parts that are rounding error only.
    values = np.where(np.abs(values.imag) <= 1e-9 * np.abs(values), values.real, values)
    leading = np.abs(values) if scene.problem.dynamics == "map" else values.real
    order = np.lexsort((-values.imag, -values.real, -leading))
    found, spanned = [], []
    for number, index in enumerate(order.tolist()):
        value, vector = values[index], vectors[:, index]
        if value.imag < 0:
            continue
        if value.imag == 0:
            real = _signed(vector.real if np.abs(vector.real).max() > 0 else vector.imag)
            spanned.append(real)
            flips = scene.problem.dynamics == "map" and value.real < 0
            found += [
                _Direction(row, "eigenvector", number, sign, 0.0, sign * real, alternating=flips) for sign in (1, -1)
            ]
        else:
            plane, _ = np.linalg.qr(np.stack([vector.real, vector.imag], axis=1))
            spanned += [plane[:, 0], plane[:, 1]]
            for phase in 2 * np.pi * np.arange(n_phases) / n_phases:
                around = np.cos(phase) * plane[:, 0] + np.sin(phase) * plane[:, 1]
                found.append(_Direction(row, "phase", number, 0, float(phase), around))
    if len(spanned) > 1 and not (len(spanned) == 2 and values.imag.any()):
        found += _samples(row, np.stack(spanned, axis=1), n_samples, seed)
    return found


def _signed(vector: Array) -> Array:
    """Return the eigenvector at length 1 with its largest component positive: its sign is the library's whim."""
    scaled: Array = vector * np.sign(vector[np.abs(vector).argmax()]) / np.linalg.norm(vector)
    return scaled


def _samples(row: int, spanned: Array, n_samples: int | None, seed: int) -> list[_Direction]:
    """Return directions uniform on the sphere of the unstable subspace; 16 per orthant unless told."""
    basis, _ = np.linalg.qr(spanned)
    n_drawn = min(16 * 2 ** basis.shape[1], _MOST_SAMPLES) if n_samples is None else n_samples
    drawn = np.random.default_rng([seed, row]).standard_normal((n_drawn, basis.shape[1])) @ basis.T
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return [_Direction(row, "sample", number, 0, 0.0, vector) for number, vector in enumerate(drawn)]


def _distances(scene: Scene, source: Array, directions: Array) -> tuple[Array, Array]:
    """Return how far to step along each direction, and how far from linear the first move then is, both (d,).

    The distance begins at a thousandth of that to the nearest other point and shrinks until the move is
    linear to a thousandth; where it never is (a kink at the point) the most nearly linear one is kept.
    """
    nearest = _nearest_neighbour(scene)[source]
    best, best_error = _FIRST * nearest, np.full(len(source), np.inf)
    linear = np.einsum("dij,dj->di", scene.jacobians[source].astype(float), directions)
    # Differences of states have this much rounding; below a hundred times as much nothing is learnt.
    rounding = np.finfo(float).eps * (1 + np.linalg.norm(scene.points[source], axis=1))
    trial = best.copy()
    while len(trial) and (best_error > _LINEAR).any():
        states = scene.points[source] + trial[:, None] * directions
        ends = scene.tensor(np.concatenate([states, scene.points[source]]))
        value = host(scene.problem.map(ends, scene.inputs(len(ends)))).astype(float)
        moved = value[: len(states)] - value[len(states) :]
        size = np.linalg.norm(moved, axis=1)
        error = np.linalg.norm(moved - trial[:, None] * linear, axis=1) / np.where(size > 0, size, 1)
        better = (np.nan_to_num(error, nan=np.inf) < best_error) & (best_error > _LINEAR)
        best, best_error = np.where(better, trial, best), np.where(better, error, best_error)
        trial = trial / 4
        if (trial < np.maximum(_LEAST * nearest, 1e4 * rounding)).all():
            break
    return best, best_error


def _nearest_neighbour(scene: Scene) -> Array:
    """Return the distance of each point to its nearest other one, that of the scene if it is alone, (k,)."""
    apart = np.linalg.norm(scene.points[:, None] - scene.points[None], axis=2)
    np.fill_diagonal(apart, scene.scale)
    return np.asarray(np.minimum(apart.min(axis=1, initial=np.inf), scene.scale))
