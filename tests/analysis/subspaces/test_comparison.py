"""Comparison of two subspaces: planted angles, and nulls against their literal definitions."""

import itertools

import numpy as np
import pytest

from dynascope.analysis import SubspaceComparison, alignment_index, compare_subspaces, principal_angles, random_overlap
from dynascope.analysis.subspaces.moments import TrialMoments, exchange_null
from dynascope.analysis.subspaces.trials import read_trials
from dynascope.errors import ConfigurationError, InputError


def epochs(angles, *, n_trials=40, n_units=20, noise=0.3, seed=0):
    """Two epochs whose planes have the planted principal angles, degrees."""
    rng = np.random.default_rng(seed)
    frame = np.linalg.qr(rng.standard_normal((n_units, 4)))[0]
    turn = np.deg2rad(angles)
    first = frame[:, :2]
    second = frame[:, :2] * np.cos(turn) + frame[:, 2:] * np.sin(turn)
    return [
        rng.standard_normal((n_trials, length, 2)) @ (4 * plane.T)
        + noise * rng.standard_normal((n_trials, length, n_units))
        for plane, length in ((first, 12), (second, 9))
    ]


def test_planted_angles():
    a, b = epochs([3, 40])
    found = compare_subspaces(a, b, n_components=2, n_permutations=0)
    np.testing.assert_allclose(np.rad2deg(found.angles), [3, 40], atol=1)
    np.testing.assert_allclose(found.angles, principal_angles(found.basis_a, found.basis_b), atol=1e-12)
    assert found.overlap == pytest.approx(np.square(np.cos(found.angles)).sum())
    chance = random_overlap(20, 2, 2)
    assert (found.expected_overlap, found.overlap_deviation) == (chance.mean, chance.standard_deviation)
    assert found.p_same is None
    assert len(found.same_low) == 0
    assert found.p_random < 0.005
    x, y = a.reshape(-1, 20), b.reshape(-1, 20)
    expected = [alignment_index(y, found.basis_a), alignment_index(x, found.basis_b)]
    np.testing.assert_allclose(found.alignment, expected, rtol=1e-10)


def test_share_of_variance_gives_the_fewest_dimensions():
    a, b = epochs([30, 60])
    b[..., :] += 30 * np.eye(20)[7] * np.random.default_rng(1).standard_normal((40, 9, 1))
    found = compare_subspaces(a, b, n_components=0.8, n_permutations=0)
    for basis, x in ((found.basis_a, a), (found.basis_b, b)):
        values = np.linalg.eigvalsh(np.cov(x.reshape(-1, 20).T))[::-1]
        held = np.cumsum(values) / values.sum()
        k = basis.shape[1]
        assert held[k - 1] >= 0.8
        assert k == 1 or held[k - 2] < 0.8
    assert found.basis_a.shape[1] == 2
    assert found.basis_b.shape[1] == 1
    assert len(found.angles) == 1


@pytest.mark.parametrize("paired", [True, False])
def test_exchange_is_what_it_says(paired):
    a, b = epochs([20, 70], n_trials=4, n_units=6)
    b = b if paired else b[:3]
    origin = np.concatenate([a.reshape(-1, 6), b.reshape(-1, 6)]).mean(axis=0)
    moments = [TrialMoments.of(read_trials("x", x), origin) for x in (a, b)]
    found, exact = exchange_null(*moments, [2, 3], 1000, 0, paired=paired)
    pool = list(a) + list(b)
    expected = []
    if paired:
        for swaps in itertools.product([False, True], repeat=4):
            left = [b[i] if swap else a[i] for i, swap in enumerate(swaps)]
            right = [a[i] if swap else b[i] for i, swap in enumerate(swaps)]
            expected.append((left, right))
    else:
        for chosen in itertools.combinations(range(7), 4):
            expected.append(([pool[i] for i in chosen], [pool[i] for i in range(7) if i not in chosen]))
    angles = []
    for sides in expected:
        bases = []
        for side, k in zip(sides, (2, 3), strict=True):
            rows = np.concatenate(side)
            bases.append(np.linalg.svd(rows - rows.mean(axis=0))[2][:k].T)
        angles.append(principal_angles(*bases))
    assert exact
    assert len(found) == len(expected)
    np.testing.assert_allclose(np.sort(found.sum(axis=1)), np.sort(np.sum(angles, axis=1)), atol=1e-9)


def test_one_shared_subspace_is_not_called_two():
    p_values = [
        compare_subspaces(
            *epochs([0, 0], n_trials=12, seed=seed), n_components=2, n_permutations=40, n_random=20
        ).p_same
        for seed in range(60)
    ]
    assert np.mean(np.array(p_values) <= 0.1) < 0.1 + 3 * np.sqrt(0.09 / 60)
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.15)


def test_two_subspaces_are():
    found = compare_subspaces(*epochs([0, 25], n_trials=30), n_components=2, n_permutations=199)
    assert found.p_same == 1 / 200
    assert found.angles[1] > found.same_high[1]
    apart = compare_subspaces(*epochs([90, 90]), n_components=2, n_permutations=0)
    assert (apart.p_aligned < 0.01).all()
    assert (apart.alignment < apart.alignment_low).all()


def test_alignment_null_is_that_of_random_directions_of_the_data():
    a, b = epochs([50, 80])
    found = compare_subspaces(a, b, n_components=2, n_permutations=0, n_random=3000)
    rng = np.random.default_rng(9)
    x, y = a.reshape(-1, 20), b.reshape(-1, 20)
    joint = np.cov(x.T, bias=True) + np.cov(y.T, bias=True)
    u, s, _ = np.linalg.svd(joint)
    draws = [alignment_index(y, u @ np.diag(np.sqrt(s)) @ rng.standard_normal((20, 2))) for _ in range(300)]
    assert found.alignment_null[0] == pytest.approx(np.mean(draws), abs=4 * np.std(draws) / np.sqrt(300))
    assert found.alignment_high[0] == pytest.approx(np.quantile(draws, 0.975), abs=0.06)


def test_trials_averaged_by_condition_first():
    a, b = epochs([10, 60])
    labels = np.arange(40) % 5
    means = [np.stack([x[labels == c].mean(axis=0) for c in range(5)]) for x in (a, b)]
    options = {"n_components": 2, "n_permutations": 32, "n_random": 10}
    found, expected = compare_subspaces(a, b, labels=labels, **options), compare_subspaces(*means, **options)
    np.testing.assert_allclose(found.angles, expected.angles, atol=1e-12)
    assert found.p_same == expected.p_same


def test_padding_is_dropped():
    a, b = epochs([10, 60])
    longer = np.concatenate([a, np.full((40, 3, 20), np.nan)], axis=1)
    options = {"n_components": 2, "n_permutations": 10, "n_random": 10}
    np.testing.assert_array_equal(
        compare_subspaces(longer, b, **options).same_high, compare_subspaces(a, b, **options).same_high
    )


def test_saved_and_drawn(tmp_path):
    a, b = epochs([10, 60])
    for permutations in (0, 20):
        found = compare_subspaces(a, b, n_permutations=permutations, n_random=50, names=("stim", "delay"))
        loaded = SubspaceComparison.load(found.save(tmp_path / f"{permutations}.h5"))
        assert loaded.to_dict() == found.to_dict()
        assert ("one shared subspace" in loaded.summary()) == (permutations > 0)
        assert loaded.plot().get_title() == "Subspaces of stim and delay"
        assert loaded.plot_alignment().get_xticklabels()[0].get_text() == "delay in the\nsubspace of stim"


def test_refusals():
    a, b = epochs([10, 60])
    cases = [
        ({"b": b[..., :5]}, InputError, "b: has 5 units, a has 20"),
        ({"b": b[:7]}, InputError, "b: has 7 trials, a has 40; expected the same trials, or paired=False"),
        ({"n_components": 0}, ConfigurationError, "from 1 to 20, found 0"),
        ({"n_components": 1.5}, ConfigurationError, "share of variance between 0 and 1"),
        ({"labels": np.zeros(40), "paired": False}, ConfigurationError, "found labels for unpaired trials"),
        ({"n_random": 0}, ConfigurationError, "n_random"),
        ({"a": np.where(a == a.max(), np.inf, a)}, InputError, "a: found inf at index"),
    ]
    for changes, error, message in cases:
        with pytest.raises(error, match=message):
            compare_subspaces(**{"a": a, "b": b, **changes})
