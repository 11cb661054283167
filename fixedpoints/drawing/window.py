"""The window of a picture: how much of a plane to show, and which points crowd in it."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# Points nearer than this share of the picture cannot be told apart.
_OVERLAP = 0.035
# Trajectories that reach this many times farther than the points, both ways, are cut off by the window.
_DWARFED = 3.0


def worth_showing(marks: Array, paths: Array | None) -> Array:
    """Return what the window must hold: the points and the trajectories, unless these would dwarf the points."""
    if paths is None:
        return marks
    visited = paths.reshape(-1, 2)
    visited = visited[np.isfinite(visited).all(1)]
    spread, reach = np.ptp(marks, axis=0) if len(marks) else np.zeros(2), np.ptp(visited, axis=0)
    dwarfed = (spread > 1e-6 * spread.max(initial=0)).all() and (reach > _DWARFED * spread).all()
    return _expanded(marks) if len(marks) > 2 and dwarfed else np.concatenate([marks, visited])


def _expanded(marks: Array) -> Array:
    middle = (marks.min(0) + marks.max(0)) / 2
    return np.concatenate([middle + 1.5 * (marks - middle), marks])


def crowd(marks: Array, window: tuple[Array, Array]) -> Array:
    """Return the points that would be drawn on top of each other, (k, 2); empty when none are."""
    size = np.array([axis[-1] - axis[0] for axis in window])
    apart = np.abs(marks[:, None] - marks[None]) / size
    close = (apart.max(-1) < _OVERLAP) & ~np.eye(len(marks), dtype=bool)
    crowded: Array = marks[close.any(1)]
    # Crowds all over the picture would not come apart by enlarging it.
    spread_out = len(crowded) > 0 and bool((np.ptp(crowded, axis=0) > 0.4 * size).any())
    return crowded[:0] if spread_out else crowded


def window_around(shown: Array, *, margin: float = 0.12, n: int = 48) -> tuple[Array, Array]:
    """Return the grid's coordinates: a margin around what is shown, (k, 2)."""
    finite = shown[np.isfinite(shown).all(1)]
    if not len(finite):
        finite = np.array([[-1.0, -1.0], [1.0, 1.0]])
    low, high = finite.min(0), finite.max(0)
    size = high - low
    # A direction without extent gets that of the other one, or that of the numbers themselves.
    size = np.where(size > 1e-9 * max(size.max(), 1e-300), size, max(size.max(), 0.5 * np.abs(finite).max(), 1e-6))
    middle = (low + high) / 2
    low, high = middle - (0.5 + margin) * size, middle + (0.5 + margin) * size
    return np.linspace(low[0], high[0], n), np.linspace(low[1], high[1], n)
