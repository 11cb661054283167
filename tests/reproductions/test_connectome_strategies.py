"""What the study of strategies computes: wirings with and without their gain, fixed points at zero input."""

import numpy as np
import pytest
import torch

from dynascope.analysis import learning_speed
from dynascope.reproductions.connectome import learning, networks, published, radii, slow_modes
from dynascope.reproductions.connectome.networks import STRATEGIES, Combo, Curves, Strategy, Wiring
from dynascope.reproductions.study import Scale, Study, Workbench
from dynascope.trainers import TrainingLoop, randomness
from dynascope.trainers.connectome import ConnectomeConfig, ConnectomeNetwork
from dynascope.trainers.connectome.graph import spectral_radius

MACAQUE = "Macaque_Normalized"
BUDGET = {
    "connectomes": [MACAQUE], "neurons_per_area": 2, "epochs": 2, "radius_seeds": 2, "nulls": ["rand"], "starts": 8,
}  # fmt: skip
UNEQUAL = Strategy(heterogeneous=True, remap=True)
PLAIN, EQUAL_PLAIN = (Strategy(heterogeneous=unequal, remap=False) for unequal in (True, False))


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    study = Study("connectome.test", "", "", {"small": Scale(2, BUDGET)}, run=lambda bench: None, shares_work=True)
    return Workbench(study, tmp_path_factory.mktemp("connectome") / "own", executor="serial")


def initial_weights(bench, wiring, seed=3):
    network = ConnectomeNetwork(networks.config(bench, MACAQUE, wiring))
    return network.initial_parameters(randomness.generator(seed, "weights"))["recurrent_weight"]


def learnt(losses, radius=1.0):
    losses = np.asarray(losses, float)
    return learning.Learnt(Curves(losses, 1 - losses, ()), np.full(len(losses), radius))


def test_a_matched_null_model_has_the_radius_of_the_connectome_and_other_weights(bench):
    bio = spectral_radius(initial_weights(bench, Wiring(UNEQUAL)))
    own = initial_weights(bench, Wiring(UNEQUAL, "rand"))
    same = initial_weights(bench, Wiring(UNEQUAL, "rand", match_radius=True))
    assert spectral_radius(own) < 0.8 * bio
    assert spectral_radius(same) == pytest.approx(bio)
    np.testing.assert_allclose(same / spectral_radius(same), own / spectral_radius(own))
    assert spectral_radius(initial_weights(bench, Wiring(UNEQUAL, radius=0.7))) == pytest.approx(0.7)


def test_weights_shuffled_on_the_mask_are_left_out_where_they_change_nothing(bench):
    bio, shuffled = (initial_weights(bench, Wiring(PLAIN, topology)) for topology in ("bio", "weights"))
    np.testing.assert_array_equal(bio, shuffled)
    assert (initial_weights(bench, Wiring(UNEQUAL)) != initial_weights(bench, Wiring(UNEQUAL, "weights"))).any()
    wirings = learning.own_gain(["rand", "weights"])
    assert len(wirings) == len(set(wirings)) == 3 + 3 + 2
    assert Wiring(PLAIN, "weights") not in wirings
    assert Wiring(UNEQUAL, "weights") in wirings


def test_without_remapping_both_splits_give_one_network(bench):
    for topology in ("bio", "rand", "degrees", "areas"):
        first, second = (initial_weights(bench, Wiring(strategy, topology)) for strategy in (PLAIN, EQUAL_PLAIN))
        np.testing.assert_array_equal(first, second)
    assert [strategy.name for strategy in STRATEGIES] == ["heterogeneous, remap", "homogeneous, remap", "no remap"]


def test_radii_are_of_the_weights_that_networks_begin_with_and_of_a_conversion_for_each_seed(bench):
    found = radii.initial_radii(bench, MACAQUE)
    assert len(found) == 3 * 2 * 3
    wiring = Wiring(UNEQUAL, "rand", "he")
    own = networks.config(bench, MACAQUE, wiring)
    expected = []
    for seed in (0, 1):
        options = {**vars(own), "template_seed": seed}
        drawn = ConnectomeNetwork(ConnectomeConfig(**options)).initial_parameters(randomness.generator(seed, "weights"))
        expected.append(spectral_radius(drawn["recurrent_weight"]))
    np.testing.assert_allclose(found[wiring], expected)


def test_deviations_from_the_published_radii_are_in_standard_errors():
    wiring, other = Wiring(UNEQUAL), Wiring(UNEQUAL, "areas")
    error = 0.057 * np.sqrt(2 / 5)
    near = np.array([0.97, 0.98, 0.973, 0.971, 0.971]) + 2 * error
    found = radii.deviations(MACAQUE, {wiring: near, other: near})
    assert list(found) == ["default, heterogeneous, remap, bio"]
    assert found["default, heterogeneous, remap, bio"] == pytest.approx(2)


@pytest.mark.parametrize(
    ("strategy", "topology", "expected"),
    [
        ("heterogeneous, remap", "bio", (1.689, 0.080)), ("homogeneous, remap", "bio", (2.767, 0.026)),
        ("no remap", "bio", (0.76, 0.02)), ("homogeneous, remap", "rand", (0.74, 0.02)),
        ("homogeneous, remap", "areas", None),
    ],
)  # fmt: skip
def test_published_radii_belong_to_their_strategy(strategy, topology, expected):
    assert published.radius(MACAQUE, "xavier", strategy, topology) == expected
    assert published.radius("Drosophila", "xavier", strategy, topology) is None


def test_curves_begin_with_the_published_epoch_0_and_radii_with_the_untrained_weights(bench):
    place = (MACAQUE, "seq_mem", Combo(1e-2, "tanh", "adam", 2), Wiring(UNEQUAL, "rand", match_radius=True))
    assert networks._settings(bench, place, 0).task["pattern_length"] == 2
    assert networks._settings(bench, (MACAQUE, "nback_mem", *place[2:]), 0).task["n_back"] == 2
    (curves,) = networks.train(bench, [place, place]).values()
    loop = TrainingLoop(networks._settings(bench, place, 1))
    started = spectral_radius(loop.model.arrays()["recurrent_weight"][0])
    while loop.active:
        loop.run_epoch()
    assert curves.loss.shape == (2, 2)
    np.testing.assert_allclose(curves.loss[1], loop.columns()["validation_loss"][1:, 0], rtol=1e-5)
    np.testing.assert_allclose(learning.learnt(curves).radius[1], started, rtol=1e-6)


def test_connectomes_that_are_not_to_be_had_are_left_out_and_named(bench, tmp_path):
    study = Study("connectome.test", "", "", {"small": Scale(1, {**BUDGET, "connectomes": [MACAQUE, "Mine"]})}, None)
    (tmp_path / "C_Mine.npy").touch()
    without, given = (Workbench(study, tmp_path / "out", data=data) for data in (None, str(tmp_path)))
    assert networks.connectomes(without) == [MACAQUE]
    assert "Mine" in networks.left_out(without)[0]
    assert networks.connectomes(given) == [MACAQUE, "Mine"]
    assert networks.left_out(given) == []
    assert networks.model_options(given, "Mine")["directory"] == str(tmp_path)
    assert networks.model_options(given, MACAQUE)["directory"] == ""


def network_with(recurrent):
    """Return a tanh network without biases and with these recurrent weights in its first units, 0 in the others."""
    config = ConnectomeConfig(neurons_per_area=1, randomize="full", remap=False)
    model = ConnectomeNetwork(config, dtype=torch.float64)
    arrays = {name: np.zeros_like(array) for name, array in model.arrays().items()} | {"template": np.ones((29, 29))}
    arrays["recurrent_weight"][: len(recurrent), : len(recurrent)] = recurrent
    arrays["input_weight"][:] = np.random.default_rng(0).normal(size=(29, 2))
    return model.load_arrays(arrays)


def test_a_network_of_two_memories_has_two_stable_points_and_their_slowest_mode_is_reported():
    trials = np.random.default_rng(1).random((8, 5, 2))
    found = slow_modes.points_at_zero_input(network_with(np.diag([1.5, 0.2])), trials, 32)
    assert (len(found), found.stable.sum(), found.incomplete) == (3, 2, False)
    assert found.certified.all()
    height = np.abs(found.states[found.stable][:, 0])
    np.testing.assert_allclose(np.abs(slow_modes.reference(found)[0]), 1.5 * (1 - height[0] ** 2))


def test_dynamics_are_read_off_the_leading_modes():
    turning = 0.9 * np.exp(-2j * np.pi / 7)
    spectra = np.array([[[0.5, 0.1, 0], [turning, turning.conj(), 0.8]], [[1.1, 0.2, 0], [np.nan] * 3]], complex)
    counts = np.ones((2, 2), int)
    found = slow_modes.Dynamics(counts, counts, counts > 0, counts < 0, spectra)
    np.testing.assert_allclose(found.time_constants, [[-1 / np.log(0.5), -1 / np.log(0.9)], [np.inf, np.nan]])
    np.testing.assert_allclose(found.periods, [[np.inf, 7], [np.inf, np.nan]])
    assert found.leading[0, 1].imag > 0
    assert found.n_unstable.tolist() == [[0, 0], [1, 0]]
    assert found.slow_modes(4).tolist() == [[0, 3], [1, 0]]  # e^(-1/4) = 0.78


def test_recall_is_judged_by_the_variance_and_settling_by_the_fall():
    falls = learnt([[0.5, 0.1, 1e-3, 1e-4, 1e-5], [20.0, 0.1, 0.09, 0.0841, 0.084]])
    assert falls.settled.tolist() == [2, 3]
    assert falls.recalled[0] == 3
    assert np.isnan(falls.recalled[1])
    np.testing.assert_array_equal(falls.minimum, learning_speed(falls.curves.loss).minimum)


def test_differences_are_positive_where_the_null_model_is_later_and_worse():
    early = learnt([[1, 0.5, 1e-4, 1e-4, 1e-4], [1, 0.5, 1e-4, 1e-4, 1e-4]])
    late = learnt([[1, 0.5, 0.4, 0.3, 1e-3], [1, 0.5, 0.4, 1e-3, 1e-3]])
    assert learning.later(early, late).tolist() == [2, 1]
    np.testing.assert_allclose(learning.worse(early, late), 1)
    comparison = learning.compared(early, late)
    assert comparison.labels == ("bio", "null")
    assert (comparison.effect_sizes[[0, 2], 0, 0] == 1).all()


def test_the_control_says_what_is_left_at_equal_radius():
    losses = np.geomspace(1, 1e-4, 30)
    curve = {speed: np.minimum.accumulate(np.interp(np.arange(30) * speed, np.arange(30), losses)) for speed in (1, 2)}

    def of(speed, radius):
        return learnt([curve[speed]] * 3, radius)

    results = {wiring: of(1, 0.5 if wiring.topology == "rand" else 1) for wiring in learning.own_gain(["rand"])}
    results |= {Wiring(strategy): of(2, 1.0) for strategy in STRATEGIES}
    results |= {wiring: of(2, 1.0) for wiring in learning.matched(["rand"])}
    results |= {wiring: of(2, wiring.radius) for wiring in learning.ladder([0.5, 1.5])}
    results[Wiring(UNEQUAL, radius=0.5)] = of(1, 0.5)
    rows = learning.control_table(results, ["rand"]).rows
    assert len(rows) == 2
    shift = float(results[Wiring(UNEQUAL, "rand")].settled[0] - results[Wiring(UNEQUAL)].settled[0])
    assert rows[0][3] == f"{shift:+.0f} ({shift:+.0f} to {shift:+.0f})"
    assert rows[0][8] == "+0 (+0 to +0)"
    assert (
        f"by {shift:.0f} epochs in bio and 0 in rand; between the two at one radius it differs by 0 to {shift:.0f}"
        in (learning.control_remarks(results, ["rand"], [0.5, 1.5])[-1])
    )
    assert "99 % epoch of no null model differs" in learning.control_remarks(results, ["rand"], [0.5, 1.5])[1]
    results |= {Wiring(strategy): of(1, 1.0) for strategy in STRATEGIES}
    assert "99 % epoch of rand differs" in learning.control_remarks(results, ["rand"], [0.5, 1.5])[1]
