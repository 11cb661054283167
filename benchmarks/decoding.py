"""Cross-temporal decoding beside MNE's GeneralizingEstimator: CPU seconds of one thread, equal scores, peak memory.

Linear discriminant analysis (lsqr, shrinkage 0.1), 8 labels, 200 trials × 256 units × 75 windows, 5 folds. Without
MNE the loop over scikit-learn that it runs stands in. Run ``python benchmarks/decoding.py``; ``run()`` returns the
numbers.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import StratifiedKFold
from timing import cpu_seconds

from dynascope.analysis.decoding import cross_temporal_decoding
from dynascope.analysis.decoding.classifiers import resolve
from dynascope.analysis.decoding.estimators import predictor
from dynascope.analysis.decoding.folds import make_folds
from dynascope.analysis.decoding.significance import mean_scores
from dynascope.analysis.decoding.windows import windowed

try:
    from mne.decoding import GeneralizingEstimator, cross_val_multiscore
except ImportError:
    GeneralizingEstimator = None

MIB = 2**20
LABELS = 8
Split = list[tuple[Any, Any]]


def recording(trials: int, units: int, times: int, dtype: str) -> tuple[Any, Any]:
    """Return a code that turns with time in slow noise, from a third of the way on, and its labels."""
    rng = np.random.default_rng(0)
    labels = np.arange(trials) % LABELS
    activity = rng.standard_normal((trials, times, units))
    for at in range(1, times):
        activity[:, at] = 0.8 * activity[:, at - 1] + 0.6 * activity[:, at]
    first, second = 0.25 * rng.standard_normal((2, LABELS, units))
    for at in range(times // 3, times):
        angle = np.pi * at / times
        activity[:, at] += (np.cos(angle) * first + np.sin(angle) * second)[labels]
    return activity.astype(dtype), labels


def peer(activity: Any, labels: Any, estimator: Any, splits: Split) -> Any:
    """Scores (fold, train time, test time) by MNE, or by the loop that it runs."""
    if GeneralizingEstimator is not None:
        generalizing = GeneralizingEstimator(estimator, scoring="accuracy", n_jobs=1, verbose=False)
        by_unit = np.ascontiguousarray(activity.transpose(0, 2, 1))
        return cross_val_multiscore(generalizing, by_unit, labels, cv=splits, n_jobs=1, verbose=False)
    count = activity.shape[1]
    scores = np.empty((len(splits), count, count))
    for fold, (train, test) in enumerate(splits):
        tested = activity[test].reshape(-1, activity.shape[2])
        for at in range(count):
            fitted = clone(estimator).fit(activity[train, at], labels[train])
            right = fitted.predict(tested).reshape(len(test), count) == labels[test, None]
            scores[fold, at] = right.mean(axis=0)
    return scores


def matrix(activity: Any, labels: Any, splits: Split, estimator: Any, repeats: int, **options: Any) -> dict[str, float]:
    """Time the whole cross-validated matrix."""
    theirs, expected = cpu_seconds(lambda: peer(activity, labels, estimator, splits), 1)
    ours, found = cpu_seconds(lambda: cross_temporal_decoding(activity, labels, cv=splits, **options), repeats)
    return {"ours": ours, "peer": theirs, "speedup": theirs / ours, "difference": difference(found.scores, expected)}


def permutations(activity: Any, labels: Any, splits: Split, count: int) -> dict[str, float]:
    """Time one more permutation of the labels within folds, beside a refit; and what is paid once."""
    names = [str(label) for label in range(LABELS)]
    folds = make_folds(splits, labels, names, groups=None, generalize=None, balance=0, seed=0)
    rng = np.random.default_rng(1)
    permuted = np.tile(labels, (count, 1))
    for row in permuted:
        for _, test in splits:
            row[test] = rng.permutation(row[test])
    predict = predictor(windowed(activity, 1, 1), resolve("lda", {})[0])

    def null(rows: int) -> Any:
        return mean_scores(predict(folds, permuted[:rows]), permuted[:rows], len(folds), activity.shape[1])

    few = max(2, count // 4)
    (short, _), (long, found) = cpu_seconds(lambda: null(few), 2), cpu_seconds(lambda: null(count), 2)
    estimator = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1)
    theirs, expected = cpu_seconds(lambda: peer(activity, permuted[0], estimator, splits).mean(axis=0), 1)
    each = (long - short) / (count - few)
    return {
        "ours": each, "once": short - few * each, "peer": theirs, "speedup": theirs / each,
        "difference": difference(found[0], expected),
    }  # fmt: skip


def difference(found: Any, expected: Any) -> float:
    return float(np.abs(found - expected).max())


def peak_memory(sizes: tuple[int, int, int], dtype: str) -> dict[str, float]:
    """Peak resident size of a fresh process, before and after decoding with 100 permutations, in MiB."""
    command = [sys.executable, __file__, "--memory", dtype, *map(str, sizes)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(ran.stdout))


def measure_memory(sizes: tuple[int, int, int], dtype: str) -> dict[str, float]:
    def peak() -> float:
        # Not getrusage: its peak includes that of the process which started this one.
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    activity, labels = recording(*sizes, dtype)
    cross_temporal_decoding(activity[:40, :2], labels[:40], permutations=20)  # imports
    before = peak()
    cross_temporal_decoding(activity, labels)
    observed = peak()
    cross_temporal_decoding(activity, labels, permutations=20)
    return {"inputs": activity.nbytes / MIB, "before": before, "observed": observed, "permuted": peak()}


def run(
    *, trials: int = 200, units: int = 256, times: int = 75, count: int = 32, repeats: int = 3, memory: bool = True
) -> dict[str, dict[str, float]]:
    """Return every measurement by name."""
    sizes = (trials, units, times)
    activity, labels = recording(*sizes, "float64")
    splits = list(StratifiedKFold(5, shuffle=True, random_state=0).split(activity, labels))
    discriminant = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1)
    cross_temporal_decoding(activity[:, :2], labels, cv=splits)  # imports
    with threadpoolctl.threadpool_limits(1):
        found = {
            "lda": matrix(activity, labels, splits, discriminant, repeats),
            "lda float32": matrix(activity.astype("float32"), labels, splits, discriminant, repeats),
            "lda auto": matrix(
                activity, labels, splits, LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"), repeats,
                shrinkage="auto",
            ),
            "ridge": matrix(activity, labels, splits, RidgeClassifier(), repeats, classifier="ridge"),
            "permutation": permutations(activity, labels, splits, count),
        }  # fmt: skip
        if memory:
            found |= {f"memory {dtype}": peak_memory(sizes, dtype) for dtype in ("float64", "float32")}
    return found


def table(found: dict[str, dict[str, float]]) -> str:
    """Return the measurements as text."""
    name = "MNE's GeneralizingEstimator" if GeneralizingEstimator is not None else "a loop over scikit-learn"
    lines = [f"peer: {name}"]
    for task, values in found.items():
        if task.startswith("memory"):
            lines.append(
                f"{task:<14} process peak {values['before']:.0f} MiB before (activity {values['inputs']:.0f}), "
                f"{values['observed']:.0f} decoded, {values['permuted']:.0f} with 20 permutations"
            )
        else:
            once = f", {values['once']:.2f} s once" if "once" in values else ""
            lines.append(
                f"{task:<14} {values['ours']:.3f} CPU s{once}, peer {values['peer']:.2f} s, {values['speedup']:.1f} "
                f"times faster; largest difference of scores {values['difference']:.1e}"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="60 trials, 40 units, 12 windows: seconds")
    parser.add_argument("--memory", choices=["float64", "float32"], help="only measure the memory of this process")
    parser.add_argument("sizes", nargs="*", type=int, help="trials, units, windows")
    options = parser.parse_args()
    with threadpoolctl.threadpool_limits(1):
        if options.memory:
            print(json.dumps(measure_memory(tuple(options.sizes), options.memory)))
        elif options.small:
            print(table(run(trials=80, units=40, times=12, count=8, memory=False)))
        else:
            print(table(run()))


if __name__ == "__main__":
    main()
