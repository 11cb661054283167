"""R² against scikit-learn, the published numbers, and with masks."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

from dynascope.analysis import R2_MODES, trajectory_r2


def sines(shape, s, c):
    return c * np.sin(0.37 * (s + 1) * (np.arange(np.prod(shape)) + 1)).reshape(shape)


def pair(trials=5, times=20, units=4):
    rng = np.random.default_rng(0)
    target = rng.standard_normal((trials, times, units)) + rng.standard_normal(units)
    return target, target + 0.5 * rng.standard_normal(target.shape)


def plain(target, prediction, mode):
    """The definition as loops over scikit-learn."""
    trials, times, units = target.shape
    if mode == "per_trial":
        return np.array([r2_score(target[i], prediction[i]) for i in range(trials)])
    if mode == "per_time":
        return np.array([r2_score(target[:, i], prediction[:, i]) for i in range(times)])
    if mode == "per_unit":
        return np.array([r2_score(target[:, :, i], prediction[:, :, i]) for i in range(units)])
    if mode == "per_unit_pooled":
        flat = [array.reshape(-1, units) for array in (target, prediction)]
        return r2_score(*flat, multioutput="raw_values")
    return np.array([r2_score(target.ravel(), prediction.ravel())])


GOLDEN = {
    "per_trial": 0.9092777953,
    "per_time": 0.9023129531,
    "per_unit": 0.9023129531,
    "pooled": 0.9097207855,
}


@pytest.mark.parametrize("mode", GOLDEN)
def test_golden_values_of_the_specification(mode):
    target = sines((3, 20, 4), 0, 1)
    prediction = target + sines((3, 20, 4), 300, 0.3)
    assert trajectory_r2(target, prediction, mode=mode) == pytest.approx(GOLDEN[mode], abs=5e-11)


@pytest.mark.parametrize("mode", R2_MODES)
@pytest.mark.parametrize("shape", [(5, 20, 4), (2, 2, 1), (2, 3, 7)])
def test_equals_scikit_learn(mode, shape):
    target, prediction = pair(*shape)
    expected = plain(target, prediction, mode)
    np.testing.assert_allclose(trajectory_r2(target, prediction, mode=mode, average=False), expected, atol=1e-12)
    assert trajectory_r2(target, prediction, mode=mode) == pytest.approx(expected.mean(), abs=1e-12)


@pytest.mark.parametrize("mode", R2_MODES)
def test_constant_columns_score_as_in_scikit_learn(mode):
    target, prediction = pair()
    target[:, :, 0], target[1] = 2.0, 0.5
    prediction[:, :3, 0] = 2.0
    prediction[1] = 0.5
    found = trajectory_r2(target, prediction, mode=mode, average=False)
    np.testing.assert_allclose(found, plain(target, prediction, mode), atol=1e-12)


@pytest.mark.parametrize(("offset", "score"), [(0.0, 1.0), (1e-12, 0.0)])
def test_constants_that_rounding_blurs_are_constant(offset, score):
    # The mean of thirty times 0.1 is not 0.1 in floating point.
    target = np.full((1, 30, 1), 0.1)
    assert trajectory_r2(target, target + offset) == score


def test_published_mode_is_the_default():
    target, prediction = pair()
    assert trajectory_r2(target, prediction) == trajectory_r2(target, prediction, mode="per_trial")


@pytest.mark.parametrize("mode", R2_MODES)
@pytest.mark.parametrize("whole_samples", [True, False])
def test_masked_entries_do_not_count(mode, whole_samples):
    target, prediction = pair(6, 15, 3)
    mask = np.random.default_rng(1).random((6, 15) if whole_samples else target.shape) < 0.7
    full = np.broadcast_to(mask if mask.ndim == 3 else mask[:, :, np.newaxis], target.shape)
    damaged = np.where(full, target, np.nan)
    axes, columns = {
        "per_trial": ((0, 2), 1),
        "per_time": ((1, 2), 1),
        "per_unit": ((2, 1), 1),
        "per_unit_pooled": ((2,), 0),
        "pooled": ((), 0),
    }[mode]
    groups = []
    for index in np.ndindex(*(target.shape[axis] for axis in axes)):
        at = tuple(dict(zip(axes, index, strict=True)).get(axis, slice(None)) for axis in range(3))
        keep = full[at].ravel()
        # np.where below drops columns with fewer than two entries, which have no R².
        score = r2_score(target[at].ravel()[keep], prediction[at].ravel()[keep]) if keep.sum() > 1 else np.nan
        groups.append(score)
    expected = np.array(groups).reshape([target.shape[axis] for axis in axes] or [1])
    expected = np.nanmean(expected, axis=1) if columns else expected
    found = trajectory_r2(damaged, prediction, mode=mode, average=False, mask=mask)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert trajectory_r2(damaged, prediction, mode=mode, mask=mask) == pytest.approx(expected.mean(), abs=1e-12)


def test_a_trial_without_entries_is_left_out():
    target, prediction = pair(3, 10, 2)
    mask = np.ones((3, 10), dtype=bool)
    mask[1] = False
    found = trajectory_r2(target, prediction, average=False, mask=mask)
    assert np.isnan(found).tolist() == [False, True, False]
    assert trajectory_r2(target, prediction, mask=mask) == trajectory_r2(target[[0, 2]], prediction[[0, 2]])


def test_the_target_is_the_reference():
    target, _ = pair()
    # 1 − 0.25 σ²/σ² one way, 1 − 0.25 σ²/(0.25 σ²) the other.
    half = (target - target.mean()) / 2
    assert trajectory_r2(target - target.mean(), half, mode="pooled") == pytest.approx(0.75)
    assert trajectory_r2(half, target - target.mean(), mode="pooled") == pytest.approx(0.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int8])
def test_other_dtypes_are_computed_in_float64(dtype):
    target, prediction = (np.round(4 * array).astype(dtype) for array in pair())
    expected = trajectory_r2(target.astype(np.float64), prediction.astype(np.float64))
    assert trajectory_r2(target, prediction) == expected
