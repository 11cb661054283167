"""How the benchmarks measure time: least CPU seconds, since whatever else the machine does can only add to them."""

import time
from collections.abc import Callable, Mapping
from typing import Any


def cpu_seconds(call: Callable[[], Any], repeats: int = 1) -> tuple[float, Any]:
    """Return the least CPU seconds of ``repeats`` calls, and what the last one returned."""
    best, found = float("inf"), None
    for _ in range(repeats):
        start = time.process_time()
        found = call()
        best = min(best, time.process_time() - start)
    return best, found


def in_turns(calls: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Return the least CPU seconds of each call; the calls take turns, so that load strikes all alike."""
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(repeats):
        best = {name: min(best[name], cpu_seconds(call)[0]) for name, call in calls.items()}
    return best
