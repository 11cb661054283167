"""The spiking network: dynamics against the plain reference, compiled runs, weights, wiring, training, archives."""

import numpy as np
import pytest
import spiking_plain
import torch
from making import drawn
from threadpoolctl import threadpool_limits

from dynascope.errors import ConfigurationError, StoppedError
from dynascope.readers import open_archive
from dynascope.trainers import Settings, export_network, load_model, train, train_in
from dynascope.trainers.loop import TrainingLoop
from dynascope.trainers.spiking import FAMILY, SpikingConfig
from dynascope.trainers.spiking.connectivity import balanced_weights, unit_signs, wiring
from dynascope.trainers.spiking.simulation import simulate

MATRICES = ("input", "recurrent", "output")
SMALL = {
    "n_units": 14, "n_inputs": 8, "n_outputs": 3, "tau_adaptation": 0.1, "adaptation_strength": 3.0,
    "input_probability": 0.4, "recurrent_probability": 0.4, "output_probability": 0.4,
}  # fmt: skip


def make_model(members=2, dtype=torch.float64, **options):
    model = drawn("spiking", {**SMALL, **options}, members=members, seed=40, dtype=dtype)
    with torch.no_grad():
        model.output_bias += torch.tensor([0.1, 0.2, -0.3])
    return model


def counts(n_steps=70, members=2, n_trials=3, mean=0.6):
    drawn = np.random.default_rng(0).poisson(mean, (members, n_trials, n_steps, SMALL["n_inputs"]))
    return torch.tensor(drawn, dtype=torch.float64)


def parts(model, states):
    """Return the state variables of ``states`` by name."""
    return {variable.name: variable.of(states) for variable in model.state_layout}


def loop_over_step(model, inputs, noise=None):
    state, visited = model.initial_state(inputs.shape[-3]), []
    with torch.no_grad():
        for t, input in enumerate(inputs.unbind(-2)):
            state = model.step(state, input, None if noise is None else noise[..., t, :])
            visited.append(state)
    return torch.stack(visited, -2)


# Dynamics.

VARIANTS = [
    {"refractory_steps": 0},
    {"refractory_steps": 1},
    {"refractory_steps": 5},
    {"dt": 2e-3, "tau_readout": 0.05, "threshold": 0.03, "dampening": 0.5, "interleaved": True},
    {"wiring": "none", "adaptive_fraction": 1.0},
]


@pytest.mark.parametrize("options", VARIANTS)
def test_step_is_the_plain_equations(options):
    model, inputs = make_model(**options), counts()
    with torch.no_grad():
        for weight in model.recurrent_weight:
            weight.fill_diagonal_(5.0)  # no unit drives itself
    states = loop_over_step(model, inputs)
    found = parts(model, states)
    for member in range(2):
        wanted = spiking_plain.run(spiking_plain.network_of(model, member), inputs[member].numpy())
        assert wanted.z.mean() > 0.02  # 20 Hz
        assert wanted.refractory.any() == (model.config.refractory_steps > 0)
        assert np.array_equal(found["spikes"][member], wanted.z)
        for name, values in {"voltage": wanted.v, "adaptation": wanted.b, "filtered": wanted.r}.items():
            assert np.asarray(found[name][member]) == pytest.approx(values, rel=1e-12, abs=1e-15)
        blocked = (found["refractory"][member] > 0) & (found["spikes"][member] == 0)
        assert np.array_equal(blocked, wanted.refractory)
        psi = model.pseudo_derivative(states)[member]
        assert (psi[wanted.refractory == 0] > 0).any()
        assert not psi[wanted.refractory == 1].any()
        assert np.asarray(psi) == pytest.approx(wanted.psi, rel=1e-9, abs=1e-11)
        assert model.readout(states)[member].detach().numpy() == pytest.approx(wanted.o, rel=1e-12)


def test_a_unit_under_strong_input_spikes_as_often_as_its_refractoriness_lets_it():
    for refractory_steps in (0, 1, 5):
        model = make_model(None, refractory_steps=refractory_steps)
        with torch.no_grad():
            model.input_weight.fill_(50.0)
        spikes = parts(model, loop_over_step(model, torch.ones(1, 60, 8, dtype=torch.float64)))["spikes"][0]
        assert torch.equal(spikes.sum(0), torch.full((14,), 60.0 / (refractory_steps + 1), dtype=torch.float64))


def test_forward_is_the_loop_over_step():
    model, inputs = make_model(noise_std=0.2), counts()
    sources = [torch.Generator().manual_seed(member) for member in range(2)]
    noise = model.draw_noise(3, inputs.shape[-2], sources)
    with torch.no_grad():
        trajectory = model(inputs, None, [torch.Generator().manual_seed(member) for member in range(2)])
    states = loop_over_step(model, inputs, noise)
    assert not torch.equal(states, loop_over_step(model, inputs))
    torch.testing.assert_close(trajectory.states, states, rtol=0, atol=1e-13)
    torch.testing.assert_close(trajectory.outputs, model.readout(states).detach(), rtol=0, atol=1e-13)


def test_noise_is_an_input_current():
    model = make_model(None, noise_std=0.2)
    with torch.no_grad():
        quiet = model.step(model.initial_state(1), torch.zeros(1, 8, dtype=torch.float64))
        noisy = model.step(model.initial_state(1), torch.zeros(1, 8, dtype=torch.float64), torch.ones(1, 14))
    change = parts(model, noisy)["voltage"] - parts(model, quiet)["voltage"]
    assert change[0].tolist() == pytest.approx([0.2 * (1 - np.exp(-1 / 20))] * 14)


def test_the_derivative_of_a_step_is_the_pseudo_derivative():
    model, inputs = make_model(None), counts()[0]
    states = loop_over_step(model, inputs)
    state = states[:, :-1].flatten(0, 1).requires_grad_()
    after = model.step(state, inputs[:, 1:].flatten(0, 1))
    torch.testing.assert_close(after, states[:, 1:].flatten(0, 1), rtol=0, atol=1e-13)
    (found,) = torch.autograd.grad(parts(model, after)["spikes"].sum(), state)
    psi = model.pseudo_derivative(after).detach()
    config = model.config
    slopes = parts(model, found)
    assert psi.any()
    torch.testing.assert_close(slopes["voltage"], config.membrane_decay * psi)
    by_adaptation = -model.adaptation_strength * config.adaptation_decay * psi
    torch.testing.assert_close(slopes["adaptation"], by_adaptation)
    assert not slopes["refractory"].any()


# Compiled runs.


def spikes_of(run, n_units):
    """Return the spikes of a compiled run, (member, trial, time, unit), from its lists."""
    members, trials, steps, _ = run.psi.shape
    found = np.zeros((members, trials, steps, n_units))
    for m, b, t in np.ndindex(members, trials, steps):
        found[m, b, t, run.units[m, b, run.starts[m, b, t] : run.starts[m, b, t + 1]]] += 1
    return found


@pytest.mark.parametrize("mean", [0.6, 0.0])
@pytest.mark.parametrize("options", VARIANTS)
def test_a_compiled_run_is_the_loop(options, mean):
    model, inputs = make_model(**options), counts(mean=mean)
    loop, compiled = (simulate(model, inputs, None, for_gradients=True, compiled=choice) for choice in (False, True))
    assert loop.spikes.any() == (mean > 0)
    assert np.array_equal(spikes_of(compiled, 14), loop.spikes)
    torch.testing.assert_close(compiled.outputs, loop.outputs.detach(), rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(compiled.mean_spikes, loop.mean_spikes, rtol=1e-14, atol=0)
    assert compiled.psi == pytest.approx(loop.psi.numpy(), rel=1e-9, abs=1e-11)


@pytest.mark.parametrize("members", [None, 2])
@pytest.mark.parametrize("noise_std", [0.0, 0.2])
def test_respond_is_forward_without_states(members, noise_std):
    model, inputs = make_model(members, noise_std=noise_std), counts()
    inputs = inputs if members else inputs[0]

    def generators():
        made = [torch.Generator().manual_seed(member) for member in range(members or 1)]
        return made if members else made[0]

    with torch.no_grad():
        whole, short = (run(inputs, None, generators()) for run in (model, model.respond))
        torch.testing.assert_close(short.outputs, whole.outputs, rtol=1e-12, atol=1e-14)
        penalties = [model.regularization(trajectory)["rate"] for trajectory in (short, whole)]
        torch.testing.assert_close(*penalties, rtol=1e-12, atol=0)
    rates = parts(model, whole.states)["spikes"].mean((-3, -2))
    assert penalties[0].reshape(-1).tolist() == pytest.approx(
        (0.1 * ((rates - 0.01) ** 2).sum(-1)).reshape(-1).tolist(), rel=1e-12
    )


def test_respond_goes_on_from_a_state():
    model, inputs = make_model(), counts()
    with torch.no_grad():
        whole = model(inputs)
        rest = model.respond(inputs[..., 40:, :], whole.states[..., 39, :])
    torch.testing.assert_close(rest.outputs, whole.outputs[..., 40:, :], rtol=0, atol=1e-13)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_run_for_its_outputs_keeps_nothing_else_that_grows_with_time(compiled):
    sizes = []
    for n_steps in (50, 100):
        run = simulate(make_model(), counts(n_steps), None, for_gradients=False, compiled=compiled)
        kept = (run.psi, run.starts, run.units) if compiled else (run.psi, run.spikes)
        sizes.append([len(array.reshape(-1)) for array in kept])
        assert run.outputs.shape == (2, 3, n_steps, 3)
    assert sizes[0] == sizes[1]
    assert sizes[0][0] == sizes[0][-1] == 0
    trajectory = make_model().respond(counts())
    assert trajectory.states.numel() == 0
    assert trajectory.mean_activity.any()


# Initial weights.


@pytest.fixture(scope="module")
def published():
    """Twenty networks of the published size."""
    generators = [np.random.default_rng(seed) for seed in range(20)]
    with threadpool_limits(1):  # eigenvalues of small matrices: more threads only wait for each other
        return FAMILY.model({}, members=20, generators=generators, dtype=torch.float64)


def by_source(model, name):
    """Return a weight (member, source, target)."""
    return model.arrays()[f"{name}_weight"].swapaxes(1, 2)


def existing_mean(weights, rows=slice(None), sign=1):
    """Return the mean existing weight of one sign of each network."""
    chosen = [member[rows][np.sign(member[rows]) == sign] for member in weights]
    return np.array([values.mean() for values in chosen])


MEASURES = {
    "existing W_in": (lambda m: (by_source(m, "input") != 0).mean((1, 2)), 0.0952, 0.001),
    "existing W": (lambda m: (by_source(m, "recurrent") != 0).mean((1, 2)), 0.0941, 0.0008),
    "existing W_out": (lambda m: (by_source(m, "output") != 0).mean((1, 2)), 0.093, 0.005),
    "excitatory W": (lambda m: existing_mean(by_source(m, "recurrent")), 0.066, 0.007),
    "inhibitory W": (lambda m: existing_mean(by_source(m, "recurrent"), sign=-1), -0.282, 0.032),
    "excitatory W_in": (lambda m: existing_mean(by_source(m, "input")), 0.107, None),
    "inhibitory W_in": (lambda m: existing_mean(by_source(m, "input"), sign=-1), -0.50, None),
    "excitatory W_out": (lambda m: existing_mean(by_source(m, "output")), 0.069, None),
    "spectral radius": (lambda m: abs(np.linalg.eigvals(by_source(m, "recurrent"))).max(1), 0.52, 0.10),
    "with readout": (lambda m: (by_source(m, "output") != 0).any(2).sum(1), 17.9, 1.4),
}


@pytest.mark.parametrize("measure", MEASURES)
def test_initial_weights_have_the_published_statistics(published, measure):
    of, mean, deviation = MEASURES[measure]
    with threadpool_limits(1):
        found = of(published)
    assert len(found) == 20
    if deviation is None:
        deviation = found.std(ddof=1)
    else:
        assert deviation / 2 < found.std(ddof=1) < deviation * 2
    # Both means are of twenty networks.
    assert found.mean() == pytest.approx(mean, abs=4 * deviation * np.sqrt(2 / 20))


def test_published_networks_have_19_inhibitory_units_first_and_7_inhibitory_channels_anywhere(published):
    arrays = published.arrays()
    assert (arrays["unit_sign"] == np.where(np.arange(100) < 19, -1, 1)).all()
    channels = arrays["input_sign"]
    assert ((channels == 1).sum(1) == 33).all()
    assert ((channels == -1).sum(1) == 7).all()
    assert len(np.unique(channels, axis=0)) == 20
    assert (channels == -1).any(0).sum() > 30
    for name in MATRICES:
        signs = arrays["input_sign" if name == "input" else "unit_sign"][:, :, None]
        weights, mask = by_source(published, name), arrays[f"{name}_mask"].swapaxes(1, 2)
        assert (weights * signs >= 0).all()
        assert np.array_equal(weights != 0, mask == 1)
    assert not np.einsum("mii->mi", arrays["recurrent_mask"]).any()
    assert not arrays["output_bias"].any()


@pytest.mark.parametrize(
    ("options", "adaptive", "inhibitory"),
    [
        ({}, range(50, 100), 19),
        ({"excitatory_count": "round"}, range(50, 100), 20),
        ({"interleaved": True}, range(1, 100, 2), 19),
        ({"adaptive_fraction": 0.0, "excitatory_fraction": 1.0}, (), 0),
        ({"n_units": 5, "adaptive_fraction": 1.0, "excitatory_fraction": 0.0}, range(5), 4),
    ],
)
def test_which_units_adapt_and_inhibit(options, adaptive, inhibitory):
    model = FAMILY.model(options, generators=[np.random.default_rng(0)])
    n = model.config.n_units
    assert np.flatnonzero(model.adaptation_strength.numpy()).tolist() == list(adaptive)
    assert model.adaptation_strength.sum() == pytest.approx(1.8 * len(adaptive))
    assert np.array_equal(model.unit_sign.detach().numpy() < 0, np.arange(n) < inhibitory)
    if not options:
        assert not model.adaptation_strength[:19].any()


def drawn_literally(signs, magnitudes):
    """Balance signed magnitudes (source, target) one column after the other."""
    excitatory, inhibitory = np.flatnonzero(signs > 0), np.flatnonzero(signs < 0)
    weights = magnitudes.copy()
    weights[inhibitory] *= weights[excitatory].sum() / weights[inhibitory].sum()
    for column in weights.T:
        gap = column[excitatory].sum() - column[inhibitory].sum()
        weaker = excitatory if gap < 0 else inhibitory
        column[weaker] += abs(gap) / len(weaker)
    weights *= signs[:, None]
    return weights / max(abs(np.linalg.eigvals(weights)))


@pytest.mark.parametrize("seed", range(3))
def test_balanced_weights(seed):
    signs = np.random.default_rng(seed).permutation(unit_signs(30, 22))
    weights = balanced_weights(signs, 30, np.random.default_rng(seed))
    magnitudes = abs(np.random.default_rng(seed).normal(size=(30, 30)))
    assert weights == pytest.approx(drawn_literally(signs, magnitudes), rel=1e-9)
    assert weights.sum(0) == pytest.approx(np.zeros(30), abs=1e-12)
    assert (weights * signs[:, None] > 0).all()
    assert max(abs(np.linalg.eigvals(weights))) == pytest.approx(1)
    few = balanced_weights(signs, 4, np.random.default_rng(seed))
    assert np.array_equal(few, weights[:, :4])
    many = balanced_weights(signs, 70, np.random.default_rng(seed))
    sources = [int(np.flatnonzero((weights == column[:, None]).all(0))[0]) for column in many.T]
    assert 20 < len(set(sources)) < 30  # with replacement: some columns twice or more, some never


def test_weights_of_one_sign_have_a_scale_too():
    weights = balanced_weights(unit_signs(20, 20), 20, np.random.default_rng(0))
    assert (weights > 0).all()
    assert max(abs(np.linalg.eigvals(weights))) == pytest.approx(1)


def test_sampling_of_synapses():
    exact = wiring(30, 20, 0.25, "exact", np.random.default_rng(0))
    assert exact.shape == (30, 20)
    assert set(np.unique(exact)) == {0, 1}
    assert exact.sum() == 150
    drawn = [wiring(30, 20, 0.25, "replacement", np.random.default_rng(seed)).sum() for seed in range(50)]
    # 150 draws among 600 places hit 600 (1 − (1 − 1/600)^150) of them on average, give or take 4.
    assert max(drawn) < 150
    assert np.mean(drawn) == pytest.approx(600 * (1 - (1 - 1 / 600) ** 150), abs=4 * 4 / np.sqrt(50))
    share = np.mean([wiring(30, 20, 0.25, "replacement", np.random.default_rng(seed)) for seed in range(200)], axis=0)
    assert share == pytest.approx(0.2213, abs=5 * np.sqrt(0.2213 * 0.7787 / 200))


def test_without_wiring_weights_are_dense_and_normal():
    model = FAMILY.model({"wiring": "none"}, generators=[np.random.default_rng(0)], dtype=torch.float64)
    assert set(model.arrays()) == {"input_weight", "recurrent_weight", "output_weight", "output_bias"}
    for name, n_sources in (("input", 40), ("recurrent", 100), ("output", 100)):
        weights = model.arrays()[f"{name}_weight"]
        off_diagonal = weights[~np.eye(*weights.shape, dtype=bool)] if name == "recurrent" else weights.ravel()
        assert (off_diagonal != 0).all()
        assert off_diagonal.mean() == pytest.approx(0, abs=4 / np.sqrt(n_sources * off_diagonal.size))
        assert off_diagonal.std() * np.sqrt(n_sources) == pytest.approx(1, abs=4 / np.sqrt(2 * off_diagonal.size))
    assert not np.diag(model.arrays()["recurrent_weight"]).any()


# Training and rewiring.


def settings(wiring="fixed", *, seed=0, members=2, model=None, **training):
    tables = {
        "task": {
            "n_cues": 3, "cue_duration": 0.01, "cue_gap": 0.005, "delay": 0.01, "recall_duration": 0.01,
            "cue_rate": 200.0, "recall_rate": 200.0, "channels_per_population": 3,
        },
        "model": {
            "n_units": 12, "tau_adaptation": 0.1, "input_probability": 0.3, "recurrent_probability": 0.3,
            "output_probability": 0.5, "wiring": wiring, **(model or {}),
        },
        "training": {
            "rule": "mdgl", "epochs": 4, "updates_per_epoch": 5, "batch_size": 4, "evaluation_trials": 4,
            "learning_rate": 0.02, **training,
        },
    }  # fmt: skip
    return Settings.resolve("spiking", "evidence", tables, seed=seed, members=members)


def sizes_of(model, member, name):
    """Return sign × weight and the mask of one matrix, (target, source)."""
    arrays = {key: array[member] for key, array in model.arrays().items()}
    return arrays["input_sign" if name == "input" else "unit_sign"] * arrays[f"{name}_weight"], arrays[f"{name}_mask"]


def mask_of(model, member, name):
    return sizes_of(model, member, name)[1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_fixed_wiring_keeps_its_signs_and_places(dtype):
    loop = TrainingLoop(settings(dtype=dtype, learning_rate=0.05))
    first = {(member, name): sizes_of(loop.model, member, name) for member in range(2) for name in MATRICES}
    dormant = np.array(1e-12, dtype)
    for _ in range(4):
        loop.run_epoch()
        slept = 0
        for (member, name), (size, mask) in first.items():
            now, wiring_now = sizes_of(loop.model, member, name)
            assert np.array_equal(wiring_now, mask)
            assert np.array_equal(now != 0, mask == 1)
            assert (now[mask == 1] >= dormant).all()
            assert not np.array_equal(now, size)
            slept += (now == dormant).sum()
        assert slept > 0


def test_synapses_shrink_even_without_a_gradient():
    """By lr·l1 in each update, down to dormancy."""
    model = make_model(1, l1=10.0)
    before = {name: sizes_of(model, 0, name)[0] for name in MATRICES}
    for _ in range(3):
        model.after_update(0.01, [])
    for name in MATRICES:
        now, mask = sizes_of(model, 0, name)
        assert now == pytest.approx(np.where(mask, np.maximum(before[name] - 3 * 0.01 * 10, 1e-12), 0), abs=1e-15)
        assert (now[mask == 1] == 1e-12).any()


def test_the_fixed_wiring_is_deep_r_among_the_first_synapses():
    """The closed form against the procedure, step by step, where its quotas let every dormant synapse return."""
    model = make_model(1, **{f"{name}_probability": 0.5 for name in MATRICES})
    draws = np.random.default_rng(3)
    pairs = [sizes_of(model, 0, name) for name in MATRICES]
    limit = int(sum(0.5 * mask.size for _, mask in pairs))
    assert sum(mask.sum() for _, mask in pairs) < 0.9 * limit
    for _ in range(6):
        before = [sizes_of(model, 0, name)[0] for name in MATRICES]
        with torch.no_grad():
            for name in MATRICES:
                weight = getattr(model, f"{name}_weight")
                weight += torch.tensor(0.5 * draws.normal(size=weight.shape))  # also where no synapse is, as Adam does
        moved = [sizes_of(model, 0, name)[0] for name in MATRICES]
        model.after_update(0.02, [])
        wanted = spiking_plain.deep_r(
            before, moved, [mask for _, mask in pairs], limit, shrinkage=0.02 * 0.01, generator=draws
        )
        assert wanted.sufficed
        assert sum((size == 1e-12).sum() for size in wanted.sizes) > 5
        for name, size in zip(MATRICES, wanted.sizes, strict=True):
            assert np.array_equal(sizes_of(model, 0, name)[0], size)


def limit_of(model):
    config = model.config
    sizes = {name: sizes_of(model, 0, name)[0].size for name in MATRICES}
    return int(sum(size * getattr(config, f"{name}_probability") for name, size in sizes.items()))


def n_synapses(model, member):
    return int(sum(mask_of(model, member, name).sum() for name in MATRICES))


def test_deep_r_moves_synapses_and_keeps_their_number():
    loop = TrainingLoop(settings("deep_r", learning_rate=0.05))
    limit = limit_of(loop.model)
    first = {(member, name): mask_of(loop.model, member, name) for member in range(2) for name in MATRICES}
    assert all(n_synapses(loop.model, member) < limit for member in range(2))
    for _ in range(4):
        loop.run_epoch()
        for member in range(2):
            assert n_synapses(loop.model, member) == limit
            for name in MATRICES:
                size, mask = sizes_of(loop.model, member, name)
                assert set(np.unique(mask)) <= {0, 1}
                assert np.array_equal(size > 0, mask == 1)
                assert np.array_equal(size != 0, mask == 1)
            assert not np.diag(mask_of(loop.model, member, "recurrent")).any()
    for (member, name), mask in first.items():
        now = mask_of(loop.model, member, name)
        assert ((now == 1) & (mask == 0)).any()
        assert ((now == 0) & (mask == 1)).any()


def moved_model(**options):
    """Return a network with moving wiring after a step that an optimiser could have taken, and its sizes before."""
    model = make_model(1, wiring="deep_r", **options)
    before = {name: sizes_of(model, 0, name)[0] for name in MATRICES}
    draws = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name in MATRICES:
            weight = getattr(model, f"{name}_weight")
            weight += 0.5 * torch.randn(weight.shape, generator=draws, dtype=weight.dtype)
    return model, before


def test_one_step_of_deep_r():
    """Survivors shrink, the others make room, and new synapses without strength appear in proportion to the sizes."""
    created = []
    for seed in range(60):
        model, before = moved_model()
        after = {name: sizes_of(model, 0, name)[0] for name in MATRICES}
        model.after_update(0.02, [torch.Generator().manual_seed(seed)])
        new = []
        for name in MATRICES:
            shrunk = np.where(before[name] > 0, after[name] - 0.02 * 0.01 * (after[name] > 0), 0)
            survives = shrunk > 0
            found, mask = sizes_of(model, 0, name)
            assert found[survives] == pytest.approx(shrunk[survives], rel=1e-13)
            assert set(found[~survives]) <= {0.0, 1e-12}
            assert np.array_equal(mask == 1, found > 0)
            new.append((found[~survives] > 0).sum())
        created.append(new)
        assert n_synapses(model, 0) == limit_of(model)
    created = np.array(created)
    assert (created.sum(1) == created.sum(1)[0]).all()
    shares = np.array([14 * 8, 14 * 14, 14 * 3]) / (14 * 25)
    missing = created.sum(1)[0]
    assert missing > 50
    scatter = np.sqrt(missing * shares * (1 - shares) / 60)
    assert (abs(created.mean(0) - missing * shares) < 4 * scatter).all()


def test_deep_r_depends_on_its_generator_only():
    def rewired(seed):
        model, _ = moved_model(temperature=0.1)
        model.after_update(0.02, [torch.Generator().manual_seed(seed)])
        return model.arrays()

    first, again, other = rewired(0), rewired(0), rewired(1)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert all(not np.array_equal(first[f"{name}_mask"], other[f"{name}_mask"]) for name in MATRICES)


def test_temperature_shakes_existing_synapses():
    model = make_model(1, n_units=60, wiring="deep_r", temperature=0.4, l1=0.0)
    masks = {name: mask_of(model, 0, name) for name in MATRICES}
    with torch.no_grad():
        for name in MATRICES:
            weight, mask = getattr(model, f"{name}_weight"), torch.tensor(masks[name])
            weight.copy_(weight.sign() * mask * 10)
    model.after_update(0.02, [torch.Generator().manual_seed(0)])
    shaken = np.concatenate([sizes_of(model, 0, name)[0][masks[name] == 1] for name in MATRICES]) - 10
    spread = np.sqrt(2 * 0.02 * 0.4)
    assert shaken.mean() == pytest.approx(0, abs=4 * spread / np.sqrt(shaken.size))
    assert shaken.std() == pytest.approx(spread, rel=4 / np.sqrt(2 * shaken.size))
    for name in MATRICES:
        others = sizes_of(model, 0, name)[0][masks[name] == 0]
        assert set(others) <= {0.0, 1e-12}


def test_a_full_network_has_no_room_but_where_units_would_drive_themselves():
    model, _ = moved_model(sampling="exact", **{f"{name}_probability": 1.0 for name in MATRICES})
    assert n_synapses(model, 0) == limit_of(model) - 14
    for seed in range(20):  # not every draw fills the matrix with the most room
        model.after_update(0.0, [torch.Generator().manual_seed(seed)])
        assert not np.diag(mask_of(model, 0, "recurrent")).any()
    assert n_synapses(model, 0) == limit_of(model) - 14


TRAININGS = {
    "fixed": {},
    "deep_r": {"wiring": "deep_r", "model": {"temperature": 0.01}},
    "noise": {"wiring": "deep_r", "model": {"noise_std": 0.05}, "rule": "eprop"},
    "none": {"wiring": "none", "rule": "bptt"},
}


@pytest.mark.parametrize("cut", [1, 3])
@pytest.mark.parametrize("training", TRAININGS)
def test_snapshots_continue_exactly(training, cut):
    wanted = settings(**TRAININGS[training])
    whole = train(wanted)
    first, second = TrainingLoop(wanted), TrainingLoop(wanted)
    for _ in range(cut):
        first.run_epoch()
    second.restore(first.snapshot())
    while second.active:
        second.run_epoch()
    resumed = second.trained()
    assert set(whole.log) >= {"loss", "performance", "loss_task", "loss_rate"}
    for name, array in whole.parameters.items():
        assert np.array_equal(resumed.parameters[name], array)
    for name, column in whole.log.items():
        assert np.array_equal(resumed.log[name], column)


def test_rewiring_goes_on_from_the_state_of_its_generators():
    loop = TrainingLoop(settings("deep_r"))
    loop.run_epoch()
    snapshot = loop.snapshot()
    loop.run_epoch()
    snapshot["rewiring"]["states"] = snapshot["rewiring"]["states"][::-1].copy()
    other = TrainingLoop(settings("deep_r"))
    other.restore(snapshot)
    other.run_epoch()
    assert not np.array_equal(other.model.arrays()["recurrent_mask"], loop.model.arrays()["recurrent_mask"])


@pytest.mark.parametrize("training", ["fixed", "deep_r"])
def test_a_stopped_run_goes_on_to_the_same_bits(training, tmp_path):
    wanted = settings(**TRAININGS[training])
    for _ in range(2):
        with pytest.raises(StoppedError):
            train_in(tmp_path / "run", wanted, should_stop=lambda: True)
    resumed, whole = train_in(tmp_path / "run", wanted), train(wanted)
    for name, array in whole.parameters.items():
        assert np.array_equal(resumed.parameters[name], array)


def test_seeds_and_members_differ_and_members_do_not_touch_each_other():
    options = TRAININGS["deep_r"]
    pair, other, alone = (train(settings(seed=seed, members=members, **options)).parameters
                          for seed, members in ((0, 2), (1, 2), (0, 1)))  # fmt: skip
    for name in ("input_weight", "recurrent_weight", "output_weight", "recurrent_mask"):
        assert not np.array_equal(pair[name][0], pair[name][1])
        assert not np.array_equal(pair[name], other[name])
        assert np.array_equal(pair[name][0], alone[name][0])


# Archives.


def test_unit_columns_name_the_cell_types(published):
    network = published.member(3)
    columns = network.unit_columns()
    readout = network.arrays()["output_weight"]
    assert columns["sign"].tolist() == [-1] * 19 + [1] * 81
    assert columns["adaptive"].tolist() == [False] * 50 + [True] * 50
    assert columns["adaptation_strength"].tolist() == [0.0] * 50 + [1.8] * 50
    assert np.array_equal(columns["has_readout"], readout.any(0))
    for k in range(2):
        assert np.array_equal(columns[f"output_weight_{k}"], readout[k])
    kinds = [kind.removesuffix("-out") for kind in columns["cell_type"]]
    assert kinds == ["I-LIF"] * 19 + ["E-LIF"] * 31 + ["E-ALIF"] * 50
    assert [kind.endswith("-out") for kind in columns["cell_type"]] == columns["has_readout"].tolist()


def test_unit_columns_without_signs():
    columns = make_model(None, wiring="none").unit_columns()
    assert "sign" not in columns
    assert columns["cell_type"].tolist() == ["LIF-out"] * 7 + ["ALIF-out"] * 7


@pytest.mark.parametrize("training", ["deep_r", "none"])
def test_an_archive_holds_the_network_its_spikes_and_its_units(training, tmp_path):
    found = train(settings(epochs=1, **TRAININGS[training]))
    with open_archive(export_network(found, tmp_path / "a.h5", member=1, n_trials=5)) as archive:
        recording = archive.recording()
        model = load_model(archive.model, dtype=torch.float32)
        with torch.no_grad():
            run = model(torch.as_tensor(np.asarray(recording.inputs)))
        states = parts(model, run.states)
        assert np.asarray(recording.states["spikes"]).dtype == np.uint8
        assert np.array_equal(recording.states["spikes"], states["spikes"])
        assert np.asarray(recording.activity) == pytest.approx(states["filtered"].numpy() / 1e-3, rel=1e-6)
        assert np.asarray(recording.outputs) == pytest.approx(run.outputs.numpy(), rel=1e-5, abs=1e-6)
        for name, column in found.model(1).unit_columns().items():
            assert np.asarray(archive.units[name]).tolist() == column.tolist()
        for name, array in found.parameters.items():
            assert np.array_equal(archive.model.parameters[name], array[1])


# What is refused.


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"adaptive_fraction": 1.2}, r"model\.adaptive_fraction = 1\.2: expected at most 1"),
        ({"excitatory_fraction": 2}, r"model\.excitatory_fraction = 2\.0: expected at most 1"),
        ({"input_probability": 1.01}, r"model\.input_probability = 1\.01: expected at most 1"),
        ({"recurrent_probability": 1.5}, r"model\.recurrent_probability = 1\.5: expected at most 1"),
        ({"output_probability": 3}, r"model\.output_probability = 3\.0: expected at most 1"),
        ({"recurrent_probability": 0.0}, "expected a number above 0"),
        ({"temperature": 0.1}, r"model\.temperature moves synapses: expected model\.wiring = 'deep_r'"),
        ({"temperature": 0.1, "wiring": "none"}, r"model\.temperature acts on a sparse wiring"),
        ({"l1": 0.1, "wiring": "none"}, r"model\.l1 acts on a sparse wiring; model\.wiring is 'none'"),
        ({"wiring": "sparse"}, r"unknown model\.wiring 'sparse'"),
        ({"tau_membrane": 0.0}, "expected a number above 0"),
        ({"refractory_steps": -1}, "expected a number at least 0"),
        ({"refractory_steps": 1.5}, "expected a whole number"),
    ],
)
def test_impossible_options_are_refused(options, words):
    with pytest.raises(ConfigurationError, match=words):
        FAMILY.model(options)


def test_decays_follow_the_step():
    config = SpikingConfig(dt=2e-3, tau_membrane=0.01, tau_readout=0.04, tau_adaptation=1.0)
    found = (config.membrane_decay, config.readout_decay, config.adaptation_decay)
    assert found == pytest.approx((np.exp(-0.2), np.exp(-0.05), np.exp(-0.002)))


def test_the_network_has_the_step_of_the_task():
    tables = {"task": {"dt": 2e-3, "cue_duration": 0.01, "cue_gap": 0.004, "delay": 0.01, "recall_duration": 0.01}}
    assert Settings.resolve("spiking", "evidence", tables).model["dt"] == 2e-3
