"""Cross-validated dimensionality: the literal definitions, and planted ranks."""

import numpy as np
import pytest

from dynascope.analysis import Dimensionality, dimensionality
from dynascope.analysis.subspaces.cross_validated_rank import block_errors, repeat_errors
from dynascope.errors import ConfigurationError, InputError


def truncated(matrix, k):
    u, s, v = np.linalg.svd(matrix, full_matrices=False)
    return (u[:, :k] * s[:k]) @ v[:k]


def test_blocks_equal_pseudo_inverses():
    rng = np.random.default_rng(0)
    train, test = rng.standard_normal((40, 9)) + 1, rng.standard_normal((15, 9)) + 1
    held = np.isin(np.arange(9), [1, 4, 8])
    mean = train.mean(axis=0)
    train, test = train - mean, test - mean
    found = block_errors(train.T @ train, test.T @ test, held, len(train))
    a, b, c, d = test[:, held], test[:, ~held], train[:, held], train[:, ~held]
    for k, error in enumerate(found):
        predicted = b @ np.linalg.pinv(truncated(d, k)) @ c if k else np.zeros_like(a)
        assert error == pytest.approx(np.square(a - predicted).sum() / np.square(a).sum(), rel=1e-10)
    assert len(found) == 7


def test_repeats_equal_truncated_decompositions():
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 30, 6))
    a, b = a - a.mean(axis=0), b - a.mean(axis=0)
    expected = [np.square(b - truncated(a, k)).sum() / np.square(b).sum() for k in range(7)]
    np.testing.assert_allclose(repeat_errors(a, b), expected, rtol=1e-10)


def activity(rank, noise=1.0, seed=0, n_units=24):
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.standard_normal((n_units, max(rank, 1))))[0][:, :rank]
    latent = rng.standard_normal((60, 20, rank)) * 3
    return latent @ axes.T + noise * rng.standard_normal((60, 20, n_units)) + 10


@pytest.mark.parametrize("rank", [0, 1, 3, 6])
def test_planted_ranks_of_trials(rank):
    found = dimensionality(activity(rank))
    assert found.rank == rank
    assert found.errors.shape[0] == 25


@pytest.mark.parametrize("rank", [1, 4])
def test_planted_ranks_of_condition_means(rank):
    rng = np.random.default_rng(rank)
    labels = np.arange(80) % 8
    means = rng.standard_normal((8, 15, rank)) @ np.linalg.qr(rng.standard_normal((24, rank)))[0].T
    # Correlated noise of each trial fills other dimensions, which single trials share and means do not.
    shared = 2 * rng.standard_normal((80, 15, 5)) @ rng.standard_normal((5, 24)) / np.sqrt(24)
    x = 3 * means[labels] + shared + 0.5 * rng.standard_normal((80, 15, 24))
    assert dimensionality(x, labels).rank == rank
    assert dimensionality(x).rank == rank + 5


def test_slow_activity_does_not_leak_between_folds():
    # Every unit is a random walk of its own: nothing is shared, though neighbours in time are nearly equal.
    walks = [np.cumsum(np.random.default_rng(seed).standard_normal((100, 40, 12)), axis=1) for seed in range(5)]
    assert np.median([dimensionality(x).rank for x in walks]) == 0
    # Times dealt to folds as if they were trials give their neighbours away.
    assert min(dimensionality(x.reshape(-1, 1, 12)).rank for x in walks) > 5


def test_exactly_low_rank_without_noise():
    found = dimensionality(activity(3, noise=0.0))
    assert found.rank == 3
    assert found.mean_error[3] < 1e-10


def test_same_seed_same_answer_saved_and_drawn(tmp_path):
    x = activity(2)
    found = dimensionality(x, max_rank=5, n_folds=3, seed=4)
    assert found.errors.shape == (9, 6)
    np.testing.assert_array_equal(found.errors, dimensionality(x, max_rank=5, n_folds=3, seed=4).errors)
    loaded = Dimensionality.load(found.save(tmp_path / "rank.h5"))
    assert loaded.to_dict() == found.to_dict()
    assert found.summary().startswith("2 dimensions predict held-out units of held-out trials best")
    assert "2 dimensions" in found.plot().get_title()


def test_refusals():
    x = activity(1)
    with pytest.raises(InputError, match="has 4 trials for 5 folds"):
        dimensionality(x[:4])
    with pytest.raises(InputError, match="has 3 units for 5 folds"):
        dimensionality(x[..., :3])
    with pytest.raises(InputError, match="condition False has 3 trials for 5 folds"):
        dimensionality(x, np.arange(60) < 57)
    with pytest.raises(ConfigurationError, match="max_rank: found 40, every fold can fit up to 19 dimensions"):
        dimensionality(x, max_rank=40)
    with pytest.raises(ConfigurationError, match="n_folds"):
        dimensionality(x, n_folds=1)
