"""Compiled runs and gradients of one spiking network on the CPU, driven by events; ``step`` stays the definition.

One trial after the other: its state, N numbers per variable, stays in the fastest cache, and loops over units become
vector instructions. A spike costs one addition of a row of N weights forward and one of N gradients backward, an input
count likewise; products with zeros are never formed. A forward run costs O(B·T·N) for the states plus spikes × N, the
backward run of rules with local traces the same, BPTT one product with the existing synapses per step more: it takes
``TOGETHER`` trials side by side, so that these products are vector instructions over trials. Kept between the two are
ψ (trial, time, unit) and the list of spikes; the runs of an evaluation keep neither.
"""

from typing import Any

import numba
import numpy as np

from ..compilation import COMPILE

# Trials that BPTT runs backward side by side: more share a synapse's overhead, until their states outgrow the cache.
TOGETHER = 64


@numba.njit(**COMPILE, inline="always")
def _add(row: Any, weight: Any, other: Any) -> None:
    for p in range(row.shape[0]):
        row[p] += weight * other[p]


@numba.njit(**COMPILE, inline="always")
def _add_spikes(rows: Any, spikes: Any, b: Any, t: Any, row: Any) -> None:
    """Add ``row`` to the rows of the units that spiked in step t of trial b, given as (starts, units)."""
    for k in range(spikes[0][b, t], spikes[0][b, t + 1]):
        target = rows[spikes[1][b, k]]
        for p in range(row.shape[0]):
            target[p] += row[p]


@numba.njit(**COMPILE)
def list_inputs(inputs: Any, starts: Any, channels: Any, counts: Any) -> None:
    """Write the entries of ``inputs`` (trial, time, input) that are not zero as lists, ordered by trial and time.

    Entries ``starts[b, t]`` to ``starts[b, t + 1]`` of ``channels`` and ``counts`` are those of step t.
    """
    found = 0
    for b in range(inputs.shape[0]):
        for t in range(inputs.shape[1]):
            starts[b, t] = found
            row = inputs[b, t]
            for i in range(inputs.shape[2]):
                if row[i] != 0:
                    channels[found] = i
                    counts[found] = row[i]
                    found += 1
        starts[b, inputs.shape[1]] = found


@numba.njit(**COMPILE)
def run_forward(
    events: Any, weights: Any, numbers: Any, psi: Any, starts: Any, units: Any, totals: Any, y: Any
) -> None:
    """Run the trials of one network.

    events : (starts, channels, counts) of :func:`list_inputs`
    weights : W_in (input, unit), W (unit_pre, unit), W_out (unit, output), b_out, β (unit,)
    numbers : α, ρ, κ, ϑ, γ/ϑ and the refractory count after a spike
    psi : (trial, time, unit), filled unless it is empty, and then ``starts`` (trial, time + 1) and ``units`` (trial, …)
        too: unit p spiked in step t if it is among ``units[b, starts[b, t] : starts[b, t + 1]]``
    totals : (unit,), to which the numbers of spikes are added; y : (trial, time, output), filled
    """
    w_in, w, w_out, b_out, beta = weights
    kappa = numbers[2]
    one = kappa * 0 + 1
    keep = psi.shape[1] > 0
    state = np.empty((4, w.shape[0]), w.dtype)  # voltage, adaptation, spikes, refractory count
    current, slope = np.empty(w.shape[0], w.dtype), np.empty(w.shape[0], w.dtype)
    fired = np.empty(w.shape[0], np.int32)
    filtered = np.empty(b_out.shape[0], w.dtype)
    for b in range(y.shape[0]):
        state[:] = 0
        filtered[:] = 0
        n_fired, kept = 0, 0
        for t in range(y.shape[1]):
            current[:] = 0
            for k in range(events[0][b, t], events[0][b, t + 1]):
                _add(current, events[2][k], w_in[events[1][k]])
            for k in range(n_fired):
                _add(current, one, w[fired[k]])
            _advance(state, current, beta, numbers, slope)
            n_fired = _list_spikes(state[2], fired, totals)
            if keep:
                psi[b, t] = slope
                starts[b, t] = kept
                units[b, kept : kept + n_fired] = fired[:n_fired]
                kept += n_fired
            for k in range(filtered.shape[0]):
                filtered[k] *= kappa
            for k in range(n_fired):
                _add(filtered, one - kappa, w_out[fired[k]])
            y[b, t] = filtered + b_out
        if keep:
            starts[b, y.shape[1]] = kept


@numba.njit(**COMPILE)
def _advance(state: Any, current: Any, beta: Any, numbers: Any, slope: Any) -> None:
    """Move voltage, adaptation, spikes and refractory counts one step on, and set ψ."""
    alpha, rho, _, threshold, height, blocked = numbers
    v, a, z, refractory = state
    one = alpha * 0 + 1
    zero = one - one
    for p in range(v.shape[0]):
        v[p] = alpha * v[p] + (one - alpha) * current[p] - threshold * z[p]
        a[p] = rho * a[p] + (one - rho) * z[p]
        u = (v[p] - threshold - beta[p] * a[p]) / threshold
        free = one if refractory[p] <= one else zero
        z[p] = free if u > zero else zero
        refractory[p] = blocked if z[p] > zero else max(refractory[p] - one, zero)
        slope[p] = free * height * max(one - abs(u), zero)


@numba.njit(**COMPILE)
def _list_spikes(z: Any, fired: Any, totals: Any) -> Any:
    """Write the units that spike to ``fired``, count them in ``totals``, and return how many there are."""
    n_fired = 0
    if z.sum() > 0:
        for p in range(z.shape[0]):
            if z[p] > 0:
                fired[n_fired] = p
                n_fired += 1
                totals[p] += 1
    return n_fired


@numba.njit(**COMPILE)
def run_backward(
    events: Any, spikes: Any, psi: Any, wiring: Any, beta: Any, numbers: Any, signal: Any, switches: Any, grads: Any
) -> None:
    """Add the gradients of one network to ``grads``: of W_in (input, unit), W (unit_pre, unit), W_out (unit, output).

    spikes : (starts, units) of :func:`run_forward`
    wiring : W by rows of sources, (starts, targets, weights), used by BPTT alone
    signal : error (trial, time, output), F (output, unit), constant (unit,), and C with rows of secreting units (unit
        j, unit p), scaled by gain and 1 − α; empty for none
    switches : whether constants are secreted, BPTT, the causal approximation
    """
    trials, steps, n = psi.shape
    blocks = -(-trials // TOGETHER) if switches[1] else trials
    means = np.empty((steps if switches[2] else 0, n), psi.dtype)
    own = (np.empty_like(grads[0]), np.empty_like(grads[1]), np.empty_like(grads[2]))
    for i in range(blocks):
        block = slice(i * trials // blocks, (i + 1) * trials // blocks)
        if switches[2]:
            _filter(psi[block.start], numbers[2], means)
        for weight in range(3):
            own[weight][:] = 0
        listed = (events[0][block], events[1], events[2])
        fired = (spikes[0][block], spikes[1][block])
        given = (signal[0][block], signal[1], signal[2], signal[3])
        _block_backward(listed, fired, psi[block], wiring, beta, numbers, given, switches, means, own)
        # Sums of a block are small against those of a batch, and rounding with them.
        for weight in range(3):
            grads[weight][:] += own[weight]


@numba.njit(**COMPILE)
def _block_backward(
    events: Any, spikes: Any, psi: Any, wiring: Any, beta: Any, numbers: Any, signal: Any, switches: Any, means: Any,
    grads: Any,
) -> None:  # fmt: skip
    """Add the gradients of some trials, step by step side by side; see :func:`run_backward`.

    means : filtered ψ of the one trial (time, unit), for the causal approximation
    """
    error, feedback, constant, coupling = signal
    secrete_constant, through_weights, causal = switches
    alpha, rho, kappa, threshold = numbers[0], numbers[1], numbers[2], numbers[3]
    one = alpha * 0 + 1
    trials, steps, n = psi.shape
    state = np.zeros((3, trials, n), psi.dtype)  # λᵛ, λᵇ, and what the units that a unit drives send back to it
    task, across = np.empty(n, psi.dtype), np.empty((n, trials), psi.dtype)
    filtered = np.zeros((trials, error.shape[2]), psi.dtype)
    # Filtered errors below this are lost in the rounding of those that are kept.
    smallest = np.abs(error).max() * (one * 1e-18 if one + one * 1e-12 != one else one * 1e-12)
    for t in range(steps - 1, -1, -1):
        if through_weights:
            _through(wiring, one - alpha, state[0], across, state[2])
        for b in range(trials):
            voltage, adaptation, received = state[0, b], state[1, b], state[2, b]
            slope, later = psi[b, t], filtered[b]
            present = _filter_error(kappa, error[b, t], smallest, later)
            task[:] = 0
            if present:
                for k in range(later.shape[0]):
                    _add(task, later[k], feedback[k])
            for p in range(n):
                past = (one - rho) * adaptation[p] - threshold * voltage[p]
                pulled = slope[p] * (constant[p] + task[p] + received[p] + past)
                voltage[p] = pulled + alpha * voltage[p]
                adaptation[p] = rho * adaptation[p] - beta[p] * pulled
            if causal:
                _sense_filtered(kappa, error[b, t], feedback, means[t], coupling, received)
            elif coupling.shape[0] > 0:
                _sense(task, constant, slope, coupling, present, secrete_constant, received)
            for k in range(events[0][b, t], events[0][b, t + 1]):
                _add(grads[0][events[1][k]], events[2][k], voltage)
            if t > 0:
                _add_spikes(grads[1], spikes, b, t - 1, voltage)
            if present:
                _add_spikes(grads[2], spikes, b, t, later)


@numba.njit(**COMPILE)
def _filter_error(decay: Any, error: Any, smallest: Any, later: Any) -> Any:
    """Move the filtered error one step back and return whether it matters."""
    present = False
    for k in range(later.shape[0]):
        later[k] = decay * later[k] + (1 - decay) * error[k]
        present = present or abs(later[k]) > smallest
    return present


@numba.njit(**COMPILE)
def _sense(
    task: Any, constant: Any, psi: Any, coupling: Any, present: Any, secrete_constant: Any, modulation: Any
) -> None:
    """Set ``modulation`` to C (L ψ), what the traces of the step before receive."""
    modulation[:] = 0
    if present or secrete_constant:
        for j in range(psi.shape[0]):
            secreted = task[j] * psi[j]
            if secrete_constant:
                secreted += constant[j] * psi[j]
            if secreted != 0:
                _add(modulation, secreted, coupling[j])


@numba.njit(**COMPILE)
def _through(wiring: Any, scale: Any, voltage: Any, across: Any, received: Any) -> None:
    """Set ``received`` to what comes back from ``voltage`` (both trial, unit) through the weights, scaled.

    A synapse meets all trials in one vector, which ``across`` (unit, trial) is for; two synapses share a pass over it.
    """
    starts, targets, weights = wiring
    trials, n = voltage.shape
    for b in range(trials):
        for p in range(n):
            across[p, b] = voltage[b, p]
    total = np.empty(trials, across.dtype)
    for p in range(n):
        total[:] = 0
        last = starts[p + 1]
        for k in range(starts[p], last - 1, 2):
            weight, other = weights[k], weights[k + 1]
            first, second = across[targets[k]], across[targets[k + 1]]
            for b in range(trials):
                total[b] += weight * first[b] + other * second[b]
        if (last - starts[p]) % 2:
            _add(total, weights[last - 1], across[targets[last - 1]])
        for b in range(trials):
            received[b, p] = scale * total[b]


@numba.njit(**COMPILE)
def _sense_filtered(decay: Any, error: Any, feedback: Any, mean: Any, coupling: Any, modulation: Any) -> None:
    """Set ``modulation`` to κ modulation + (1 − κ) C (F error ψ̄), what the traces of the step before receive."""
    present = False
    for k in range(error.shape[0]):
        present = present or error[k] != 0
    for p in range(modulation.shape[0]):
        modulation[p] *= decay
    if present:
        for j in range(mean.shape[0]):
            secreted = decay * 0
            for k in range(error.shape[0]):
                secreted += error[k] * feedback[k, j]
            if secreted != 0:
                _add(modulation, (1 - decay) * secreted * mean[j], coupling[j])


@numba.njit(**COMPILE)
def _filter(values: Any, decay: Any, means: Any) -> None:
    for p in range(values.shape[1]):
        means[0, p] = (1 - decay) * values[0, p]
    for t in range(1, values.shape[0]):
        for p in range(values.shape[1]):
            means[t, p] = decay * means[t - 1, p] + (1 - decay) * values[t, p]
