"""Dendritic networks at rest: the closed form, what the search makes of it, and spiking that needs no input."""

import dataclasses

import numpy as np
import pytest
import torch
from making import drawn

from dynascope.errors import InputError
from dynascope.fixedpoints import find_fixed_points
from dynascope.trainers import get_family
from dynascope.trainers.prc import KINDS
from dynascope.trainers.prc.defaults import WEIGHT_SCALES
from dynascope.trainers.prc.quiet import constant_gain, persists, saturated

VARIANTS = [{}, {"normalized_kernels": True}, {"synapse": "alpha"}, {"synapse": "difference"}]


def make(kind, members=None, dtype=torch.float64, **options):
    normal = {"kind": kind, "n_units": 5, "n_inputs": 6, "weight_scale": WEIGHT_SCALES["memorise"][kind]}
    return drawn("prc", normal | options, members=members, seed=3, dtype=dtype)


def weak_input(seed=1, size=0.02):
    return torch.as_tensor(size * np.random.default_rng(seed).random(6))


def settled(model, input, n_steps):
    """Run a network that cannot spike until nothing changes any more."""
    deaf = type(model)(dataclasses.replace(model.config, threshold=1e300), dtype=torch.float64)
    deaf.load_arrays(model.arrays())
    state = deaf.initial_state(1)
    with torch.no_grad():
        for _ in range(n_steps):
            state = deaf.step(state, input[None])
    assert not deaf.parts(state)["spikes"].any()
    return state[0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_closed_form_by_hand(kind):
    model, u = make(kind), weak_input()
    found = model.quiet().parts(model.quiet().fixed_point(u))
    d_syn, d_mem = np.exp(-1 / 5), np.exp(-1 / 10)
    weights, x = model.arrays(), u.numpy()

    def f(drive, threshold=2.0, passive=1.0):
        return passive * drive + 1 / (1 + np.exp(-10 * (drive - threshold)))

    heard = weights["somatic_weight"] @ x / (1 - d_syn)
    if kind != "one_compartment":
        s_d = weights["dendritic_weight"] @ x / (1 - d_syn)
        if kind in ("no_bap", "bap"):
            drive = s_d / (1 - d_mem)
        else:
            p, c = f(s_d / (1 - np.exp(-1 / 5))), f(s_d / (1 - np.exp(-1 / 40)), 4.0, 0.0)
            drive = (p + c) / (1 - np.exp(-1 / 80))
        heard = heard + f(drive)
    assert found["soma"].numpy() == pytest.approx(heard / (1 - d_mem), rel=1e-10)
    distance = model.quiet().distance_to_threshold(model.quiet().fixed_point(u)).numpy()
    assert distance == pytest.approx((15 - heard / (1 - d_mem)) / 15, rel=1e-10)


@pytest.mark.parametrize("options", VARIANTS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_long_silent_run_ends_at_the_closed_form(kind, options):
    model, u = make(kind, **options), weak_input(size=0.3)
    state = settled(model, u, 2500 if "parallel" in kind else 600)
    dynamics = model.quiet()
    known = dynamics.fixed_point(u)
    assert known.shape == (dynamics.state_size,)
    for name, value in model.parts(dynamics.full_state(known)).items():
        size = 1 + float(value.abs().max())
        assert value.numpy() == pytest.approx(model.parts(state)[name].numpy(), abs=1e-10 * size), name


@pytest.mark.parametrize("options", [*VARIANTS, {"block": ["sodium"]}, {"block": ["calcium", "nmda"]}])
@pytest.mark.parametrize("kind", KINDS)
def test_the_search_finds_and_proves_it_and_eigenvalues_are_the_decays(kind, options):
    channels = make(kind).cell.channels
    if not set(options.get("block", ())) <= set(channels):
        pytest.skip("no such channel")
    model, u = make(kind, **options), weak_input()
    dynamics = model.quiet()
    known = dynamics.fixed_point(u)
    # Steep sigmoids lead Newton's steps astray from far away; not from where a silent run comes by.
    starts, state = [], torch.zeros(1, dynamics.state_size, dtype=torch.float64)
    for _ in range(400):
        state = dynamics.step(state, u[None])
        starts.append(state[0].numpy())
    starts = np.stack(starts)[19::20]
    bound = dynamics.jacobian_lipschitz
    points = find_fixed_points(dynamics.step, starts, u.numpy(), lipschitz=bound, tolerance=1e-23)
    assert len(points) == 1
    assert points.multiplicity[0] > 2
    assert points.states[0] == pytest.approx(known.numpy(), abs=1e-10)
    assert points.certified.all()
    assert points.certificate_kind == "bounded"
    assert points.error_bound[0] < 1e-6
    assert points.error_bound[0] < points.radius[0]
    assert points.stable.all()
    decays = []
    for one in model.cell.subunits:
        feedback = model.recursions[one.name].feedback
        decays += list(np.roots([1, *(-a for a in feedback)]).real) * 5
    decays += [0.0] * (dynamics.state_size - len(decays))
    # A double pole, or a chain of equal decays that balancing cannot untangle, halves the digits of eigenvalues.
    tolerance = 1e-12 if options.get("synapse") is None else 1e-4
    assert np.sort(points.eigenvalues[0].real) == pytest.approx(np.sort(decays), abs=tolerance)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_a_fixed_point_of_the_network_exactly_below_threshold(kind):
    model, u = make(kind), weak_input()
    dynamics = model.quiet()
    for size in (0.0, 1.0, 30.0, 1e3):
        input = size * u
        full = dynamics.full_state(dynamics.fixed_point(input))
        after = model.parts(model.step(full[None], input[None])[0])["spikes"] > 0
        assert torch.equal(after, dynamics.distance_to_threshold(dynamics.fixed_point(input)) < 0)
        if not after.any():
            moved = model.step(full[None], input[None])[0] - full
            assert float(moved.detach().abs().max()) < 1e-12 * (1 + float(full.abs().max()))
    assert size * u.max() > 1
    assert after.any()


def test_at_threshold_a_unit_stays_silent():
    model = make("one_compartment", n_units=1, n_inputs=1)
    dynamics = model.quiet()
    at = torch.tensor([[0.0, 15.0]], dtype=torch.float64)
    assert [part.name for part in dynamics.state_layout] == ["somatic_synapse", "soma"]
    assert dynamics.distance_to_threshold(at).tolist() == [[0.0]]
    assert not model.parts(model.step(dynamics.full_state(at), torch.zeros(1, 1, dtype=torch.float64)))["spikes"].any()


def jacobians(dynamics, states):
    """Return ∂step/∂state at states (k, state) without input, (k, state, state)."""
    leaf = torch.as_tensor(states).requires_grad_()
    value = dynamics.step(leaf, torch.zeros(len(states), 6, dtype=torch.float64))
    unit = torch.eye(value.shape[1], dtype=torch.float64)[:, None].expand(-1, len(states), -1)
    (rows,) = torch.autograd.grad(value, leaf, unit, is_grads_batched=True)
    return rows.transpose(0, 1).numpy()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "one_compartment"])
def test_the_bound_on_curvature_holds_and_is_reached(kind):
    model = make(kind, n_units=2)
    dynamics = model.quiet()
    rng = np.random.default_rng(5)
    states = 4 * rng.normal(size=(40, dynamics.state_size))
    radii = rng.uniform(0.01, 1.0, 40)
    moved = rng.normal(size=states.shape)
    moved *= (radii / np.linalg.norm(moved, axis=1))[:, None]

    bounds = dynamics.jacobian_lipschitz(states, radii)
    change = np.linalg.norm(jacobians(dynamics, states + moved) - jacobians(dynamics, states), 2, axis=(1, 2))
    assert (change <= bounds * radii * (1 + 1e-9) + 1e-12).all()
    # Where a drive alone moves across the steepest bend of its sigmoid, the bound is all but reached.
    states, step = np.zeros((1, dynamics.state_size)), 1e-4
    name = "dendrite" if "parallel" not in kind else "nmda"
    part = next(part for part in dynamics.state_layout if part.name == name)
    states[0, part.start] = 2.0 + 0.1 * np.log(2 + np.sqrt(3))
    other = states.copy()
    other[0, part.start] += step
    change = np.linalg.norm(jacobians(dynamics, other) - jacobians(dynamics, states), 2, axis=(1, 2))
    bound = dynamics.jacobian_lipschitz(states, np.array([step]))
    assert 0.99 * bound[0] * step < change[0] <= bound[0] * step


def test_only_late_sigmoids_are_bounded_as_the_docstring_says():
    for kind in KINDS:
        assert all(one.is_linear or one.delay == 1 for one in make(kind).cell.subunits)


def test_gains_for_constant_input():
    for options in VARIANTS:
        model = make("parallel", **options)
        for one in model.cell.subunits:
            total = one.kernel.samples(model.config.dt, 4000).sum()
            assert constant_gain(model.recursions[one.name]) == pytest.approx(total, rel=1e-10)


def one_unit(kind, bap, **options):
    return make(kind, n_units=1, n_inputs=1, bap_strength=bap, **options)


def test_the_loop_through_the_dendrite_holds_spikes_only_when_it_is_strong():
    silence = torch.zeros(1, 1, dtype=torch.float64)
    # v* = (γ / (1 − d) + 1 − R) / (1 − d) > ϑ, the sigmoid being saturated
    d = np.exp(-1 / 10)
    limit = (1 - d) * (15 * (1 - d) + 15 - 1)
    for factor, holds in ((1.001, True), (0.999, False)):
        model = one_unit("bap", factor * limit)
        with torch.no_grad():
            model.somatic_weight.zero_()
        assert saturated(model, silence).item() is holds
        quiet = model.quiet()
        assert quiet.distance_to_threshold(quiet.fixed_point(silence)).item() > 0.99  # beside the quiet state
    assert persists(one_unit("bap", 1.001 * limit), silence).item()
    assert persists(one_unit("bap", 0.9 * limit), silence).item()  # in another rhythm
    assert not persists(one_unit("bap", 0.5), silence).item()
    assert not persists(one_unit("parallel_bap", 0.05), silence).item()


@pytest.mark.parametrize("options", VARIANTS[1:3])
@pytest.mark.parametrize("kind", KINDS)
def test_units_that_spike_in_every_step_rest_there_exactly_above_threshold(kind, options):
    model = make(kind, **options)
    u = torch.full((1, 6), 30.0, dtype=torch.float64)
    held, run = saturated(model, u)[0], model(u[:, None].expand(1, 900, 6)).states
    assert held.any()
    assert not held.all()
    ending = model.parts(run[0, -50:])["spikes"]
    assert torch.equal(ending.all(0), held)  # nothing else leads a unit there under so strong an input
    assert torch.equal(persists(model, u, 200)[0], ending.any(0))


def test_what_has_no_quiet_dynamics():
    with pytest.raises(InputError, match="without a member axis"):
        make("bap", members=2).quiet()
    rnn = get_family("three_body").model({"kind": "rnn", "n_units": 4})
    assert rnn.quiet() is None


def test_single_precision_networks_are_searched_in_double():
    model, u = make("bap", dtype=torch.float32), weak_input()
    dynamics = model.quiet()
    known = dynamics.fixed_point(u)
    assert known.dtype == torch.float64
    assert dynamics.step(known[None], u[None])[0].numpy() == pytest.approx(known.numpy(), abs=1e-12)
    assert model.dtype == torch.float32
