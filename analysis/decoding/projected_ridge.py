"""Ridge solutions for many label sets from one factorisation: the algebra that the closed-form decoders share.

With the training rows X (trial, unit), the columns of N an orthonormal set over trials and P = I − NNᵀ, every decoder
needs

    (a XᵀPX + b I)⁻¹ XᵀY.

N carries the labels (class indicators: what is left is scatter within classes) or the intercept (a constant) and, for
each trial left out, a unit vector. XᵀPX differs from XᵀX by the rank of N, so that with T = a XᵀX + b I Woodbury's
identity leaves one small system per label set: T⁻¹XᵀN (I − a NᵀX T⁻¹ XᵀN)⁻¹. T itself depends on labels through b
alone, for which one eigendecomposition does. Where trials are fewer than units all of it is written over trials, with
T⁻¹Xᵀ = Xᵀ(a XXᵀ + b I)⁻¹.

"Axis" below is trials or units, whichever are fewer. Arrays are (fold, axis, label set, column): several folds are
worked on at once, each with its own X.
"""

import numpy as np

from ...errors import InputError
from ..validation import Array


class OneSolve:
    """K = XXᵀ (over trials) or XᵀX (over units) of each fold by Cholesky's factor: for a single a and b."""

    def __init__(self, matrices: Array, *, over_trials: bool) -> None:
        self.over_trials, self.traces = over_trials, _finite_traces(matrices)
        self._matrices = matrices
        self._factors: list[Array] = []

    def rotate(self, columns: Array) -> Array:
        """Return columns over the axis in the coordinates of the other methods: as they are."""
        return columns

    def lift(self, rotated: Array) -> Array:
        """Return what products with a solution take on the left: XXᵀN over trials, XᵀN over units."""
        return times(self._matrices, rotated) if self.over_trials else rotated

    def solve(self, rotated: Array, a: float, b: Array) -> Array:
        """Return (a K + b I)⁻¹ times ``rotated``; ``b`` is (fold, 1)."""
        from scipy.linalg import lapack  # its own wrappers take as long as LAPACK does for matrices of this size

        if not self._factors:
            shifted = a * self._matrices
            np.einsum("faa->fa", shifted)[...] += b
            for matrix in shifted:
                # A symmetric matrix is its transpose, which has the order that LAPACK wants.
                factor, failed = lapack.dpotrf(matrix.T, overwrite_a=True, clean=False)
                if failed:
                    raise InputError("activity: rounding hides how it varies; subtract the mean of each unit first")
                self._factors.append(factor)
        flat = rotated.reshape(*rotated.shape[:2], -1)
        solved = [lapack.dpotrs(factor, columns)[0] for factor, columns in zip(self._factors, flat, strict=True)]
        return np.stack(solved).reshape(rotated.shape)

    def onto(self, rows: Array) -> Array:
        """Return ``rows`` over the axis (fold, axis, unit) in the same coordinates."""
        return rows


class ManySolves:
    """The same by eigenvectors: for any number of label sets, each with its own b."""

    def __init__(self, matrices: Array, *, over_trials: bool) -> None:
        self.over_trials, self.traces = over_trials, _finite_traces(matrices)
        values, self._vectors = np.linalg.eigh(matrices)
        self._values = np.maximum(values, 0)

    def rotate(self, columns: Array) -> Array:
        """Return columns over the axis in the coordinates of the other methods: along the eigenvectors."""
        return times(self._vectors.transpose(0, 2, 1), columns)

    def lift(self, rotated: Array) -> Array:
        """Return what products with a solution take on the left: XXᵀN over trials, XᵀN over units."""
        return self._values[:, :, None, None] * rotated if self.over_trials else rotated

    def solve(self, rotated: Array, a: float, b: Array) -> Array:
        """Return (a K + b I)⁻¹ times ``rotated``; ``b`` is (fold, set)."""
        solved: Array = rotated / (a * self._values[:, :, None] + b[:, None])[..., None]
        return solved

    def onto(self, rows: Array) -> Array:
        """Return ``rows`` over the axis (fold, axis, unit) in the same coordinates."""
        return np.asarray(self._vectors.transpose(0, 2, 1) @ rows)


Factorisation = OneSolve | ManySolves


def times(matrices: Array, columns: Array) -> Array:
    """Return matrices (fold, row, axis) times columns (fold, axis, set, column)."""
    flat = columns.reshape(*columns.shape[:2], -1)
    return np.asarray(matrices @ flat).reshape(len(flat), -1, *columns.shape[2:])


def within_class_solutions(
    factor: Factorisation, projected: Array, lifted: Array, n_classes: int, a: float, b: Array
) -> tuple[Array, Array]:
    """Return (a XᵀPX + b I)⁻¹XᵀQ and QᵀX(a XᵀPX + b I)⁻¹XᵀQ, where Q are the first ``n_classes`` columns of N.

    ``projected`` is N, rotated, ``lifted`` the same lifted. The first array is (fold, axis, set, class), rotated, the
    second (fold, set, class, class).
    """
    solved = factor.solve(projected, a, b)
    products = _inner(lifted, solved)
    identity = np.eye(products.shape[-1])
    mixing = np.linalg.solve(identity - a * products, identity[:, :n_classes])
    return _combine(solved, mixing), (products @ mixing)[..., :n_classes, :]


def projected_solutions(factor: Factorisation, projected: Array, targets: Array, b: Array) -> Array:
    """Return (XᵀPX + b I)⁻¹XᵀY, rotated (fold, axis, set, column), of rotated N and Y."""
    solved, solved_targets = factor.solve(projected, 1.0, b), factor.solve(targets, 1.0, b)
    lifted = factor.lift(projected)
    identity = np.eye(projected.shape[-1])
    mixing = np.linalg.solve(identity - _inner(lifted, solved), _inner(lifted, solved_targets))
    return solved_targets + _combine(solved, mixing)


def _inner(left: Array, right: Array) -> Array:
    """Return leftᵀ right of each label set, (fold, set, column, column)."""
    product: Array = left.transpose(0, 2, 3, 1) @ right.transpose(0, 2, 1, 3)
    return product


def _combine(columns: Array, mixing: Array) -> Array:
    """Return columns times (fold, set, column, k) for each label set, (fold, axis, set, k)."""
    product: Array = columns.transpose(0, 2, 1, 3) @ mixing
    return product.transpose(0, 2, 1, 3)


def _finite_traces(matrices: Array) -> Array:
    """Return the traces (fold,), refusing activity whose squares leave the range of numbers."""
    traces: Array = np.einsum("faa->f", matrices)
    if not np.isfinite(traces).all():
        raise InputError(
            "activity: values overflow or vanish when squared; divide them by their standard deviation first"
        )
    return traces
