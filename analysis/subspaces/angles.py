"""Principal angles between subspaces."""

from typing import Any

import numpy as np

from ..validation import Array
from .bases import orthonormal_basis, same_units


def principal_angles(a: Any, b: Any) -> Array:
    """Return the principal angles between the spans of the columns of ``a`` and ``b``, radians, ascending.

    Angles come from cosines when large and from sines when small (Björck and Golub 1973; Knyazev and
    Argentati 2002), so that they are accurate to rounding over the whole of [0, π/2]; the cosine alone
    cannot tell an angle of 1e-9 from zero. :func:`random_overlap` says what chance gives.

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
    same_units("b", second, "a", first)
    return angles_between(first, second)


def angles_between(first: Array, second: Array) -> Array:
    """Return the principal angles (…, min(k, l)) of orthonormal bases (…, unit, k) and (…, unit, l), ascending."""
    if second.shape[-1] > first.shape[-1]:
        first, second = second, first
    overlap = np.swapaxes(first, -1, -2) @ second
    cosines = np.clip(np.linalg.svd(overlap, compute_uv=False), 0, 1)
    sines = np.clip(np.linalg.svd(second - first @ overlap, compute_uv=False), 0, 1)[..., ::-1]
    angles: Array = np.where(cosines**2 > 0.5, np.arcsin(sines), np.arccos(cosines))
    return angles
