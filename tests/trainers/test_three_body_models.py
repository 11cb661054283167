"""The models against the golden vectors of the family, and the compiled run against the loop over ``step``."""

import golden
import numpy as np
import pytest
import torch
from making import drawn

from dynascope.errors import InputError
from dynascope.trainers.model import Model
from dynascope.trainers.three_body import FAMILY
from dynascope.trainers.three_body.lowrank import orthogonal_to

LOW_RANK = ("lowrank_rnn", "lowrank_tbrnn", "lowrank_hornn")
ALL_KINDS = tuple(golden.WEIGHTS)


def golden_model(kind, options, members=None):
    config = {"kind": kind, "n_units": 4, "n_inputs": 2, "n_outputs": 2, "rank": 2}
    config |= {"input_bias": True, "output_bias": True, **options}
    model = FAMILY.model(config, members=members, dtype=torch.float64)
    weights = golden.COMMON | golden.WEIGHTS[kind]
    arrays = {name: weights[name] for name in model.parameter_shapes()}
    if members:
        arrays = {name: np.stack([array] * members) for name, array in arrays.items()}
    return model.load_arrays(arrays)


def loop(model, inputs, state=None, generator=None):
    """Run the plain loop over ``step``, whatever faster equivalent the class has."""
    return Model.run(model, *model.prepared(inputs, state, generator))


def drawn_model(config, members=None, dtype=torch.float64):
    options = {"n_units": 7, "n_inputs": 2, "n_outputs": 3, **config}
    return drawn("three_body", options, members=members, dtype=dtype)


@pytest.mark.parametrize(("kind", "options", "last_state", "last_output", "sum_states", "sum_outputs"), golden.CASES)
@pytest.mark.parametrize("run", ["forward", "loop"])
def test_golden_vectors(kind, options, last_state, last_output, sum_states, sum_outputs, run):
    model = golden_model(kind, options)
    forward = model if run == "forward" else lambda *given: loop(model, *given)
    with torch.no_grad():
        trajectory = forward(torch.tensor(golden.INPUTS), torch.tensor(golden.STATE))
    # The figures are printed to six decimals.
    assert trajectory.states[0, -1].numpy() == pytest.approx(last_state, abs=6e-7)
    assert trajectory.outputs[1, -1].numpy() == pytest.approx(last_output, abs=6e-7)
    assert float(trajectory.states.sum()) == pytest.approx(sum_states, abs=6e-7)
    assert float(trajectory.outputs.sum()) == pytest.approx(sum_outputs, abs=6e-7)


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_forward_is_the_loop_over_step(kind):
    model = drawn_model({"kind": kind, "rank": 2, "input_bias": True, "noise_std": 0.1})
    inputs = torch.tensor(np.random.default_rng(1).normal(size=(3, 5, 2)))
    noise = model.draw_noise(3, 5, torch.Generator().manual_seed(4))
    state, visited = model.initial_state(3), []
    with torch.no_grad():
        for t in range(5):
            state = model.step(state, inputs[:, t], noise[:, t])
            visited.append(state)
        trajectory = model(inputs, None, torch.Generator().manual_seed(4))
    torch.testing.assert_close(trajectory.states, torch.stack(visited, 1), rtol=0, atol=1e-13)
    torch.testing.assert_close(trajectory.outputs, model.readout(trajectory.states), rtol=0, atol=1e-13)


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_members_are_independent_networks(kind):
    together = drawn_model({"kind": kind}, members=3)
    inputs = torch.tensor(np.random.default_rng(2).normal(size=(4, 6, 2)))
    with torch.no_grad():
        batch = together(inputs)
        for index in range(3):
            alone = together.member(index)(inputs)
            torch.testing.assert_close(batch.states[index], alone.states, rtol=0, atol=1e-12)
            torch.testing.assert_close(batch.outputs[index], alone.outputs, rtol=0, atol=1e-12)


KERNEL_CASES = [
    ({"kind": "lowrank_rnn"}, None),
    ({"kind": "lowrank_rnn", "noise_std": 0.05}, 3),
    ({"kind": "lowrank_tbrnn", "rank": 2}, 3),
    ({"kind": "lowrank_tbrnn", "hard_orth": True, "input_bias": True}, None),
    ({"kind": "lowrank_hornn", "gated": True, "output_bias": True, "rank_two_body": 2}, 2),
    ({"kind": "lowrank_hornn", "mode": "disc"}, None),
    ({"kind": "lowrank_rnn", "readout": "identity", "n_outputs": 7}, 2),
    ({"kind": "lowrank_rnn", "readout": "identity", "n_outputs": 3, "output_nonlinearity": "identity"}, 2),
    ({"kind": "lowrank_tbrnn", "form": "voltage", "rank": 2, "noise_std": 0.05, "input_bias": True}, 3),
    ({"kind": "lowrank_tbrnn", "form": "voltage", "mode": "disc", "output_nonlinearity": "identity"}, None),
    ({"kind": "lowrank_rnn", "form": "voltage", "readout": "identity", "n_outputs": 7}, 2),
]


@pytest.mark.parametrize(("config", "members"), KERNEL_CASES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_kernel_equals_the_loop(config, members, dtype, tolerance):
    model = drawn_model(config, members, dtype)
    assert model.has_kernel(model.config)
    draw = np.random.default_rng(3)
    inputs = torch.tensor(draw.normal(size=(5, 11, 2)), dtype=dtype)
    start = torch.tensor(draw.normal(size=(5, 7)), dtype=dtype, requires_grad=True)
    used = [value for name, value in model.named_parameters() if name != "gate" or config.get("gated")]

    def run(forward):
        sources = [torch.Generator().manual_seed(seed) for seed in range(members or 1)]
        trajectory = forward(inputs, start, sources if members else sources[0])
        weights = torch.arange(1, 12, dtype=dtype)[:, None]
        loss = (trajectory.outputs.square() * weights).sum() + trajectory.states.pow(3).sum()
        return [trajectory.states, trajectory.outputs, *torch.autograd.grad(loss, [start, *used])]

    for fast, plain in zip(run(model), run(lambda *given: loop(model, *given)), strict=True):
        torch.testing.assert_close(fast, plain, rtol=0, atol=tolerance * float(plain.detach().abs().max()))


def test_kernel_tanh_is_accurate_and_passes_nan_through():
    model = drawn_model(
        {"kind": "lowrank_rnn", "n_outputs": 7, "readout": "identity", "n_inputs": 1, "alpha": 1.0},
        dtype=torch.float32,
    )
    with torch.no_grad():
        model.two_body_left.zero_()
        model.input_weight.fill_(1.0)
        values = torch.cat([torch.linspace(-12, 12, 4001), torch.tensor([torch.nan, torch.inf, -torch.inf])])
        found = model(values[:, None, None]).outputs[:, 0, 0]
    expected = torch.tanh(values.double()).float()
    assert torch.isnan(found[-3])
    torch.testing.assert_close(found, expected, rtol=4e-7, atol=0, equal_nan=True)
    assert float(found[:-3].abs().max()) <= 1.0


def test_low_rank_equals_the_full_network_with_its_tensor():
    low = drawn_model({"kind": "lowrank_hornn", "rank": 2, "rank_two_body": 2})
    full = drawn_model({"kind": "hornn"})
    n = 7
    arrays = low.arrays()
    pair = arrays["two_body_left"] @ arrays["two_body_right"].T / n
    factors = [arrays[f"three_body_{side}"] for side in ("left", "middle", "right")]
    triple = np.einsum("ir,jr,kr->ijk", *factors) / n**2
    shared = {name: arrays[name] for name in ("input_weight", "output_weight", "gate")}
    full.load_arrays({"recurrent": pair, "three_body": triple, **shared})
    inputs = torch.tensor(np.random.default_rng(4).normal(size=(3, 8, 2)))
    with torch.no_grad():
        torch.testing.assert_close(low(inputs).states, full(inputs).states, rtol=0, atol=1e-13)


def test_orthogonal_left_factor_golden():
    left, columns = (
        golden.fill((4, 1), 80, 2),
        np.stack([golden.fill((4,), 10, 1), golden.fill((4,), 20, 0.1)], 1),
    )
    found = orthogonal_to(torch.tensor(left), torch.tensor(columns)).ravel().tolist()
    assert found == pytest.approx([-0.0828853953, -0.0096947043, -0.1573590643, 0.2068205405], abs=1e-10)


def test_jacobian_lipschitz_bounds_differences_of_jacobians():
    draw = np.random.default_rng(5)
    for config in (
        {"kind": "rnn"},
        {"kind": "lowrank_rnn"},
        {"kind": "tbrnn"},
        {"kind": "hornn", "gated": True},
        {"kind": "lowrank_tbrnn", "rank": 2},
        {"kind": "lowrank_hornn"},
    ):
        model = drawn_model(config)
        bound = model.jacobian_lipschitz()

        def jacobian(x, model=model):
            return torch.autograd.functional.jacobian(lambda s: model.step(s[None], torch.zeros(1, 2).double())[0], x)

        for _ in range(20):
            x, y = torch.tensor(draw.normal(size=(2, 7)))
            change = torch.linalg.matrix_norm(jacobian(x) - jacobian(y), 2)
            assert float(change) <= bound * float((x - y).norm())


def test_masked_entries_stay_zero_and_bad_masks_are_refused():
    model = drawn_model({"kind": "rnn"})
    mask = np.ones((7, 7))
    mask[0, 1] = 0
    model.set_mask("recurrent", mask)
    assert float(model.recurrent.detach()[0, 1]) == 0.0
    with pytest.raises(InputError, match=r"mask of 'recurrent': expected zeros and ones of shape \(7, 7\)"):
        model.set_mask("recurrent", mask[:3])
    with pytest.raises(InputError, match="no parameter 'recurent'"):
        model.set_mask("recurent", mask)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda arrays: arrays.pop("recurrent"), "'recurrent' is missing"),
        (
            lambda arrays: arrays.update(recurrent=np.zeros((3, 3))),
            r"expected shape \(7, 7\), found \(3, 3\)",
        ),
        (
            lambda arrays: arrays["recurrent"].__setitem__((0, 0), np.nan),
            "'recurrent': holds values that are not finite",
        ),
    ],
)
def test_bad_parameters_are_refused(change, words):
    model = drawn_model({"kind": "rnn"})
    arrays = model.arrays()
    change(arrays)
    with pytest.raises(InputError, match=words):
        model.load_arrays(arrays)


def test_initial_scales_are_those_of_the_specification():
    big = {"n_units": 200, "n_inputs": 2, "n_outputs": 3, "input_bias": True, "output_bias": True, "rank": 3}
    spread = {}
    for kind in ("rnn", "hornn", "lowrank_rnn", "lowrank_tbrnn"):
        model = FAMILY.model({"kind": kind, **big}, generators=[np.random.default_rng(0)])
        spread[kind] = {name: float(array.std()) for name, array in model.arrays().items()}
    assert spread["rnn"]["recurrent"] == pytest.approx(0.1 / np.sqrt(200), rel=0.02)
    assert spread["hornn"]["three_body"] == pytest.approx(0.1 / 200, rel=0.02)
    assert spread["hornn"]["output_weight"] == pytest.approx(4.0, rel=0.1)
    assert spread["lowrank_rnn"]["two_body_left"] == pytest.approx(1.0, rel=0.1)
    assert spread["lowrank_tbrnn"]["three_body_left"] == pytest.approx(np.sqrt(2 / 203), rel=0.1)
    assert spread["rnn"]["input_bias"] == 0.0


@pytest.mark.parametrize("kind", ["rnn", "lowrank_rnn"])
@pytest.mark.parametrize(
    ("inputs", "state", "words"),
    [
        (torch.zeros(3, 5, 4), None, r"inputs: expected shape \('trial', 'time', 2\)"),
        (torch.zeros(5, 2), None, "inputs: expected shape"),
        (torch.zeros(3, 0, 2), None, "at least one trial and step"),
        (torch.zeros(3, 5, 2), torch.zeros(3, 6), r"state: expected shape \(3, 7\), found \(3, 6\)"),
        (torch.zeros(3, 5, 2), torch.zeros(2, 7), r"state: expected shape \(3, 7\), found \(2, 7\)"),
    ],
)
def test_misshapen_inputs_are_refused_before_any_code_reads_them(kind, inputs, state, words):
    with pytest.raises(InputError, match=words):
        drawn_model({"kind": kind})(inputs, state)
