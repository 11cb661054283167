"""What the study of emerging fixed points computes from diagrams and learning curves."""

from types import SimpleNamespace

import numpy as np
import pytest

from dynascope.reproductions.maturation.emergence import leading_constants
from dynascope.reproductions.maturation.learning import reached
from dynascope.reproductions.maturation.networks import learning_span


def test_the_leading_time_constant_is_that_of_the_slowest_stable_point():
    diagram = SimpleNamespace(
        dt=0.02, trials_seen=np.arange(3), checkpoint=np.array([0, 0, 1, 1, 2]),
        stable=np.array([True, True, True, False, False]),
        eigenvalues=np.array([[0.5, 0.1], [0.9j, 0.2], [0.8, 0.0], [1.2, 0.0], [1.1, 0.3]], complex),
    )  # fmt: skip
    found = leading_constants(diagram)
    np.testing.assert_allclose(found[:2], [-0.02 / np.log(0.9), -0.02 / np.log(0.8)])
    assert np.isinf(found[2])


@pytest.mark.parametrize(
    ("curve", "trials"),
    [
        ([0] * 5 + [1] * 30, 5), ([0] * 30, np.inf), ([0] * 29 + [1], 29),
        ([0] * 5 + [1] * 2 + [0] * 8 + [1] * 15, 15),
    ],
)  # fmt: skip
def test_a_level_is_reached_when_the_average_stays_above_it(curve, trials):
    found = reached(np.arange(len(curve)), np.array(curve, float), 0.5)
    # The forward average of six looks ahead: it crosses a half two checkpoints before the step.
    assert found == trials if np.isinf(trials) else abs(found - trials) <= 2


def test_the_span_of_learning_ends_with_the_training_or_ten_after_mastery():
    slow = np.concatenate([np.full(100, 0.2), np.linspace(0.2, 1, 20)])
    rows = learning_span(slow, 40)
    assert rows[-1] == 119
    assert len(rows) == 40
    assert 65 <= rows[0] <= 90
    fast = np.concatenate([np.full(10, 0.2), np.ones(200)])
    assert learning_span(fast, 40)[-1] < 30
    assert learning_span(np.full(5, 0.2), 40).tolist() == [0, 1, 2, 3, 4]
