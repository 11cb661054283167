"""Procrustes distances: what is left between two representations after the best rotation."""

from typing import Any

import numpy as np

from ..errors import InputError
from . import validation
from .validation import Array

METRICS = ("angular", "euclidean")


def procrustes_distance(x: Any, y: Any, *, metric: str = "angular", centered: bool = True) -> float:
    """Return the distance between two representations after the best rotation of one onto the other.

    Both obey the triangle inequality and are zero only for arrays that are equal up to rotation, reflection
    and shift (and scale, when angular); CKA is not a distance. With fewer features on one side, features that
    are zero are added there.

    Parameters
    ----------
    x, y : array (samples, features)
        Row i of both is the same sample. Computed in float64, in memory.
    metric : {"angular", "euclidean"}
        Angular: θ = arccos ‖X̂ᵀŶ‖_* in radians, [0, π/2], with X̂ = X/‖X‖ and the nuclear norm (Williams
        et al. 2021, the rotation-invariant case). Euclidean: min over rotations Q of ‖X − YQ‖, in the units
        of the data.
    centered : bool
        Subtract the mean of every feature first.

    Raises
    ------
    InputError
        Unknown metric, arrays that are not (samples, features) of finite real numbers with as many samples,
        or (angular) an array with no variance.

    Notes
    -----
    The arc cosine rounds angles below 1.5e-8 to zero. The rotation is applied instead, and
    θ = 2 atan2(‖X̂ − ŶQ‖, ‖X̂ + ŶQ‖) is accurate to about 1e-15 near zero.

    References
    ----------
    Williams, Kunz, Kornblith, Linderman (2021), Generalized shape metrics on neural representations.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((50, 3))
    >>> procrustes_distance(x, 2 * x[:, ::-1]) < 1e-14
    True
    """
    validation.choice("metric", metric, METRICS)
    left, right = matched_matrices(x, y, centered=centered)
    if metric == "angular":
        left, right = _normalised("x", left), _normalised("y", right)
    left, right = _square(left), _square(right)
    width = max(left.shape[1], right.shape[1])
    left, right = (np.pad(each, ((0, 0), (0, width - each.shape[1]))) for each in (left, right))
    from_right, _, to_left = np.linalg.svd(right.T @ left)
    rotated = right @ (from_right @ to_left)
    apart = float(np.linalg.norm(left - rotated))
    if metric == "euclidean":
        return apart
    return 2 * float(np.arctan2(apart, np.linalg.norm(left + rotated)))


def matched_matrices(x: Any, y: Any, *, centered: bool) -> tuple[Array, Array]:
    """Return ``x`` and ``y`` as new float64 matrices with as many samples, centred if asked."""
    found = [validation.samples_matrix(name, array) for name, array in (("x", x), ("y", y))]
    validation.same_samples(["x", "y"], found)
    matrices = []
    for name, array in zip(("x", "y"), found, strict=True):
        matrix = np.array(array[...], dtype=np.float64)
        validation.finite(name, matrix)
        if centered:
            varies = (matrix != matrix[0]).any(axis=0)
            matrix = np.where(varies, matrix - matrix.mean(axis=0), 0.0)
        matrices.append(matrix)
    return matrices[0], matrices[1]


def _normalised(name: str, matrix: Array) -> Array:
    largest = np.abs(matrix).max()
    if largest == 0:
        raise InputError(
            f"{name}: every feature is constant (or zero), so its direction is undefined; expected at least "
            "one feature that varies over the samples"
        )
    scaled = matrix / largest
    normalised: Array = scaled / np.linalg.norm(scaled)
    return normalised


def _square(matrix: Array) -> Array:
    """Return ``matrix`` with its columns rotated so that at most as many as there are rows remain."""
    if matrix.shape[1] <= matrix.shape[0]:
        return matrix
    triangle: Array = np.asarray(np.linalg.qr(matrix.T, mode="r"))
    return triangle.T
