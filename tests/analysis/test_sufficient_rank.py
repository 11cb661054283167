import numpy as np
import pytest

from dynascope.analysis import smallest_sufficient_rank
from dynascope.errors import InputError


def test_the_rank_and_its_interval():
    scores = np.array([[0.6, 0.9, 0.97, 1, 1, 1]] * 4 + [[0.6, 0.9, 0.94, 1, 1, 1]] * 4)
    assert smallest_sufficient_rank(scores, 0.95) == (3, 3, 4)


def test_none_is_enough():
    found = smallest_sufficient_rank(np.full((3, 6), 0.5), 0.95)
    assert np.isnan(found.rank)
    assert found[1:] == (7, 7)


def test_a_mean_at_the_threshold_is_not_above_it():
    assert smallest_sufficient_rank([[0.5, 1.0]], 0.5).rank == 2


@pytest.mark.parametrize("scores", [[0.5, 0.6], np.zeros((0, 3)), [[np.nan, 1.0]]])
def test_refusals(scores):
    with pytest.raises(InputError, match="scores"):
        smallest_sufficient_rank(scores, 0.9)
