"""The one stage figure whose numbers are published: odrd, units selective for the cue, at chosen times."""

from collections.abc import Mapping

import numpy as np

from ...analysis import StagePSTH
from ..study import FindingsTable
from ..words import MISSING, number
from .populations import DIRECTIONS, STAGES

# Read off the published curves at these times (s), by stage and direction.
TIMES = (0.06, 0.74, 1.48, 1.97, 2.28, 2.97, 3.45)
PUBLISHED_CURVES: Mapping[tuple[str, str], tuple[float, ...]] = {
    ("early", "preferred"): (0.70, -0.28, 2.79, -0.20, -0.33, -0.06, 1.5),
    ("mid", "preferred"): (1.04, -0.47, 5.08, -0.35, -0.59, 0.91, 1.48),
    ("mature", "preferred"): (1.21, -0.52, 6.17, -0.38, -0.70, 1.35, 0.84),
    ("early", "opposite"): (np.nan, np.nan, -0.34, -0.10, 2.61, -0.20, 1.7),
    ("mid", "opposite"): (np.nan, np.nan, -0.33, 0.17, 3.20, -0.1, 3.34),
    ("mature", "opposite"): (np.nan, np.nan, -0.32, 0.34, 3.18, -0.08, 4.50),
}
# The largest response in the second delay, and to the distractor, which is in the opposite direction.
_PUBLISHED_PEAKS = {
    ("early", "preferred"): "none", ("mid", "preferred"): "1.15 at 2.84", ("mature", "preferred"): "2.11 at 2.80",
    ("early", "opposite"): "2.76 at 2.40", ("mid", "opposite"): "3.49 at 2.47", ("mature", "opposite"): "3.27 at 2.47",
}  # fmt: skip
_PEAK_WINDOWS = {"preferred": (2.5, 3.0), "opposite": (2.0, 2.7)}
# Checkpoints, performance and units.
_PUBLISHED_STAGES = {"early": ("39", "0.23", "215"), "mid": ("35", "0.48", "192"), "mature": ("11", "0.78", "199")}


def peak(time: np.ndarray, curve: np.ndarray, window: tuple[float, float]) -> tuple[float, float]:
    """Return the largest value of a curve (time,) inside a window and its time, NaN where it is largest at the edge."""
    inside = np.flatnonzero((time >= window[0] - 1e-9) & (time < window[1] - 1e-9))
    values = curve[inside]
    if len(values) < 3 or np.isnan(values).any():
        return np.nan, np.nan
    at = int(values.argmax())
    if at in (0, len(values) - 1):
        return np.nan, np.nan
    return float(values[at]), float(time[inside[at]])


def stage_curve(found: StagePSTH, stage: str, direction: str) -> np.ndarray:
    """Return the mean curve (time,) of a stage, NaN where there is no such stage."""
    if stage not in found.stages:
        return np.full(len(found.time), np.nan)
    return np.asarray(found.mean[found.stages.index(stage), found.conditions.index(direction)])


def curve_table(found: StagePSTH, settled: StagePSTH) -> FindingsTable:
    """Return our curves at the published times, ``settled`` with a baseline that begins after the start-up."""
    rows = []
    for direction in DIRECTIONS:
        for stage in STAGES:
            rows.append([f"{stage} {direction}", "ours", *_numbers(found, stage, direction)])
            if direction == "preferred":
                rows.append([f"{stage} {direction}", "ours, settled", *_numbers(settled, stage, direction)])
            theirs = [number(value) for value in PUBLISHED_CURVES[stage, direction]]
            rows.append([f"{stage} {direction}", "published", *theirs, _PUBLISHED_PEAKS[stage, direction]])
    note = (
        "Change from the fixation period, in multiples of its mean: mean over units, then checkpoints, then networks, "
        "at these times (s). The cue is shown from 1 to 1.5 s, the distractor, opposite to it, from 2 to 2.5 s; go is "
        "at 3 s. Last column: the largest value of the preferred direction in the second delay, and of the opposite "
        "one from 2 to 2.7 s; none where the curve only rises or falls. Settled: the fixation period, and with it the "
        "selection, without its first 300 ms. Published: one network, read off the figure."
    )
    header = ["odrd, selected on stim1", "", *(f"{moment:g}" for moment in TIMES), "peak at (s)"]
    return FindingsTable("Activity of odrd by stage", header, rows, note)


def _numbers(found: StagePSTH, stage: str, direction: str) -> list[str]:
    """Return a curve at the published times, and its peak."""
    curve = stage_curve(found, stage, direction)
    at = [int(np.abs(found.time - moment).argmin()) for moment in TIMES]
    largest, when = peak(found.time, curve, _PEAK_WINDOWS[direction])
    shape = f"{number(largest)} at {when:.2f}" if np.isfinite(largest) else "none"
    return [*(number(curve[index]) for index in at), MISSING if np.isnan(curve).all() else shape]


def stage_table(by_network: Mapping[str, StagePSTH]) -> FindingsTable:
    """Return the size of the stages of each network."""
    rows = []
    for stage in STAGES:
        cells = [_size(result, stage) for result in by_network.values()]
        ours = [", ".join(column) for column in zip(*cells, strict=True)]
        rows.append([stage, *(cell for pair in zip(ours, _PUBLISHED_STAGES[stage], strict=True) for cell in pair)])
    note = f"One number per network: {', '.join(by_network)}. Units: size of the population, mean over checkpoints."
    header = ["odrd", "checkpoints", "published", "performance", "published", "units", "published"]
    return FindingsTable("Stages", header, rows, note)


def _size(found: StagePSTH, stage: str) -> list[str]:
    if stage not in found.stages:
        return [MISSING] * 3
    at = found.stages.index(stage)
    assert found.performance is not None  # always measured
    return [f"{found.n_checkpoints[at]}", number(found.performance[at]), f"{found.n_units[at]:.0f}"]


def distractor_remark(by_network: Mapping[str, StagePSTH]) -> str:
    """Return in how many networks the response to the distractor stops growing after the mid stage."""
    peaks = [
        [peak(found.time, stage_curve(found, stage, "opposite"), _PEAK_WINDOWS["opposite"])[0] for stage in STAGES]
        for found in by_network.values()
    ]
    complete = [values for values in peaks if np.isfinite(values).all()]
    count = sum(values[1] == max(values) for values in complete)
    return (
        f"odrd: the response to the distractor is largest in the mid stage, as published, in {count} of "
        f"{len(complete)} networks in which it has a peak at every stage."
    )
