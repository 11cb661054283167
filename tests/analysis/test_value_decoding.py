"""Decoding of values: against scikit-learn, no leak from test trials, and where it is undefined."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dynascope.analysis import ValueDecoding, decode_values, value_decoding
from dynascope.errors import InputError

N_TRIALS, N_SAMPLES = 43, 6


def made(n_units=9, seed=0):
    """Return activity (trial, time, unit) of very different scales that carries a value (trial, time)."""
    rng = np.random.default_rng(seed)
    values = np.cumsum(rng.standard_normal((N_TRIALS, N_SAMPLES)), axis=1)
    noise = rng.standard_normal((N_TRIALS, N_SAMPLES, n_units))
    scales = 10.0 ** rng.integers(-2, 3, n_units)
    return scales * (noise + values[:, :, None] * rng.standard_normal(n_units) + 3), values


def fold_labels(folds=5):
    labels = np.empty(N_TRIALS, int)
    for fold, (_, test) in enumerate(KFold(folds, shuffle=True, random_state=1).split(labels)):
        labels[test] = fold
    return labels


def scaled(activity, train):
    """Return the activity at each time about its mean over training trials, divided by one number per unit."""
    centred = activity - activity[train].mean(axis=0)
    return centred / np.sqrt(np.square(centred[train]).mean(axis=(0, 1)))


@pytest.mark.parametrize("n_units", [9, 60], ids=["fewer units than trials", "more"])
@pytest.mark.parametrize("penalty", [0.1, 30.0])
def test_equals_ridge_of_scikit_learn(n_units, penalty):
    activity, values = made(n_units)
    labels = fold_labels()
    found = decode_values(activity, values, folds=labels, penalties=[penalty])
    expected = np.empty_like(values)
    for fold in range(5):
        train, test = labels != fold, labels == fold
        x = scaled(activity, train)
        for time in range(N_SAMPLES):
            ridge = Ridge(alpha=penalty).fit(x[train, time], values[train, time])
            expected[test, time] = ridge.predict(x[test, time])
    np.testing.assert_allclose(found.predictions, expected, rtol=0, atol=1e-9)
    r2 = [r2_score(*columns) for columns in zip(values.T, expected.T, strict=True)]
    np.testing.assert_allclose(found.r2, r2, rtol=0, atol=1e-9)
    assert (found.penalties == penalty).all()


def test_one_sample_is_the_usual_pipeline():
    activity, values = made()
    splits = KFold(5, shuffle=True, random_state=1)
    pipeline = make_pipeline(StandardScaler(), Ridge(alpha=3.0))
    expected = cross_val_predict(pipeline, activity[:, 2], values[:, 2], cv=splits)
    found = decode_values(activity[:, 2:3], values[:, 2], folds=fold_labels(), penalties=[3.0])
    np.testing.assert_allclose(found.predictions[:, 0], expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("n_units", [9, 60])
def test_the_penalty_has_the_least_leave_one_out_error(n_units):
    activity, values = made(n_units, seed=4)
    labels, grid = fold_labels(3), (0.3, 3.0, 30.0, 300.0)
    found = decode_values(activity, values, folds=labels, penalties=grid)
    for fold in range(3):
        train = labels != fold
        x = scaled(activity, train)[train]
        for time in range(N_SAMPLES):
            expected = RidgeCV(alphas=grid).fit(x[:, time], values[train, time]).alpha_
            assert found.penalties[fold, time] == expected
    assert len(np.unique(found.penalties)) > 1


def test_leave_one_out_errors_are_those_of_fits_without_the_trial():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((12, 4)), rng.standard_normal(12)
    x -= x.mean(axis=0)
    grid = np.array([50.0, 5.0, 0.5])
    errors = []
    for penalty in grid:
        left_out = [np.arange(12) != trial for trial in range(12)]
        fits = [Ridge(alpha=penalty).fit(x[keep], y[keep]).predict(x[~keep])[0] for keep in left_out]
        errors.append(np.square(y - fits).sum())
    _, chosen = value_decoding._ridge(x[None], y[None], x[None], grid)
    assert chosen[0] == grid[np.argmin(errors)]


def test_a_test_trial_changes_no_prediction_but_its_own():
    activity, values = made()
    labels = fold_labels()
    before = decode_values(activity, values, folds=labels)
    trial = 7
    same_fold = labels == labels[trial]
    activity[trial] *= -50
    values[trial] += 100
    after = decode_values(activity, values, folds=labels)
    same_fold[trial] = False
    np.testing.assert_array_equal(after.predictions[same_fold], before.predictions[same_fold])
    assert (after.predictions[trial] != before.predictions[trial]).all()


def test_noise_decodes_nothing_and_scales_of_units_do_not_matter():
    activity, values = made()
    noise = np.random.default_rng(9).standard_normal(activity.shape)
    assert decode_values(noise, values).r2.max() < 0.15
    found, rescaled = decode_values(activity, values), decode_values(activity * 1024.0 ** np.arange(-4, 5), values)
    assert found.r2.min() > 0.5
    np.testing.assert_allclose(rescaled.r2, found.r2, rtol=1e-9)


def test_a_unit_that_was_nearly_silent_in_training_does_no_harm():
    """A filtered spike train decays to 1e-9, and then one test trial has a fresh spike."""
    activity, values = made()
    trace = np.random.default_rng(2).random((N_TRIALS, N_SAMPLES)) * 10
    trace[:, 3] *= 1e-9
    trace[5, 3] = 10.0
    with_trace = np.concatenate([activity, trace[:, :, None]], axis=2)
    assert decode_values(with_trace, values).r2[3] > decode_values(activity, values).r2[3] - 0.2


def test_constant_units_and_silent_times_are_left_out():
    activity, values = made()
    constant = np.full((N_TRIALS, N_SAMPLES, 2), 0.1)
    found = decode_values(np.concatenate([activity, constant], axis=2), values)
    np.testing.assert_allclose(found.predictions, decode_values(activity, values).predictions, rtol=1e-9)
    activity[:, 0] = 0
    silent = decode_values(activity, values)
    assert -0.3 < silent.r2[0] < 0
    assert (silent.penalties[:, 0] == max(value_decoding.PENALTIES)).all()


def test_constant_values_are_undefined_with_a_reason():
    activity, values = made()
    values[:, :2] = 0.1
    found = decode_values(activity, values)
    assert np.isnan(found.r2).tolist() == [True, True, False, False, False, False]
    assert found.notes[0] == "R² is undefined at 2 of 6 times: the value is the same in every trial there"
    assert found.notes[0] in found.summary()
    nothing = decode_values(activity, np.full(N_TRIALS, 3))
    assert np.isnan(nothing.r2).all()
    assert "R² is undefined at every time" in nothing.summary()
    nothing.plot()


def test_a_grid_that_ends_too_early_is_noted():
    activity, values = made()
    assert any(
        "smallest penalty, 1e+06" in note for note in decode_values(activity, values, penalties=[1e6, 1e8]).notes
    )


def test_one_value_for_the_whole_trial():
    activity, values = made()
    repeated = np.repeat(values[:, 3:4], N_SAMPLES, axis=1)
    assert decode_values(activity, values[:, 3]).to_dict() == decode_values(activity, repeated).to_dict()


def test_blocks_do_not_change_the_result(monkeypatch):
    activity, values = made()
    whole = decode_values(activity, values)
    monkeypatch.setattr(value_decoding, "_BLOCK", 1)
    np.testing.assert_allclose(decode_values(activity, values).predictions, whole.predictions, rtol=1e-12)


def test_folds_are_even_and_follow_the_seed():
    activity, values = made()
    first, again, other = (decode_values(activity, values, folds=4, seed=seed) for seed in (0, 0, 1))
    assert sorted(np.bincount(first.folds)) == [10, 11, 11, 11]
    np.testing.assert_array_equal(first.folds, again.folds)
    assert (first.folds != other.folds).any()


def test_input_is_not_changed():
    activity, values = (array.astype(np.float32) for array in made())
    activity.flags.writeable = values.flags.writeable = False
    assert np.isfinite(decode_values(activity, values).r2).all()


ACTIVITY, VALUES = made()
BROKEN = ACTIVITY.copy()
BROKEN[1, 2, 3] = np.inf
REFUSED = [
    (
        (BROKEN, VALUES),
        {},
        r"activity: found inf at index \(1, 2, 3\)",
    ),
    ((ACTIVITY, VALUES[:, :3]), {}, r"values: expected shape \(43,\) or \(43, 6\), found \(43, 3\)"),
    ((ACTIVITY, VALUES * np.nan), {}, "values: found nan"),
    ((ACTIVITY, VALUES.astype(str)), {}, "values: expected real numbers"),
    ((ACTIVITY, VALUES), {"time": [1, 2]}, "time: expected 6 increasing times"),
    ((ACTIVITY, VALUES), {"folds": 1}, "folds: expected a whole number from 2 to 43, found 1"),
    (
        (ACTIVITY, VALUES),
        {"folds": [0, 1]},
        r"folds: expected one whole number for each of 43 trials, found shape \(2,\)",
    ),
    ((ACTIVITY, VALUES), {"folds": np.arange(43) == 3}, "folds: expected one whole number"),
    ((ACTIVITY, VALUES), {"folds": np.zeros(43, int)}, "folds: a fold of 43 of 43 trials leaves fewer than 2"),
    ((ACTIVITY, VALUES), {"penalties": [1.0, 0.0]}, r"penalties: expected a positive number, found 0\.0"),
    ((ACTIVITY, VALUES), {"penalties": []}, "penalties: expected at least one"),
    ((1e300 * ACTIVITY, VALUES), {}, "activity: values overflow"),
    ((ACTIVITY, 1e300 * VALUES), {}, "values: values overflow"),
]


@pytest.mark.parametrize(("arguments", "options", "words"), REFUSED, ids=[words for *_, words in REFUSED])
def test_bad_input_is_refused(arguments, options, words):
    with pytest.raises(InputError, match=f"^{words}"):
        decode_values(*arguments, **options)


def test_saved_summarised_and_drawn(tmp_path):
    found = decode_values(*made(), time=np.arange(N_SAMPLES) / 10)
    loaded = ValueDecoding.load(found.save(tmp_path / "v.h5"))
    assert loaded.to_dict() == found.to_dict()
    best = int(np.argmax(found.r2))
    assert f"R² {found.r2[best]:.3f} at best ({best / 10:g} s)" in loaded.summary()
    ax = loaded.plot()
    np.testing.assert_array_equal(ax.get_lines()[0].get_ydata(), found.r2)
    assert ax.get_xlabel() == "time (s)"
