import gc
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from making import drawn
from scipy.special import expit

from dynascope.errors import InputError
from dynascope.trainers import Batch, get_family
from dynascope.trainers.model import Trajectory
from dynascope.trainers.prc import KINDS, compiled, event_lists
from dynascope.trainers.prc import model as model_module
from dynascope.trainers.prc.compiled import can_compile, run_compiled
from dynascope.trainers.prc.graph import Cell, Source, Subunit
from dynascope.trainers.prc.kernel import Numbers, logistic
from dynascope.trainers.prc.kernel_tables import exponential_constants
from dynascope.trainers.prc.kernels import Alpha, Exponential, Tabulated
from dynascope.trainers.prc.nonlinearities import Sigmoid, Spike, Step
from dynascope.trainers.rules import bptt

sys.path.insert(0, str(Path(__file__).parent))
import prc_plain

FAMILY = get_family("prc")
SCALES = {"one_compartment": 140.0, "no_bap": 30.0, "bap": 30.0, "parallel": 2.0, "parallel_bap": 2.0}
SIZES = {"n_units": 5, "n_inputs": 12, "n_outputs": 3}


def network(kind="bap", *, members=2, dtype=torch.float64, **options):
    options = {"kind": kind, "weight_scale": SCALES[kind], **SIZES, **options}
    return drawn("prc", options, members=members, dtype=dtype)


def patterns(*shape, density=0.08, most=1, seed=3):
    generator = np.random.default_rng(seed)
    return torch.tensor((generator.random(shape) < density) * generator.integers(1, most + 1, shape), dtype=torch.uint8)


INPUTS = patterns(2, 7, 60, SIZES["n_inputs"])


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Three trials a block, and one left over: every test crosses blocks."""
    monkeypatch.setattr(compiled, "LANES", 16)


def gradients(model, trajectory):
    """Gradients of a loss that depends on every output and on every mean, and on the penalty of the model."""
    outputs, mean = trajectory.outputs, model._mean_spikes(trajectory)
    generator = torch.Generator().manual_seed(5)
    by_output, by_mean = (torch.randn(value.shape, generator=generator).to(value) for value in (outputs, mean))
    loss = (by_output * outputs).mean() + outputs.max(-2).values.sum() + (by_mean * mean).sum()
    loss = loss + sum(value.sum() for value in model.regularization(trajectory).values())
    return torch.autograd.grad(loss, [*model.parameters()])


def assert_close(found, expected, tolerance):
    assert found.shape == expected.shape
    assert float((found - expected).detach().norm()) <= tolerance * float(expected.detach().norm())


def assert_agrees(model, inputs):
    """Hold a compiled run to the loop over steps and to its automatic differentiation."""
    assert can_compile(model, inputs)
    found, expected = run_compiled(model, inputs), model(inputs)
    assert found.states.shape == (*expected.states.shape[:2], 0, model.state_size)
    counts = model.parts(expected.states)["spikes"].sum(-2)
    assert torch.equal((found.mean_activity * inputs.shape[-2]).round(), counts)
    assert counts.sum() > 5
    is_double = model.dtype == torch.float64
    assert_close(found.outputs, expected.outputs, 1e-10 if is_double else 1e-5)
    ours, loop = gradients(model, found), gradients(model, expected)
    assert all(value.any() for value in loop)
    if is_double:
        for one, other in zip(ours, loop, strict=True):
            assert_close(one, other, 1e-10)
        return
    # Near threshold a slope changes by 20 times the rounding of a potential, in the loop as in the kernel.
    double = type(model)(model.config, members=model.members, dtype=torch.float64).load_arrays(model.arrays())
    assert_agrees(double, inputs)
    for one, other, exact in zip(ours, loop, gradients(double, double(inputs)), strict=True):
        error, inherent, size = (float(value.norm()) for value in (one - exact, other - exact, exact))
        assert error <= max(1e-5 * size, 3 * inherent)
        assert error <= 1e-3 * size


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("kind", KINDS)
def test_outputs_spikes_and_gradients_are_those_of_the_loop(kind, dtype):
    assert_agrees(network(kind, dtype=dtype), INPUTS)


@pytest.mark.parametrize(
    "options",
    [
        {"rate_floor": 0.3},
        {"readout_bias": True},
        {"normalized_kernels": True, "weight_scale": 140.0},
        {"normalized_kernels": True, "kind": "parallel_bap", "weight_scale": 140.0},
        {"synapse": "alpha"},
        {"synapse": "difference", "kind": "parallel_bap"},
        {"block": ("sodium", "bap")},
        {"block": ("calcium", "nmda"), "kind": "parallel_bap"},
        {"dt": 2e-3, "threshold": 7.0, "reset": 3.0, "sharpness": 2.0},
        {"n_outputs": 1, "n_units": 1},
        {"n_units": 40},
    ],
    ids=str,
)
def test_every_option_agrees(options):
    assert_agrees(network(**{"kind": "bap", **options}), INPUTS)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", KINDS)
def test_spikes_in_single_precision_fall_into_the_same_steps_as_in_the_transcription(kind, seed):
    inputs = patterns(1, 24, 200, 100, density=0.01, seed=seed)
    model = network(kind, members=1, dtype=torch.float32, n_inputs=100, n_units=4, n_outputs=2)
    model.load_arrays({name: value[::-1] * (1 - 2 * (seed % 2)) for name, value in model.arrays().items()})
    outputs, spikes = prc_plain.run(kind, *prc_plain.weights_of(model), inputs[0])
    found = run_compiled(model, inputs)
    assert torch.equal((found.mean_activity[0] * 200).round(), spikes[:, 1:].sum(1))
    assert spikes.sum() > 100
    assert_close(found.outputs[0], outputs[:, 1:], 1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_the_independent_transcription(kind):
    model = network(kind)
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 0])
    outputs, spikes = [], []
    for m in range(2):
        weights = prc_plain.weights_of(model, m)
        recorded, fired = prc_plain.run(kind, *weights, INPUTS[m])
        outputs.append(recorded[:, 1:])
        spikes.append(fired[:, 1:].mean(1))
        prc_plain.nll_of_maximum(recorded, labels).backward()
        batch = Batch(INPUTS, torch.eye(3)[labels][None, :, None].expand(2, 7, 60, 3))
        found = bptt(model, FAMILY.task("memorise", {"n_classes": 3}), batch, None).parameters
        for k, name in enumerate(model.cell.inputs):
            assert_close(found[f"{name}_weight"][m].mT, weights[0].grad[..., k], 1e-10)
        assert_close(found["output_weight"][m].mT, weights[1].grad, 1e-10)
    trajectory = run_compiled(model, INPUTS)
    assert_close(trajectory.outputs, torch.stack(outputs), 1e-10)
    assert_close(trajectory.mean_activity, torch.stack(spikes), 1e-10)


@pytest.mark.parametrize("pair", [("no_bap", "bap"), ("parallel", "parallel_bap")])
def test_without_its_strength_a_back_propagating_potential_changes_nothing(pair):
    without, other = network(pair[0]), network(pair[1], bap_strength=0.0)
    other.load_arrays(without.arrays())
    first, second = run_compiled(without, INPUTS), run_compiled(other, INPUTS)
    assert torch.equal(first.outputs, second.outputs)
    for one, same in zip(gradients(without, first), gradients(other, second), strict=True):
        torch.testing.assert_close(one, same, rtol=1e-14, atol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_silent_layer_has_gradients_of_exactly_zero(kind):
    model = network(kind, weight_scale=1e-3)
    task = FAMILY.task("memorise", {"n_classes": 3})
    found = bptt(model, task, Batch(INPUTS, torch.ones(2, 7, 60, 3)), None)
    assert not found.response.outputs.any()
    assert all(not value.any() for value in found.parameters.values())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    "inputs",
    [
        patterns(2, 7, 60, 12, density=0.15, most=3),
        patterns(2, 7, 60, 12, density=0.9, most=2),
        patterns(2, 7, 60, 12).float() * torch.rand(2, 7, 60, 12, generator=torch.Generator().manual_seed(1)),
        torch.randn(2, 7, 60, 12, generator=torch.Generator().manual_seed(2)).double() / 4,
        patterns(7, 60, 12),
        patterns(7, 2, 60, 12).transpose(0, 1),
    ],
    ids=["counts", "dense", "float", "currents", "shared", "strided"],
)
def test_any_inputs_agree(inputs, dtype):
    assert_agrees(network(dtype=dtype), inputs)


def test_dense_and_listed_inputs_agree(monkeypatch):
    model = network("parallel_bap")
    runs = [run_compiled(model, INPUTS)]
    monkeypatch.setattr(event_lists, "densest_listed", lambda n_weights: -1.0)
    runs.append(run_compiled(model, INPUTS.clone()))
    assert_close(runs[1].outputs, runs[0].outputs, 1e-10)
    for one, other in zip(*(gradients(model, run) for run in runs), strict=True):
        assert_close(one, other, 1e-10)


def _neuron_of_another_shape(config):
    """A graph that none of the kinds is: a late linear subunit, a soma that two subunits hear, chains without delay."""
    fast = Exponential.leaky_sum(0.004)
    own = [Source("relay", 3.0), Source("branch", 0.7), Source("slow", 4.0), Source("soma", -9.0, differentiable=False)]
    return Cell(
        ("somatic", "dendritic"),
        (
            Subunit("soma", own, Exponential.leaky_sum(0.01), Spike(2.0, 4.0), delay=1),
            Subunit("first", ["dendritic", Source("somatic", 0.5)], fast),
            Subunit("relay", ["first", Source("soma", 0.2)], Alpha(0.003), delay=1),
            Subunit(
                "branch", ["first", "relay", Source("soma", -0.4)], Alpha(0.02), Sigmoid(3.0, 1.0, 0.4, 0.3), delay=1
            ),
            Subunit("slow", [Source("branch", -2.0), "somatic"], Alpha(0.01, area=2.0)),
        ),
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_graph_is_the_only_definition(monkeypatch, dtype):
    monkeypatch.setattr(model_module, "cell_of", _neuron_of_another_shape)
    assert_agrees(network(dtype=dtype), INPUTS)


def test_what_cannot_be_compiled_runs_as_a_loop(monkeypatch):
    model = network()
    assert can_compile(model, INPUTS)
    assert not can_compile(network(compiled=False), INPUTS)
    assert not can_compile(model.member(0), INPUTS[0])
    assert not can_compile(model, INPUTS.to("meta"))
    at_once = Subunit("soma", ["somatic"], Exponential(0.01), Spike(1.0), delay=1)
    steps = Subunit("soma", ["somatic"], Exponential(0.01, delay=1), Step(1.0), delay=1)
    late = Subunit("soma", ["somatic"], Exponential(0.01, delay=1), Spike(1.0), delay=2)
    table = Subunit("soma", ["somatic"], Tabulated((0.0, 1.0)), Spike(1.0), delay=1)
    later = Subunit("soma", ["somatic"], Exponential(0.01, delay=2), Spike(1.0), delay=1)
    for one in (at_once, steps, late, table, later):
        model.cell = Cell(("somatic", "dendritic"), (one,))
        model.recursions = {"soma": one.kernel.recursion(1e-3)}
        assert not can_compile(model, INPUTS)


def test_inputs_of_another_shape_are_refused():
    for shape in ((3, 7, 60, 12), (2, 7, 60, 11), (2, 7, 0, 12), (60, 12)):
        with pytest.raises(InputError, match=r"inputs: expected shape \(2, 'trial', 'time', 12\)"):
            run_compiled(network(), torch.zeros(shape))


def test_without_gradients_only_outputs_grow_with_time():
    model = network("parallel_bap")
    kept = []
    for keep in (True, False):
        run = compiled._Run(model, INPUTS, tuple(INPUTS.shape), keep)
        with torch.no_grad():
            run.forward(tuple(model.parameters()))
        kept.append(run)
    assert len(kept[0].kept) == 2
    assert kept[1].kept == []
    assert kept[1].slopes.size == 4 * 15
    with torch.no_grad():
        found = run_compiled(model, INPUTS)
    assert not found.outputs.requires_grad
    torch.testing.assert_close(found.outputs, run_compiled(model, INPUTS).outputs, rtol=0, atol=0)


def test_runs_beside_each_other_do_not_share_memory():
    model, other = network(), patterns(2, 7, 60, 12, seed=9)
    expected = [gradients(model, run_compiled(model, inputs)) for inputs in (INPUTS, other)]
    runs = [run_compiled(model, inputs) for inputs in (INPUTS, other)]
    loss = runs[0].outputs.sum()
    twice = [torch.autograd.grad(loss, [*model.parameters()], retain_graph=True) for _ in range(2)]
    assert all(torch.equal(*pair) for pair in zip(*twice, strict=True))
    del loss, twice
    with torch.no_grad():
        run_compiled(model, INPUTS)
    for run, wanted in zip(runs, expected, strict=True):
        assert all(torch.equal(*pair) for pair in zip(gradients(model, run), wanted, strict=True))


def test_memory_of_an_earlier_run_serves_a_smaller_one():
    assert_agrees(network("parallel_bap"), INPUTS)
    gc.collect()
    assert len(compiled._SPARE) == 1
    assert_agrees(network("one_compartment", members=1), INPUTS[:1, :5, :41])


def test_frozen_weights_need_no_gradient():
    model = network()
    wanted = torch.autograd.grad(run_compiled(model, INPUTS).outputs.square().sum(), model.somatic_weight)[0]
    model.freeze(["dendritic_weight", "output_weight"])
    run_compiled(model, INPUTS).outputs.square().sum().backward()
    assert torch.equal(model.somatic_weight.grad, wanted)
    assert model.output_weight.grad is None


def test_only_one_of_the_results_may_matter():
    model = network()
    found, expected = run_compiled(model, INPUTS), model._mean_spikes(model(INPUTS))
    (one,) = torch.autograd.grad(found.mean_activity.square().sum(), model.somatic_weight)
    (other,) = torch.autograd.grad(expected.square().sum(), model.somatic_weight)
    assert_close(one, other, 1e-10)


def test_a_network_that_has_diverged_is_seen():
    for name, value in (("somatic_weight", torch.nan), ("output_weight", torch.inf)):
        for is_compiled in (True, False):
            model = network(compiled=is_compiled)
            with torch.no_grad():
                model.weight(name)[0].view(-1)[3] = value
            found = model.respond(INPUTS)
            assert found.outputs[0].isnan().all()
            assert found.outputs[1].isfinite().all()


class TestCache:
    def outputs(self, model, inputs):
        with torch.no_grad():
            return run_compiled(model, inputs).outputs

    @pytest.fixture
    def listings(self, monkeypatch):
        """How often inputs were listed, a number in a list."""
        calls, real = [0], event_lists.events_of

        def counting(*arguments):
            calls[0] += 1
            return real(*arguments)

        monkeypatch.setattr(event_lists, "events_of", counting)
        return calls

    def test_the_same_tensor_is_listed_once(self, listings):
        inputs, model = INPUTS.clone(), network()
        first = self.outputs(model, inputs)
        once = listings[0]
        assert once == 2 * 3
        assert torch.equal(self.outputs(model, inputs), first)
        assert listings[0] == once

    def test_what_all_networks_hear_is_listed_once(self, listings):
        inputs, model = INPUTS[:1].expand(2, -1, -1, -1), network()
        found = self.outputs(model, inputs)
        assert listings[0] == 3
        assert torch.equal(found, self.outputs(model, inputs.contiguous()))

    def test_a_change_in_place_is_seen(self):
        inputs, model = INPUTS.clone(), network()
        before = self.outputs(model, inputs)
        inputs[:] = patterns(*inputs.shape, seed=8)
        after = self.outputs(model, inputs)
        assert not torch.equal(before, after)
        assert torch.equal(after, self.outputs(model, inputs.clone()))
        part = inputs[0]
        part.zero_()
        assert not self.outputs(model, inputs)[0].any()

    def test_new_data_under_the_same_tensor_is_seen(self):
        inputs, model = INPUTS.clone(), network()
        self.outputs(model, inputs)
        inputs.data = patterns(*inputs.shape, seed=8)
        assert torch.equal(self.outputs(model, inputs), self.outputs(model, inputs.clone()))

    def test_networks_of_another_type_or_size_list_anew(self):
        inputs = INPUTS * torch.rand(INPUTS.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        single = self.outputs(network(dtype=torch.float32), inputs)
        double = self.outputs(network(), inputs)
        assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
        assert torch.equal(double, self.outputs(network(), inputs.clone()))
        torch.testing.assert_close(single.double(), double, rtol=1e-4, atol=1e-6)
        larger = network(n_units=9)
        torch.testing.assert_close(self.outputs(larger, inputs), larger(inputs).outputs.detach())

    def test_no_tensor_is_kept_alive(self):
        gc.collect()
        before, inputs = len(event_lists._CACHE), INPUTS.clone()
        self.outputs(network(), inputs)
        assert len(event_lists._CACHE) == before + 1
        del inputs
        gc.collect()
        assert len(event_lists._CACHE) == before

    def test_tensors_of_inference_mode_are_listed_every_time(self):
        with torch.inference_mode():
            inputs, model = INPUTS.clone(), network()
            before = self.outputs(model, inputs)
            inputs.zero_()
            assert before.any()
            assert not self.outputs(model, inputs).any()


@pytest.mark.parametrize("of", [np.float32, np.float64])
def test_logistic_function(of):
    constants = Numbers(*[of(1)] * 5, *exponential_constants(of))
    x = np.concatenate([np.linspace(-800, 800, 20001), np.linspace(-20, 20, 20001), [-np.inf, np.inf, 0.0]]).astype(of)
    found, limits = np.array([logistic(one, constants) for one in x]), np.finfo(of)
    np.testing.assert_allclose(found, expit(x.astype(np.float64)), rtol=2 * limits.eps, atol=limits.tiny)
    assert found[-2] == 1
    assert np.isnan(logistic(of(np.nan), constants))


def test_respond_is_the_compiled_run():
    model = network(rate_floor=0.1)
    found = model.respond(INPUTS)
    assert isinstance(found, Trajectory)
    assert found.mean_activity is not None
    assert_close(found.outputs, model(INPUTS).outputs, 1e-10)
    plain = model.metrics(Trajectory(model(INPUTS).states, found.outputs))
    for name, value in model.metrics(found).items():
        torch.testing.assert_close(value, plain[name])
