"""Subspaces of activity: angles between them, how much variance they hold, how many dimensions it fills."""

from typing import Any

import numpy as np

from ..errors import InputError
from . import samples, validation
from .feature_space import chunk_rows
from .kernel_alignment import linear_kernel_sums
from .validation import Array, Samples


def principal_angles(a: Any, b: Any) -> Array:
    """Return the principal angles between the spans of the columns of ``a`` and ``b``, radians, ascending.

    Angles come from cosines when large and from sines when small (Björck and Golub 1973; Knyazev and
    Argentati 2002), so that they are accurate to rounding over the whole of [0, π/2]; the cosine alone
    cannot tell an angle of 1e-9 from zero.

    Parameters
    ----------
    a, b : array (unit, k), (unit, l)
        Columns span the subspaces; they need not be orthonormal but must be linearly independent.

    Returns
    -------
    array (min(k, l),)
        Float64.

    Raises
    ------
    InputError
        If an array is not a matrix of finite real numbers, the numbers of units differ, or columns are
        linearly dependent.

    Examples
    --------
    >>> import numpy as np
    >>> plane, line = np.eye(3)[:, :2], np.array([[1.0], [0.0], [1.0]])
    >>> np.rad2deg(principal_angles(plane, line)).round(6)
    array([45.])
    """
    first, second = orthonormal_basis("a", a), orthonormal_basis("b", b)
    _same_units("b", second, "a", first)
    if second.shape[1] > first.shape[1]:
        first, second = second, first
    overlap = first.T @ second
    cosines = np.clip(np.linalg.svd(overlap, compute_uv=False), 0, 1)
    sines = np.clip(np.linalg.svd(second - first @ overlap, compute_uv=False), 0, 1)[::-1]
    angles: Array = np.where(cosines**2 > 0.5, np.arcsin(sines), np.arccos(cosines))
    return angles


def participation_ratio(x: Samples) -> float:
    """Return the participation ratio (Σλ)² / Σλ² of the eigenvalues λ of the covariance of ``x``.

    It counts the dimensions over which variance is spread: 1 when one direction holds all of it, p when it is
    equal in all p directions. With n samples it cannot exceed n − 1 and is biased downwards when n is not
    many times p: compare arrays with the same n only.

    Parameters
    ----------
    x : array (samples, features)
        Finite real numbers; may be on disk.

    Raises
    ------
    InputError
        If ``x`` is not (samples, features) of finite real numbers, or all its features are constant.

    References
    ----------
    Gao et al. (2017), A theory of multineuronal dimensionality, dynamics and measurement.

    Examples
    --------
    >>> import numpy as np
    >>> participation_ratio(np.vstack([np.eye(3), -np.eye(3)]))
    3.0
    """
    found = validation.samples_matrix("x", x)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        mean = _varying_mean("x", found)
        sums = linear_kernel_sums([found], [mean])
        ratio = float(sums.diagonal[0] ** 2 / sums.products[0, 0])
    if not np.isfinite(ratio) or ratio < 0.5:
        raise samples.out_of_range("x")
    return ratio


def variance_captured(x: Samples, basis: Any) -> float:
    """Return the fraction of the variance of ``x`` inside the span of ``basis``, in [0, 1].

    ‖(X − mean) Q‖² / ‖X − mean‖², Frobenius norms, with Q an orthonormal basis of the columns of ``basis``.
    For a basis fitted to ``x`` itself this is an in-sample value: use held-out samples to compare dimensions.

    Parameters
    ----------
    x : array (samples, features)
        Finite real numbers; may be on disk.
    basis : array (features, k)
        Linearly independent columns, orthonormal or not.

    Raises
    ------
    InputError
        As :func:`participation_ratio`, or a basis that does not fit or has linearly dependent columns.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> variance_captured(x, [[1.0], [0.0]])
    0.9
    """
    found = validation.samples_matrix("x", x)
    q = orthonormal_basis("basis", basis)
    if len(q) != found.shape[1]:
        raise InputError(f"basis: has {len(q)} rows, x has {found.shape[1]} features; expected one row per feature")
    mean = _varying_mean("x", found)
    inside = total = 0.0
    for start, stop in samples.row_chunks(found.shape[0], chunk_rows([found])):
        centred = samples.read(found, start, stop) - mean
        inside += float(np.square(centred @ q).sum())
        total += float(np.square(centred).sum())
    if not (np.isfinite(total) and total > 0):
        raise samples.out_of_range("x")
    return min(inside / total, 1.0)


def orthonormal_basis(name: str, columns: Any) -> Array:
    """Return an orthonormal basis (unit, k) of the span of ``columns``, refusing dependent columns."""
    found = np.asarray(validation.samples_matrix(name, columns, least=1)[...], dtype=np.float64)
    validation.finite(name, found)
    norms = np.linalg.norm(found, axis=0)
    # Columns of unit length: a small column is as good a direction as a large one.
    scaled = np.divide(found, norms, out=np.zeros_like(found), where=norms > 0)
    left, singular, _ = np.linalg.svd(scaled, full_matrices=False)
    rank = int((singular > max(found.shape) * np.finfo(np.float64).eps * singular[0]).sum())
    if rank < found.shape[1]:
        raise InputError(
            f"{name}: its {found.shape[1]} columns span {rank} dimensions; expected linearly independent "
            "columns: drop some, or take the leading left singular vectors as the basis"
        )
    return left


def _varying_mean(name: str, array: Samples) -> Array:
    centre = samples.centre(name, array, rows=chunk_rows([array]))
    if not centre.varies:
        raise InputError(f"{name}: every feature is constant, so there is no variance to describe")
    return centre.mean


def _same_units(name: str, basis: Array, reference_name: str, reference: Array) -> None:
    if len(basis) != len(reference):
        raise InputError(
            f"{name}: has {len(basis)} rows (units), {reference_name} has {len(reference)}; expected the same"
        )
