"""Canonical correlation analysis: directions of two representations that vary together."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import plotting
from ..errors import InputError
from ..results import Result, axes, digest_arrays
from . import validation
from .shape_distance import matched_matrices
from .validation import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, kw_only=True)
class CanonicalCorrelations(Result):
    """Canonical correlations of two arrays and the weights that give their canonical variates.

    ``correlations`` (component,) fall from at most 1 to at least 0. ``(x − x.mean(0)) @ weights_x`` has
    uncorrelated columns of unit variance (n − 1 in the denominator), whose correlations with those of y are
    ``correlations``. ``rank_x`` and ``rank_y`` are the dimensions found; ``n_trivial`` components have
    correlation 1 whatever the data, because there are too few samples for those ranks.
    """

    correlations: Array = axes("component")
    weights_x: Array = axes("feature_x", "component")
    weights_y: Array = axes("feature_y", "component")
    n_samples: int
    rank_x: int
    rank_y: int
    n_trivial: int

    kind: ClassVar[str] = "canonical_correlations"

    def summary(self) -> str:
        """Return the ranks, the mean correlation and a warning when some are trivial."""
        lines = [
            f"CCA, {self.n_samples} samples, ranks {self.rank_x} and {self.rank_y}",
            f"mean correlation {self.correlations.mean():.4f}, first {self.correlations[0]:.4f}",
        ]
        if self.n_trivial:
            lines.append(f"{self.n_trivial} correlations are 1 whatever the data: use more samples, or fewer features")
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the correlations in falling order."""
        ax = plotting.axes_or_new(ax)
        ax.plot(np.arange(1, len(self.correlations) + 1), self.correlations, "o-", markersize=3)
        ax.set(xlabel="canonical component", ylabel="correlation", ylim=(-0.02, 1.02))
        return ax


def cca(x: Any, y: Any, *, tolerance: float | None = None) -> CanonicalCorrelations:
    """Return the canonical correlations of two arrays of the same samples, with the weights.

    Each array is reduced to its numerical rank by a singular value decomposition, so that dependent or
    constant features do no harm (they get the weights of least norm); the correlations are the singular
    values of U_xᵀ U_y (Björck and Golub 1973). Every direction counts alike, however little variance it
    holds: for noisy recordings reduce to the leading principal components first, or use :func:`cka`.

    Parameters
    ----------
    x, y : array (samples, features)
        Row i of both is the same sample. Computed in float64, in memory.
    tolerance : float, optional
        Singular values below ``tolerance`` times the largest count as zero; default max(n, p) · 2.2e-16.

    Raises
    ------
    InputError
        If arrays are not (samples, features) of finite real numbers with as many samples, one has only
        constant features, or the tolerance is not in (0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((100, 3))
    >>> cca(x, x @ [[1.0, 2.0], [0.0, 1.0], [1.0, 1.0]]).correlations.round(12)
    array([1., 1.])
    """
    if tolerance is not None and not validation.positive("tolerance", tolerance) < 1:
        raise InputError(f"tolerance: expected a number above 0 and below 1, found {tolerance!r}")
    left, right = matched_matrices(x, y, centered=True)
    (u_x, whiten_x), (u_y, whiten_y) = _whitened("x", left, tolerance), _whitened("y", right, tolerance)
    rotation_x, correlations, rotation_y = np.linalg.svd(u_x.T @ u_y, full_matrices=False)
    n = len(left)
    scale = np.sqrt(n - 1)
    return CanonicalCorrelations(
        correlations=np.clip(correlations, 0, 1),
        weights_x=whiten_x @ rotation_x * scale,
        weights_y=whiten_y @ rotation_y.T * scale,
        n_samples=n,
        rank_x=u_x.shape[1],
        rank_y=u_y.shape[1],
        # Two subspaces of dimensions r and s within n − 1 dimensions share at least r + s − (n − 1).
        n_trivial=max(0, u_x.shape[1] + u_y.shape[1] - (n - 1)),
        parameters={"tolerance": tolerance},
        input_digest=digest_arrays([x, y]),
    )


def _whitened(name: str, matrix: Array, tolerance: float | None) -> tuple[Array, Array]:
    """Return U (samples, rank) with orthonormal columns and W (features, rank) with ``matrix`` W = U."""
    u, singular, v = np.linalg.svd(matrix, full_matrices=False)
    if singular[0] == 0:
        raise InputError(f"{name}: every feature is constant, so it correlates with nothing")
    relative = max(matrix.shape) * np.finfo(np.float64).eps if tolerance is None else tolerance
    rank = int((singular > relative * singular[0]).sum())
    return u[:, :rank], v[:rank].T / singular[:rank]
