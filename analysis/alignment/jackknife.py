"""The jackknife over chunks of unequal size."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..validation import Array


def jackknife_errors(estimate: Array, left_out: Array, sizes: Sequence[int]) -> Array:
    """Return the standard error of ``estimate`` (…) from estimates without each chunk, ``left_out`` (chunk, …).

    The delete-a-group jackknife for groups of unequal ``sizes`` (Busing, Meijer and van der Leeden 1999).
    """
    share = np.sum(sizes) / np.asarray(sizes, dtype=np.float64)
    share = share.reshape(-1, *(1,) * np.ndim(estimate))
    pseudo_values = share * estimate - (share - 1) * left_out
    centre = len(sizes) * estimate - ((1 - 1 / share) * left_out).sum(axis=0)
    return np.asarray(np.sqrt(np.mean((pseudo_values - centre) ** 2 / (share - 1), axis=0)))


def student_interval(estimate: Array, error: Array, n_chunks: int, level: float) -> tuple[Any, Any]:
    """Return the bounds of Student's interval with one degree of freedom less than chunks."""
    from scipy.special import stdtrit

    half = stdtrit(n_chunks - 1, (1 + level) / 2) * error
    return estimate - half, estimate + half
