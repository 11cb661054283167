"""Analysis of variance, its permutations and tuning fits beside statsmodels and scipy: CPU seconds of one thread.

Run ``python benchmarks/selectivity.py``; ``run()`` returns the numbers. Where statsmodels is not installed the same
table by plain least squares, one model at a time, stands in, and the table says so. Loops are timed on some of the
units and multiplied up.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy loads its BLAS

import argparse
import importlib.util
import resource
from collections.abc import Callable
from typing import Any

import numpy as np
import threadpoolctl
from scipy import optimize, stats
from timing import cpu_seconds

from dynascope.analysis import anova, fit_tuning

MIB = 2**20
N_TRIALS, N_UNITS, N_TIMES, N_LEVELS = 200, 256, 75, 8


def recording() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return activity (trial, time, unit) around 5 and the labels of two factors, unbalanced."""
    rng = np.random.default_rng(0)
    stimulus, choice = np.repeat(np.arange(N_LEVELS), N_TRIALS // N_LEVELS), rng.integers(0, 2, N_TRIALS)
    activity = 5 + rng.standard_normal((N_TRIALS, N_TIMES, N_UNITS)) + 0.1 * stimulus[:, None, None]
    return activity, {"stimulus": stimulus, "choice": choice}


def statsmodels_table(values: np.ndarray, factors: dict[str, np.ndarray], kind: int) -> np.ndarray:
    """Return F (effect,) of one unit by statsmodels' formulas."""
    import pandas
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    frame = pandas.DataFrame({"y": values, **factors})
    formula = "y ~ " + " * ".join(f"C({name}, Sum)" for name in factors)
    found = anova_lm(ols(formula, frame).fit(), typ=kind).drop(index=["Intercept", "Residual"], errors="ignore")
    return np.asarray(found["F"])


def plain_table(values: np.ndarray, factors: dict[str, np.ndarray], kind: int) -> np.ndarray:
    """Return F (effect,) of one unit, type 2, from one least-squares fit per model."""
    assert kind == 2
    terms = {(): np.ones((len(values), 1))}
    for name, labels in factors.items():
        own = (labels[:, None] == np.unique(labels)).astype(float)
        for term, columns in list(terms.items()):
            terms[(*term, name)] = (columns[:, :, None] * own[:, None, :]).reshape(len(values), -1)

    def left(names: list[tuple[str, ...]]) -> tuple[float, int]:
        columns = np.hstack([terms[name] for name in names])
        found, _, rank, _ = np.linalg.lstsq(columns, values, rcond=1e-10)
        return float(np.square(values - columns @ found).sum()), int(rank)

    full, rank = left(list(terms))
    table = []
    for term in sorted(terms, key=len)[1:]:
        others = [other for other in terms if not set(term) <= set(other)]
        (less, fewer), (more, larger) = left(others), left([*others, term])
        table.append((less - more) / (larger - fewer) / (full / (len(values) - rank)))
    return np.array(table)


def against_a_loop(repeats: int, sampled: int = 40) -> dict[str, Any]:
    """Two factors with their interaction, type 2, of 256 units × 75 times: ours against a loop over all tests."""
    activity, factors = recording()
    peer = importlib.util.find_spec("statsmodels") is not None
    ours, table = cpu_seconds(lambda: anova(activity, factors), repeats)
    each = statsmodels_table if peer else plain_table
    each(activity[:, 0, 0], factors, 2)  # imports
    loop, found = cpu_seconds(lambda: [each(activity[:, 0, unit], factors, 2) for unit in range(sampled)], 2)
    n_tests = N_UNITS * N_TIMES
    error = np.abs(np.stack(found, axis=1) / table.f[:, 0, :sampled] - 1).max()
    return {
        "peer": "statsmodels" if peer else "plain least squares (statsmodels is not installed)",
        "ours": ours, "loop": loop / sampled * n_tests, "ratio": loop / sampled * n_tests / ours, "error": error,
    }  # fmt: skip


def against_scipy(repeats: int) -> dict[str, float]:
    """One factor: ours against ``scipy.stats.f_oneway`` along an axis, without and with splitting trials by label."""
    activity, factors = recording()
    labels = factors["stimulus"]

    def split() -> list[np.ndarray]:
        return [activity[labels == level] for level in range(N_LEVELS)]

    groups = split()
    calls: dict[str, Callable[[], Any]] = {
        "ours": lambda: anova(activity, labels),
        "scipy": lambda: stats.f_oneway(*groups, axis=0),
        "with splitting": lambda: stats.f_oneway(*split(), axis=0),
    }
    best, found = dict.fromkeys(calls, np.inf), {}
    for _ in range(repeats):  # in turns, so that load strikes all alike
        for name, call in calls.items():
            seconds, found[name] = cpu_seconds(call, 1)
            best[name] = min(best[name], seconds)
    f = found["ours"].f[0] / found["scipy"].statistic
    p = found["ours"].p_values[0] / found["scipy"].pvalue
    return {**best, "error": float(np.abs([f - 1, p - 1]).max())}


def permutations(count: int) -> dict[str, float]:
    """One permutation of the largest F over 19 200 tests, beyond the analysis itself; and the memory it takes."""
    activity, factors = recording()
    alone, _ = cpu_seconds(lambda: anova(activity, factors["stimulus"]), 3)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    one, _ = cpu_seconds(lambda: anova(activity, factors["stimulus"], permutations=count), 2)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    two, _ = cpu_seconds(lambda: anova(activity, factors, permutations=count), 1)
    return {
        "one factor": (one - alone) / count, "two factors": (two - alone) / count, "count": count,
        "data": activity.nbytes / MIB, "added": after - before,
    }  # fmt: skip


def tuning_fits(sampled: int = 20) -> dict[str, float]:
    """Gaussian fits of 1 000 units, 128 trials: ours against scipy's curve_fit from one good start."""
    rng = np.random.default_rng(0)
    angles, preferred = np.tile(np.arange(8) * np.pi / 4, 16), rng.uniform(0, 2 * np.pi, 1000)

    def bump(x: np.ndarray, baseline: float, amplitude: float, centre: float, width: float) -> np.ndarray:
        distance = np.mod(x - centre + np.pi, 2 * np.pi) - np.pi
        return np.asarray(baseline + amplitude * np.exp(-(distance**2) / (2 * width**2)))

    rates = np.stack([bump(angles, 2, 3, centre, 0.8) for centre in preferred], axis=1)
    rates += rng.standard_normal(rates.shape)
    ours, found = cpu_seconds(lambda: fit_tuning(rates, angles), 3)

    def loop() -> list[Any]:
        starts = [(2, 3, centre, 0.8) for centre in preferred[:sampled]]
        return [optimize.curve_fit(bump, angles, rates[:, unit], p0=start)[0] for unit, start in enumerate(starts)]

    peer, expected = cpu_seconds(loop, 2)
    widths = np.abs(np.array(expected)[:, 3] - found.width[:sampled])
    peer *= 1000 / sampled
    return {"ours": ours, "scipy": peer, "ratio": peer / ours, "error": float(widths.max())}


def run(*, repeats: int = 11, permutation_count: int = 200) -> dict[str, dict[str, Any]]:
    """Return every measurement."""
    with threadpoolctl.threadpool_limits(1):
        return {
            "permutations": permutations(permutation_count),  # first: it measures the peak of memory
            "loop": against_a_loop(repeats),
            "scipy": against_scipy(repeats),
            "tuning": tuning_fits(),
        }


def table(found: dict[str, dict[str, Any]]) -> str:
    """Return the measurements as text."""
    loop, scipy, permuted, fits = (found[name] for name in ("loop", "scipy", "permutations", "tuning"))
    size = f"{N_TRIALS} trials, {N_UNITS} units × {N_TIMES} times"
    return "\n".join(
        [
            f"analysis of variance, {size}",
            f"  two factors, type 2     ours {loop['ours']:.4f} s, loop of {loop['peer']} {loop['loop']:.0f} s: "
            f"{loop['ratio']:.0f}×, F differ by {loop['error']:.0e}",
            f"  one factor              ours {scipy['ours']:.4f} s, scipy f_oneway(axis=0) {scipy['scipy']:.4f} s: "
            f"{scipy['scipy'] / scipy['ours']:.1f}×, from labels {scipy['with splitting']:.4f} s: "
            f"{scipy['with splitting'] / scipy['ours']:.1f}×, F and p differ by {scipy['error']:.0e}",
            f"  largest F, one factor   {1e3 * permuted['one factor']:.2f} ms per permutation",
            f"  three effects           {1e3 * permuted['two factors']:.2f} ms per permutation of all three",
            f"  memory                  {permuted['added']:.0f} MiB beside {permuted['data']:.0f} MiB of data",
            f"tuning fits, 1 000 units  ours {fits['ours']:.3f} s, scipy curve_fit {fits['scipy']:.2f} s: "
            f"{fits['ratio']:.0f}×, widths differ by {fits['error']:.0e}",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--permutations", type=int, default=200)
    options = parser.parse_args()
    print(table(run(repeats=options.repeats, permutation_count=options.permutations)))


if __name__ == "__main__":
    main()
