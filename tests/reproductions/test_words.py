"""How studies write numbers: signs, missing values, spreads and intervals."""

import numpy as np
import pytest
from scipy import stats

from dynascope.reproductions import words


def test_numbers_have_a_minus_sign_and_nan_is_a_dash():
    assert words.number(-0.125, 1) == "−0.1"
    assert words.number(0.125, 1, "+") == "+0.1"
    assert words.number(np.nan) == words.small(np.nan) == "–"
    assert words.with_interval(1, -1, 3, 1) == "1.0 [−1.0, 3.0]"
    assert words.with_interval(1, -1, 3, 1, "+") == "+1.0 [−1.0, +3.0]"
    assert words.with_interval(1, np.nan, np.nan) == "1.00"
    assert words.small(1.23e-9) == "1.2e-09"


def test_spread_is_mean_and_deviation_of_what_is_known():
    assert words.spread(np.array([1.0, 3.0, np.nan]), 1) == "2.0 ± 1.4"
    assert words.spread([-1.0, -3.0], 1, ddof=0) == "−2.0 ± 1.0"
    assert words.spread([2.0]) == "2.000"
    assert words.spread([np.nan]) == words.between(np.array([np.nan])) == words.over_networks([]) == words.MISSING


@pytest.mark.parametrize("level", [0.95, 0.99])
def test_intervals_are_students(level):
    five = np.array([1.0, 2.0, 3.0, 4.0, 5.0, np.nan])
    expected = stats.ttest_1samp(five[:5], 0).confidence_interval(level)
    np.testing.assert_allclose(words.interval(five, level), (3, *expected))


def test_means_with_their_interval():
    five = np.array([1.0, 2.0, 3.0, 4.0, 5.0, np.nan])
    assert words.between(five, ".1f") == "3.0 (1.0 to 5.0)"
    assert words.between(np.array([4.0])) == "+4"
    assert words.over_networks(five, 1) == "3.0 [1.0, 5.0]"
    assert words.over_networks([0.5]) == "0.50"
