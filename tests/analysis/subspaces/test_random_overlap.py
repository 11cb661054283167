"""Random subspaces: closed-form moments, the Beta law, and draws that do not depend on their number."""

import numpy as np
import pytest
from scipy import stats

from dynascope.analysis import alignment_index, principal_angles, random_overlap
from dynascope.errors import ConfigurationError, InputError


@pytest.mark.parametrize(("n", "k", "m"), [(30, 4, 7), (9, 6, 5), (12, 1, 3), (5, 5, 2)])
def test_moments_equal_monte_carlo(n, k, m):
    chance = random_overlap(n, k, m)
    overlaps = np.square(np.cos(chance.angles(20000, seed=1))).sum(axis=1)
    assert chance.mean == k * m / n
    error = 4 * chance.standard_deviation / np.sqrt(20000) + 1e-12
    assert overlaps.mean() == pytest.approx(chance.mean, abs=error)
    assert overlaps.std() == pytest.approx(chance.standard_deviation, rel=0.03, abs=1e-9)


def test_draws_are_angles_of_random_subspaces():
    rng = np.random.default_rng(5)
    literal = [principal_angles(rng.standard_normal((10, 3)), rng.standard_normal((10, 2))) for _ in range(3000)]
    drawn = random_overlap(10, 2, 3).angles(3000, seed=3)
    for column in range(2):
        assert stats.ks_2samp(np.array(literal)[:, column], drawn[:, column]).pvalue > 0.001


@pytest.mark.parametrize(("k", "m"), [(1, 1), (4, 1), (1, 6)])
def test_lines_follow_the_beta_law(k, m):
    chance = random_overlap(20, k, m)
    cosines = np.square(np.cos(chance.angles(4000, seed=2)))[:, 0]
    plane = max(k, m)
    assert stats.kstest(cosines, stats.beta(plane / 2, (20 - plane) / 2).cdf).pvalue > 0.001
    assert chance.exact
    for tail, share in (("greater", cosines >= 0.1), ("less", cosines <= 0.1)):
        assert chance.p_value(0.1, tail=tail) == pytest.approx(share.mean(), abs=0.03)


def test_p_values_of_planes():
    chance = random_overlap(40, 3, 5)
    assert not chance.exact
    assert chance.p_value(3.0) == 1 / 2001
    assert chance.p_value(chance.mean) == pytest.approx(0.5, abs=0.08)
    assert random_overlap(4, 4, 1).p_value(1.0) == 1.0  # the whole space holds every line


def test_draws_do_not_depend_on_their_number():
    chance = random_overlap(300, 4, 20)
    many = chance.angles(900, seed=7)  # more than one block
    np.testing.assert_array_equal(chance.angles(30, seed=7), many[:30])


def test_refusals():
    with pytest.raises(ConfigurationError, match="k: expected a whole number from 1 to 5, found 6"):
        random_overlap(5, 6, 1)
    with pytest.raises(ConfigurationError, match="n_units: expected a whole number"):
        random_overlap(5.0, 1, 1)
    with pytest.raises(InputError, match="overlap: expected 0 to 2"):
        random_overlap(5, 2, 3).p_value(2.5)
    with pytest.raises(InputError, match="tail: "):
        random_overlap(5, 2, 3).p_value(0.5, tail="both")


def test_alignment_index_is_its_definition():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 8)) * np.arange(1, 9) + 4
    basis = rng.standard_normal((8, 3))
    q = np.linalg.qr(basis)[0]
    covariance = np.cov(x.T)
    expected = np.trace(q.T @ covariance @ q) / np.linalg.eigvalsh(covariance)[-3:].sum()
    assert alignment_index(x, basis) == pytest.approx(expected, rel=1e-12)
    assert alignment_index(x.astype(np.float32), basis) == pytest.approx(expected, rel=1e-5)
    leading = np.linalg.eigh(covariance)[1][:, -3:]
    assert alignment_index(x, leading) == pytest.approx(1, abs=1e-12)
    flat = np.concatenate([x[:, :4], np.zeros((200, 4))], axis=1)
    assert alignment_index(flat, np.eye(8)[:, 5:]) == 0
    with pytest.raises(InputError, match="basis: has 7 rows, x has 8 features"):
        alignment_index(x, basis[:7])
    with pytest.raises(InputError, match="every feature is constant"):
        alignment_index(np.ones((5, 8)), basis)
