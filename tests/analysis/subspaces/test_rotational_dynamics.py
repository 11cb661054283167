"""jPCA: the fit against brute force, planted rotations found exactly, and a null that smooth activity passes."""

import numpy as np
import pytest

from dynascope.analysis import RotationalDynamics, jpca
from dynascope.analysis.subspaces.rotations import fit_skew, rotation_planes
from dynascope.errors import ConfigurationError, InputError

TIME = 0.2 + 0.01 * np.arange(50)


def rotation(frequencies=(2.0,), *, n_conditions=8, n_units=20, seed=0, decay=0.0):
    """Condition means that rotate counter-clockwise in orthogonal planes, (condition, time, unit), and the planes."""
    rng = np.random.default_rng(seed)
    frame = np.linalg.qr(rng.standard_normal((n_units, 2 * len(frequencies))))[0]
    paths = np.zeros((n_conditions, len(TIME), n_units))
    for plane, frequency in enumerate(frequencies):
        # Starting points all around the circle: the mean over conditions is zero at all times.
        phase = 2 * np.pi * np.arange(n_conditions) / n_conditions * (plane + 1)
        turn = 2 * np.pi * frequency * (TIME - TIME[0]) + phase[:, None]
        size = np.exp(-decay * (TIME - TIME[0])) / (plane + 1)
        paths += (size * np.cos(turn))[..., None] * frame[:, 2 * plane]
        paths += (size * np.sin(turn))[..., None] * frame[:, 2 * plane + 1]
    return paths, frame


def test_skew_fit_equals_least_squares_over_all_skew_matrices():
    rng = np.random.default_rng(0)
    states, derivatives = rng.standard_normal((60, 5)) * [5, 3, 1, 1, 0.2], rng.standard_normal((60, 5))
    pairs = [(i, j) for i in range(5) for j in range(i)]
    design = []
    for i, j in pairs:
        basis = np.zeros((5, 5))
        basis[i, j], basis[j, i] = 1, -1
        design.append((states @ basis.T).ravel())
    solution = np.linalg.lstsq(np.array(design).T, derivatives.ravel(), rcond=None)[0]
    expected = np.zeros((5, 5))
    for value, (i, j) in zip(solution, pairs, strict=True):
        expected[i, j], expected[j, i] = value, -value
    found = fit_skew(states, derivatives)
    np.testing.assert_allclose(found.skew, expected, atol=1e-10)
    np.testing.assert_allclose(found.skew, -found.skew.T, atol=0)
    plain = np.linalg.lstsq(states, derivatives, rcond=None)[0].T
    np.testing.assert_allclose(found.unconstrained, plain, atol=1e-10)
    residual = derivatives - states @ plain.T
    assert found.r2_unconstrained == pytest.approx(1 - np.square(residual).sum() / np.square(derivatives).sum())
    assert found.r2_skew < found.r2_unconstrained


def test_planes_of_a_known_matrix():
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((6, 6)))[0]
    blocks = np.zeros((6, 6))
    for plane, speed in enumerate((3.0, 7.0, 0.5)):
        blocks[2 * plane + 1, 2 * plane], blocks[2 * plane, 2 * plane + 1] = speed, -speed
    planes, speeds = rotation_planes(turn @ blocks @ turn.T)
    np.testing.assert_allclose(speeds, [7, 3, 0.5])
    np.testing.assert_allclose(planes.T @ planes, np.eye(6), atol=1e-12)
    inside = planes.T @ turn @ blocks @ turn.T @ planes
    assert inside[1, 0] == pytest.approx(7)  # from the first axis to the second
    np.testing.assert_allclose(np.abs(turn.T @ planes[:, :2])[2:4].sum(axis=0) > 0, True)
    np.testing.assert_allclose((turn.T @ planes[:, :2])[[0, 1, 4, 5]], 0, atol=1e-12)


@pytest.mark.parametrize("frequencies", [(2.0,), (1.0, 6.0)])
def test_planted_rotations_are_exact(frequencies):
    paths, frame = rotation(frequencies)
    found = jpca(paths, np.arange(8), TIME, n_components=2 * len(frequencies))
    np.testing.assert_allclose(found.frequencies, frequencies, rtol=1e-9)
    assert found.r2_skew == pytest.approx(1, abs=1e-10)
    np.testing.assert_allclose(found.r2_planes, 1, atol=1e-10)
    assert found.variance_captured.sum() == pytest.approx(1)
    assert (np.diff(found.variance_captured) < 0).all()
    for plane in range(len(frequencies)):
        columns = slice(2 * plane, 2 * plane + 2)
        overlap = frame[:, columns].T @ found.components[:, columns]
        assert np.linalg.det(overlap) == pytest.approx(1)  # the same plane, the same sense of rotation
    angle = np.unwrap(np.arctan2(found.scores[..., 1], found.scores[..., 0]), axis=1)
    assert (np.diff(angle, axis=1) > 0).all()
    np.testing.assert_allclose(found.scores, paths @ found.components, atol=1e-12)


def test_forward_differences_are_slow_by_the_sine_of_a_step():
    paths, _ = rotation((5.0,))
    found = jpca(paths, np.arange(8), TIME, n_components=2, derivative="forward")
    step = 2 * np.pi * 5.0 * 0.01
    assert found.frequencies[0] == pytest.approx(5.0 * np.sin(step) / step, rel=1e-9)


def test_decay_lowers_the_fit_of_rotation_alone():
    paths, _ = rotation((2.0,), decay=6.0)
    found = jpca(paths, np.arange(8), TIME, n_components=2)
    # A step multiplies states by exp(λ Δt) with λ = −6 + 4π i: the midpoint quotient is (2/Δt) tanh(λ Δt / 2).
    speed = 2 / 0.01 * np.tanh((-6 + 4j * np.pi) * 0.01 / 2)
    assert found.r2_unconstrained == pytest.approx(1, abs=1e-9)
    assert found.r2_skew == pytest.approx(speed.imag**2 / abs(speed) ** 2, rel=1e-9)


def test_initial_states_spread_along_the_first_axis():
    rng = np.random.default_rng(3)
    frame = np.linalg.qr(rng.standard_normal((20, 2)))[0]
    starts = rng.standard_normal((8, 2)) * [1.0, 5.0]
    turn = 2 * np.pi * 2.0 * (TIME - TIME[0])
    rotor = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    paths = np.einsum("ijt,cj->cti", rotor, starts - starts.mean(axis=0)) @ frame.T
    found = jpca(paths, np.arange(8), TIME, n_components=2)
    x, y = found.scores[:, 0].T
    assert x.var() > 5 * y.var()
    assert abs(np.corrcoef(x, y)[0, 1]) < 1e-6
    assert found.components[np.abs(found.components[:, 0]).argmax(), 0] > 0


def noisy(paths, n_trials, noise, seed):
    labels = np.arange(n_trials * len(paths)) % len(paths)
    return paths[labels] + noise * np.random.default_rng(seed).standard_normal((len(labels), *paths.shape[1:])), labels


def test_a_rotation_under_noise_and_a_common_course():
    paths, _ = rotation((2.0,), n_units=30)
    x, labels = noisy(paths, 10, 0.2, 1)
    x = x + 4 * np.sin(20 * TIME)[:, None] * np.linspace(-1, 1, 30)
    found = jpca(x, labels, TIME, n_components=4, n_permutations=99)
    assert found.frequencies[0] == pytest.approx(2.0, rel=0.03)
    assert found.p_value == 0.01
    assert found.variance_captured[0] > 0.8
    plain = jpca(x, labels, TIME, n_components=4, subtract_mean=False)
    assert plain.variance_captured[0] != pytest.approx(found.variance_captured[0], abs=0.01)


def test_smooth_activity_without_shared_rotation_passes_the_null():
    p_values = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        knots = rng.standard_normal((6, 8, 10))  # smooth, and every unit on its own
        weights = np.exp(-0.5 * (np.linspace(0, 7, 50)[:, None] - np.arange(8)) ** 2)
        x = np.einsum("tk,cku->ctu", weights, knots)
        p_values.append(jpca(x, np.arange(6), TIME, n_components=4, n_permutations=19, seed=seed).p_value)
    assert np.mean(np.array(p_values) <= 0.1) <= 0.1 + 3 * np.sqrt(0.09 / 40)
    assert 0.3 < np.mean(p_values) < 0.7


def test_soft_normalisation_and_saving(tmp_path):
    paths, _ = rotation((2.0, 4.0), n_units=12)
    paths = paths * np.linspace(1, 30, 12)
    x, labels = noisy(paths, 3, 0.1, 2)
    found = jpca(x, labels, TIME, n_components=4, soft_normalize=5.0, n_permutations=5)
    means = np.stack([x[labels == c].mean(axis=0) for c in range(8)])
    np.testing.assert_allclose(found.scale, np.ptp(means, axis=(0, 1)) + 5, rtol=1e-12)
    loaded = RotationalDynamics.load(found.save(tmp_path / "jpca.h5"))
    assert loaded.to_dict() == found.to_dict()
    assert loaded.summary() == found.summary()
    assert "chance (conditions permuted for each unit)" in found.summary()
    assert found.plot(plane=1).get_title().startswith("Plane 2: ")
    assert found.plot_fit().get_title().startswith("Fit of rotation: p = ")
    bare = jpca(x, labels, TIME, n_components=4)
    assert (bare.p_value, len(bare.null_r2)) == (None, 0)
    assert RotationalDynamics.load(bare.save(tmp_path / "bare.h5")).plot_fit().get_title() == "Fit"


def test_refusals():
    paths, _ = rotation((2.0,))
    labels = np.arange(8)
    uneven = TIME + np.where(np.arange(50) > 20, 0.005, 0)
    padded = paths.copy()
    padded[3, 40:] = np.nan
    cases = [
        ((paths, labels, TIME), {"n_components": 3}, ConfigurationError, "n_components: expected a whole number from"),
        ((paths + np.eye(20)[0] * np.arange(8)[:, None, None], labels, TIME), {"n_components": 3},
         ConfigurationError, r"expected an even number \(planes have two axes\), found 3"),
        ((paths, labels * 0, TIME), {}, InputError, r"found 1 condition \(0\); expected at least 2"),
        ((paths, labels % 2, TIME), {"n_permutations": 9}, InputError, "found 2 conditions; permuting them"),
        ((paths, labels, uneven), {}, InputError, "time: steps differ"),
        ((paths, labels, TIME[:-1]), {}, InputError, "time: expected 50 increasing times"),
        ((paths, labels, None), {}, InputError, "time: expected the times"),
        ((paths[:, :2], labels, TIME[:2]), {}, InputError, "at least 3 samples"),
        ((padded, labels, TIME), {}, InputError, "activity: trial 3 has no sample at time 40"),
        ((paths, labels, TIME), {"derivative": "backward"}, InputError, "unknown derivative 'backward'"),
        ((paths, labels, TIME), {"soft_normalize": -1}, InputError, "soft_normalize: expected a positive number"),
    ]  # fmt: skip
    for arguments, options, error, message in cases:
        with pytest.raises(error, match=message):
            jpca(*arguments, **{"n_components": 2, **options})
