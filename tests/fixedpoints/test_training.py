"""Fixed points followed through trainings whose bifurcations are known."""

import numpy as np
import pytest
import torch

from dynascope.errors import InputError
from dynascope.fixedpoints.following.checkpoints import along_family
from dynascope.fixedpoints.following.training import training_diagram
from dynascope.fixedpoints.following.training_branches import _Event, _same
from dynascope.fixedpoints.following.training_record import TrainingDiagram

STARTS = np.linspace(-3, 3, 9)[:, None]
TRIALS = [0, 100, 200, 300]
# x = p + 2 tanh x folds where 1 = 2 (1 − tanh² x), at |p| = 0.5328….
FOLD_STATE = np.arctanh(np.sqrt(0.5))
FOLD = 2 * np.sqrt(0.5) - FOLD_STATE


def tanh_map(x, w):
    return torch.tanh(w * x)


def saddle_node(x, p):
    return p + 2 * torch.tanh(x)


@pytest.fixture(scope="module")
def pitchfork():
    return training_diagram(along_family(tanh_map, [0.5, 0.8, 1.2, 2.0]), TRIALS, STARTS, dt=0.02)


@pytest.fixture(scope="module")
def folds():
    return training_diagram(along_family(saddle_node, [-0.6, -0.2, 0.2, 0.6]), TRIALS, STARTS)


def ring_weights(n_units):
    angles = 2 * np.pi * np.arange(n_units) / n_units
    return 2 / n_units * np.cos(angles[:, None] - angles[None])


def pointing(states):
    """Return the angle of the population vector, NaN where all units are silent."""
    angles = 2 * torch.pi * torch.arange(states.shape[1], dtype=states.dtype) / states.shape[1]
    x, y = states @ torch.cos(angles), states @ torch.sin(angles)
    return torch.where(torch.hypot(x, y) > 1e-6, torch.atan2(y, x), torch.nan)


def branch_at(found, checkpoint, number):
    return np.flatnonzero((found.checkpoint == checkpoint) & (found.branch == number))


def test_a_pitchfork_bears_two_memories(pitchfork):
    assert pitchfork.counts().tolist() == [1, 1, 3, 3]
    assert pitchfork.counts("stable").tolist() == [1, 1, 2, 2]
    np.testing.assert_allclose(pitchfork.of_type("pitchfork"), [150], atol=1e-6)
    assert len(pitchfork.event_types) == 1
    np.testing.assert_allclose(pitchfork.event_eigenvalue, 1, atol=1e-6)
    assert pitchfork.event_branch.tolist() == [0]
    assert pitchfork.birth_event.tolist() == [-1, 0, 0]
    assert pitchfork.death_event.tolist() == [-1, -1, -1]
    np.testing.assert_allclose(pitchfork.spans(), [[0, 300], [150, 300], [150, 300]], atol=1e-6)
    assert not pitchfork.notes


def test_a_branch_keeps_its_number_and_its_side(pitchfork):
    assert [len(branch_at(pitchfork, checkpoint, 0)) for checkpoint in range(4)] == [1] * 4
    for number in (1, 2):
        before, after = (pitchfork.states[branch_at(pitchfork, checkpoint, number), 0] for checkpoint in (2, 3))
        assert len(before) == len(after) == 1
        assert before[0] * after[0] > 0
        assert abs(after[0]) > abs(before[0])


def test_the_path_between_checkpoints_is_on_the_branch(pitchfork):
    gain = np.interp(pitchfork.path_trials, TRIALS, [0.5, 0.8, 1.2, 2.0])
    x = pitchfork.path_states[:, 0]
    np.testing.assert_allclose(np.tanh(gain * x), x, atol=1e-9)
    np.testing.assert_allclose(pitchfork.path_eigenvalue.real, gain * (1 - x**2), atol=1e-8)
    for number in range(3):
        assert (np.diff(pitchfork.path_trials[pitchfork.path_branch == number]) >= -1e-9).all()


def test_time_constants_are_those_of_the_eigenvalues(pitchfork):
    start = branch_at(pitchfork, 0, 0)
    np.testing.assert_allclose(pitchfork.time_constants()[start, 0], -0.02 / np.log(0.5))
    grown = branch_at(pitchfork, 3, 0)
    np.testing.assert_allclose(pitchfork.time_constants()[grown, 0], -0.02 / np.log(2.0))
    assert pitchfork.time_unit == "s"
    path = pitchfork.time_constants("path")
    np.testing.assert_allclose(path[0], -0.02 / np.log(0.5))


def test_points_are_certified_and_at_rest(pitchfork):
    assert pitchfork.certified.all()
    assert (pitchfork.speeds < 1e-20).all()
    plain = training_diagram(along_family(tanh_map, [0.5, 0.8]), [0, 1], STARTS, certify=False)
    assert not plain.certified.any()


def test_pairs_are_born_and_die_in_folds(folds):
    assert folds.counts().tolist() == [1, 3, 3, 1]
    # p goes from −0.6 to 0.6 at 0.4 per 100 trials.
    places = [(0.6 - FOLD) / 0.4 * 100, 300 - (0.6 - FOLD) / 0.4 * 100]
    np.testing.assert_allclose(folds.of_type("fold"), places, atol=1e-6)
    np.testing.assert_allclose(folds.event_states[:, 0], [FOLD_STATE, -FOLD_STATE], atol=1e-6)
    # Branch 0 is there from the start and dies with one of the pair that was born; the other survives.
    assert folds.birth_event.tolist() == [-1, 0, 0]
    assert sorted(folds.death_event.tolist()) == [-1, 1, 1]
    assert folds.death_event[0] == 1
    survivor = int(np.flatnonzero(folds.death_event == -1)[0])
    assert folds.states[folds.branch == survivor].min() > 0


def test_points_found_at_one_checkpoint_are_looked_for_at_its_neighbours():
    few = np.full((1, 1), -2.0)
    found = training_diagram(along_family(saddle_node, [-0.1, 0.0, 0.1]), [0, 1, 2], [few, STARTS, few])
    assert found.counts().tolist() == [3, 3, 3]
    assert found.n_branches == 3
    assert not len(found.event_types)


def test_continuation_finds_what_no_start_leads_to():
    """All starts lie where only one point exists; the pitchfork on the way leads to the others."""
    line = along_family(tanh_map, [0.5, 0.8, 1.2, 2.0])
    only = np.zeros((1, 1))
    assert training_diagram(line, TRIALS, only).counts().tolist() == [1, 1, 1, 1]
    found = training_diagram(line, TRIALS, only, switch=True)
    assert found.counts().tolist() == [1, 1, 3, 3]
    assert found.birth_event.tolist() == [-1, 0, 0]


def test_a_point_found_on_the_way_is_followed_back_too():
    """From the last checkpoint back: the fold in the last gap leads to the lower sheet, which goes to the first."""
    line = along_family(saddle_node, [-0.5, 0.0, 0.5, 0.6])
    starts = [np.full((1, 1), x) for x in (2.0, 2.0, 2.0, 2.0)]
    found = training_diagram(line, TRIALS, starts)
    upper_only = found.counts().tolist()
    assert upper_only == [1, 1, 1, 1]
    starts[2] = np.array([[2.0], [-0.4]])  # the saddle of the last gap, whose fold partner is the lower sheet
    # The neighbours' searches would find it as well; the fold leads there all the same.
    found = training_diagram(line, TRIALS, starts)
    assert found.counts().tolist() == [3, 3, 3, 1]
    assert found.n_branches == 3


def test_a_bifurcation_at_a_checkpoint_is_one_event():
    found = training_diagram(along_family(tanh_map, [0.5, 1.0, 2.0]), [0, 100, 200], STARTS)
    np.testing.assert_allclose(found.of_type("pitchfork"), [100], atol=1e-4)
    assert len(found.event_types) == 1
    assert found.event_branch.tolist() == [0]


def test_a_ring_of_memories_appears_where_its_gain_crosses_1():
    """Cosine connectivity: one eigenvalue pair of gain g; six units give six stable points and six saddles."""
    weight = torch.tensor(ring_weights(6))
    line = along_family(lambda x, g: torch.tanh(g * x @ weight), [0.5, 0.8, 1.2, 1.6])
    starts = np.random.default_rng(0).uniform(-1, 1, (60, 6))
    found = training_diagram(line, TRIALS, starts, readout=pointing, dt=0.02)
    assert found.counts().tolist() == [1, 1, 13, 13]
    assert found.counts("stable").tolist() == [1, 1, 6, 6]
    np.testing.assert_allclose(found.of_type("branch point"), [150], atol=1e-6)
    assert (found.birth_event == np.where(np.arange(13) == 0, -1, 0)).all()
    for checkpoint in (2, 3):
        here = (found.checkpoint == checkpoint) & found.stable
        np.testing.assert_allclose(np.sort(found.angles[here]), np.arange(6) * np.pi / 3, atol=1e-6)
    silent = found.branch == 0
    assert np.isnan(found.angles[silent]).all()
    # The nearer to the onset, the slower the memory.
    slowest = [found.time_constants()[(found.checkpoint == c) & found.stable, 0].max() for c in (2, 3)]
    assert slowest[0] > 5 * slowest[1]


def test_a_nearly_continuous_ring_is_reported_as_slow():
    weight = torch.tensor(ring_weights(9))
    line = along_family(lambda x, g: torch.tanh(g * x @ weight), [0.8, 1.2])
    starts = np.random.default_rng(0).uniform(-1, 1, (30, 9))
    found = training_diagram(line, [0, 1], starts, readout=pointing)
    n_slow = found.counts("slow")
    assert n_slow[0] == 0
    assert n_slow[1] > 10
    assert (found.slow_speeds < 1e-12).all()
    assert len(found.slow_angles) == n_slow[1]
    assert not len(training_diagram(line, [0, 1], starts, slow_points=False).slow_states)


def test_a_continuum_is_one_ring_and_not_followed_point_by_point():
    """x' = x (1 + a (w − |x|²)): a circle of radius √w, every state of which rests."""

    def circle(x, w):
        return x * (1 + 0.2 * (w - (x**2).sum(1, keepdim=True)))

    starts = np.random.default_rng(1).uniform(-2, 2, (60, 2))
    found = training_diagram(along_family(circle, [-0.5, 1.0, 1.5]), [0, 100, 200], starts)
    assert found.manifold_checkpoint.tolist() == [1, 2]
    assert found.manifold_dimensions.tolist() == [1, 1]
    assert found.manifold_closed.all()
    on_ring = found.manifold >= 0
    assert (found.branch[on_ring] == -1).all()
    assert found.branch[~on_ring].tolist() == [0, 0, 0]
    np.testing.assert_allclose(np.linalg.norm(found.states[found.manifold == 1], axis=1), np.sqrt(1.5))
    # The origin, one point throughout, becomes unstable where the ring leaves it.
    np.testing.assert_allclose(found.event_trials, [100 / 3], atol=1e-4)
    assert "a ring of" in found.summary()


def test_an_oscillation_begins_in_a_neimark_sacker_bifurcation():
    turn = torch.tensor([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    line = along_family(lambda x, w: torch.tanh(w * x @ turn.T), [0.7, 0.9, 1.2])
    found = training_diagram(line, [0, 1000, 3000], np.random.default_rng(0).uniform(-1, 1, (10, 2)))
    np.testing.assert_allclose(found.of_type("Neimark-Sacker"), [1000 + 2000 / 3], atol=1e-6)
    np.testing.assert_allclose(found.event_eigenvalue, [np.exp(0.3j)], atol=1e-8)
    assert found.n_branches == 1
    assert found.counts("stable").tolist() == [1, 1, 0]


def test_a_hopf_bifurcation_of_a_flow():
    def flow(x, w):
        a, b = x[:, :1], x[:, 1:]
        square = a**2 + b**2
        return torch.cat([w * a - 2 * b - a * square, 2 * a + w * b - b * square], dim=1)

    starts = np.random.default_rng(0).uniform(-1, 1, (10, 2))
    found = training_diagram(along_family(flow, [-1.0, 0.5]), [0, 300], starts, dynamics="flow")
    np.testing.assert_allclose(found.of_type("Hopf"), [200], atol=1e-6)
    np.testing.assert_allclose(found.time_constants()[:, 0], [1.0, -2.0], atol=1e-9)


def test_a_readout_per_checkpoint():
    readouts = [lambda states, turn=turn: states[:, 0] * 0 + turn for turn in (-1.0, 0.5)]
    found = training_diagram(along_family(tanh_map, [0.5, 0.8]), [0, 1], STARTS, readout=readouts)
    np.testing.assert_allclose(found.angles, [2 * np.pi - 1, 0.5])


def test_points_that_leave_for_infinity_are_noted():
    """x = w x + 1: the point 1/(1 − w) is gone beyond w = 1."""
    found = training_diagram(along_family(lambda x, w: w * x + 1, [0.5, 1.5]), [0, 1], STARTS)
    assert found.counts().tolist() == [1, 1]
    assert found.n_branches == 2
    assert any("the state left its bound" in note for note in found.notes)


def test_a_partner_that_leaves_for_infinity_does_not_hide_the_birth():
    """Zeros of x/(1 + x²) = p: a fold at p = ½, x = 1, and as p → 0 one of the two points runs away."""

    def escaping(x, p):
        return x + 0.1 * (x / (1 + x**2) - p)

    starts = np.linspace(-1, 1, 5)[:, None]
    found = training_diagram(along_family(escaping, [0.6, -0.2]), [0, 80], starts, state_scale=1.0)
    np.testing.assert_allclose(found.of_type("fold"), [10], atol=1e-6)
    assert found.counts().tolist() == [0, 2]
    assert found.birth_event.tolist() == [0, -1]
    np.testing.assert_allclose(found.path_states[found.path_branch == 0][[0, -1], 0], [1, (1 - np.sqrt(0.84)) / -0.4])


def test_saved_and_loaded(folds, pitchfork, tmp_path):
    for name, found in (("folds", folds), ("pitchfork", pitchfork)):
        again = TrainingDiagram.load(found.save(tmp_path / f"{name}.h5"))
        assert again.summary() == found.summary()
        assert (again.path_states == found.path_states).all()
        assert again.angles is None


def test_the_summary_names_the_bifurcations(folds, pitchfork):
    assert "3 branches of fixed points through 4 checkpoints, 0 to 300 trials: 1 pitchfork" in pitchfork.summary()
    assert "pitchfork at 150 trials (branch 0): branches 1, 2 born" in pitchfork.summary()
    assert "200: 3 points, 2 stable, longest time constant of a stable one" in pitchfork.summary()
    assert "gone" in folds.summary()


def test_the_pictures(folds, pitchfork):
    ax = pitchfork.plot()
    assert ax.get_xlabel() == "trials seen"
    assert ax.get_title() == "3 branches of fixed points"
    assert "pitchfork (1)" in [text.get_text() for text in ax.get_legend().get_texts()]
    panels = folds.figure().axes
    assert [panel.get_ylabel() for panel in panels] == ["state x", "number of points", "largest |λ|"]
    assert panels[1].lines[0].get_ydata().tolist() == [1, 2, 2, 1]
    with_angles = training_diagram(
        along_family(tanh_map, [0.5, 0.8]), [0, 1], STARTS, readout=lambda states: states[:, 0]
    )
    assert len(with_angles.figure().axes) == 4


LINE = along_family(tanh_map, [0.5, 0.8, 1.2, 2.0])
REFUSED = {
    "no maps": (([], [0], STARTS), {}, "between: expected at least one map"),
    "trials": ((LINE, [0, 1, 1, 2], STARTS), {}, "trials_seen: expected 4 ascending numbers"),
    "too few trials": ((LINE, [0, 1], STARTS), {}, "trials_seen: expected 4 ascending numbers"),
    "starts": ((LINE, TRIALS, [STARTS, STARTS]), {}, "or a list of 4 such arrays"),
    "dt": ((LINE, TRIALS, STARTS), {"dt": 0.0}, "dt: expected a number of seconds > 0, found 0.0"),
    "dt of a flow": ((LINE, TRIALS, STARTS), {"dt": 0.1, "dynamics": "flow"}, "a flow has its own unit of time"),
    "dynamics": ((LINE, TRIALS, STARTS), {"dynamics": "mapp"}, "did you mean 'map'"),
    "readout": ((LINE, TRIALS, STARTS), {"readout": lambda states: states}, "readout: expected one angle per state"),
    "readouts": ((LINE, TRIALS, STARTS), {"readout": [pointing]}, "or 4, one per checkpoint, found 1"),
    "max_step": ((LINE, TRIALS, STARTS), {"max_step": 2}, "max_step: expected a share"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    arguments, options, words = REFUSED[name]
    with pytest.raises(InputError) as error:
        training_diagram(*arguments, **options)
    assert words in str(error.value)


def test_unknown_names_are_refused(pitchfork):
    for ask in (pitchfork.of_type, pitchfork.counts, pitchfork.time_constants):
        with pytest.raises(InputError, match="unknown"):
            ask("frk")


def test_bifurcations_seen_twice_are_one():
    """At a checkpoint from both sides; and beside a fold of a slow network its eigenvalue, taken for a kink."""
    fold = _Event(1.0, "fold", 1.0, np.array([3.0, 0.0]))
    assert _same(fold, _Event(1.0 + 1e-8, "fold", 1.0, np.array([3.0, 1e-3])))
    assert _same(fold, _Event(1.0 - 1e-8, "corner", 0.999, np.array([3.0, 1e-3])))
    assert not _same(fold, _Event(1.0, "pitchfork", 1.0, np.array([3.0, 0.0])))
    assert not _same(fold, _Event(1.0, "fold", 1.0, np.array([-3.0, 0.0])))
    assert not _same(fold, _Event(1.1, "fold", 1.0, np.array([3.0, 0.0])))
