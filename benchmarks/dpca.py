"""Demixed PCA with the regularizer chosen, beside the dPCA package: CPU seconds of one thread, memory, agreement.

Run ``python benchmarks/dpca.py``; ``run()`` returns the numbers. Both choose among the package's 45 regularizers on
3 splits. Ours is timed whole: checks, digest, variances of the components and all; the package's is its ``fit``.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy loads its BLAS

import argparse
import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl
from timing import cpu_seconds

from dynascope.analysis import dpca
from dynascope.analysis.dpca.cross_validation import left_out_trials
from dynascope.analysis.dpca.design import Design

STIMULI, CHOICES, TIMES, TRIALS, UNITS = 8, 2, 100, 20, 200
JOIN = {"st": ["s", "st"], "dt": ["d", "dt"], "sdt": ["sd", "sdt"]}
MIB = 2**20


def planted_trials() -> np.ndarray:
    """Return (trial, s, d, time, unit): time, two tuned curves, a ramp by choice, a weak interaction, strong noise."""
    rng = np.random.default_rng(0)
    course = np.linspace(0, 1, TIMES)
    angle = 2 * np.pi * np.arange(STIMULI) / STIMULI
    sign = np.array([-1.0, 1.0])

    def axes(k: int) -> np.ndarray:
        return np.linalg.qr(rng.standard_normal((UNITS, k)))[0].T * np.sqrt(UNITS)

    def bumps(k: int) -> np.ndarray:
        return np.exp(-((course - np.linspace(0.2, 0.8, k)[:, np.newaxis]) ** 2) / 0.02)

    table = 1.5 * np.einsum("kt,ku->tu", bumps(4), axes(4))[np.newaxis, np.newaxis]
    tuning = np.stack([np.cos(angle), np.sin(angle)])
    table = table + np.einsum("ks,kt,ku->stu", tuning, bumps(2), axes(2))[:, np.newaxis]
    table = table + 0.7 * np.einsum("d,t,u->dtu", sign, course, axes(1)[0])[np.newaxis]
    table = table + 0.3 * np.einsum("s,d,t,u->sdtu", np.cos(2 * angle), sign, course**2, axes(1)[0])
    return table + 3 * rng.standard_normal((TRIALS, *table.shape))


def ours(trials: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return activity (trial, time, unit) and its factors."""
    s, d = np.unravel_index(np.tile(np.arange(STIMULI * CHOICES), TRIALS), (STIMULI, CHOICES))
    return trials.reshape(-1, TIMES, UNITS), {"s": s, "d": d}


def package_model(regularizer: Any) -> Any:
    from dPCA import dPCA

    with contextlib.redirect_stdout(io.StringIO()):
        model = dPCA.dPCA(labels="sdt", join=JOIN, n_components=10, regularizer=regularizer)
    model.protect = ["t"]
    return model


def package_fit(averages: np.ndarray, by_trial: np.ndarray) -> Any:
    model = package_model("auto")
    with contextlib.redirect_stdout(io.StringIO()):
        model.fit(averages, by_trial)
    return model


def exact_scores(found: Any, trials: np.ndarray, near: int = 2) -> tuple[float, bool]:
    """Give the package our splits and an exact decomposition, at the chosen regularizer and ``near`` on each side.

    Returns the largest relative difference from our scores and whether the package's best is ours.
    """
    from dPCA import dPCA

    activity, factors = ours(trials)
    best = int(np.flatnonzero(found.regularizers == found.regularizer)[0])
    chosen = np.arange(max(best - near, 0), min(best + near + 1, len(found.regularizers)))
    splits = iter(left_out_trials(Design.of(factors, len(activity)), 3, 0))
    model = package_model(1.0)
    model.n_trials = 3
    randomized, split = dPCA.randomized_svd, dPCA.dPCA.train_test_split

    def same_split(self: Any, *args: Any, **options: Any) -> list[np.ndarray]:
        test = activity[next(splits)].reshape(STIMULI, CHOICES, TIMES, UNITS)
        pair = ((TRIALS * trials.mean(axis=0) - test) / (TRIALS - 1), test)
        return [np.moveaxis(table - table.mean(axis=(0, 1, 2)), -1, 0).copy() for table in pair]

    dPCA.dPCA.train_test_split = same_split
    dPCA.randomized_svd = lambda matrix, n_components, **_: _leading(matrix, n_components)
    try:
        table = np.moveaxis(trials[:2], -1, 1)
        with contextlib.redirect_stdout(io.StringIO()):
            scores = model.crossval_score(found.regularizers[chosen], table[0], table, mean=False)
    finally:
        dPCA.randomized_svd, dPCA.dPCA.train_test_split = randomized, split
    theirs = np.stack([scores[name] for name in found.marginalizations], axis=1)
    mine = found.cv_scores[:, :, chosen]
    difference = np.abs(mine.sum(axis=1) - theirs.sum(axis=1)).max() / theirs.sum(axis=1).max()
    return float(difference), chosen[theirs.sum(axis=(0, 1)).argmin()] == best


def _leading(matrix: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the leading singular triplets; of a wide matrix through its small one, accurate enough for a score."""
    values, vectors = np.linalg.eigh(matrix @ matrix.T)
    return vectors[:, ::-1][:, :k], np.sqrt(np.maximum(values[::-1][:k], 0)), np.empty(0)


def peak_memory(side: str) -> dict[str, float]:
    """Peak resident size of a fresh process, before and after the fit, in MiB."""
    ran = subprocess.run([sys.executable, __file__, "--memory", side], capture_output=True, text=True, check=True)
    return dict(json.loads(ran.stdout))


def measure_memory(side: str) -> dict[str, float]:
    def peak() -> float:
        # Not getrusage: its peak includes that of the process which started this one.
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    # Small data first, so that both sides load what they need; the input is written in place and leaves no peak.
    small = np.random.default_rng(0).standard_normal((8, 2, 2, 4, 5))
    labels = {"s": np.tile([0, 0, 1, 1], 8), "d": np.tile([0, 1], 16)}
    dpca(small.reshape(32, 4, 5), labels, 2, "auto", JOIN)
    if side == "package":
        package_fit(np.moveaxis(small, -1, 1).mean(axis=0), np.moveaxis(small, -1, 1).copy())
    shape = (TRIALS, STIMULI, CHOICES, TIMES, UNITS) if side == "ours" else (TRIALS, UNITS, STIMULI, CHOICES, TIMES)
    trials = np.empty(shape)
    np.random.default_rng(0).standard_normal(out=trials)
    before = peak()
    if side == "ours":
        dpca(*ours(trials), 10, "auto", JOIN)
    else:
        package_fit(trials.mean(axis=0), trials)
    return {"input": trials.nbytes / MIB, "before": before, "peak": peak()}


def run(*, repeats: int = 3) -> dict[str, Any]:
    """Return every measurement."""
    trials = planted_trials()
    activity, factors = ours(trials)
    by_trial = np.ascontiguousarray(np.moveaxis(trials, -1, 1))
    averages = by_trial.mean(axis=0)
    np.random.seed(0)  # noqa: NPY002  (the package draws from the global generator)
    with threadpoolctl.threadpool_limits(1):
        dpca(activity, factors, 10, 1e-4, JOIN)  # imports
        mine, found = cpu_seconds(lambda: dpca(activity, factors, 10, "auto", JOIN), repeats)
        theirs, model = cpu_seconds(lambda: package_fit(averages, by_trial), max(1, repeats // 2))
        difference, agrees = exact_scores(found, trials)
    return {
        "ours": mine,
        "package": theirs,
        "speedup": theirs / mine,
        "regularizer": found.regularizer,
        "package_regularizer": float(model.regularizer),
        "score_difference": difference,
        "same_on_same_splits": bool(agrees),
        "memory": {side: peak_memory(side) for side in ("ours", "package")},
    }


def table(found: dict[str, Any]) -> str:
    """Return the measurements as text."""
    lines = [
        f"dPCA, regularizer chosen: {found['ours']:.3f} CPU s, package {found['package']:.2f} s, "
        f"{found['speedup']:.1f} times faster",
        f"  regularizer  {found['regularizer']:.4g}, package {found['package_regularizer']:.4g} (own splits)",
        f"  the package on our splits, exact: {'same' if found['same_on_same_splits'] else 'another'} regularizer, "
        f"scores differ by {found['score_difference']:.1e}",
    ]
    for side, memory in found["memory"].items():
        lines.append(
            f"  peak memory, {side:<8}    {memory['peak']:.0f} MiB, input {memory['input']:.0f}, "
            f"the fit added {memory['peak'] - memory['before']:.0f}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", choices=("ours", "package"), help="only measure the memory of this process")
    options = parser.parse_args()
    with threadpoolctl.threadpool_limits(1):
        if options.memory:
            print(json.dumps(measure_memory(options.memory)))
        else:
            print(table(run()))


if __name__ == "__main__":
    main()
