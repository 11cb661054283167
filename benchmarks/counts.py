"""Spike counts around events beside pynapple: CPU seconds of one thread, peak memory, equality.

Run ``python benchmarks/counts.py``; ``run()`` returns the numbers. Without pynapple a loop over ``numpy.histogram``
stands alone.
"""

import argparse
import importlib.util
import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import threadpoolctl
from timing import in_turns

from dynascope.readers import bin_edges, count_spikes

MIB = 2**20
HAS_PYNAPPLE = importlib.util.find_spec("pynapple") is not None


def session(units: int, events: int, seconds: float, rate: float) -> tuple[list[Any], Any]:
    """Return Poisson spike times of each unit and the moments of events."""
    rng = np.random.default_rng(0)
    spikes = [np.sort(rng.uniform(0, seconds, rng.poisson(rate * seconds))) for _ in range(units)]
    return spikes, np.sort(rng.uniform(1, seconds - 2, events))


def histograms(spikes: list[Any], moments: Any, edges: Any) -> Any:
    """Return counts (trial, time, unit) by the plain version."""
    return np.stack([np.stack([np.histogram(s - m, edges)[0] for s in spikes], axis=-1) for m in moments])


def pynapple_calls(spikes: list[Any], moments: Any, edges: Any, bin: float) -> dict[str, Callable[[], Any]]:
    """Return pynapple's tensor of counts, (unit, trial, time); its objects are made beforehand."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pynapple

        group = pynapple.TsGroup({unit: pynapple.Ts(times) for unit, times in enumerate(spikes)})
        trials = pynapple.IntervalSet(moments + edges[0], moments + edges[-1])
    if not hasattr(pynapple, "build_tensor"):
        return {"pynapple": lambda: group.trial_count(trials, bin)}
    return {"pynapple": lambda: pynapple.build_tensor(group, trials, bin_size=bin)}


def peak_memory(call: Callable[[], Any]) -> float:
    """Return the largest memory that Python and NumPy held during a call, in MiB."""
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / MIB


def run(
    *, units: int = 256, events: int = 200, seconds: float = 3600.0, rate: float = 10.0, repeats: int = 3
) -> dict[str, Any]:
    """Return CPU seconds, ratios, memory and the number of counts that differ."""
    spikes, moments = session(units, events, seconds, rate)
    if HAS_PYNAPPLE:  # its windows must not overlap
        moments = moments[np.diff(moments, prepend=-np.inf) > 1.6]
    bin = 0.01
    edges = bin_edges((-0.5, 1.0), bin)
    calls: dict[str, Callable[[], Any]] = {"ours": lambda: count_spikes(spikes, moments, edges)}
    if HAS_PYNAPPLE:
        calls |= pynapple_calls(spikes, moments, edges, bin)
    with threadpoolctl.threadpool_limits(1):
        found: dict[str, Any] = dict(in_turns(calls, repeats))
        few = moments[:5]
        plain = in_turns({"histogram": lambda: histograms(spikes, few, edges)}, 1)["histogram"]
    counts = calls["ours"]()
    found["histogram"] = plain * len(moments) / len(few)
    found["n_counts"] = counts.size
    found["differ_histogram"] = int((histograms(spikes, few, edges) != counts[: len(few)]).sum())
    found["memory"], found["result"] = peak_memory(calls["ours"]), counts.nbytes / MIB
    if HAS_PYNAPPLE:
        theirs = np.asarray(calls["pynapple"]()).transpose(1, 2, 0)[:, : counts.shape[1]]
        found["differ_pynapple"] = int((theirs != counts).sum())
    return found


def table(found: dict[str, Any]) -> str:
    """Return the measurements as text."""
    lines = [
        f"counts of {found['n_counts']} bins  {found['ours']:.3f} CPU s, peak {found['memory']:.0f} MiB "
        f"of which the result {found['result']:.0f}",
        f"  numpy.histogram in a loop  {found['histogram']:.1f} s (from a part), "
        f"{found['histogram'] / found['ours']:.0f}×; "
        f"{found['differ_histogram']} counts differ",
    ]
    if "pynapple" in found:
        lines.append(
            f"  pynapple                   {found['pynapple']:.3f} s, {found['pynapple'] / found['ours']:.1f}×; "
            f"{found['differ_pynapple']} counts differ"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--events", type=int, default=200)
    options = parser.parse_args()
    print(table(run(units=options.units, events=options.events)))


if __name__ == "__main__":
    main()
