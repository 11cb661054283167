"""Metric multidimensional scaling: points whose distances are as near as possible to given ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import plotting
from ..errors import InputError
from ..results import Result, axes, digest_arrays
from . import validation
from .validation import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_STEPS = 2000


@dataclass(frozen=True, eq=False, kw_only=True)
class MetricScaling(Result):
    """Positions of named arrays in few dimensions.

    ``positions`` (array, dimension): along the first dimension points spread most. ``stress`` is
    √(Σ (distance − distance of points)² / Σ distance²): below 0.1 the picture can be trusted.
    """

    names: tuple[str, ...]
    positions: Array = axes("array", "dimension")
    stress: float

    kind: ClassVar[str] = "metric_scaling"

    def summary(self) -> str:
        """Return the number of points and dimensions and the stress."""
        n, k = self.positions.shape
        return f"metric scaling of {n} arrays in {k} dimensions, stress {self.stress:.3f}"

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the points with their names on axes of equal scale."""
        ax = plotting.axes_or_new(ax)
        second = self.positions[:, 1] if self.positions.shape[1] > 1 else np.zeros(len(self.positions))
        ax.plot(self.positions[:, 0], second, "o", color=plotting.INK, markersize=5)
        for name, x, y in zip(self.names, self.positions[:, 0], second, strict=True):
            ax.annotate(name, (x, y), xytext=(4, 4), textcoords="offset points", fontsize="small")
        ax.set(xlabel="dimension 1", ylabel="dimension 2")
        ax.set_aspect("equal", adjustable="datalim")
        ax.margins(0.2)
        ax.set_title(f"Metric scaling, stress {self.stress:.2f}")
        return ax


def metric_mds(distances: Any, names: Sequence[str] | None = None, *, n_dimensions: int = 2) -> MetricScaling:
    """Return points in few dimensions whose distances approximate given ones, deterministically.

    Starts from classical scaling (exact for distances between points of that many dimensions) and lowers the stress by
    majorisation (SMACOF), each step of which lowers it.

    Parameters
    ----------
    distances : array (n, n)
        Symmetric, at least 0, with a zero diagonal.
    names : sequence of str, optional
    n_dimensions : int

    Raises
    ------
    InputError
        If the matrix is not one of distances, all are zero, or names are repeated or of the wrong number.

    References
    ----------
    Torgerson (1952); de Leeuw (1977).

    Examples
    --------
    >>> round(metric_mds([[0, 3, 4], [3, 0, 5], [4, 5, 0]]).stress, 12)
    0.0
    """
    given = _distances(distances)
    n_dimensions = validation.whole_number("n_dimensions", n_dimensions, least=1)
    named = validation.distinct_names(names, len(given))
    points = _classical(given, n_dimensions)
    stress = _stress(given, points)
    for _ in range(_MOST_STEPS):
        moved = _majorised(given, points)
        new = _stress(given, moved)
        if stress - new < 1e-10:
            break
        points, stress = moved, new
    return MetricScaling(
        names=named, positions=_principal(points), stress=stress, parameters={"n_dimensions": n_dimensions},
        input_digest=digest_arrays([given]),
    )  # fmt: skip


def _distances(value: Any) -> Array:
    found = np.asarray(value)
    if found.ndim != 2 or found.shape[0] != found.shape[1] or len(found) < 2:
        raise InputError(f"distances: expected a matrix (n, n) of at least two arrays, found shape {found.shape}")
    validation.real_numbers("distances", found)
    found = found.astype(np.float64)
    validation.finite("distances", found)
    if (found < 0).any() or np.diagonal(found).any() or not np.allclose(found, found.T, rtol=1e-9, atol=1e-12):
        raise InputError("distances: expected a symmetric matrix of numbers of at least 0 with a zero diagonal")
    if not found.any():
        raise InputError("distances: all are zero; expected arrays that differ")
    return np.asarray((found + found.T) / 2)


def _classical(distances: Array, n_dimensions: int) -> Array:
    """Return the leading principal coordinates (n, dimension) of distances."""
    gram = -(distances**2) / 2
    gram -= gram.mean(axis=0)
    gram -= gram.mean(axis=1)[:, np.newaxis]
    values, vectors = np.linalg.eigh((gram + gram.T) / 2)
    values, vectors = values[::-1][:n_dimensions], vectors[:, ::-1][:, :n_dimensions]
    points = vectors * np.sqrt(np.maximum(values, 0))
    return np.pad(points, ((0, 0), (0, n_dimensions - points.shape[1])))


def _between(points: Array) -> Array:
    return np.asarray(np.linalg.norm(points[:, np.newaxis] - points, axis=2))


def _stress(distances: Array, points: Array) -> float:
    return float(np.linalg.norm(distances - _between(points)) / np.linalg.norm(distances))


def _majorised(distances: Array, points: Array) -> Array:
    """Return the Guttman transform of the points."""
    apart = _between(points)
    ratio = np.divide(distances, apart, out=np.zeros_like(apart), where=apart > 0)
    return np.asarray((ratio.sum(axis=1)[:, np.newaxis] * points - ratio @ points) / len(points))


def _principal(points: Array) -> Array:
    """Return the points turned to their principal axes, the largest entry of each positive."""
    centred = points - points.mean(axis=0)
    turned = centred @ np.linalg.svd(centred, full_matrices=False)[2].T
    largest = np.take_along_axis(turned, np.abs(turned).argmax(axis=0)[np.newaxis], axis=0)
    turned = turned * np.where(largest < 0, -1.0, 1.0)
    return np.asarray(np.pad(turned, ((0, 0), (0, points.shape[1] - turned.shape[1]))))
