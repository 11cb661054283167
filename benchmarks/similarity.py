"""Similarity beside the usual way of computing it: CPU seconds of one thread and agreement.

Run ``python benchmarks/similarity.py``; ``run()`` returns the numbers. netrep stands beside the matrix of CKA where it
is installed (from its repository; it is not on PyPI); elsewhere its method does: n × n kernels of every pair.
"""

import itertools
from typing import Any

import numpy as np
import threadpoolctl
from timing import cpu_seconds

from dynascope.analysis import cka, cka_matrix, cka_test

try:
    from netrep.metrics.cka import LinearCKA
except ImportError:
    LinearCKA = None


def kernel_angle(x: Any, y: Any) -> float:
    """Return arccos CKA from centred n × n kernels."""
    kernels = []
    for array in (x, y):
        centred = array - array.mean(axis=0)
        kernel = centred @ centred.T
        kernels.append(kernel / np.linalg.norm(kernel))
    return float(np.arccos(np.clip((kernels[0] * kernels[1]).sum(), -1, 1)))


def netrep_angle(x: Any, y: Any) -> float:
    return float(LinearCKA().score(x, y))


def networks(n: int, p: int, count: int) -> list[Any]:
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((n, p))
    return [shared + rng.standard_normal((n, p)) for _ in range(count)]


def matrix(*, n: int = 4000, p: int = 256, count: int = 24, timed_pairs: int = 12) -> dict[str, Any]:
    """All pairs of networks; the peer's time is that of ``timed_pairs`` pairs, scaled to all."""
    arrays = networks(n, p, count)
    peer = netrep_angle if LinearCKA is not None else kernel_angle
    chosen = list(itertools.combinations(range(count), 2))[:timed_pairs]
    ours, values = cpu_seconds(lambda: cka_matrix(arrays))
    theirs, angles = cpu_seconds(lambda: [peer(arrays[i], arrays[j]) for i, j in chosen])
    theirs *= count * (count - 1) / 2 / len(chosen)
    error = max(abs(np.cos(angle) - values[pair]) for angle, pair in zip(angles, chosen, strict=True))
    return {
        "peer": "netrep" if LinearCKA is not None else "kernel matrices", "ours": ours, "theirs": theirs,
        "ratio": theirs / ours, "error": error,
    }  # fmt: skip


def permutation(*, n: int = 2000, p: int = 100, timed: int = 20) -> dict[str, Any]:
    """Exact moments under permutation, in units of one permutation of CKA in feature space."""
    x, y = networks(n, p, 2)
    rng = np.random.default_rng(1)
    each, values = cpu_seconds(lambda: [cka(x, y[rng.permutation(n)]) for _ in range(timed)])
    ours, found = cpu_seconds(lambda: cka_test(x, y))
    z = (np.mean(values) - found.expected) / found.deviation * np.sqrt(timed)
    return {"ours": ours, "permutations": ours / (each / timed), "z": z}


def run() -> dict[str, dict[str, Any]]:
    """Return every measurement."""
    with threadpoolctl.threadpool_limits(1):
        cka_test(*networks(50, 5, 2))  # imports are not part of it
        return {"matrix": matrix(), "permutation": permutation()}


def table(found: dict[str, dict[str, Any]]) -> str:
    """Return the measurements as text."""
    many, exact = found["matrix"], found["permutation"]
    return "\n".join(
        [
            f"CKA of 24 networks, 4 000 × 256: {many['ours']:.2f} s; {many['peer']} {many['theirs']:.1f} s, "
            f"{many['ratio']:.0f} times faster; difference {many['error']:.1e}",
            f"exact moments of CKA, 2 000 × 100: {exact['ours']:.3f} s, as long as {exact['permutations']:.1f} "
            f"permutations, whose mean is {exact['z']:.1f} standard errors off",
        ]
    )


if __name__ == "__main__":
    print(table(run()))
