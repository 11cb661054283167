"""The spiking family as its equations read, in NumPy float64 with loops over time: the reference for trainers/spiking/.

Here matrices have rows of sources and columns of targets: w[q, p] leads from q to p. :func:`network_of` and
:func:`by_name` translate from and to the package. Arrays over time are (trial, time, unit or input).
"""

import dataclasses
import itertools
import math
import types
import typing

import numpy as np


@dataclasses.dataclass(frozen=True)
class Network:
    w_in: np.ndarray
    w: np.ndarray
    w_out: np.ndarray
    b_out: np.ndarray
    beta: np.ndarray
    alpha: float
    rho: float
    kappa: float
    threshold: float
    gamma: float
    n_ref: int
    rate_cost: float
    target: float
    excitatory: np.ndarray | None = None
    random_feedback: np.ndarray | None = None


def network_of(model, member=0):
    """Return one member of a model in the conventions of this file."""
    config = model.config
    arrays = {name: array[member].astype(float) for name, array in model.arrays().items()}
    units = np.arange(config.n_units)
    w = arrays["recurrent_weight"].T.copy()
    w[units, units] = 0
    return Network(
        arrays["input_weight"].T,
        w,
        arrays["output_weight"].T,
        arrays["output_bias"],
        beta=np.where(config.is_adaptive(), config.adaptation_strength, 0.0),
        alpha=math.exp(-config.dt / config.tau_membrane),
        rho=math.exp(-config.dt / config.tau_adaptation),
        kappa=math.exp(-config.dt / config.tau_readout),
        threshold=config.threshold,
        gamma=config.dampening,
        n_ref=config.refractory_steps,
        rate_cost=config.rate_cost,
        target=config.target_rate * config.dt,
        excitatory=arrays["unit_sign"] > 0 if "unit_sign" in arrays else None,
        random_feedback=arrays["feedback_weight"].T if "feedback_weight" in arrays else None,
    )


def by_name(w_in, w, w_out, b_out):
    """Return gradients under the package's names and with its orientation."""
    return {"input_weight": w_in.T, "recurrent_weight": w.T, "output_weight": w_out.T, "output_bias": b_out}


# Dynamics.


def run(net, x):
    """Return v, b, z, psi, r (trial, time, unit), whether each unit is ``refractory``, and outputs o."""
    n_trials, n_steps, _ = x.shape
    n = len(net.beta)
    v, b, z, psi, r, refractory = np.zeros((6, n_trials, n_steps, n))
    o = np.zeros((n_trials, n_steps, len(net.b_out)))
    for i, t in np.ndindex(n_trials, n_steps):
        v_before, b_before, z_before, r_before = (a[i, t - 1] if t > 0 else np.zeros(n) for a in (v, b, z, r))
        current = x[i, t] @ net.w_in + z_before @ net.w
        for p in range(n):
            v[i, t, p] = net.alpha * v_before[p] + (1 - net.alpha) * current[p] - net.threshold * z_before[p]
            b[i, t, p] = net.rho * b_before[p] + (1 - net.rho) * z_before[p]
            u = (v[i, t, p] - (net.threshold + net.beta[p] * b[i, t, p])) / net.threshold
            spiked = [z[i, t - lag, p] for lag in range(1, net.n_ref + 1) if lag <= t]
            refractory[i, t, p] = any(spiked)
            if not any(spiked):
                z[i, t, p] = u > 0
                psi[i, t, p] = net.gamma / net.threshold * max(0.0, 1 - abs(u))
        r[i, t] = net.kappa * r_before + (1 - net.kappa) * z[i, t]
        o[i, t] = r[i, t] @ net.w_out + net.b_out
    return types.SimpleNamespace(x=x, v=v, b=b, z=z, psi=psi, r=r, o=o, refractory=refractory)


# Losses: each returns the number and its derivative by the outputs, (trial, time, output).


def cross_entropy_at_the_end(o, targets):
    weights = np.exp(o[:, -1] - o[:, -1].max(1, keepdims=True))
    chances = weights / weights.sum(1, keepdims=True)
    error = np.zeros_like(o)
    error[:, -1] = (chances - targets[:, -1]) / len(o)
    return -np.log((chances * targets[:, -1]).sum(1)).mean(), error


def squared_error_everywhere(o, targets):
    return ((o - targets) ** 2).mean(), 2 * (o - targets) / o.size


def rate_penalty(net, record):
    """Return the penalty c Σ (ν − f0)² and its derivative by every spike of each unit, (unit,)."""
    n_trials, n_steps, _ = record.z.shape
    excess = record.z.mean((0, 1)) - net.target
    return net.rate_cost * (excess**2).sum(), 2 * net.rate_cost * excess / (n_trials * n_steps)


# Gradients.


def filtered(values, kappa):
    """Return x̄_t = κ x̄_{t−1} + (1 − κ) x_t along the second axis."""
    found = np.zeros_like(values)
    for t in range(values.shape[1]):
        found[:, t] = (1 - kappa) * values[:, t] + (kappa * found[:, t - 1] if t > 0 else 0)
    return found


def task_signal(net, error, feedback):
    """Return the task's part of L: Σ_{s ≥ t} (1 − κ) κ^{s−t} Σ_k F[p, k] ∂E/∂o_{k,s}."""
    n_steps = error.shape[1]
    found = np.zeros((*error.shape[:2], len(feedback)))
    for t in range(n_steps):
        for s in range(t, n_steps):
            found[:, t] += (1 - net.kappa) * net.kappa ** (s - t) * error[:, s] @ feedback.T
    return found


def spikes_before(record):
    """Return z_{t−1}."""
    found = np.zeros_like(record.z)
    found[:, 1:] = record.z[:, :-1]
    return found


def eligibility(net, record):
    """Return e (trial, time, source, unit), one trace per synapse; sources are the inputs and then the units."""
    sources = np.concatenate([record.x, spikes_before(record)], axis=-1)[..., None]
    adapts = net.beta > 0
    e = np.zeros((*sources.shape[:3], len(net.beta)))
    by_v, by_b = np.zeros_like(e[:, 0]), np.zeros_like(e[:, 0])
    for t in range(e.shape[1]):
        psi = record.psi[:, t - 1, None] if t > 0 else np.zeros_like(record.psi[:, 0, None])
        v_next = (net.alpha - net.threshold * psi) * by_v + net.threshold * net.beta * psi * by_b
        v_next = v_next + (1 - net.alpha) * sources[:, t]
        b_next = (1 - net.rho) * psi * by_v + (net.rho - (1 - net.rho) * net.beta * psi) * by_b
        by_v, by_b = v_next, np.where(adapts, b_next, 0.0)
        e[:, t] = record.psi[:, t, None] * (by_v - net.beta * by_b)
    return e


def bptt(net, record, signal):
    """Return the total derivatives by (w_in, w), from L (trial, time, unit), backward in time."""
    later_v, later_b = np.zeros_like(signal[:, 0]), np.zeros_like(signal[:, 0])
    sources = spikes_before(record)
    g_in, g = np.zeros_like(net.w_in), np.zeros_like(net.w)
    for t in reversed(range(signal.shape[1])):
        arrived = signal[:, t] - net.threshold * later_v + (1 - net.alpha) * later_v @ net.w.T
        arrived = arrived + np.where(net.beta > 0, (1 - net.rho) * later_b, 0.0)
        now_v = record.psi[:, t] * arrived + net.alpha * later_v
        now_b = -net.beta * record.psi[:, t] * arrived + net.rho * later_b
        later_v, later_b = now_v, now_b
        g_in += (1 - net.alpha) * record.x[:, t].T @ now_v
        g += (1 - net.alpha) * sources[:, t].T @ now_v
    return g_in, g


def sensed(net, secreted, kind):
    """Return Γ (trial, time, unit): what each unit p senses of what the units j have secreted."""
    n = len(net.beta)
    found = np.zeros_like(secreted)
    if kind == "weights":
        for p in range(n):
            for j in range(n):
                found[..., p] += net.w[p, j] * secreted[..., j]
        return found
    types_of_units = (net.excitatory, ~net.excitatory)
    for of_p, of_j in itertools.product(types_of_units, types_of_units):
        pairs = list(itertools.product(np.flatnonzero(of_p), np.flatnonzero(of_j)))
        if kind == "cell_types":
            pairs = [pair for pair in pairs if net.w[pair] != 0]
        gain = np.mean([net.w[pair] for pair in pairs]) if pairs else 0.0
        for p, j in pairs:
            found[..., p] += gain * secreted[..., j]
    return found


#: rule → what its units sense, for the rules with modulation
COUPLINGS = {"mdgl": "cell_types", "mdgl_online": "cell_types", "mdgl_weights": "weights", "mdgl_nonlocal": "nonlocal"}


def gradients(net, record, error, rule, *, gain=1.0, secrete_regularizer=False):
    """Return the gradients of a rule by the package's names, given the task's ``error`` (trial, time, output)."""
    task = task_signal(net, error, net.random_feedback if rule == "eprop_random" else net.w_out)
    _, constant = rate_penalty(net, record)
    if rule == "bptt":
        g_in, g = bptt(net, record, task + constant)
    else:
        e = eligibility(net, record)
        total = np.einsum("btp,btqp->qp", task + constant, e)
        if rule == "mdgl_online":
            at_outputs = error @ net.w_out.T
            heard = sensed(net, at_outputs * filtered(record.psi, net.kappa), COUPLINGS[rule])
            total += gain * (1 - net.alpha) * one_step_later(heard, filtered(e, net.kappa))
        elif rule in COUPLINGS:
            secreted = (task + constant if secrete_regularizer else task) * record.psi
            total += gain * (1 - net.alpha) * one_step_later(sensed(net, secreted, COUPLINGS[rule]), e)
        g_in, g = total[: len(net.w_in)], total[len(net.w_in) :]
    np.fill_diagonal(g, 0)
    g_out = sum(record.r[:, t].T @ error[:, t] for t in range(error.shape[1]))
    return by_name(g_in, g, g_out, error.sum((0, 1)))


def one_step_later(heard, traces):
    """Return Σ over trials and t ≥ 1 of heard_t × traces_{t−1}, (source, unit)."""
    total = np.zeros(traces.shape[2:])
    for t in range(1, heard.shape[1]):
        total += (heard[:, t, None] * traces[:, t - 1]).sum(0)
    return total


# Wiring.


class Rewired(typing.NamedTuple):
    sizes: list[np.ndarray]
    sufficed: bool


def deep_r(before, after, candidates, limit, *, shrinkage, generator):
    """Return magnitudes after DEEP R at temperature 0, and whether every candidate that could come back did.

    ``before`` and ``after`` an optimiser step, and 1 for ``candidates`` that may come back, are one array per matrix.
    """
    sizes = [np.where(old > 0, new, 0.0) for old, new in zip(before, after, strict=True)]
    sizes = [np.where(size > 0, size - shrinkage, 0.0) for size in sizes]
    sizes = [np.where(size > 0, size, 0.0) for size in sizes]
    missing = limit - sum(np.count_nonzero(size) for size in sizes)
    assert missing >= 0
    shares = np.array([size.size for size in sizes])
    quotas = generator.multinomial(missing, shares / shares.sum())
    sufficed = True
    for size, candidate, quota in zip(sizes, candidates, quotas, strict=True):
        dormant = np.flatnonzero((candidate == 1) & (size <= 0))
        sufficed = sufficed and len(dormant) <= quota
        size.flat[generator.permutation(dormant)[:quota]] = 1e-12
    return Rewired(sizes, sufficed)
