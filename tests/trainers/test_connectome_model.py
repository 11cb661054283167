"""Networks with the wiring of a connectome: dynamics, wiring, controls of gain, Dale's law, archives."""

from functools import partial

import numpy as np
import pytest
import torch
from making import drawn

from dynascope.errors import ConfigurationError, InputError
from dynascope.readers import open_archive
from dynascope.trainers import Settings, TrainingLoop, export_network, get_family, load_model, train
from dynascope.trainers.connectome.graph import spectral_radius

FAMILY = get_family("connectome")
OPTIMIZERS = ("adam", "rmsprop", "sgd")


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """Return a directory with a connectome of five areas, as the original keeps them."""
    path = tmp_path_factory.mktemp("connectomes")
    generator = np.random.default_rng(0)
    weights = generator.lognormal(size=(5, 5)) * (generator.random((5, 5)) < 0.7)
    np.fill_diagonal(weights, 0)
    np.save(path / "C_small.npy", weights)
    return str(path)


def options(directory, **own):
    return {"connectome": "small", "directory": directory, "neurons_per_area": 3, **own}


def network(directory, *, members=None, dtype=torch.float64, seed=0, **own):
    return drawn("connectome", options(directory, **own), members=members, seed=seed, dtype=dtype)


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_the_dynamics_are_those_of_torchs_rnn(directory, nonlinearity):
    model = network(directory, nonlinearity=nonlinearity, n_inputs=3, n_outputs=2)
    weights = model.arrays()
    peer = torch.nn.RNN(3, 15, nonlinearity=nonlinearity, batch_first=True, dtype=torch.float64)
    names = {
        "weight_ih_l0": "input_weight", "weight_hh_l0": "recurrent_weight", "bias_ih_l0": "input_bias",
        "bias_hh_l0": "recurrent_bias",
    }  # fmt: skip
    peer.load_state_dict({ours: torch.tensor(weights[own]) for ours, own in names.items()})
    inputs = torch.tensor(np.random.default_rng(1).normal(size=(4, 7, 3)))
    expected, _ = peer(inputs)
    found = model(inputs)
    torch.testing.assert_close(found.states, expected, rtol=0, atol=1e-12)
    outputs = expected @ torch.tensor(weights["output_weight"]).T + torch.tensor(weights["output_bias"])
    torch.testing.assert_close(found.outputs, outputs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("members", [None, 2])
def test_the_fast_run_is_the_loop_over_step_and_has_its_gradients(directory, members):
    model = network(directory, members=members)
    inputs = torch.tensor(np.random.default_rng(1).normal(size=(4, 6, 2)))
    lead = () if members is None else (members,)
    weight = torch.tensor(np.random.default_rng(2).normal(size=(*lead, 4, 6, 1)))

    def gradients(outputs):
        return torch.autograd.grad((weight * outputs).sum(), [model.weight(name) for name in model.trainable])

    fast = model(inputs)
    shown = inputs if members is None else inputs.expand(members, *inputs.shape)
    states = model.run_steps(shown, model.initial_state(4), None)
    torch.testing.assert_close(fast.states, states, rtol=0, atol=1e-12)
    for mine, plain in zip(gradients(fast.outputs), gradients(model.readout(states)), strict=True):
        torch.testing.assert_close(mine, plain, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("randomize", ["none", "published", "degrees"])
def test_weights_outside_the_wiring_stay_exactly_zero(directory, optimizer, randomize):
    tables = {
        "model": options(directory, randomize=randomize),
        "training": {"epochs": 4, "n_trials": 12, "batch_size": 5, "validation_trials": 4, "optimizer": optimizer},
    }
    trained = train(Settings.resolve("connectome", "seq_mem", tables, members=2))
    weight, template = trained.parameters["recurrent_weight"], trained.parameters["template"]
    before = TrainingLoop(trained.settings).model.arrays()["recurrent_weight"]
    assert (weight[template == 0] == 0).all()
    assert (weight[template != 0] != before[template != 0]).mean() > 0.99
    same = np.array_equal(template[0], template[1])
    assert same == (randomize == "none")  # null models are drawn for each network, the conversion once


def test_a_frozen_layer_is_bit_identical(directory):
    tables = {
        "model": options(directory),
        "training": {"epochs": 3, "n_trials": 8, "validation_trials": 4, "frozen": ["recurrent_weight"]},
    }
    trained = train(Settings.resolve("connectome", "nback_mem", tables))
    before = TrainingLoop(trained.settings).model.arrays()
    assert np.array_equal(trained.parameters["recurrent_weight"], before["recurrent_weight"])
    assert not np.array_equal(trained.parameters["input_weight"], before["input_weight"])
    assert not np.array_equal(trained.parameters["recurrent_bias"], before["recurrent_bias"])


def test_connections_run_against_the_connectome_unless_turned(directory):
    published = network(directory).arrays()["template"]
    turned = network(directory, reverse=False).arrays()["template"]
    np.testing.assert_array_equal(turned, published.T)
    rows = np.load(f"{directory}/C_small.npy")
    blocks = published.reshape(5, 3, 5, 3).sum((1, 3))
    np.testing.assert_allclose(blocks[~np.eye(5, dtype=bool)], rows[~np.eye(5, dtype=bool)], rtol=1e-12)


def test_the_gain_of_a_control_can_be_matched(directory):
    own = spectral_radius(network(directory).arrays()["recurrent_weight"])
    control = network(directory, randomize="published").arrays()["recurrent_weight"]
    matched = network(directory, randomize="published", match_radius=True).arrays()["recurrent_weight"]
    assert abs(spectral_radius(control) / own - 1) > 0.02
    assert spectral_radius(matched) == pytest.approx(own, rel=1e-9)
    np.testing.assert_allclose(matched, control * (own / spectral_radius(control)), rtol=1e-9)
    chosen = network(directory, spectral_radius=1.25).arrays()["recurrent_weight"]
    assert spectral_radius(chosen) == pytest.approx(1.25, rel=1e-9)


def test_remapped_weights_follow_the_ranks_of_the_template(directory):
    arrays = network(directory).arrays()
    exists = arrays["template"] != 0
    order = np.argsort(arrays["template"][exists], kind="stable")
    assert (np.diff(arrays["recurrent_weight"][exists][order]) >= 0).all()
    plain = network(directory, remap=False).arrays()
    np.testing.assert_allclose(
        np.sort(plain["recurrent_weight"][exists]), np.sort(arrays["recurrent_weight"][exists]), rtol=0, atol=0
    )


def test_dales_law_holds_at_the_start_and_after_training(directory):
    tables = {
        "model": options(directory, dale=0.8, remap=False),
        "training": {"epochs": 5, "n_trials": 12, "validation_trials": 4, "learning_rate": 0.05},
    }
    settings = Settings.resolve("connectome", "seq_mem", tables)
    start, end = TrainingLoop(settings).model.arrays(), train(settings).parameters
    for arrays in (start, end):
        excitatory = arrays["excitatory"][0] > 0
        assert excitatory.sum() == 12
        assert (arrays["recurrent_weight"][0][:, excitatory] >= 0).all()
        assert (arrays["recurrent_weight"][0][:, ~excitatory] <= 0).all()
    assert not np.array_equal(start["recurrent_weight"], end["recurrent_weight"])


def test_jacobian_and_its_lipschitz_constant(directory):
    model = network(directory)
    generator = np.random.default_rng(3)
    states, inputs = (torch.tensor(generator.normal(size=(6, size))) for size in (15, 2))
    formula = model.jacobian()(states, inputs)
    for own, state, input in zip(formula, states, inputs, strict=True):
        step = partial(lambda input, h: model.step(h[None], input[None])[0], input)
        torch.testing.assert_close(own, torch.autograd.functional.jacobian(step, state), rtol=0, atol=1e-12)
    held = model.jacobian()(states, inputs[:1].expand(6, -1))
    gaps = torch.linalg.matrix_norm(held - held[0], 2)
    distances = torch.linalg.vector_norm(states - states[0], dim=-1)
    assert (gaps <= model.jacobian_lipschitz() * distances + 1e-12).all()
    assert network(directory, nonlinearity="relu").jacobian_lipschitz() is None


def test_archives_name_the_area_of_each_unit_and_open_without_the_connectome(directory, tmp_path):
    tables = {
        "model": options(directory),
        "training": {"epochs": 2, "n_trials": 8, "validation_trials": 4, "keep_every": 1},
    }
    trained = train(Settings.resolve("connectome", "nback_mem", tables))
    path = export_network(trained, tmp_path / "n.h5", n_trials=6)
    with open_archive(path) as archive:
        assert archive.units["area_index"].tolist() == np.repeat(range(5), 3).tolist()
        assert len(set(archive.units["area"].tolist())) == 5
        record = archive.model
        assert record.parameter_dims["template"] == ("unit", "unit_pre")
        moved = dict(record.config) | {"directory": str(tmp_path / "gone")}
        model = load_model(type(record)(record.family, moved, record.state_layout, record.parameters))
        assert model.n_units == 15
        assert "area" not in model.unit_columns()


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"dale": 1.5, "remap": False}, "share of excitatory"), ({"dale": 0.5}, "remap"),
        ({"randomize": "full"}, "remap"), ({"sparsity": 1.5}, "sparsity = 1.5"),
        ({"randomize": "shuffled"}, "randomize"),
        ({"neurons_per_area": "rank:1"}, "densities of small are not known"), ({"neurons_per_area": "many"}, "rank:Z"),
    ],
)  # fmt: skip
def test_impossible_options_are_refused(directory, own, words):
    with pytest.raises(ConfigurationError, match=words):
        network(directory, **own)


def test_an_unknown_connectome_says_where_to_get_it():
    with pytest.raises(InputError, match="Marmoset_Normalized"):
        Settings.resolve("connectome", "seq_mem", {"model": {"connectome": "Marmoset_Normalized"}})
