"""The fraction of the variance of samples that lies in a subspace."""

from typing import Any

import numpy as np

from ...errors import InputError
from .. import samples, validation
from ..feature_space import chunk_rows
from ..validation import Array, Samples
from .bases import orthonormal_basis


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
    q = fitting_basis(found, basis)
    mean = varying_mean("x", found)
    inside = total = 0.0
    for start, stop in samples.row_chunks(found.shape[0], chunk_rows([found])):
        centred = samples.read(found, start, stop) - mean
        inside += float(np.square(centred @ q).sum())
        total += float(np.square(centred).sum())
    if not (np.isfinite(total) and total > 0):
        raise samples.out_of_range("x")
    return min(inside / total, 1.0)


def varying_mean(name: str, array: Samples) -> Array:
    """Return the mean of every feature, refusing arrays whose features are all constant."""
    centre = samples.centre(name, array, rows=chunk_rows([array]))
    if not centre.varies:
        raise InputError(f"{name}: every feature is constant, so there is no variance to describe")
    return centre.mean


def fitting_basis(x: Samples, basis: Any) -> Array:
    """Return an orthonormal basis of the columns of ``basis``, refusing one that does not fit ``x``."""
    q = orthonormal_basis("basis", basis)
    if len(q) != x.shape[1]:
        raise InputError(f"basis: has {len(q)} rows, x has {x.shape[1]} features; expected one row per feature")
    return q
