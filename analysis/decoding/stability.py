"""How stable a code is: what decoders keep of their accuracy when they are tested at other times."""

import numpy as np

from ...errors import ConfigurationError, InputError
from .. import validation
from ..validation import Array


def stability_index(accuracy: Array, chance: float, *, separation: int = 1, use: Array | None = None) -> float | None:
    """Return the share of the accuracy above chance that survives a change of time: 1 stable, 0 dynamic.

    With A the accuracy (train time, test time), c chance, and the sums over pairs of times i < j,

        Σ (A_ij + A_ji − 2c) / Σ (A_ii + A_jj − 2c).

    It is 1 when decoders do at other times what they do at their own, 0 when they fall to chance, and negative when
    they are wrong more often than by chance (a code that reverses).

    Parameters
    ----------
    accuracy : (time, time)
    chance : float
    separation : int
        Least distance of the two times, in windows: choose it so that their windows share no sample.
    use : (time,) of bool, optional
        Times to use: those at which there is something to decode.

    Returns
    -------
    float or None
        None where no pair is left or the diagonal is not above chance: there is nothing that could be stable.

    Raises
    ------
    InputError
        If ``accuracy`` is not square and finite.
    ConfigurationError
        If ``separation`` is below 1.

    Notes
    -----
    It puts in one number the comparison of off-diagonal with diagonal decoding of Stokes et al. (2013), Neuron 78:364,
    and King and Dehaene (2014), Trends Cogn. Sci. 18:203. Accuracy is not linear in the distance between classes:
    a code that turns by 60° keeps more than half of a saturated accuracy, so compare indices at similar diagonals.

    Examples
    --------
    >>> stability_index(np.array([[0.9, 0.7], [0.7, 0.9]]), 0.5)
    0.5
    """
    matrix = np.asarray(accuracy, dtype=float)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InputError(f"accuracy: expected a square matrix (train time, test time), found shape {matrix.shape}")
    validation.finite("accuracy", matrix)
    if separation < 1:
        raise ConfigurationError(f"separation: expected at least 1 window, found {separation}")
    times = np.arange(len(matrix)) if use is None else np.flatnonzero(use)
    first, second = np.meshgrid(times, times, indexing="ij")
    pairs = second - first >= separation
    first, second = first[pairs], second[pairs]
    own = (matrix[first, first] + matrix[second, second] - 2 * chance).sum()
    across = (matrix[first, second] + matrix[second, first] - 2 * chance).sum()
    return round(float(across / own), 12) if own > 0 else None
