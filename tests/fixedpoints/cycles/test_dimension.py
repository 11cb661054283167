"""The Kaplan-Yorke dimension and its edge cases."""

import math

import numpy as np
import pytest

from dynascope.errors import InputError
from dynascope.fixedpoints.cycles.dimension import kaplan_yorke


@pytest.mark.parametrize(
    ("exponents", "dimension"),
    [
        ([0.4192, -1.6232], 1 + 0.4192 / 1.6232),
        ([-14.5723, 0.9056, 0.0], 2 + 0.9056 / 14.5723),  # any order
        ([-0.1, -0.2, -3.0], 0.0),
        ([0.0, -1.0], 1.0),  # a limit cycle
        ([0.0, 0.0, -1.0], 2.0),  # a torus
        ([0.5, -0.5], 2.0),  # volume is kept
        ([0.5, -0.5, -1.0], 2.0),
        ([0.3, 0.2], 2.0),
        ([0.7], 1.0),
        ([0.0], 1.0),
        ([-0.7], 0.0),
        ([0.5, -math.inf], 1.0),
        ([1.0, -0.5, -0.25, -1.0], 3.25),
    ],
)
def test_known_dimensions(exponents, dimension):
    assert kaplan_yorke(exponents) == pytest.approx(dimension, abs=1e-14)


def test_too_few_exponents_leave_it_unknown_only_where_they_do():
    assert math.isnan(kaplan_yorke([0.5, 0.1], n_states=3))
    assert math.isnan(kaplan_yorke([0.5, -0.5], n_states=3))
    assert kaplan_yorke([0.5, -0.6], n_states=3) == pytest.approx(1 + 0.5 / 0.6)
    assert kaplan_yorke([-0.1], n_states=3) == 0.0


@pytest.mark.parametrize(
    ("exponents", "n_states", "words"),
    [
        ([], None, "at least one, found (0,)"),
        ([[1.0]], None, "found (1, 1)"),
        ([0.1, np.nan], None, "found nan at index 1"),
        ([np.inf], None, "found inf at index 0"),
        ([1j], None, "expected real numbers"),
        ([0.1, -0.2], 1, "n_states: expected at least the 2 exponents given, found 1"),
    ],
)
def test_bad_input_is_refused(exponents, n_states, words):
    with pytest.raises(InputError) as caught:
        kaplan_yorke(exponents, n_states=n_states)
    assert words in str(caught.value)
