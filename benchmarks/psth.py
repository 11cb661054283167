"""Spike counts around events beside pynapple (or a loop over ``numpy.histogram``), and averages beside a plain loop.

CPU seconds of one thread, both sides in turn in one process; peak memory of what NumPy allocates. pynapple is optional
(``pip install pynapple``); without it the loop stands in. Run ``python benchmarks/psth.py``; ``run()`` returns the
numbers.
"""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import threadpoolctl
from timing import in_turns

from dynascope.analysis import preferred_psth, psth, psth_of_spikes
from dynascope.readers.counts import bin_edges, count_spikes

MIB = 2**20
WINDOW, BIN = (-0.5, 1.0), 0.01


def session(units: int = 256, events: int = 200, rate: float = 10.0) -> tuple[list[Any], Any]:
    """Return Poisson spike trains (unit) and event times, 2 s apart."""
    rng = np.random.default_rng(0)
    moments = 1.0 + 2.0 * np.arange(events) + rng.uniform(0, 0.4, events)
    duration = 2.0 * events + 2.0
    return [np.sort(rng.uniform(0, duration, rng.poisson(rate * duration))) for _ in range(units)], moments


def histogram_loop(trains: list[Any], events: Any) -> Any:
    """Return counts (unit, trial, bin) by one histogram for each unit and event, of the spikes near it."""
    edges = bin_edges(WINDOW, BIN)
    counts = np.empty((len(trains), len(events), len(edges) - 1))
    for unit, train in enumerate(trains):
        first = np.searchsorted(train, events + WINDOW[0] - BIN)
        last = np.searchsorted(train, events + WINDOW[1] + BIN)
        for trial, event in enumerate(events):
            counts[unit, trial] = np.histogram(train[first[trial] : last[trial]] - event, edges)[0]
    return counts


def peer(trains: list[Any], events: Any) -> tuple[str, Callable[[], Any]]:
    """Return the name of the peer and a call that makes counts (unit, trial, bin)."""
    try:
        import pynapple
    except ImportError:
        return "loop of numpy.histogram", lambda: histogram_loop(trains, events)
    group = pynapple.TsGroup({unit: pynapple.Ts(train) for unit, train in enumerate(trains)})
    windows = pynapple.IntervalSet(start=events + WINDOW[0], end=events + WINDOW[1])
    return f"pynapple {pynapple.__version__}", lambda: pynapple.build_tensor(group, windows, bin_size=BIN)


def peak_mib(call: Callable[[], Any]) -> float:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1] / MIB
    finally:
        tracemalloc.stop()


def counts(repeats: int) -> dict[str, Any]:
    """Spike counts of 256 units around 200 events in 150 bins."""
    trains, events = session()
    name, other = peer(trains, events)
    edges = bin_edges(WINDOW, BIN)
    calls = {
        "ours": lambda: count_spikes(trains, events, edges),
        "peer": other,
        "psth_of_spikes": lambda: psth_of_spikes(trains, events, WINDOW, BIN),
    }
    other()  # compiles
    different = int((count_spikes(trains, events, edges).transpose(2, 0, 1) != other()).sum())
    found = in_turns(calls, repeats)
    memory = {f"{key}_mib": peak_mib(calls[key]) for key in calls}
    return {"name": name, **found, **memory, "different": different, "compared": len(trains) * len(events) * 150}


def plain_average(activity: Any, labels: Any) -> Any:
    """Mean and standard error of each condition and unit, one after the other."""
    return [
        (activity[labels == label, :, unit].mean(axis=0), activity[labels == label, :, unit].std(axis=0, ddof=1))
        for label in np.unique(labels)
        for unit in range(activity.shape[2])
    ]


def averages(repeats: int) -> dict[str, float]:
    """Averages of 128 trials of 8 conditions × 175 times × 256 units."""
    rng = np.random.default_rng(1)
    activity = 5 + rng.standard_normal((128, 175, 256), dtype=np.float32)
    clock, labels = 0.02 * np.arange(175), np.repeat(np.arange(8), 16)
    calls = {
        "psth": lambda: psth(activity, clock, labels),
        "plain": lambda: plain_average(activity, labels),
        "gaussian": lambda: psth(activity, clock, labels, kernel="gaussian", width=0.05),
        "preferred": lambda: preferred_psth(activity, clock, labels, (1.0, 1.5), baseline=(0, 1), normalize="baseline"),
    }
    return {**in_turns(calls, repeats), "psth_mib": peak_mib(calls["psth"]), "input_mib": activity.nbytes / MIB}


def run(*, repeats: int = 5) -> dict[str, dict[str, Any]]:
    """Return every measurement."""
    with threadpoolctl.threadpool_limits(1):
        return {"counts": counts(repeats), "averages": averages(repeats)}


def table(found: dict[str, dict[str, Any]]) -> str:
    """Return the measurements as text."""
    made, average = found["counts"], found["averages"]
    return "\n".join(
        [
            "counts, 256 units × 200 events × 150 bins",
            f"  ours {made['ours']:.3f} CPU s, {made['ours_mib']:.0f} MiB",
            f"  {made['name']} {made['peer']:.3f} s, {made['peer_mib']:.0f} MiB",
            f"  ratio {made['peer'] / made['ours']:.1f}; {made['different']} of {made['compared']} counts differ",
            f"  psth_of_spikes, with means, errors and bands {made['psth_of_spikes']:.3f} s, "
            f"{made['psth_of_spikes_mib']:.0f} MiB",
            f"averages of 128 trials × 175 times × 256 units ({average['input_mib']:.0f} MiB), 8 conditions",
            f"  psth {average['psth']:.3f} CPU s, {average['psth_mib']:.0f} MiB; smoothed {average['gaussian']:.3f} s",
            f"  plain loop over conditions and units {average['plain']:.3f} s",
            f"  preferred and opposite, cross-fitted {average['preferred']:.3f} s",
        ]
    )


def main() -> None:
    print(table(run()))


if __name__ == "__main__":
    main()
