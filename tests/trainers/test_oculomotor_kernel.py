"""The fast run of the leaky network against the loop over ``step``, and runs that keep no states."""

import numpy as np
import pytest
import torch
from making import drawn

from dynascope.trainers.model import Model
from dynascope.trainers.oculomotor import FAMILY

UNITS, CHANNELS, TRIALS, STEPS = 8, 5, 4, 9


def network(config=None, members=None, dtype=torch.float64):
    options = {"n_units": UNITS, "n_inputs": CHANNELS, "n_outputs": 3, "recurrent_gain": 0.9, **(config or {})}
    model = drawn("oculomotor", options, members=members, dtype=dtype)
    with torch.no_grad():
        model.recurrent_bias.add_(0.1)
        model.output_bias.add_(-0.3)
    return model


def givens(model, trials=TRIALS):
    lead = () if model.members is None else (model.members,)
    draw = np.random.default_rng(5)
    shapes = [(*lead, trials, STEPS, CHANNELS), (*lead, trials, UNITS), (*lead, trials, STEPS, UNITS)]
    inputs, state, noise = (torch.tensor(draw.normal(size=shape), dtype=model.dtype) for shape in shapes)
    return inputs, state, noise if model.noise_size() else None


def plainly(model, inputs, state, noise):
    """Return states and outputs of the loop over ``step``."""
    states = Model.run_steps(model, inputs, state, noise)
    return states, model.readout(states)


def fast(model, inputs, state, noise):
    trajectory = model.run(inputs, state, noise)
    return trajectory.states, trajectory.outputs


def everything(run, model, given):
    """Return states, outputs and the gradients of all that goes in."""
    leaves = [tensor.clone().requires_grad_() for tensor in given if tensor is not None]
    states, outputs = run(model, *leaves, *([None] * (3 - len(leaves))))
    weights = torch.arange(1, STEPS + 1, dtype=states.dtype)[:, None]
    loss = (outputs.square() * weights).sum() + states.pow(3).sum()
    parameters = [value for value in model.parameters() if value.requires_grad]
    return [states, outputs, *torch.autograd.grad(loss, [*leaves, *parameters])]


def assert_alike(found, expected, tolerance):
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=tolerance * float(other.detach().abs().max()))


CASES = [
    *(({"activation": name}, members) for name in ("softplus", "tanh") for members in (None, 3)),
    *(({"activation": name}, 2) for name in ("relu", "power", "retanh", "elu")),
    ({"recurrent_noise": 0.0}, 2),
    ({"alpha": 1.0, "readout": "logits"}, None),
    ({"separate_input": True, "mix_rule": True, "recurrent_start": "gaussian"}, 2),
    ({"n_units": UNITS, "trained": "rule_input"}, 2),
]


@pytest.mark.parametrize(("config", "members"), CASES, ids=str)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_fast_run_equals_the_loop(config, members, dtype, tolerance):
    model = network(config, members, dtype)
    given = givens(model)
    assert_alike(everything(fast, model, given), everything(plainly, model, given), tolerance)


@pytest.mark.parametrize("channels", [4, 7, 8])  # rows of 13, 16 and 17 numbers
def test_any_number_of_channels(channels):
    model = network({"n_inputs": channels})
    inputs = torch.tensor(np.random.default_rng(0).normal(size=(TRIALS, STEPS, channels)))
    given = (inputs, *givens(model)[1:])
    assert_alike(everything(fast, model, given), everything(plainly, model, given), 1e-12)


@pytest.mark.parametrize("seen", ["states", "outputs"])
def test_loss_of_states_or_outputs_alone(seen):
    model = network(members=2)

    def gradients(run):
        states, outputs = run(model, *givens(model))
        loss = (states if seen == "states" else outputs).square().sum()
        used = [value for name, value in model.named_parameters() if seen == "outputs" or "output" not in name]
        return torch.autograd.grad(loss, used)

    assert_alike(gradients(fast), gradients(plainly), 1e-12)


def test_loss_that_spares_the_readout_gives_it_zero_gradients():
    model = network()
    states, _ = fast(model, *givens(model))
    gradient, bias = torch.autograd.grad(states.sum(), [model.output_weight, model.output_bias])
    assert not gradient.any()
    assert not bias.any()


def test_gradients_can_be_taken_twice():
    model = network()
    loss = fast(model, *givens(model))[1].square().sum()
    first = torch.autograd.grad(loss, model.recurrent_weight, retain_graph=True)[0]
    second = torch.autograd.grad(loss, model.recurrent_weight)[0]
    assert torch.equal(first, second)


def test_changed_states_are_not_differentiated_silently():
    model = network()
    states, _ = fast(model, *givens(model))
    loss = states.sum()
    with torch.no_grad():
        states.detach().mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_run_without_gradients_gives_the_same_bits():
    model = network(members=2, dtype=torch.float32)
    with torch.no_grad():
        without = fast(model, *givens(model))
    for one, other in zip(without, fast(model, *givens(model)), strict=True):
        assert torch.equal(one, other)


def test_members_have_the_same_bits_alone():
    together = network(members=3, dtype=torch.float32)
    # torch's vector code rounds the sigmoid by position in memory, which a batch of 64 trials leaves alike.
    given = givens(together, trials=64)
    joint = everything(fast, together, given)
    for k in range(3):
        alone = everything(fast, together.member(k), [tensor[k] for tensor in given])
        for one, other in zip(alone, joint, strict=True):
            assert torch.equal(one, other[k])


def test_arrays_are_time_major():
    model = network()
    assert model.draw_noise(TRIALS, STEPS, torch.Generator())[:, 0].is_contiguous()
    trajectory = model.run(*givens(model))
    assert trajectory.outputs[:, 0].is_contiguous()
    assert trajectory.states.stride(1) == TRIALS * trajectory.states.stride(0)


def test_divergence_is_seen():
    model = network({"activation": "power", "recurrent_gain": 50.0, "alpha": 1.0}, dtype=torch.float32)
    inputs = torch.full((2, 40, CHANNELS), 30.0)
    assert not torch.isfinite(model(inputs, None, torch.Generator().manual_seed(0)).outputs).all()


@pytest.mark.parametrize("config", [{}, {"kind": "leaky_gru", "recurrent_gain": None}, {"kind": "lstm"}], ids=str)
@pytest.mark.parametrize("members", [None, 2])
def test_response_without_gradients_is_the_forward_run(config, members):
    options = {"n_units": 16, "n_inputs": CHANNELS, "n_outputs": 3} | config
    options = {name: value for name, value in options.items() if value is not None}
    generators = [np.random.default_rng(seed) for seed in range(members or 1)]
    model = FAMILY.model(options, members=members, generators=generators)
    inputs = torch.tensor(np.random.default_rng(1).normal(size=(6, 41, CHANNELS)), dtype=torch.float32)
    start = torch.full((6, model.state_size), 0.3)

    def sources():
        made = [torch.Generator().manual_seed(seed) for seed in range(members or 1)]
        return made if members else made[0]

    with torch.no_grad():
        response, whole = model.respond(inputs, start, sources()), model(inputs, start, sources())
    torch.testing.assert_close(response.outputs, whole.outputs, rtol=0, atol=1e-6)
    assert response.states.shape == (*whole.states.shape[:-2], 0, model.state_size)
    assert model.respond(inputs, start, sources()).states.shape == whole.states.shape


def test_response_keeps_the_states_that_a_penalty_needs():
    model = network({"l2_activity": 1e-3})
    inputs, state, _ = givens(model)
    with torch.no_grad():
        response = model.respond(inputs, state, torch.Generator())
        assert float(model.regularization(response)["l2_activity"]) > 0
