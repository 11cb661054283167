"""One call that replaces a weight tensor by a low-rank one, to see what its network can still do."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import InputError
from .. import validation
from ..low_rank import symmetrized
from ..validation import Array
from . import checks
from .multilinear import tensor_train, tucker
from .polyadic import cp
from .slices import slice_tca
from .unfolding import fold, scaled, truncated, unfold

TRUNCATIONS = ("cp", "slice", "svd", "tt", "tucker")


def truncate_tensor(
    w: Any,
    rank: Any,
    method: str = "cp",
    *,
    axis: int = 0,
    symmetrize: bool = False,
    baseline: Any = None,
    seed: int = 0,
) -> Array:
    """Return a tensor of the shape of ``w`` that has low rank, in the sense of ``method``.

    ========  =====================  ==================================================================================
    method    rank                   approximation
    ========  =====================  ==================================================================================
    cp        R                      R products of three vectors (TCA), by :func:`cp`
    tt        R, or (P, Q)           tensor train with bonds [1, R, n, 1] (or [1, P, Q, 1]), by :func:`tensor_train`
    slice     R, or (R0, R1, R2)     slice-TCA; R stands for (R, 0, 0), by :func:`slice_tca`
    svd       R                      truncated singular value decomposition of the unfolding along ``axis``
    tucker    R, or (R0, R1, R2)     Tucker form, by :func:`tucker`
    ========  =====================  ==================================================================================

    With a whole number R, ``tt``, ``slice`` and ``svd`` along axis 0 are one and the same optimum; ``svd`` alone can
    take another axis (the receiving unit is axis 0, the interacting pair are axes 1 and 2) or a matrix (unit, unit).
    The named functions return factors, errors and convergence. These are the truncations of the three-body study's
    figure 3(b), which for slice-TCA and the tensor train are known in closed form.

    Parameters
    ----------
    w : (unit, unit, unit), or any tensor of three axes; with ``svd`` also a matrix
    rank : whole number or several, see above
    method : "cp", "tt", "slice", "svd" or "tucker"
    axis : 0, 1 or 2
        Of ``svd`` only.
    symmetrize : bool
        Truncate (W_ijk + W_ikj) / 2, the only part that acts on the dynamics, in place of W.
    baseline : array of the shape of ``w``, optional
        W0, such as the weights before training: W − W0 is truncated and W0 added back (symmetrised like W).
    seed : int
        Of ``cp`` only, for columns that singular vectors cannot fill when the rank exceeds an axis.

    Raises
    ------
    InputError
        If ``w`` or ``baseline`` are not finite tensors of one shape, the method is unknown, the rank is not possible,
        or a tensor to symmetrise is not of shape (n, m, m).

    Examples
    --------
    >>> import numpy as np
    >>> w = np.random.default_rng(0).normal(size=(6, 6, 6))
    >>> np.allclose(truncate_tensor(w, 2, "tt"), truncate_tensor(w, 2, "slice"))
    True
    >>> truncate_tensor(w, 6, "svd").shape
    (6, 6, 6)
    """
    validation.choice("truncation method", method, TRUNCATIONS)
    if axis != 0 and method != "svd":
        raise InputError(f"axis: only method 'svd' has one, found axis={axis!r} with method '{method}'")
    values = _weights("w", w, method)
    start = np.zeros_like(values) if baseline is None else _weights("baseline", baseline, method)
    validation.same_shape("baseline", start, "w", values)
    if symmetrize:
        values, start = symmetrized(values), symmetrized(start)
    truncations: dict[str, Callable[[Array], Array]] = {
        "cp": lambda tensor: cp(tensor, rank, seed=seed).tensor,
        "slice": lambda tensor: slice_tca(tensor, rank).tensor,
        "svd": lambda tensor: _one_unfolding(tensor, rank, axis),
        "tt": lambda tensor: tensor_train(tensor, rank).tensor,
        "tucker": lambda tensor: tucker(tensor, rank).tensor,
    }
    return start + truncations[method](values - start)


def _weights(name: str, tensor: Any, method: str) -> Array:
    if method != "svd" or np.ndim(tensor) == 3:
        return checks.tensor_and_mask(tensor, name=name)[0]
    found = np.asarray(validation.sliceable(name, tensor)[...])
    if found.ndim != 2 or 0 in found.shape:
        raise InputError(f"{name}: expected a tensor of three axes or a matrix, found shape {found.shape}")
    validation.real_numbers(name, found)
    validation.finite(name, found)
    return found.astype(np.float64)


def _one_unfolding(tensor: Array, rank: Any, axis: Any) -> Array:
    axis = validation.whole_number("axis", axis, least=0, most=tensor.ndim - 1)
    rank = validation.whole_number("rank", rank, least=1, most=checks.unfolding_limit(tensor.shape, axis))
    small, scale = scaled(tensor)
    left, singular, right = truncated(unfold(small, axis), rank)
    return fold(left * singular @ right * scale, axis, tensor.shape)
