"""Fixed points through a training whose bifurcations are known."""

import itertools

import numpy as np
import pytest
import torch

from dynascope.errors import InputError
from dynascope.fixedpoints.following.tracking import track_points
from dynascope.fixedpoints.following.tracking_record import Tracking

OFFSETS = (-0.6, -0.3, 0.0, 0.3, 0.6)
LABELS = [0, 100, 200, 300, 400]
STARTS = np.linspace(-3, 3, 9)[:, None]
# x = p + 2 tanh x folds where 1 = 2 (1 − tanh² x), at |p| = 0.5328….
ROOT = np.arctanh(np.sqrt(0.5))
FOLD = 2 * np.sqrt(0.5) - ROOT


def step_at(offset):
    return lambda x: offset + 2 * torch.tanh(x)


def line(first, second):
    return lambda x, p: first + (second - first) * p + 2 * torch.tanh(x)


STEPS = [step_at(offset) for offset in OFFSETS]
BETWEEN = [line(*pair) for pair in itertools.pairwise(OFFSETS)]


@pytest.fixture(scope="module")
def tracking():
    return track_points(STEPS, LABELS, STARTS, between=BETWEEN)


def test_pairs_are_born_and_die_at_the_folds(tracking):
    assert tracking.counts().tolist() == [1, 3, 3, 3, 1]
    assert sorted(tracking.event_types) == ["birth", "birth", "death", "death"]
    label = (0.6 - FOLD) / 0.3 * 100
    for kind, place, state in (("birth", label, ROOT), ("death", 400 - label, -ROOT)):
        here = tracking.event_types == kind
        np.testing.assert_allclose(tracking.event_label[here], place, atol=1e-6)
        np.testing.assert_allclose(tracking.event_states[here], state, atol=1e-6)


def test_a_track_is_one_point_moving(tracking):
    """Outside the folds the branch is one S: the lower sheet dies, the upper one was born."""
    tracks = [tracking.states[tracking.track == track, 0] for track in range(tracking.n_tracks)]
    assert sorted(len(states) for states in tracks) == [3, 4, 4]
    assert all((np.diff(states) > 0).all() or (np.diff(states) < 0).all() for states in tracks)
    for track in range(tracking.n_tracks):
        rows = tracking.track == track
        assert (np.diff(tracking.checkpoint[rows]) == 1).all()
        assert len(set(tracking.stable[rows])) == 1


def test_nearest_neighbours_agree_where_the_steps_are_small():
    offsets = np.linspace(-0.6, 0.6, 25)
    found = track_points([step_at(offset) for offset in offsets], range(25), STARTS)
    assert found.linking == "nearest neighbours"
    assert sorted(found.event_types) == ["birth", "birth", "death", "death"]
    assert found.n_tracks == 3
    assert set(found.event_label) == {1.5, 22.5}


def test_the_gate_cuts_long_links():
    found = track_points([step_at(0.0), step_at(0.4)], [0, 1], STARTS, gate=1e-3)
    assert found.n_tracks == 6


def test_a_pitchfork_makes_the_origin_unstable():
    gains = [0.6, 0.8, 1.2, 1.6]
    between = [lambda x, p, a=a, b=b: torch.tanh((a + (b - a) * p) * x) for a, b in itertools.pairwise(gains)]
    steps = [lambda x, g=g: torch.tanh(g * x) for g in gains]
    found = track_points(steps, [0, 1, 2, 3], STARTS / 3, between=between)
    assert sorted(found.event_types) == ["became unstable", "birth", "birth"]
    np.testing.assert_allclose(found.event_label, 1.5, atol=1e-4)
    assert "became unstable of track 0 near 1.5" in found.summary()


def test_points_found_at_one_checkpoint_are_looked_for_at_its_neighbours():
    """The starts of all but one checkpoint lead to one point only."""
    few = np.full((1, 1), -2.0)
    found = track_points([step_at(0.0)] * 3, [0, 1, 2], [few, STARTS, few])
    assert found.counts().tolist() == [3, 3, 3]
    assert found.n_tracks == 3


def test_saved_and_loaded(tracking, tmp_path):
    again = Tracking.load(tracking.save(tmp_path / "tracking.h5"))
    assert (again.states == tracking.states).all()
    assert again.summary() == tracking.summary()


def test_the_picture_joins_births_and_deaths(tracking):
    ax = tracking.plot()
    assert ax.get_xlabel() == "trials seen"
    # 2 + 3 + 3 links between checkpoints, 2 to births and 2 to deaths.
    assert len(ax.lines) == 8 + 4
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["stable", "unstable", "birth", "death"]


def test_nothing_happens_is_a_result(tmp_path):
    found = track_points([step_at(0.0)], [7], STARTS)
    assert "nothing happens" in found.summary()
    assert Tracking.load(found.save(tmp_path / "one.h5")).n_tracks == 3


REFUSED = {
    "no steps": (([], [], STARTS), {}, "steps: expected at least one map"),
    "labels": ((STEPS, [0, 1, 1, 2, 3], STARTS), {}, "labels: expected 5 ascending numbers"),
    "too few labels": ((STEPS, [0, 1], STARTS), {}, "labels: expected 5 ascending numbers"),
    "between": ((STEPS, LABELS, STARTS), {"between": BETWEEN[:2]}, "between: expected 4 maps"),
    "starts": ((STEPS, LABELS, [STARTS, STARTS]), {}, "or a list of 5 such arrays"),
    "gate": ((STEPS, LABELS, STARTS), {"gate": 0}, "gate: expected a number > 0"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    arguments, options, words = REFUSED[name]
    with pytest.raises(InputError) as error:
        track_points(*arguments, **options)
    assert words in str(error.value)
