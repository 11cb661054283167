"""The compiled integration of MultiFate circuits; ``multifate.integrate_plainly`` stays the definition.

Dimers appear only as D^1.5 = X³ k with k = (2 / (Kd + 4 S + √(Kd² + 8 Kd S)))^1.5, the same for all factors of a
circuit, and b A / (1 + A) = b − b / (1 + A): one division per factor and stage is all that is left. Circuits run
in blocks of 16 in the innermost axis, which the compiler turns into vector instructions, and stay in the cache
from the first sample to the last.
"""

from typing import Any

import numpy as np
from numba import njit

from ..compilation import COMPILE

BLOCK = 16


@njit(**COMPILE)
def _stage(at: Any, x: Any, h: float, weight: float, circuit: Any, sums: Any, total: Any, after: Any) -> None:
    """Add ``weight`` times the slope at ``at`` to ``total`` and write ``after`` = x + h slope; arrays (factor, BLOCK).

    ``circuit`` is (Kd, a, b). ``sums`` (BLOCK,) holds Σ ``at`` and is left with Σ ``after``.
    """
    kd, basal, gain = circuit
    k = np.empty(BLOCK)
    for c in range(BLOCK):
        share = 2 / (kd + 4 * sums[c] + np.sqrt(kd * kd + 8 * kd * sums[c]))
        k[c] = share * np.sqrt(share)
        sums[c] = 0.0
    for i in range(len(x)):
        for c in range(BLOCK):
            value = at[i, c]
            slope = basal + gain - value - gain / (1 + value * value * value * k[c])
            total[i, c] += weight * slope
            moved = x[i, c] + h * slope
            sums[c] += moved
            after[i, c] = moved


@njit(**COMPILE)
def _finish(x: Any, h: float, total: Any, sums: Any) -> None:
    """Move x by the mean slope, h/6 × total; leave ``total`` at zero and ``sums`` (BLOCK,) at Σ x."""
    sums[:] = 0.0
    for i in range(len(x)):
        for c in range(BLOCK):
            x[i, c] += h / 6 * total[i, c]
            sums[c] += x[i, c]
            total[i, c] = 0.0


@njit(**COMPILE)
def integrate(start: Any, h: float, substeps: int, circuit: Any, out: Any) -> None:
    """Fill ``out`` (circuit, time, factor) from ``start`` (circuit, factor) by classical Runge–Kutta steps of h."""
    n_factors = start.shape[1]
    x, one, two = np.empty((n_factors, BLOCK)), np.empty((n_factors, BLOCK)), np.empty((n_factors, BLOCK))
    total, sums = np.zeros((n_factors, BLOCK)), np.empty(BLOCK)
    for first in range(0, len(start), BLOCK):
        n = min(BLOCK, len(start) - first)
        x[:] = 1.0  # unused lanes of the last block
        x[:, :n] = start[first : first + n].T
        out[first : first + n, 0] = start[first : first + n]
        sums[:] = x.sum(0)
        for t in range(1, out.shape[1]):
            for _ in range(substeps):
                _stage(x, x, h / 2, 1.0, circuit, sums, total, one)
                _stage(one, x, h / 2, 2.0, circuit, sums, total, two)
                _stage(two, x, h, 2.0, circuit, sums, total, one)
                _stage(one, x, h, 1.0, circuit, sums, total, two)
                _finish(x, h, total, sums)
            for c in range(n):
                for i in range(n_factors):
                    out[first + c, t, i] = x[i, c]
