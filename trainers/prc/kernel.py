"""Compiled runs and gradients of layers of dendritic neurons on the CPU; ``step`` of the model stays the definition.

Units and trials do not see each other, so that a *lane* is one unit in one trial, and every operation of a step is a
loop over a row of lanes that becomes vector instructions. A block of trials has so few lanes that all rows of a step
stay in the fastest cache. The kernel knows no particular neuron: it walks through the tables of a graph once per step,
and does the same additions in the same order as ``step``, without contraction, so that units spike in the same steps.

Forward, with u_k what subunit k hears, f_k its nonlinearity and s_j what source j sends::

    drive_k[n+1] = a1 drive_k[n] + a2 drive_k[n−1] + c_k u_k[n]         u_k[n] = Σ_j w_kj s_j[n]
    s_k[n+1] = f_k(drive_k[n])                                          or s_k[n] = drive_k[n] of one that is not late
    q[n+1] = d_syn q[n] + gain W_out z[n]       o[n+1] = d_mem o[n] + share q[n]

Backward, with A and B the gradients of the loss by drives and by what is sent::

    B_j[n] = Σ_k c_k w_kj A_k[n+1]  over connections that carry a gradient; of spikes also what the readout sends back
    A_k[n] = a1 A_k[n+1] + a2 A_k[n+2] + f_k'(drive_k[n]) B_k[n+1]      or + B_k[n] of one that is not late

Cost: O(lanes · time · connections), and one addition of a row of weights per input count and per spike.
Rows are named by their index in one array (row, lane), as views of it would be counted as references in every step.
All of it is in one file because the cache of compiled code is renewed with the file of the function that is called.
Kept for the backward run are the slopes f' of every nonlinearity (time, lane) and the list of spikes.
"""

from typing import Any, NamedTuple

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import intrinsic

from ..compilation import COMPILE

# No "contract" and no "reassoc": spikes must not depend on how a sum was rounded.
_EXACT: dict[str, Any] = {**COMPILE, "fastmath": {"nsz"}}
_FUSED: dict[str, Any] = {**COMPILE, "fastmath": {"nsz", "contract"}}
# Parts of a step become part of the run: a call would count its references to all tables.
_STEP: dict[str, Any] = {**_EXACT, "inline": "always"}
# Kinds of nonlinearity: drives are sent at once, or a step late as they are, through a sigmoid, or as spikes.
AT_ONCE, LATE, SIGMOID, SPIKE = range(4)
# Entries that are looked at together for one that is not zero; more do not become one instruction.
_TOGETHER = 8


class Tables(NamedTuple):
    """A graph of subunits. Sources are numbered, the inputs first and then the subunits.

    feedback : (subunit, 2), a1 and a2; scale : (subunit,), c
    kind : (subunit,), of the nonlinearity; numbers : (subunit, 4), of a sigmoid gain, threshold, width, passive part,
        of spikes threshold and sharpness; slope : (subunit,), its row among the slopes that are kept
    first : (subunit + 1,), its connections are those from ``first[k]`` to ``first[k + 1]``
    source, weight, through : (connection,), whether a gradient runs through it
    back : (connection,), c_k w_kj; sets : (connection,), whether it is the first to reach its source on the way back
    soma : the source that is the spikes
    """

    feedback: Any
    scale: Any
    kind: Any
    numbers: Any
    slope: Any
    first: Any
    source: Any
    weight: Any
    through: Any
    back: Any
    sets: Any
    soma: Any


class Events(NamedTuple):
    """Inputs of a block of trials that are not zero, in order of time: those of step t from ``starts[t]`` on.

    starts : (time + 1,); lanes : (event,), the first lane of the trial; channels, counts : (event,)
    """

    starts: Any
    lanes: Any
    channels: Any
    counts: Any


class Numbers(NamedTuple):
    """Readout: d_syn, d_mem, what a spike adds, share of the filtered spikes; 1; constants and terms of e^x."""

    synaptic: Any
    leak: Any
    gain: Any
    share: Any
    one: Any
    exponential: Any
    terms: Any


@numba.njit(**_EXACT)
def run_forward(
    tables: Tables, numbers: Numbers, events: Events, dense: Any, weights: Any, kept: Any, totals: Any, y: Any
) -> Any:
    """Run the trials of one block of one network; return how many spikes were listed.

    events, dense : one of the two is empty; dense are the weighted inputs (time, input of the neuron, lane)
    weights : W_in (channel, input of the neuron, unit), W_out (unit, output)
    kept : slopes (time, nonlinearity, lane), starts (time + 1,) and lanes (…,) of the spikes; slopes of one step and
        no starts, if nothing is to be kept
    totals : (lane,), to which the spikes after each step are added; y : (trial, time, output), filled
    """
    w_in, w_out = weights
    slopes, starts, listed = kept
    n_subunits, n_inputs, n_steps = tables.kind.shape[0], w_in.shape[1], y.shape[1]
    # What each source sends, drives of three steps in turn, and room for a sum.
    rows = np.zeros((n_inputs + 4 * n_subunits + 1, totals.shape[0]), w_in.dtype)
    readout = np.zeros((2, y.shape[0] * y.shape[2]), w_in.dtype)
    fired, n_fired, n_listed = np.empty(totals.shape[0], np.int32), 0, 0
    keep = starts.shape[0] > 0
    for t in range(n_steps):
        steps = _generations(t, n_inputs + n_subunits, n_subunits)
        _receive(events, dense, w_in, t, rows)
        _hear(tables, numbers.one, n_inputs, steps, rows)
        _read_out(numbers, readout, fired[:n_fired], w_out, t, y)
        if keep:
            starts[t] = n_listed
            for i in range(n_fired):
                listed[n_listed + i] = fired[i]
            n_listed += n_fired
        _send(tables, numbers, n_inputs, steps[1], rows, slopes, t if keep else 0)
        n_fired = _list_nonzero(rows[tables.soma], fired)
        for i in range(n_fired):
            totals[fired[i]] += numbers.one
    if keep:
        starts[n_steps] = n_listed
    return n_listed


@numba.njit(**_EXACT)
def _generations(t: Any, n_sources: Any, n_subunits: Any) -> Any:
    """Return the first rows of the drives before step t, in it and after it."""
    return (
        n_sources + (t + 2) % 3 * n_subunits,
        n_sources + t % 3 * n_subunits,
        n_sources + (t + 1) % 3 * n_subunits,
    )


@numba.njit(**_STEP)
def _hear(tables: Tables, one: Any, n_inputs: Any, steps: Any, rows: Any) -> None:
    """Set the drives after a step, from those of the two before and from what sources send."""
    feedback, scale, kind, _, _, first, source, weight, _, _, _, _ = tables
    before, now, new = steps
    heard = rows.shape[0] - 1
    for k in range(kind.shape[0]):
        # A sum of one source with weight 1 is that source.
        needs_sum = first[k + 1] > first[k] + 1 or weight[first[k]] != one
        sender = heard
        for e in range(first[k], first[k + 1]):
            j = source[e]
            row = now + j - n_inputs if j >= n_inputs and kind[j - n_inputs] == AT_ONCE else j
            if not needs_sum:
                sender = row
            elif e == first[k]:
                _set_row(rows, heard, weight[e], row)
            else:
                _add_row(rows, heard, weight[e], row)
        _filter_row(rows, new + k, now + k, before + k, feedback, k, scale[k], sender)


@numba.njit(**_STEP)
def _read_out(numbers: Numbers, readout: Any, fired: Any, w_out: Any, t: Any, y: Any) -> None:
    """Move readouts [0] and filtered spikes [1] one step on, and add to the latter the spikes of this step."""
    n_units, n_outputs = w_out.shape
    for j in range(readout.shape[1]):
        readout[0, j] = numbers.leak * readout[0, j] + numbers.share * readout[1, j]
        readout[1, j] = numbers.synaptic * readout[1, j]
    for b in range(y.shape[0]):
        for o in range(n_outputs):
            y[b, t, o] = readout[0, b * n_outputs + o]
    for i in range(fired.shape[0]):
        b = fired[i] // n_units
        for o in range(n_outputs):
            readout[1, b * n_outputs + o] += numbers.gain * w_out[fired[i] - b * n_units, o]


@numba.njit(**_STEP)
def _send(tables: Tables, numbers: Numbers, n_inputs: Any, now: Any, rows: Any, slopes: Any, t: Any) -> None:
    """Set what late subunits send in the next step, and the slopes there."""
    _, _, kind, own, row_of_slope, _, _, _, _, _, _, _ = tables
    for k in range(kind.shape[0]):
        if kind[k] == SIGMOID:
            _send_sigmoid(rows, now + k, n_inputs + k, own, k, numbers, slopes, t, row_of_slope[k])
        elif kind[k] == SPIKE:
            _send_spikes(rows, now + k, n_inputs + k, own, k, numbers.one, slopes, t, row_of_slope[k])
        elif kind[k] == LATE:
            _set_row(rows, n_inputs + k, numbers.one, now + k)


@numba.njit(**_EXACT)
def run_backward(
    tables: Tables, numbers: Numbers, events: Events, dense: Any, weights: Any, kept: Any, given: Any, grads: Any
) -> None:
    """Add the gradients of one block of one network to ``grads``: of W_in and W_out, shaped as in :func:`run_forward`.

    dense : (time, input of the neuron, lane), filled with the gradients by the weighted inputs unless it is empty
    given : gradients by the outputs (trial, time, output) and, unless it is empty, by each spike after a step (lane,)
    """
    w_in, w_out = weights
    slopes, starts, listed = kept
    by_output, by_spike = given
    n_subunits, n_inputs, soma = tables.kind.shape[0], w_in.shape[1], tables.soma
    # Gradients by what each source sends, by the drives of three steps in turn, and by each spike after a step.
    rows = np.zeros((n_inputs + 4 * n_subunits + 1, slopes.shape[2]), w_in.dtype)
    counted = rows.shape[0] - 1
    # The readout backward: once by output for the gradient of W_out, and once by lane behind W_out.
    by_readout = np.zeros((2, by_output.shape[0] * by_output.shape[2]), w_in.dtype)
    by_lane = np.zeros((2, rows.shape[1]), w_in.dtype)
    arriving, present = np.empty(by_readout.shape[1], w_in.dtype), np.empty(by_readout.shape[1], np.int32)
    if by_spike.shape[0]:
        rows[counted], rows[soma] = by_spike, by_spike
    for t in range(by_output.shape[1] - 1, -1, -1):
        after, now, later = _generations(t, n_inputs + n_subunits, n_subunits)
        _differentiate(tables, numbers.one, n_inputs, (after, now, later), rows, slopes, t)
        for p in range(rows.shape[1]):
            rows[soma, p] = numbers.gain * by_lane[1, p]
        if by_spike.shape[0]:
            _add_row(rows, soma, numbers.one, counted)
        _hear_back(tables, numbers.one, n_inputs, (after, now, later), rows)
        _collect(events, dense, t, rows, grads[0])
        _learn_readout(numbers.gain, listed[starts[t] : starts[t + 1]], by_readout, w_out.shape, grads[1])
        _read_back(numbers, by_output, t, (arriving, present), w_out, by_readout, by_lane)


@numba.njit(**_STEP)
def _differentiate(tables: Tables, one: Any, n_inputs: Any, steps: Any, rows: Any, slopes: Any, t: Any) -> None:
    """Set the gradients by the drives of late subunits, from those by what they send a step later."""
    feedback, _, kind, _, row_of_slope, _, _, _, _, _, _, _ = tables
    after, now, later = steps
    for k in range(kind.shape[0]):
        if kind[k] == LATE:
            _filter_row(rows, now + k, later + k, after + k, feedback, k, one, n_inputs + k)
        elif kind[k] != AT_ONCE:
            j = row_of_slope[k]
            _filter_slope(rows, now + k, later + k, after + k, feedback, k, slopes, t, j, n_inputs + k)


@numba.njit(**_STEP)
def _hear_back(tables: Tables, one: Any, n_inputs: Any, steps: Any, rows: Any) -> None:
    """Set the gradients by what is sent in a step, and then those by the drives of subunits that send them at once."""
    feedback, _, kind, _, _, first, source, _, through, back, sets, _ = tables
    after, now, later = steps
    for k in range(kind.shape[0]):
        for e in range(first[k], first[k + 1]):
            if sets[e]:
                _set_row(rows, source[e], back[e], later + k)
            elif through[e]:
                _add_row(rows, source[e], back[e], later + k)
    for k in range(kind.shape[0]):
        if kind[k] == AT_ONCE:
            _filter_row(rows, now + k, later + k, after + k, feedback, k, one, n_inputs + k)


@numba.njit(**_STEP)
def _learn_readout(gain: Any, fired: Any, by_readout: Any, shape: Any, grad: Any) -> None:
    """Add the gradients of W_out by the spikes of a step."""
    n_units, n_outputs = shape
    for i in range(fired.shape[0]):
        b = fired[i] // n_units
        for o in range(n_outputs):
            grad[fired[i] - b * n_units, o] += gain * by_readout[1, b * n_outputs + o]


@numba.njit(**_STEP)
def _read_back(numbers: Numbers, by_output: Any, t: Any, room: Any, w_out: Any, by_readout: Any, by_lane: Any) -> None:
    """Move the gradients by readouts [0] and by filtered spikes [1] one step back, by output and by lane."""
    arriving, present = room
    n_units, n_outputs = w_out.shape
    for b in range(by_output.shape[0]):
        for o in range(n_outputs):
            arriving[b * n_outputs + o] = by_output[b, t, o]
    for j in range(by_readout.shape[1]):
        by_readout[0, j] = numbers.leak * by_readout[0, j] + arriving[j]
        by_readout[1, j] = numbers.share * by_readout[0, j] + numbers.synaptic * by_readout[1, j]
    for p in range(by_lane.shape[1]):
        by_lane[0, p] = numbers.leak * by_lane[0, p]
    for i in range(_list_nonzero(arriving, present)):
        j = present[i]
        b = j // n_outputs
        for u in range(n_units):
            by_lane[0, b * n_units + u] += arriving[j] * w_out[u, j - b * n_outputs]
    for p in range(by_lane.shape[1]):
        by_lane[1, p] = numbers.share * by_lane[0, p] + numbers.synaptic * by_lane[1, p]


@intrinsic
def _power_of_two(context: Any, number: Any) -> Any:
    """Return 2^k from 1.5 · 2^m + k, m the length of the mantissa: k stands in its last bits."""
    bits, mantissa, bias = (32, 23, 127) if number == types.float32 else (64, 52, 1023)

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        integer = ir.IntType(bits)
        shifted = builder.shl(builder.bitcast(arguments[0], integer), integer(mantissa))
        return builder.bitcast(builder.add(shifted, integer(bias << mantissa)), arguments[0].type)

    return number(number), build


@numba.njit(**_FUSED)
def _exponential(x: Any, constants: Any, terms: Any) -> Any:
    """Return e^x within two units in the last place; x is cut off where the result would not be a normal number."""
    per_two, magic, high_part, low_part, lowest, highest = constants
    x = lowest if x < lowest else x
    x = highest if x > highest else x
    shifted = x * per_two + magic
    k = shifted - magic
    rest = (x - k * high_part) - k * low_part
    sum = terms[0]
    for term in terms[1:]:
        sum = sum * rest + term
    return sum * _power_of_two(shifted)  # type: ignore[call-arg]


@numba.njit(**_EXACT)
def logistic(x: Any, constants: Numbers) -> Any:
    """Return 1 / (1 + e^−x)."""
    return constants.one / (constants.one + _exponential(-x, constants.exponential, constants.terms))


@numba.njit(**_EXACT)
def _send_sigmoid(
    rows: Any, drive: Any, sent: Any, own: Any, k: Any, constants: Any, slopes: Any, t: Any, j: Any
) -> None:
    """Set row ``sent`` to passive · x + gain σ((x − threshold) / width), and the slopes to its derivative."""
    gain, threshold, width, passive = own[k, 0], own[k, 1], own[k, 2], own[k, 3]
    steepness = gain / width
    for p in range(rows.shape[1]):
        x = rows[drive, p]
        share = logistic((x - threshold) / width, constants)
        rows[sent, p] = passive * x + gain * share
        slopes[t, j, p] = passive + steepness * (share * (constants.one - share))


@numba.njit(**_EXACT)
def _send_spikes(rows: Any, drive: Any, sent: Any, own: Any, k: Any, one: Any, slopes: Any, t: Any, j: Any) -> None:
    """Set row ``sent`` to whether the drive is above threshold, and the slopes to the surrogate derivative."""
    threshold, sharpness, zero = own[k, 0], own[k, 1], one - one
    for p in range(rows.shape[1]):
        above = rows[drive, p] - threshold
        rows[sent, p] = one if above > zero else zero
        root = sharpness * abs(above) + one
        slopes[t, j, p] = one / (root * root)


@numba.njit(**_EXACT)
def _set_row(rows: Any, target: Any, weight: Any, other: Any) -> None:
    """Set row ``target`` to weight · row ``other``."""
    for p in range(rows.shape[1]):
        rows[target, p] = weight * rows[other, p]


@numba.njit(**_EXACT)
def _add_row(rows: Any, target: Any, weight: Any, other: Any) -> None:
    """Add weight · row ``other`` to row ``target``."""
    for p in range(rows.shape[1]):
        rows[target, p] += weight * rows[other, p]


@numba.njit(**_EXACT)
def _filter_row(rows: Any, new: Any, now: Any, before: Any, feedback: Any, k: Any, scale: Any, heard: Any) -> None:
    """Set row ``new`` to a1 now + a2 before + scale · heard."""
    a1, a2 = feedback[k, 0], feedback[k, 1]
    if a2 != 0:
        for p in range(rows.shape[1]):
            rows[new, p] = a1 * rows[now, p] + a2 * rows[before, p] + scale * rows[heard, p]
    else:
        for p in range(rows.shape[1]):
            rows[new, p] = a1 * rows[now, p] + scale * rows[heard, p]


@numba.njit(**_EXACT)
def _filter_slope(
    rows: Any, new: Any, later: Any, after: Any, feedback: Any, k: Any, slopes: Any, t: Any, j: Any, source: Any
) -> None:
    """Set row ``new`` to a1 later + a2 after + slope · source."""
    a1, a2 = feedback[k, 0], feedback[k, 1]
    if a2 != 0:
        for p in range(rows.shape[1]):
            rows[new, p] = a1 * rows[later, p] + a2 * rows[after, p] + slopes[t, j, p] * rows[source, p]
    else:
        for p in range(rows.shape[1]):
            rows[new, p] = a1 * rows[later, p] + slopes[t, j, p] * rows[source, p]


@numba.njit(**_EXACT)
def _any(row: Any, start: Any) -> Any:
    found = False
    for i in range(_TOGETHER):
        found |= row[start + i] != 0
    return found


@numba.njit(**_EXACT)
def _list_nonzero(row: Any, found: Any) -> Any:
    """Write to ``found`` where ``row`` is not zero, and return how often."""
    count, whole = 0, row.shape[0] - row.shape[0] % _TOGETHER
    for start in range(0, whole, _TOGETHER):
        if _any(row, start):
            for i in range(start, start + _TOGETHER):
                if row[i] != 0:
                    found[count] = i
                    count += 1
    for i in range(whole, row.shape[0]):
        if row[i] != 0:
            found[count] = i
            count += 1
    return count


@numba.njit(**_EXACT)
def list_events(inputs: Any, n_units: Any, events: Events) -> Any:
    """Write the inputs (trial, time, input) that are not zero, and return how many they are.

    With events of no length they are only counted.
    """
    n_trials, n_steps, n_channels = inputs.shape
    found, total = np.empty(n_channels, np.int32), 0
    for t in range(n_steps):
        if events.channels.shape[0]:
            events.starts[t] = total
        for b in range(n_trials):
            row = inputs[b, t]
            n_found = _list_nonzero(row, found)
            if events.channels.shape[0]:
                for k in range(n_found):
                    events.lanes[total + k] = b * n_units
                    events.channels[total + k] = found[k]
                    events.counts[total + k] = row[found[k]]
            total += n_found
    if events.channels.shape[0]:
        events.starts[n_steps] = total
    return total


@numba.njit(**_EXACT)
def _receive(events: Events, dense: Any, w_in: Any, t: Any, rows: Any) -> None:
    """Set the rows of the inputs to what arrives in step t."""
    starts, lanes, channels, counts = events
    n_inputs, n_units = w_in.shape[1], w_in.shape[2]
    if dense.shape[0]:
        rows[:n_inputs] = dense[t]
        return
    rows[:n_inputs] = 0
    for e in range(starts[t], starts[t + 1]):
        lane, count, channel = lanes[e], counts[e], channels[e]
        for k in range(n_inputs):
            for u in range(n_units):
                rows[k, lane + u] += count * w_in[channel, k, u]


@numba.njit(**_EXACT)
def _collect(events: Events, dense: Any, t: Any, rows: Any, grad: Any) -> None:
    """Add the gradients of the input weights in step t, or set those by the weighted inputs."""
    starts, lanes, channels, counts = events
    n_inputs, n_units = grad.shape[1], grad.shape[2]
    if dense.shape[0]:
        dense[t] = rows[:n_inputs]
        return
    for e in range(starts[t], starts[t + 1]):
        lane, count, channel = lanes[e], counts[e], channels[e]
        for k in range(n_inputs):
            for u in range(n_units):
                grad[channel, k, u] += count * rows[k, lane + u]
