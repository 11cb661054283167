"""CKA beside plain BLAS products and a loop over pairs: CPU seconds of one thread, peak memory, agreement.

Run ``python benchmarks/cka.py``; ``run()`` returns the numbers.
"""

import argparse
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl
from timing import in_turns

from dynascope.analysis import cka_matrix, cka_terms

DTYPES = ("float64", "float32")
MIB = 2**20


def random_pair(n: int, p: int, dtype: str) -> list[Any]:
    rng = np.random.default_rng(0)
    pair = [rng.standard_normal((n, p), dtype=dtype) for _ in range(2)]
    pair[1][:, : p // 2] += pair[0][:, : p // 2]
    return pair


def plain_cka(x: Any, y: Any) -> float:
    """CKA by its definition in feature space, on whole arrays."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    return float(np.linalg.norm(x.T @ y) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)))


def one_pair(n: int, p: int, dtype: str, repeats: int) -> dict[str, float]:
    """Biased and debiased CKA together, against products of the same sizes and dtype.

    NumPy computes x.T @ x as a symmetric product (half the work); ``general`` is three products of two
    different matrices, the plain case.
    """
    x, y = random_pair(n, p, dtype)
    times = in_turns(
        {
            "ours": lambda: cka_terms(x, y),
            "numpy": lambda: (x.T @ x, y.T @ y, x.T @ y),
            "general": lambda: (x.T @ y, y.T @ x, x.T @ y),
            "plain": lambda: plain_cka(x, y),
        },
        repeats,
    )
    exact = plain_cka(x.astype(np.float64), y.astype(np.float64))
    return {
        **times,
        "per_numpy_products": times["ours"] / times["numpy"],
        "per_general_products": times["ours"] / times["general"],
        "error": abs(cka_terms(x, y).biased - exact),
    }


def peak_memory(n: int, p: int, dtype: str) -> dict[str, float]:
    """Peak resident size of a fresh process, before and after CKA of one pair, in MiB."""
    command = [sys.executable, __file__, "--memory", dtype, "--samples", str(n), "--features", str(p)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(ran.stdout))


def measure_memory(n: int, p: int, dtype: str) -> dict[str, float]:
    def peak() -> float:
        # Not getrusage: its peak includes that of the process which started this one.
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    pair = random_pair(n, p, dtype)
    before = peak()
    cka_terms(*pair)
    return {"inputs": sum(array.nbytes for array in pair) / MIB, "before": before, "peak": peak()}


def many_networks(n: int, p: int, networks: int, dtype: str, repeats: int) -> dict[str, float]:
    rng = np.random.default_rng(1)
    arrays = [rng.standard_normal((n, p), dtype=dtype) for _ in range(networks)]
    arrays = [arrays[0] + array for array in arrays]

    def loop() -> list[float]:
        return [plain_cka(x, y) for x, y in itertools.combinations(arrays, 2)]

    times = in_turns({"ours": lambda: cka_matrix(arrays), "loop": loop}, repeats)
    found = cka_matrix(arrays)
    rows, columns = np.triu_indices(networks, k=1)
    arrays = [array.astype(np.float64) for array in arrays]
    error = np.abs(found[rows, columns] - loop()).max()
    return {**times, "speedup": times["loop"] / times["ours"], "error": float(error)}


def run(
    *, samples: int = 200_000, features: int = 256, networks: int = 30, repeats: int = 5
) -> dict[str, dict[str, dict[str, float]]]:
    """Return every measurement: pair, memory and matrix, each by dtype."""
    found: dict[str, dict[str, dict[str, float]]] = {"pair": {}, "memory": {}, "matrix": {}}
    with threadpoolctl.threadpool_limits(1):
        for dtype in DTYPES:
            found["memory"][dtype] = peak_memory(samples, features, dtype)
            found["pair"][dtype] = one_pair(samples, features, dtype, repeats)
            found["matrix"][dtype] = many_networks(samples // 4, 30, networks, dtype, max(1, repeats // 2))
    return found


def table(found: dict[str, dict[str, dict[str, float]]]) -> str:
    """Return the measurements as text."""
    lines = []
    for dtype, pair in found["pair"].items():
        memory, matrix = found["memory"][dtype], found["matrix"][dtype]
        lines += [
            f"{dtype}: CKA, biased and debiased  {pair['ours']:.3f} CPU s",
            f"  three NumPy products           {pair['numpy']:.3f} s, ratio {pair['per_numpy_products']:.2f}",
            f"  three general products         {pair['general']:.3f} s, ratio {pair['per_general_products']:.2f}",
            f"  plain biased CKA               {pair['plain']:.3f} s; difference {pair['error']:.1e}",
            f"  peak memory                    {memory['peak']:.0f} MiB, inputs {memory['inputs']:.0f}, "
            f"CKA added {memory['peak'] - memory['before']:.0f}",
            f"  matrix                         {matrix['ours']:.3f} s, loop {matrix['loop']:.3f} s, "
            f"{matrix['speedup']:.1f} times faster; difference {matrix['error']:.1e}",
        ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=200_000)
    parser.add_argument("--features", type=int, default=256)
    parser.add_argument("--memory", choices=DTYPES, help="only measure the memory of this process")
    options = parser.parse_args()
    with threadpoolctl.threadpool_limits(1):
        if options.memory:
            print(json.dumps(measure_memory(options.samples, options.features, options.memory)))
        else:
            print(table(run(samples=options.samples, features=options.features)))


if __name__ == "__main__":
    main()
