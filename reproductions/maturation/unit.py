"""One unit of each mature network: its activity at every cue location, as in the published example."""

from collections.abc import Mapping, Sequence

import numpy as np

from ... import plotting
from ...analysis import SampleUnit, most_selective_unit, sample_unit, select_units
from ..study import Findings, FindingsTable, Workbench
from ..words import MISSING
from .moments import Moment, at_stages
from .networks import Network, maturation_study, networks

RULE, EPOCH, BASELINE = "odr", "stim1", "fix1"
_AROUND = ("−135°", "−90°", "−45°", "0°", "+45°", "+90°", "+135°", "180°")
_BESIDE = ("−45°", "+45°")
_FAR = ("−135°", "−90°", "+90°", "+135°", "180°")
#: the published unit, 115 of 256, which prefers 45°: peaks by place of the cue from there, with the time where stated
PUBLISHED = {
    "baseline": "0.30 to 0.37", "−45°": "0.92 (1.22 s)", "0°": "2.27 (1.40 s)", "+45°": "1.27",
    "lowest, 180°": "≈ 0.05",
}  # fmt: skip
# s before the cue that count as baseline: networks start from nothing, and settle within the first of the second.
_SETTLED = 0.5
Landmarks = Mapping[str, tuple[float, float]]


def run(bench: Workbench) -> Findings:
    """Show the most selective unit of each network at the mature stage of ODR."""
    found = networks(bench)
    units = {moment.network: example(moment) for moment in at_stages(found, RULE, ["mature"])}
    files = [
        plotting.save(unit.plot_grid(), bench.output / f"unit_{name.replace(' ', '_')}.png")
        for name, unit in units.items()
    ]
    values = {name: landmarks(unit) for name, unit in units.items()}
    return Findings([_table(found, units, values)], _remarks(values), files, {"peaks": values})


def example(moment: Moment) -> SampleUnit:
    """Return the unit of the published population that tells the cues apart best."""
    recording = moment.recording
    time, cue, epochs = np.asarray(recording.time), np.asarray(recording.trials["cue"]), recording.epochs
    chosen = select_units(recording.activity, time, cue, epochs[EPOCH], epochs[BASELINE], "published")
    # A network that is said to be mature has such units; if not, any unit is as good.
    among = chosen.population if chosen.population.any() else None
    unit = most_selective_unit(recording.activity, time, cue, epochs[EPOCH], among=among)
    about = f"{RULE}, {moment.network}, {moment.trials_seen} trials, performance {moment.performance:.2f}"
    return sample_unit(recording.activity, time, cue, unit, epochs[EPOCH], description=about)


def landmarks(unit: SampleUnit) -> Landmarks:
    """Return peaks during the cue as (activity, time in s), by place of the cue relative to the preferred one.

    Also the lowest and highest baseline over cues, and the lowest activity for the cue opposite as (activity, time).
    """
    start, stop = unit.epoch
    during = np.flatnonzero((unit.time >= start) & (unit.time < stop))
    before = (unit.time >= start - _SETTLED) & (unit.time < start)
    baseline = unit.mean[:, before].mean(axis=1)
    # Three places before the preferred one to four after it, as the names say.
    traces = np.roll(unit.mean, 3 - unit.preferred, axis=0)[:, during]
    times = unit.time[during]
    found = {"baseline": (float(baseline.min()), float(baseline.max()))}
    for name, trace in zip(_AROUND, traces, strict=True):
        found[name] = (float(trace.max()), float(times[trace.argmax()]))
    lowest = int(traces[-1].argmin())
    return {**found, "lowest, 180°": (float(traces[-1, lowest]), float(times[lowest]))}


def _table(found: Sequence[Network], units: Mapping[str, SampleUnit], values: Mapping[str, Landmarks]) -> FindingsTable:
    rows = [["unit", "115", *(str(units[one.name].unit) if one.name in units else MISSING for one in found)]]
    preferred = {name: f"{np.rad2deg(unit.angles[unit.preferred]):.0f}°" for name, unit in units.items()}
    rows.append(["prefers", "45°", *(preferred.get(one.name, MISSING) for one in found)])
    for name in ("baseline", *_AROUND, "lowest, 180°"):
        ours = [_words(name, values[one.name]) if one.name in values else MISSING for one in found]
        rows.append([name, PUBLISHED.get(name, MISSING), *ours])
    note = (
        "Mean activity over trials of the same cue: range over cues of the half second before; peak during the cue "
        "(time), by place of the cue from the preferred one; lowest during the cue opposite (time). Of "
        "the population of the study the unit that tells the cues apart best; the published one was chosen by eye."
    )
    return FindingsTable("An example unit, ODR, mature", ["", "published", *(one.name for one in found)], rows, note)


def _words(name: str, values: Landmarks) -> str:
    first, second = values[name]
    return f"{first:.2f} to {second:.2f}" if name == "baseline" else f"{first:.2f} ({second:.2f} s)"


def _remarks(values: Mapping[str, Landmarks]) -> list[str]:
    falls = suppressed = 0
    for own in values.values():
        beside, far = (np.mean([own[name][0] for name in names]) for names in (_BESIDE, _FAR))
        falls += bool(own["0°"][0] > beside > far)
        suppressed += own["lowest, 180°"][0] < own["baseline"][0]
    return [
        f"The peak is highest for the preferred cue, lower for its neighbours and lowest for the others (means) in "
        f"{falls} of {len(values)} units, and in the published one.",
        f"The cue opposite suppresses activity below baseline in {suppressed} of {len(values)} units, and in the "
        "published one.",
    ]


STUDY = maturation_study("unit", "An example unit of a mature network at every cue location", run)
