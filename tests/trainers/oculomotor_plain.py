"""Trials of the oculomotor tasks as their tables read, one trial, step and channel at a time: the reference in tests.

Times are in ms as published, steps are of 20 ms, and locations are angles in radians.
"""

import dataclasses
import math

import numpy as np

DT = 20
N_RING = 8


@dataclasses.dataclass(frozen=True)
class Table:
    """One row: fixation off, cue on and off, go, end, epochs; when the second stimulus and the choices are on."""

    fix_off: int
    cue: tuple[int, int]
    go: int
    end: int
    epochs: dict[str, tuple[int, int]]
    second: tuple[int, int] | None = None
    anti: bool = False
    passive: bool = False


def _odr(delay):
    go, end = 1500 + delay, 2000 + delay
    epochs = {"fix1": (0, 1000), "stim1": (1000, 1500), "delay1": (1500, go), "go1": (go, end)}
    return Table(go, (1000, 1500), go, end, epochs)


def _two_stimuli(name, second, **options):
    epochs = {"fix1": (0, 1000), "stim1": (1000, 1500), "delay1": (1500, 2000), second: (2000, 2500)}
    epochs |= {"delay2": (2500, 3000), "go1": (3000, 3500)}
    fix_off = 3500 if options.get("passive") else 3000
    return Table(fix_off, (1000, 1500), 3000, 3500, epochs, (2000, 2500), **options)


def _gap(cue_on):
    end = cue_on + 600
    epochs = {"fix1": (0, 1000), "delay1": (1000, cue_on), "stim1": (cue_on, cue_on + 100), "go1": (cue_on, end)}
    return Table(1000, (cue_on, cue_on + 100), cue_on, end, epochs, anti=True)


_SHORT = {"fix1": (0, 1000), "stim1": (1000, 1100)}
TABLES = {
    "odr": _odr(1500),
    **{f"odr{delay}": _odr(delay) for delay in (500, 750, 1000, 1100, 1200, 1300, 1400, 3000, 6000, 15000)},
    "odrd": _two_stimuli("odrd", "distract1"),
    "overlap": Table(1100, (1000, 1100), 1100, 1600, _SHORT | {"go1": (1100, 1600)}, anti=True),
    "zero_gap": Table(1000, (1000, 1100), 1000, 1600, _SHORT | {"go1": (1000, 1600)}, anti=True),
    "gap": _gap(1100),
    "gap500": _gap(1500),
    "match": _two_stimuli("match", "stim2"),
    "match_easy": _two_stimuli("match_easy", "stim2"),
    "match_passive": _two_stimuli("match_passive", "stim2", passive=True),
}


def step(ms):
    """Return the step that begins at a time, odd times truncated."""
    return int(ms / DT)


def distance(a, b):
    """Return the circular distance of two angles in [0, 2π)."""
    return min(abs(a - b), 2 * math.pi - abs(a - b))


def bump(location, unit):
    """Return the height of a bump of 22.5° at the unit's angle, 1 at its centre."""
    return math.exp(-0.5 * (distance(location % (2 * math.pi), unit * 2 * math.pi / N_RING) / (math.pi / 8)) ** 2)


def nearest(location):
    """Return the unit at which the bump is highest."""
    return max(range(N_RING), key=lambda unit: bump(location, unit))


def shown(location, unit, code):
    """Return the input of a stimulus to one unit of the ring."""
    return float(unit == nearest(location)) if code == "one_hot" else 0.8 * bump(location, unit)


def target_of(rule, cue, *, match=None, mirrored=None):
    """Return the angle that the response is due at, None in passive trials."""
    if TABLES[rule].passive:
        return None
    if rule == "match_easy":
        return 0.0 if match else math.pi
    if rule == "match":
        return abs(int(not match) - int(mirrored)) * math.pi
    return (cue + math.pi) % (2 * math.pi) if TABLES[rule].anti else cue


def choices(rule, *, mirrored):
    """Return where the two choices of a match rule are shown."""
    if rule == "match_easy":
        return 0.0, math.pi
    return (7 * math.pi / 4, 3 * math.pi / 4) if mirrored else (math.pi / 4, 5 * math.pi / 4)


def inputs_of(rule, channel, n_rules, cue, *, second=None, mirrored=None, code="bump"):
    """Return the inputs of one trial without noise, (time, 1 + 8 + rule)."""
    table = TABLES[rule]
    x = np.zeros((step(table.end), 1 + N_RING + n_rules))
    for t in range(len(x)):
        x[t, 0] = t < step(table.fix_off)
        x[t, 1 + N_RING + channel] = 1
        for unit in range(N_RING):
            if step(table.cue[0]) <= t < step(table.cue[1]):
                x[t, 1 + unit] += shown(cue, unit, code)
            if table.second and step(table.second[0]) <= t < step(table.second[1]):
                x[t, 1 + unit] += shown(second, unit, code)
            if rule.startswith("match") and t >= step(table.go):
                x[t, 1 + unit] += sum(shown(choice, unit, code) for choice in choices(rule, mirrored=mirrored))
    return x


def targets_of(rule, target, loss):
    """Return the targets (time, 9) and locations to look at (time,) of one trial."""
    table = TABLES[rule]
    least_squares = loss == "least_squares"
    y = np.full((step(table.end), 1 + N_RING), 0.05 if least_squares else 0.0)
    y_loc = np.full(len(y), -1.0)
    for t in range(len(y)):
        if target is None or t < step(table.go):
            y[t, 0] = 0.8 if least_squares else 1.0
            continue
        y_loc[t] = target
        for unit in range(N_RING):
            y[t, 1 + unit] = 0.05 + 0.8 * bump(target, unit) if least_squares else float(unit == nearest(target))
    return y, y_loc


def mask_of(rule, loss):
    """Return the weights of errors, (time, 9) or, for the cross-entropy, (time,)."""
    table = TABLES[rule]
    cost = np.zeros(step(table.end))
    for t in range(len(cost)):
        if step(100) <= t < step(table.go):
            cost[t] = 1
        elif t >= step(table.go) + step(100):
            cost[t] = 0 if table.passive else 5
    if loss == "cross_entropy":
        return cost / (sum(cost) / len(cost))
    return np.array([[2 * weight] + N_RING * [weight] for weight in cost])
