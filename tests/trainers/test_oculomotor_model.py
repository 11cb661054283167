"""The networks of the oculomotor family: dynamics, start, penalties, what is trained, lesions and defaults."""

import numpy as np
import pytest
import torch
from making import drawn

from dynascope.errors import ConfigurationError, InputError
from dynascope.trainers.activations import ACTIVATIONS
from dynascope.trainers.config import build
from dynascope.trainers.model import Trajectory
from dynascope.trainers.oculomotor import FAMILY, OculomotorConfig, lesioned
from dynascope.trainers.oculomotor.leaky import random_orthogonal
from dynascope.trainers.optimizers import Optimizer
from dynascope.trainers.settings import TrainingConfig

KINDS = ("leaky_rnn", "leaky_gru", "gru", "lstm")
NAMES = ("softplus", "relu", "tanh", "power", "retanh", "elu")
FORMULAS = {
    "softplus": lambda x: np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0),
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "power": lambda x: np.maximum(x, 0) ** 2,
    "retanh": lambda x: np.tanh(np.maximum(x, 0)),
    "elu": lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1),
}


def network(config=None, members=None, dtype=torch.float64, seed=0):
    """Return networks of 7 units, 3 sensory and 2 rule channels."""
    options = {"n_units": 7, "n_inputs": 5, "n_outputs": 3, **(config or {})}
    return drawn("oculomotor", options, members=members, seed=seed, dtype=dtype)


def scrambled(config, seed=1):
    """Return one network all of whose parameters are normal numbers, and those."""
    model, draw = network(config), np.random.default_rng(seed)
    arrays = {name: draw.normal(size=array.shape) for name, array in model.arrays().items()}
    return model.load_arrays(arrays), arrays


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def leaky_rnn(p, f, x, state, noise):
    h = state
    drive = x @ p["input_weight"].T + h @ p["recurrent_weight"].T + p["recurrent_bias"]
    return 0.8 * h + 0.2 * f(drive + np.sqrt(2 / 0.2) * 0.05 * noise)


def gate(p, name, x, h):
    return x @ p[f"{name}_input_weight"].T + h @ p[f"{name}_recurrent_weight"].T + p[f"{name}_recurrent_bias"]


def leaky_gru(p, f, x, state, noise):
    r, u = sigmoid(gate(p, "reset_gate", x, state)), sigmoid(gate(p, "update_gate", x, state))
    c = f(gate(p, "candidate", x, r * state) + np.sqrt(2 / 0.2) * 0.05 * noise)
    return (1 - 0.2 * u) * state + 0.2 * u * c


def gru(p, f, x, state, noise):
    r, u = sigmoid(gate(p, "reset_gate", x, state)), sigmoid(gate(p, "update_gate", x, state))
    return u * state + (1 - u) * f(gate(p, "candidate", x, r * state))


def lstm(p, f, x, state, noise):
    c, h = np.split(state, 2, axis=-1)
    i, k, o = (sigmoid(gate(p, f"{name}_gate", x, h)) for name in ("input", "forget", "output"))
    c = k * c + i * f(gate(p, "candidate", x, h))
    return np.concatenate([c, o * f(c)], axis=-1)


@pytest.mark.parametrize("activation", NAMES)
@pytest.mark.parametrize("cell", [leaky_rnn, leaky_gru, gru, lstm], ids=KINDS)
def test_step_and_readout_are_the_equations(cell, activation):
    model, p = scrambled({"kind": cell.__name__, "activation": activation})
    draw = np.random.default_rng(2)
    x, state, noise = draw.normal(size=(4, 5)), draw.normal(size=(4, model.state_size)), draw.normal(size=(4, 7))
    expected = cell(p, FORMULAS[activation], x, state, noise)
    with torch.no_grad():
        found = model.step(*(torch.tensor(array) for array in (state, x, noise)))
        outputs = model.readout(found)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        outputs, sigmoid(expected[:, -7:] @ p["output_weight"].T + p["output_bias"]), rtol=0, atol=1e-12
    )
    assert torch.equal(model.activity(found), found[:, -7:])
    assert model.noise_size() == (7 if cell in (leaky_rnn, leaky_gru) else 0)


@pytest.mark.parametrize("kind", KINDS)
def test_members_are_independent_networks(kind):
    together = network({"kind": kind}, members=2)
    inputs = torch.tensor(np.random.default_rng(3).normal(size=(4, 6, 5)))
    sources = [torch.Generator().manual_seed(seed) for seed in (0, 1)]
    joint = together(inputs, None, sources)
    for k in range(2):
        alone = together.member(k)(inputs, None, torch.Generator().manual_seed(k))
        torch.testing.assert_close(joint.states[k], alone.states, rtol=0, atol=1e-12)
        torch.testing.assert_close(joint.outputs[k], alone.outputs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_slopes_and_curvatures(name):
    activation = ACTIVATIONS[name]
    x = torch.linspace(-30, 30, 6001, dtype=torch.float64).requires_grad_()
    (expected,) = torch.autograd.grad(activation.function(x).sum(), x)
    slopes = activation.slope(x.detach())
    torch.testing.assert_close(slopes, expected, rtol=0, atol=1e-14)
    steepest = float((slopes.diff() / x.detach().diff()).abs().max())
    if activation.curvature is None:
        assert steepest > 50  # f' jumps within a step of 0.01
    else:
        assert 0.98 * activation.curvature < steepest < activation.curvature * (1 + 1e-9)


def test_softplus_is_exact_in_float64():
    x = torch.tensor([-700.0, 0.0, 19.0, 25.0, 39.0, 41.0, 800.0], dtype=torch.float64)
    expected = np.logaddexp(0, x.numpy())
    np.testing.assert_allclose(ACTIVATIONS["softplus"].function(x), expected, rtol=1e-15)


# Start.

GAINS = {"softplus": 0.5, "relu": 0.5, "tanh": 1.0, "power": 0.01, "retanh": 0.5, "elu": 0.5}


@pytest.mark.parametrize("name", NAMES)
def test_start_of_the_leaky_network(name):
    arrays = network({"n_units": 300, "activation": name}).arrays()
    assert arrays["input_weight"].std() == pytest.approx(1 / np.sqrt(5), rel=0.05)
    w = arrays["recurrent_weight"]
    np.testing.assert_allclose(w @ w.T, GAINS[name] ** 2 * np.eye(300), atol=1e-12)
    bound = np.sqrt(6 / 303)
    assert 0.98 * bound < np.abs(arrays["output_weight"]).max() <= bound
    assert not arrays["recurrent_bias"].any()
    assert not arrays["output_bias"].any()


def test_input_weights_are_drawn_before_recurrent_ones():
    draw = np.random.default_rng(0)
    expected = draw.normal(size=(7, 5)) / np.sqrt(5)
    assert np.array_equal(network().arrays()["input_weight"], expected)
    expected = 0.5 * draw.normal(size=(7, 7)) / np.sqrt(7)
    assert np.array_equal(network({"recurrent_start": "gaussian"}).arrays()["recurrent_weight"], expected)


def test_gains_and_identity():
    arrays = network({"recurrent_start": "identity", "recurrent_gain": 1.8, "input_gain": 0.0}).arrays()
    assert np.array_equal(arrays["recurrent_weight"], 1.8 * np.eye(7))
    assert not arrays["input_weight"].any()


def test_orthogonal_matrices_have_no_preferred_direction():
    # The Q of LAPACK alone would have a first entry of one sign. Under Haar, entries have mean 0 and variance 1/n.
    draw = np.random.default_rng(0)
    drawn = np.stack([random_orthogonal(3, draw) for _ in range(4000)])
    assert np.abs(drawn.mean(0)).max() < 5 / np.sqrt(3 * 4000)
    np.testing.assert_allclose((drawn**2).mean(0), np.full((3, 3), 1 / 3), atol=0.03)
    assert 0.45 < (np.linalg.det(drawn) > 0).mean() < 0.55


@pytest.mark.parametrize(("kind", "gates"), [("leaky_gru", 2), ("gru", 2), ("lstm", 4)])
def test_start_of_the_gates(kind, gates):
    arrays = network({"kind": kind, "n_units": 60}).arrays()
    fan_out = {"candidate_": 1 if gates == 2 else 4}
    for name, array in arrays.items():
        prefix = name.removesuffix("input_weight").removesuffix("recurrent_weight")
        if prefix != name:
            bound = np.sqrt(6 / (65 + 60 * fan_out.get(prefix, gates)))
            assert 0.95 * bound < np.abs(array).max() <= bound
    open_gates = ("forget_gate_",) if kind == "lstm" else ("reset_gate_", "update_gate_")
    for name in arrays:
        if name.endswith("recurrent_bias"):
            assert set(arrays[name]) == {float(name.startswith(open_gates))}


def test_noise_scale():
    assert OculomotorConfig().noise_std == pytest.approx(0.158114, abs=1e-6)
    model = network({"activation": "relu"})
    with torch.no_grad():
        for value in model.parameters():
            value.zero_()
        model.recurrent_bias.fill_(10.0)  # far from the kink: h' = α (10 + σ ξ)
        noise = model.draw_noise(4000, 1, torch.Generator().manual_seed(0))
        moved = model.step(model.initial_state(4000), torch.zeros(4000, 5, dtype=torch.float64), noise[:, 0])
    assert float(moved.std()) == pytest.approx(0.2 * 0.158114, rel=0.02)


# Separate inputs.


@pytest.mark.parametrize("mix_rule", [False, True])
def test_separate_inputs_add_up(mix_rule):
    model, p = scrambled({"separate_input": True, "mix_rule": mix_rule})
    draw = np.random.default_rng(3)
    x, h = draw.normal(size=(4, 5)), draw.normal(size=(4, 7))
    rule = x[:, 3:] @ p["rule_mixing"].T if mix_rule else x[:, 3:]
    drive = x[:, :3] @ p["sensory_input_weight"].T + p["sensory_bias"] + rule @ p["rule_input_weight"].T
    drive += h @ p["recurrent_weight"].T + p["recurrent_bias"]
    with torch.no_grad():
        found = model.step(torch.tensor(h), torch.tensor(x), None)
    np.testing.assert_allclose(found, 0.8 * h + 0.2 * FORMULAS["softplus"](drive), rtol=0, atol=1e-12)


def test_mixing_is_a_rotation_that_is_never_trained():
    model = network({"separate_input": True, "mix_rule": True, "n_inputs": 9})
    mixing = model.arrays()["rule_mixing"]
    np.testing.assert_allclose(mixing @ mixing.T, np.eye(6), atol=1e-12)
    assert "rule_mixing" not in model.weights
    assert "rule_mixing" not in model.trainable


# Penalties.

MATRICES = {
    "leaky_rnn": [["input_weight", "recurrent_weight"], ["output_weight"]],
    "gru": [
        [f"{name}_gate_{what}_weight" for name in ("reset", "update") for what in ("input", "recurrent")],
        ["candidate_input_weight", "candidate_recurrent_weight"],
        ["output_weight"],
    ],
    "separate": [["sensory_input_weight"], ["rule_input_weight"], ["recurrent_weight"], ["output_weight"]],
}
PENALIZED = {"leaky_rnn": {}, "gru": {"kind": "gru"}, "separate": {"separate_input": True, "mix_rule": True}}


def moved_network(config, members=None):
    """Return networks whose trained weights have left their start."""
    model, draw = network(config, members), np.random.default_rng(4)
    with torch.no_grad():
        for name in model.weights:
            value = model.get_parameter(name)
            value.add_(torch.tensor(draw.normal(size=value.shape)))
    return model


@pytest.mark.parametrize("case", MATRICES)
def test_penalties_on_weights(case):
    config = {"l1_weight": 0.3, "l2_weight": 0.7, "l2_initial": 1.1, "trained_fraction": 0.6, **PENALIZED[case]}
    model = moved_network(config, members=2)
    found = model.regularization(model(torch.zeros(3, 4, 5), None, [torch.Generator(), torch.Generator()]))
    assert set(found) == {"l1_weight", "l2_weight", "l2_initial", "held"}
    arrays = model.arrays()
    for k in range(2):
        p = {name: array[k] for name, array in arrays.items()}
        matrices = [np.concatenate([p[name].ravel() for name in group]) for group in MATRICES[case]]
        starts = [np.concatenate([p[f"initial_{name}"].ravel() for name in group]) for group in MATRICES[case]]
        held = [np.concatenate([p[f"held_{name}"].ravel() for name in group]) for group in MATRICES[case]]
        assert [mask.sum() for mask in held] == [mask.size - round(0.6 * mask.size) for mask in held]
        pairs = list(zip(matrices, starts, strict=True))
        expected = {
            "l1_weight": 0.3 * sum(np.abs(w).mean() for w in matrices),
            "l2_weight": 0.7 * sum((w**2).sum() / 2 for w in matrices),
            "l2_initial": 1.1 * sum(((w - w0) ** 2).sum() / 2 for w, w0 in pairs),
            "held": sum(((0.1 * (w - w0)[m == 1]) ** 2).sum() / 2 for (w, w0), m in zip(pairs, held, strict=True)),
        }
        assert {name: float(value[k].detach()) for name, value in found.items()} == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("members", [None, 2])
def test_penalties_on_activity(kind, members):
    model = network({"kind": kind, "l1_activity": 0.3, "l2_activity": 0.7, "activation": "tanh"}, members)
    lead = (members,) if members else ()
    states = torch.tensor(np.random.default_rng(5).normal(size=(*lead, 4, 6, model.state_size)))
    found = model.regularization(Trajectory(states, states))
    h = states[..., -7:].numpy()
    np.testing.assert_allclose(found["l1_activity"], 0.3 * np.abs(h).mean((-3, -2, -1)))
    np.testing.assert_allclose(found["l2_activity"], 0.35 * (h**2).sum((-3, -2, -1)))


def test_without_penalties_there_are_no_constants():
    model = network()
    assert set(model.arrays()) == set(model.weights)
    assert model.regularization(model(torch.zeros(2, 3, 5), None, torch.Generator())) == {}
    assert not any(name.startswith("held") for name in network({"l2_initial": 1.0}).arrays())


def test_constants_are_those_of_the_start_and_are_not_trained():
    arrays = network({"l2_initial": 1.0, "trained_fraction": 0.5}).arrays()
    for name in ("input_weight", "recurrent_weight", "output_weight"):
        assert np.array_equal(arrays[f"initial_{name}"], arrays[name])
        assert np.array_equal(arrays[name], network().arrays()[name])  # the start does not depend on penalties
    assert not {*network({"trained_fraction": 0.5}).trainable} & {"initial_input_weight", "held_input_weight"}


# What is trained.

GRU_GATES = ("reset_gate", "update_gate", "candidate")
TRAINED = [
    ({"trained": "all"}, ("input_weight", "recurrent_weight", "recurrent_bias", "output_weight", "output_bias")),
    ({"trained": "input"}, ("input_weight",)),
    ({"trained": "rule_input"}, ("input_weight",)),
    ({"trained": "input", "separate_input": True}, ("sensory_input_weight", "sensory_bias", "rule_input_weight")),
    ({"trained": "rule_input", "separate_input": True, "mix_rule": True}, ("rule_input_weight",)),
    ({"trained": "rule_input", "kind": "gru"}, tuple(f"{g}_input_weight" for g in GRU_GATES)),
]


@pytest.mark.parametrize(("config", "names"), TRAINED, ids=str)
@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
def test_only_the_chosen_weights_change(config, names, optimizer):
    model = network({"l2_weight": 0.1, "l1_weight": 0.1, "l2_initial": 0.1, **config}, members=2)
    before, made = model.arrays(), Optimizer(model, TrainingConfig(optimizer=optimizer))
    inputs = torch.tensor(np.random.default_rng(0).normal(size=(3, 5, 5)))
    for _ in range(3):
        trajectory = model(inputs, None, [torch.Generator(), torch.Generator()])
        loss = trajectory.outputs.square().sum() + sum(cost.sum() for cost in model.regularization(trajectory).values())
        parameters = [model.get_parameter(name) for name in model.trainable]
        made.update(dict(zip(model.trainable, torch.autograd.grad(loss, parameters), strict=True)), 0.01)
    assert model.weights == model.trainable
    after = model.arrays()
    changed = {name for name in after if not np.array_equal(after[name], before[name])}
    assert changed == set(names)
    if config["trained"] == "rule_input" and not config.get("separate_input"):
        for name in names:
            assert np.array_equal(after[name][..., :3], before[name][..., :3])
            assert (after[name][..., 3:] != before[name][..., 3:]).all()


def test_members_that_are_selected_stay_frozen():
    model = network({"trained": "input"}, members=3)
    assert model.select_members([0, 2]).trainable == ("input_weight",)
    model.freeze(("output_bias",))
    assert model.trainable == ("input_weight",)


# Lesions.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("members", [None, 2])
def test_lesioned_units_reach_nothing(kind, members):
    model = network({"kind": kind}, members)
    before = model.arrays()
    silent = lesioned(model, [1, 4])
    lead = (members,) if members else ()
    state = torch.tensor(np.random.default_rng(6).normal(size=(*lead, 3, model.state_size)))
    other = state.clone()
    other[..., [-7 + 1, -7 + 4]] += 5.0  # h of the two units
    x = torch.zeros(3, 5, dtype=torch.float64)
    rest = [i for i in range(7) if i not in (1, 4)]
    one, two = (model.rates(silent.step(start, x)) for start in (state, other))
    torch.testing.assert_close(one[..., rest], two[..., rest], rtol=0, atol=0)
    assert torch.equal(silent.readout(state), silent.readout(other))
    assert not torch.equal(model.rates(model.step(state, x))[..., rest], model.rates(model.step(other, x))[..., rest])
    assert all(np.array_equal(before[name], array) for name, array in model.arrays().items())


@pytest.mark.parametrize("unit", [-1, 7])
def test_lesions_of_units_that_do_not_exist_are_refused(unit):
    with pytest.raises(InputError, match=f"unit {unit}.*0 to 6"):
        lesioned(network(), [0, unit])


# Linearisation.


@pytest.mark.parametrize("config", [*({"activation": name} for name in NAMES), {"separate_input": True}], ids=str)
def test_jacobian_is_the_derivative_of_the_step(config):
    model, _ = scrambled(config)
    draw = np.random.default_rng(7)
    states, inputs = torch.tensor(draw.normal(size=(5, 7))), torch.tensor(draw.normal(size=(5, 5)))
    expected = torch.stack(
        [
            torch.autograd.functional.jacobian(lambda x, u=u: model.step(x[None], u[None])[0], state)
            for state, u in zip(states, inputs, strict=True)
        ]
    )
    torch.testing.assert_close(model.jacobian()(states, inputs), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["softplus", "tanh", "power", "elu"])
def test_jacobian_lipschitz_is_a_bound_that_is_not_far_off(name):
    model, _ = scrambled({"activation": name})
    draw = np.random.default_rng(8)
    states = torch.tensor(draw.normal(size=(2000, 7)))
    near = states + torch.tensor(draw.normal(size=(2000, 7))) * 1e-3
    inputs = torch.tensor(draw.normal(size=(2000, 5)))
    jacobian = model.jacobian()
    change = torch.linalg.matrix_norm(jacobian(states, inputs) - jacobian(near, inputs), 2)
    largest = float((change / (states - near).norm(dim=-1)).max())
    assert model.jacobian_lipschitz() / 10 < largest <= model.jacobian_lipschitz()


def test_linearisations_that_do_not_exist():
    assert network({"activation": "relu"}).jacobian_lipschitz() is None
    assert network(members=2).jacobian() is None
    assert network(members=2).jacobian_lipschitz() is None
    assert network({"kind": "lstm"}).jacobian() is None


# Configuration.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 1.5}, r"alpha = 1.5: expected a number in \(0, 1\]"),
        ({"trained_fraction": 1.0}, "trained_fraction = 1.0: expected a number between 0 and 1"),
        ({"kind": "gru", "recurrent_gain": 1.0}, "recurrent_gain works on kind leaky_rnn, found gru"),
        ({"kind": "lstm", "recurrent_start": "identity"}, "recurrent_start works on kind leaky_rnn"),
        ({"kind": "lstm", "separate_input": True}, "separate_input works on kind leaky_rnn"),
        ({"separate_input": True, "activation": "tanh"}, "expected softplus or relu"),
        ({"separate_input": True, "input_gain": 1.0}, "input_gain"),
        ({"mix_rule": True}, "mix_rule works with separate_input"),
        ({"trained": "rule_input", "n_inputs": 9}, "n_inputs = 9.*at least 10"),
        ({"kind": "gru", "recurrent_noise": -0.1}, "recurrent_noise"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        build(OculomotorConfig, options, where="model")


def test_wrong_inputs_are_refused():
    with pytest.raises(InputError, match="inputs: expected shape"), torch.no_grad():
        network().respond(torch.zeros(2, 0, 5))


def test_defaults_follow_the_task():
    tables = FAMILY.defaults("leaky_rnn", "all_new", {"task": {"dt": 0.01, "loss": "cross_entropy"}})
    assert tables["model"] == {"kind": "leaky_rnn", "alpha": 0.1, "readout": "logits"}
    tables = FAMILY.defaults("gru", "all_new", {})
    assert tables["model"] == {"kind": "gru", "alpha": 0.2, "readout": "sigmoid"}
    training = build(TrainingConfig, tables["training"], where="training")
    assert (training.clip_value, training.batch_size, training.stop_performance) == (1.0, 64, 0.95)


def test_every_kind_describes_its_parameters():
    for kind in KINDS:
        model = network({"kind": kind, "l2_initial": 1.0, "trained_fraction": 0.3})
        dims, shapes = model.parameter_dims(), model.parameter_shapes()
        assert list(dims) == list(shapes)
        assert all(len(dims[name]) == len(shape) for name, shape in shapes.items())
        assert dims["initial_output_weight"] == ("output", "unit")
