"""The unit that tells conditions apart best, against a plain analysis of variance."""

import numpy as np
import pytest
from scipy import stats

from dynascope.analysis import most_selective_unit
from dynascope.errors import InputError

TIME = 0.1 * np.arange(10)
LABELS = np.repeat([3, 1, 7], 8)


def activity(seed=0):
    rng = np.random.default_rng(seed)
    noise = rng.gamma(2, 1, 6)
    return 4 + noise * rng.standard_normal((24, 10, 6)) + rng.standard_normal((24, 1, 6)) * (LABELS == 7)[:, None, None]


@pytest.mark.parametrize("seed", range(5))
def test_the_largest_f_of_mean_activity_in_the_epoch(seed):
    values = activity(seed)
    means = values[:, 4:8].mean(axis=1)
    f = [stats.f_oneway(*(unit[label == LABELS] for label in (1, 3, 7))).statistic for unit in means.T]
    assert most_selective_unit(values, TIME, LABELS, (0.4, 0.8)) == np.argmax(f)
    among = np.arange(6) != np.argmax(f)
    assert most_selective_unit(values, TIME, LABELS, (0.4, 0.8), among=among) == np.argsort(f)[-2]


def test_where_trials_repeat_exactly_the_means_that_differ_most_decide():
    one = np.random.default_rng(1).standard_normal((3, 10, 4)) * [1, 5, 2, 0] + [0, 0, 0, 10]
    repeated = one[np.searchsorted([1, 3, 7], LABELS)]
    expected = np.argmax(one.mean(axis=1).var(axis=0))
    assert most_selective_unit(repeated, TIME, LABELS, (0, 1)) == expected
    assert most_selective_unit(one, TIME, [1, 3, 7], (0, 1)) == expected


def test_a_unit_with_a_test_comes_before_one_that_repeats_exactly():
    values = activity()
    values[..., 2] = 100.0 * LABELS[:, np.newaxis]
    values[..., 4] = 3 + LABELS[:, np.newaxis]
    assert most_selective_unit(values, TIME, LABELS, (0, 1)) not in (2, 4)
    assert most_selective_unit(values, TIME, LABELS, (0, 1), among=np.isin(np.arange(6), [2, 4])) == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"among": np.zeros(6, bool)}, "among: expected a unit to choose from, found none"),
        ({"among": np.ones(5, bool)}, r"among: expected 6 booleans, found bool of shape \(5,\)"),
        ({"among": np.arange(6)}, "among: expected 6 booleans, found int64"),
        ({"activity": np.ones((24, 10, 6))}, "no unit differs between labels"),
        ({"labels": np.zeros(24)}, "labels"),
    ],
)
def test_refusals(change, words):
    call = {"activity": activity(), "time": TIME, "labels": LABELS, "epoch": (0, 1), **change}
    with pytest.raises(InputError, match=words):
        most_selective_unit(**call)
