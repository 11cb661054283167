"""Networks of dendritic neurons: against the simulated graphs and the plain equations, and what the equations imply."""

import dataclasses

import numpy as np
import prc_plain
import pytest
import torch
from making import drawn

from dynascope.errors import ConfigurationError, InputError
from dynascope.trainers.prc import FAMILY, KINDS, DendriticNetwork, PrcConfig
from dynascope.trainers.prc.defaults import WEIGHT_SCALES
from dynascope.trainers.prc.simulation import simulate
from dynascope.trainers.prc.variants import cell_of

SYNAPSES = ("exponential", "alpha", "difference")
DELAYED = {  # outputs that are late by a step
    "one_compartment": (),
    "no_bap": ("dendrite",),
    "bap": ("dendrite",),
    "parallel": ("sodium", "calcium", "nmda"),
    "parallel_bap": ("sodium", "calcium", "nmda"),
}
kinds = pytest.mark.parametrize("kind", KINDS)


def make(kind, members=None, seed=3, **options):
    config = {"kind": kind, "n_units": 5, "n_inputs": 8, "weight_scale": WEIGHT_SCALES["memorise"][kind], **options}
    return drawn("prc", config, members=members, seed=seed)


def spikes(n_trials=6, n_steps=60, rate=0.1, n_inputs=8, members=None):
    lead = () if members is None else (members,)
    return torch.as_tensor(
        1.0 * (np.random.default_rng(0).random((*lead, n_trials, n_steps, n_inputs)) < rate), dtype=torch.float64
    )


def run(model, inputs):
    with torch.no_grad():
        return model(inputs)


def parts(model, inputs):
    """Return the state variables (…, trial, T + 1, size), the zeros of the start included."""
    states = run(model, inputs).states
    with_start = torch.cat([torch.zeros_like(states[..., :1, :]), states], -2)
    return {name: value.numpy() for name, value in model.parts(with_start).items()}


def constant(model, n_steps, **weights):
    """Give all units of a model one weight per input of the neuron, and a constant 1 on the first channel."""
    with torch.no_grad():
        for name in model.cell.inputs:
            getattr(model, f"{name}_weight").zero_()[:, 0] = weights.get(name, 0.0)
    inputs = torch.zeros(1, n_steps, model.config.n_inputs, dtype=torch.float64)
    inputs[..., 0] = 1
    return inputs


# Against the graph and the equations.


@kinds
@pytest.mark.parametrize("synapse", SYNAPSES)
@pytest.mark.parametrize("normalized", [False, True])
def test_steps_are_the_simulated_graph(kind, synapse, normalized):
    model = make(
        kind,
        synapse=synapse,
        normalized_kernels=normalized,
        weight_scale=60.0 if normalized else WEIGHT_SCALES["memorise"][kind],
    )
    inputs = spikes()
    found = parts(model, inputs)
    given = {}
    for name in model.cell.inputs:
        weighted = inputs.numpy() @ model.arrays()[f"{name}_weight"].T
        given[name] = np.pad(np.moveaxis(weighted, 1, 2), ((0, 0), (0, 0), (0, 1)))  # what comes last is never heard
    wanted = simulate(cell_of(model.config), given, model.config.dt)
    assert found["spikes"].any()
    assert np.array_equal(np.moveaxis(found["spikes"], 1, 2), wanted["soma"])
    for one in model.cell.subunits:
        drive = wanted.get(f"{one.name}_drive", wanted[one.name])
        assert np.moveaxis(found[one.name], 1, 2) == pytest.approx(drive, rel=1e-10, abs=1e-10), one.name
        if one.delay and one.name != "soma":
            late = np.moveaxis(found[f"{one.name}_output"], 1, 2)
            assert late == pytest.approx(wanted[one.name], rel=1e-10, abs=1e-10)


@kinds
def test_steps_are_the_plain_equations(kind):
    model, inputs = make(kind, members=2), spikes(members=2)
    trajectory = run(model, inputs)
    for member in range(2):
        w1, w2 = prc_plain.weights_of(model, member)
        with torch.no_grad():
            outputs, wanted = prc_plain.run(kind, w1, w2, inputs[member])
        assert wanted.any()
        assert not outputs[:, 0].any()
        torch.testing.assert_close(trajectory.outputs[member], outputs[:, 1:], rtol=1e-10, atol=1e-10)
        found = model.parts(trajectory.states)["spikes"][member]
        assert torch.equal(found, wanted[:, 1:])


@kinds
def test_gradients_are_those_of_the_plain_equations(kind):
    model, inputs = make(kind, members=1), spikes(members=1)
    labels = torch.tensor([0, 1, 1, 0, 1, 0])
    w1, w2 = prc_plain.weights_of(model)
    wanted = prc_plain.nll_of_maximum(prc_plain.run(kind, w1, w2, inputs[0])[0], labels)
    outputs = model(inputs).outputs[0]
    found = prc_plain.nll_of_maximum(torch.cat([torch.zeros_like(outputs[:, :1]), outputs], 1), labels)
    assert found.item() == pytest.approx(wanted.item(), rel=1e-12)
    found.backward()
    wanted.backward()
    for index, name in enumerate(model.cell.inputs):
        assert w1.grad[..., index].any()
        torch.testing.assert_close(
            getattr(model, f"{name}_weight").grad[0], w1.grad[..., index].T, rtol=1e-9, atol=1e-12
        )
    torch.testing.assert_close(model.output_weight.grad[0], w2.grad.T, rtol=1e-9, atol=1e-12)


# State, weights and what archives record.


@kinds
@pytest.mark.parametrize("synapse", SYNAPSES)
def test_layout(kind, synapse):
    model = make(kind, synapse=synapse)
    layout = model.state_layout
    assert [part.start for part in layout] == [0, *(part.stop for part in layout[:-1])]
    assert layout[-1].stop == model.state_size
    sizes = {part.name: part.stop - part.start for part in layout}
    heard = ["somatic_synapse"] if kind == "one_compartment" else ["dendritic_synapse", "somatic_synapse"]
    wanted = dict.fromkeys([*heard, *DELAYED[kind], "soma"], 5)
    wanted |= {f"{name}_output": 5 for name in DELAYED[kind]} | {"spikes": 5, "filtered": 5, "readout": 2}
    if synapse != "exponential":
        wanted |= {f"{name}_past": 5 for name in heard}  # the drive before the last one
    assert sizes == wanted


@kinds
def test_recorded_states_hold_every_compartment(kind):
    model = make(kind, synapse="alpha")
    trajectory = run(model, spikes())
    found = model.recorded_states(trajectory.states)
    assert {one.name for one in model.cell.subunits} <= set(found)
    assert {f"{name}_output" for name in DELAYED[kind]} <= set(found)
    assert not [name for name in found if name.endswith("_past")]
    assert {tuple(value.shape) for value in found.values()} == {(6, 60, 5)}
    assert found["spikes"].dtype == torch.uint8
    assert np.array_equal(found["spikes"].numpy(), parts(model, spikes())["spikes"][:, 1:])


class Asked:
    """A generator that notes which standard deviations it is asked for."""

    def normal(self, mean, deviation, shape):
        assert mean == 0
        self.deviations = [*getattr(self, "deviations", []), deviation]
        return np.zeros(shape)


@pytest.mark.parametrize(
    ("task", "sizes", "deviations", "output"),
    [
        ("memorise", (100, 4, 2), (1.33228, 0.142744, 0.142744, 0.00951626, 0.00951626), 0.333069),
        ("digits", (700, 200, 20), (0.0107904, 0.00179840, 0.00179840, 7.19362e-5, 7.19362e-5), 0.0471031),
    ],
)
def test_initial_weights_have_the_published_deviations(task, sizes, deviations, output):
    n_inputs, n_units, n_outputs = sizes
    for kind, deviation in zip(KINDS, deviations, strict=True):
        made = (
            FAMILY.defaults(kind, task, {})["model"]
            if task == "memorise"
            else {"weight_scale": WEIGHT_SCALES[task][kind]}
        )
        config = PrcConfig(
            kind=kind, weight_scale=made["weight_scale"], n_inputs=n_inputs, n_units=n_units, n_outputs=n_outputs
        )
        asked = Asked()
        drawn = DendriticNetwork(config).initial_parameters(asked)
        shape = (n_units, n_inputs)
        names = ["somatic_weight"] if kind == "one_compartment" else ["dendritic_weight", "somatic_weight"]
        assert {name: value.shape for name, value in drawn.items()} == {
            **dict.fromkeys(names, shape), "output_weight": (n_outputs, n_units),
        }  # fmt: skip
        assert asked.deviations == pytest.approx([deviation] * len(names) + [output], rel=4e-6)


def test_dendritic_and_somatic_weights_are_drawn_apart_and_biases_are_zero():
    model = make("bap", n_units=200, n_inputs=100, readout_bias=True)
    arrays = model.arrays()
    for name in ("dendritic_weight", "somatic_weight"):
        assert arrays[name].std() == pytest.approx(0.142744, rel=0.02)
    assert abs(np.corrcoef(arrays["dendritic_weight"].ravel(), arrays["somatic_weight"].ravel())[0, 1]) < 0.03
    assert arrays["output_bias"].tolist() == [0, 0]
    with torch.no_grad():
        model.output_bias += torch.tensor([0.5, -2.0])
    inputs = spikes(n_inputs=100)
    assert run(model, inputs).outputs[:, 0].unique(dim=0).tolist() == [[0.5, -2.0]]


# What the equations imply.


@pytest.mark.parametrize(
    ("kind", "site", "gain"),
    [
        ("one_compartment", "somatic", 58.0),
        ("bap", "somatic", 58.0),
        ("no_bap", "dendritic", 609.0),
        ("parallel", "dendritic", 25745.0),
    ],
)
@pytest.mark.parametrize("synapse", SYNAPSES)
def test_gains_for_constant_input(kind, site, gain, synapse):
    """Without thresholds and conductances; a normalized network has gain 1 on every linear path."""
    channels = tuple(
        channel for channel in ("sodium", "calcium", "nmda") if channel in cell_of(PrcConfig(kind=kind)).channels
    )
    for normalized, wanted in ((False, gain), (True, 1.0)):
        model = make(kind, threshold=1e9, block=channels, normalized_kernels=normalized, synapse=synapse)
        found = parts(model, constant(model, 650 if kind == "parallel" else 150, **{site: 2.0}))
        assert found["soma"][0, -1] / 2 == pytest.approx(np.full(5, wanted), rel=1e-3)


def test_the_constant_input_that_reaches_threshold():
    for weight, reaches in ((0.258750, False), (0.258752, True)):
        model = make("one_compartment")
        found = parts(model, constant(model, 400, somatic=weight))
        assert found["spikes"].any() == reaches
        assert found["soma"].max() == pytest.approx(15, abs=1e-4)


@pytest.mark.parametrize(
    ("kind", "site", "arrival"),
    [
        ("one_compartment", "somatic", 2),
        ("parallel_bap", "somatic", 2),
        ("no_bap", "dendritic", 4),
        ("bap", "dendritic", 4),
        ("parallel", "dendritic", 6),
        ("parallel_bap", "dendritic", 6),
    ],
)
def test_how_long_an_input_spike_takes(kind, site, arrival):
    model = make(kind)
    inputs = constant(model, 30, **{site: 1e4})
    inputs[:, 1:] = 0
    quiet = parts(model, torch.zeros_like(inputs))
    found = parts(model, inputs)
    first = {
        name: int(np.flatnonzero((found[name] != quiet[name])[0].any(-1))[0]) for name in ("soma", "spikes", "readout")
    }
    assert first == {"soma": arrival, "spikes": arrival + 1, "readout": arrival + 3}


def test_a_crossing_gives_two_spikes_and_takes_the_reset_twice():
    model, open_loop = (make("one_compartment", reset=reset) for reset in (15.0, 0.0))
    inputs = constant(model, 60, somatic=5.4)
    constant(open_loop, 60, somatic=5.4)
    inputs[:, 1:] = 0
    found, without = (parts(one, inputs) for one in (model, open_loop))
    at = np.flatnonzero(found["spikes"][0, :, 0])
    assert at.tolist() == [at[0], at[0] + 1]
    taken = (without["soma"] - found["soma"])[0, :, 0]
    assert not taken[: at[0] + 1].any()
    assert taken[at[0] + 1] == pytest.approx(15)
    assert taken[at[0] + 2] == pytest.approx(15 * (1 + np.exp(-0.1)))


@kinds
def test_runs_of_spikes_in_untrained_networks_are_pairs(kind):
    model = make(kind, members=10, n_units=4, n_inputs=100)
    found = parts(model, spikes(n_trials=64, n_steps=200, rate=0.005, n_inputs=100))["spikes"]
    starts = (np.diff(found, axis=-2) == 1).sum()
    assert starts > 100
    assert 1.9 < found.sum() / starts < 2.02


@pytest.mark.parametrize(("kind", "plain"), [("bap", "no_bap"), ("parallel_bap", "parallel")])
def test_without_strength_the_loop_is_not_there(kind, plain):
    inputs = spikes()
    with_loop, without, still = make(kind), make(plain), make(kind, bap_strength=0.0)
    arrays = with_loop.arrays()
    states = {
        name: run(model.load_arrays(arrays), inputs).states
        for name, model in {"with": with_loop, "without": without, "still": still}.items()
    }
    assert torch.equal(states["still"], states["without"])
    assert not torch.equal(states["with"], states["without"])
    assert torch.equal(run(with_loop.blocked(["bap"]), inputs).states, states["without"])


@pytest.mark.parametrize(("kind", "low", "high"), [("no_bap", 1e-8, 3e-8), ("parallel", 1e-6, 3e-6)])
def test_without_dendritic_weights_a_neuron_is_nearly_one_compartment(kind, low, high):
    model, alone = make(kind), make("one_compartment")
    with torch.no_grad():
        model.dendritic_weight.zero_()
        model.somatic_weight.copy_(alone.somatic_weight)
    inputs = spikes(n_steps=200)
    found, wanted = parts(model, inputs), parts(alone, inputs)
    assert wanted["spikes"].any()
    assert np.array_equal(found["spikes"], wanted["spikes"])
    assert low < np.abs(found["soma"] - wanted["soma"]).max() < high


@pytest.mark.parametrize("kind", ["bap", "parallel_bap"])
def test_normalized_kernels_leave_what_a_spike_adds_and_takes(kind):
    """γ goes into the dendrite and R off the soma in the step after a spike, whatever the kernels."""
    target = "dendrite" if kind == "bap" else "nmda"
    for normalized in (False, True):
        model = make(kind, normalized_kernels=normalized)
        constant(model, 1)  # no weights
        state = model.initial_state(1)
        spiking = state.clone()
        model.parts(spiking)["spikes"].fill_(1)
        no_input = torch.zeros(1, 8, dtype=torch.float64)
        with torch.no_grad():
            before, after = (model.parts(model.step(one, no_input)) for one in (state, spiking))
        assert (after["soma"] - before["soma"]).tolist() == [pytest.approx([-15.0] * 5)]
        assert (after[target] - before[target]).tolist() == [pytest.approx([KINDS[kind]] * 5)]


def test_blocks_take_gains_and_leave_weights():
    model = make("parallel_bap", members=2)
    blocked = model.blocked(["calcium"]).blocked(["bap", "calcium"])
    assert blocked.config == dataclasses.replace(model.config, block=("calcium", "bap"))
    assert all(np.array_equal(value, model.arrays()[name]) for name, value in blocked.arrays().items())
    found = parts(blocked, spikes())
    assert found["calcium"].any()
    assert not found["calcium_output"].any()
    assert found["sodium_output"].any()
    with pytest.raises(InputError, match="unknown channel to block 'calcum': did you mean 'calcium'"):
        model.blocked(["calcum"])


@kinds
def test_rates_are_spikes_through_a_synapse_of_gain_1(kind):
    for normalized in (False, True):
        model = make(kind, normalized_kernels=normalized)
        state = model.initial_state(1)
        no_input = torch.zeros(1, 8, dtype=torch.float64)
        with torch.no_grad():
            for _ in range(100):
                model.parts(state)["spikes"].fill_(1)
                state = model.step(state, no_input)
        assert model.activity(state).tolist() == [pytest.approx([1000.0] * 5)]


def test_measures_of_spiking():
    model = make("one_compartment", members=2, n_units=3, rate_floor=0.01)
    trajectory = run(model, spikes(members=2))
    found = model.parts(trajectory.states)["spikes"]
    found[0] = 0
    found[1] = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
    found[1, 0, :3, 2] = 1
    found[1, 1] = 0
    metrics = {name: value.tolist() for name, value in model.metrics(trajectory).items()}
    spiking = (5 * 60 + 3) / (6 * 60 * 3)
    assert metrics["firing_rate"] == [0, pytest.approx(1000 * spiking)]
    assert metrics["silent"] == [1, pytest.approx(1 / 3)]
    assert metrics["saturated"] == [0, pytest.approx(1 / 3)]
    assert metrics["silent_trials"] == [1, pytest.approx(1 / 6)]
    # Counts of one and more cost nothing: of 18, a unit and trial each, 5 are of unit 1 and one is of unit 2.
    assert model.regularization(trajectory)["rate_floor"].tolist() == pytest.approx([0.01, 0.01 * 12 / 18])
    assert make("bap").regularization(trajectory) == {}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"kind": "no_bap", "bap_strength": 0.5},
            r"model\.bap_strength = 0\.5: expected 0 in a network of kind 'no_bap'",
        ),
        ({"synapse": "difference", "tau_rise": 0.005}, r"model\.tau_rise = 0\.005: expected below model\.tau_synapse"),
    ],
)
def test_configurations_that_cannot_be(options, words):
    with pytest.raises(ConfigurationError, match=words):
        PrcConfig(**options)


def test_strengths_of_the_loop():
    assert {kind: PrcConfig(kind=kind).bap_strength for kind in KINDS} == KINDS
    assert PrcConfig(kind="bap", bap_strength=2.0).bap_strength == 2.0
