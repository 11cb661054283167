"""Averages over trials against plain loops, bands against their coverage, and everything that is refused."""

from importlib import import_module

import h5py
import numpy as np
import pytest
from scipy import stats

from dynascope.analysis import PSTH, psth
from dynascope.errors import ConfigurationError, InputError

TIME = 0.02 * np.arange(30) - 0.1
LABELS = np.array(["b", "a", "a", "b", "a", "c", "c", "b", "a", "c", "b", "a"])


def trials(seed=0, missing=0.2):
    rng = np.random.default_rng(seed)
    activity = rng.gamma(2, 1, (12, 30, 4))
    activity[rng.random(activity.shape) < missing] = np.nan
    return activity


def plain(activity, labels):
    """Mean, standard error and number of trials of each condition, one unit and time after the other."""
    conditions = sorted(set(labels))
    shape = (len(conditions), *activity.shape[1:])
    mean, sem, count = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, int)
    for where in np.ndindex(shape):
        values = activity[labels == conditions[where[0]], where[1], where[2]]
        values = values[~np.isnan(values)]
        count[where] = len(values)
        if len(values):
            mean[where] = values.mean()
        if len(values) > 1:
            sem[where] = stats.sem(values)
    return mean, sem, count


@pytest.mark.parametrize("missing", [0, 0.2, 0.7])
def test_mean_error_and_number_of_trials_are_those_of_a_plain_loop(missing):
    activity = trials(missing=missing)
    found = psth(activity, TIME, LABELS)
    mean, sem, count = plain(activity, LABELS)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(found.sem, sem, rtol=1e-10, atol=1e-15)
    np.testing.assert_array_equal(found.n_trials, count)
    reach = stats.t.ppf(0.975, np.maximum(count - 1, 1)) * sem
    np.testing.assert_allclose(found.high - found.mean, reach, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(found.mean - found.low, reach, rtol=1e-10, atol=1e-14)
    assert found.conditions == ("a", "b", "c")


def test_blocks_of_units_change_nothing(monkeypatch):
    activity = trials()
    options = {"kernel": "gaussian", "width": 0.03, "normalize": "zscore", "interval": "bootstrap", "n_resamples": 30}
    whole = psth(activity, TIME, LABELS, **options)
    monkeypatch.setattr(import_module("dynascope.analysis.psth.preparation"), "BLOCK", 500)
    monkeypatch.setattr(import_module("dynascope.analysis.psth.bands"), "_BLOCK", 1000)
    cut = psth(activity, TIME, LABELS, **options)
    for name in ("mean", "sem", "low", "high", "n_trials"):
        np.testing.assert_allclose(getattr(whole, name), getattr(cut, name), rtol=1e-10, atol=1e-14, err_msg=name)


@pytest.mark.parametrize("kind", ["int16", "float16", "uint8", "fortran", "strided", "readonly", "bool"])
def test_any_real_array_works_and_stays_as_it_is(kind):
    counts = np.random.default_rng(1).integers(0, 2, (12, 30, 4))
    given = {
        "fortran": np.asfortranarray(counts), "strided": np.repeat(counts, 2, axis=1)[:, ::2],
        "readonly": counts.copy(), "bool": counts.astype(bool),
    }.get(kind)  # fmt: skip
    given = counts.astype(kind) if given is None else given
    if kind == "readonly":
        given.flags.writeable = False
    kept = given.copy()
    found = psth(given, TIME, LABELS, kernel="boxcar", width=0.06, interval="poisson", baseline=(-0.1, 0))
    expected = psth(counts.astype(float), TIME, LABELS, kernel="boxcar", width=0.06, baseline=(-0.1, 0))
    np.testing.assert_allclose(found.mean, expected.mean, atol=1e-13)
    np.testing.assert_array_equal(given, kept)


def test_arrays_on_disk_work(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        found = psth(file.create_dataset("x", data=trials()), TIME, LABELS)
    np.testing.assert_array_equal(found.mean, psth(trials(), TIME, LABELS).mean)


def test_alignment_takes_the_nearest_sample_and_marks_what_was_not_recorded():
    activity = trials(missing=0)
    moments = np.random.default_rng(2).uniform(-0.1, 0.45, 12)
    moments[3] = np.nan
    found = psth(activity, TIME, LABELS, align=moments, window=(-0.1, 0.2))
    lags = np.arange(-5, 10)
    shifted = np.full((12, len(lags), 4), np.nan)
    for trial in np.flatnonzero(~np.isnan(moments)):
        at = int(np.abs(TIME - moments[trial]).argmin())
        for column, lag in enumerate(lags):
            if 0 <= at + lag < 30:
                shifted[trial, column] = activity[trial, at + lag]
    np.testing.assert_allclose(found.time, lags * 0.02, atol=1e-12)
    np.testing.assert_allclose(found.mean, plain(shifted, LABELS)[0], rtol=1e-12)
    np.testing.assert_array_equal(found.n_trials, plain(shifted, LABELS)[2])
    assert (found.n_left_out, found.aligned) == (1, True)
    assert "left out, no event to align to: 1 trials" in found.summary()
    whole = psth(activity, TIME, align=moments)
    assert whole.n_trials.min() >= 1
    assert whole.time[0] == pytest.approx(-(np.nanmax(moments) + 0.1), abs=0.011)


def test_smoothing_comes_before_cutting():
    activity = trials(missing=0)
    cut = psth(activity, TIME, kernel="gaussian", width=0.04, window=(0.1, 0.3))
    whole = psth(activity, TIME, kernel="gaussian", width=0.04)
    np.testing.assert_array_equal(cut.mean, whole.mean[:, 10:20])


def test_padding_of_short_trials_is_left_out():
    activity = trials(missing=0)
    lengths = np.random.default_rng(3).integers(10, 31, 12)
    padded = np.where(np.arange(30)[:, np.newaxis] < lengths[:, np.newaxis, np.newaxis], activity, np.nan)
    found = psth(padded, TIME, kernel="gaussian", width=0.03)
    np.testing.assert_array_equal(found.n_trials[0, :, 0], (np.arange(30)[:, np.newaxis] < lengths).sum(axis=1))
    alone = np.stack([psth(a[np.newaxis, :n], TIME[:n], kernel="gaussian", width=0.03).mean[0, 9]
                      for a, n in zip(activity, lengths, strict=True)])  # fmt: skip
    np.testing.assert_allclose(found.mean[0, 9], alone.mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize(
    ("normalize", "value"),
    [
        (None, lambda x, b, s: x - b),
        ("subtract", lambda x, b, s: x - b),
        ("raw", lambda x, b, s: x),
        ("baseline", lambda x, b, s: (x - b) / b),
        ("zscore", lambda x, b, s: (x - b) / s),
        ("max", lambda x, b, s: (x - b) / np.nanmax(np.abs(x - b), axis=(0, 1))),
        ("softmax", lambda x, b, s: (x - b) / (np.nanmax(np.abs(x - b), axis=(0, 1)) + 2)),
    ],
)
def test_normalisations_are_their_formulas(normalize, value):
    activity = trials() + 1000
    found = psth(activity, TIME, LABELS, baseline=(-0.1, 0.0), normalize=normalize, softening=2)
    inside = activity[:, TIME < -1e-9]
    b, s = np.nanmean(inside, axis=(0, 1)), np.nanstd(inside, axis=(0, 1))
    raw = psth(activity, TIME, LABELS)
    np.testing.assert_allclose(found.mean, value(raw.mean, b, s), rtol=1e-9)
    np.testing.assert_allclose(found.high, value(raw.mean, b, s) + (found.high - found.mean), rtol=1e-9)
    scale = (found.high - found.low) / (raw.high - raw.low)
    np.testing.assert_allclose(found.sem / raw.sem, scale, rtol=1e-6)
    assert not found.excluded.any()


def test_without_a_baseline_scores_are_over_all_samples():
    found = psth(trials(missing=0), TIME, normalize="zscore")
    np.testing.assert_allclose(found.mean.mean(axis=(0, 1)), 0, atol=1e-12)


def test_a_baseline_may_differ_between_trials_and_stays_on_the_clock_of_the_activity():
    activity = trials(missing=0)
    starts = np.random.default_rng(4).choice(TIME[:20], 12)
    windows = np.stack([starts, starts + 0.06], axis=1)
    found = psth(activity, TIME, baseline=windows, align=starts, window=(0, 0.06))
    assert np.abs(found.mean.mean(axis=1)).max() < 1e-12


def test_units_without_a_usable_divisor_are_excluded_and_reported():
    activity = np.random.default_rng(5).normal(10, 1, (12, 30, 4))
    activity[:, :, 0] = 0  # silent
    activity[:, TIME < -1e-9, 1] *= 1e-4  # silent before it responds: a ratio of 10⁴
    activity[:, TIME < -1e-9, 2] = np.nan  # not recorded then
    found = psth(activity, TIME, LABELS, baseline=(-0.1, 0), normalize="baseline")
    assert found.excluded.tolist() == [True, True, True, False]
    assert np.isnan(found.mean[:, :, :3]).all()
    assert np.isfinite(found.mean[:, :, 3]).all()
    assert "excluded, no usable divisor or baseline: 3 units" in found.summary()
    np.testing.assert_allclose(found.population()[0], found.mean[:, :, 3])
    lenient = psth(activity, TIME, LABELS, baseline=(-0.1, 0), normalize="baseline", floor=1e-6)
    assert lenient.excluded.tolist() == [True, False, True, False]
    for normalize, expected in (("zscore", [True, False, False, False]), ("max", [True, False, False, False])):
        assert psth(activity, TIME, normalize=normalize).excluded.tolist() == expected
    assert psth(activity, TIME, normalize="softmax").mean[0, :, 0].tolist() == [0.0] * 30


def covered(found, truth):
    return ((found.low <= truth) & (truth <= found.high)).mean()


@pytest.mark.parametrize("kernel", [None, "gaussian", "boxcar", "causal"])
def test_poisson_bands_cover_a_known_rate(kernel):
    """95 % ± 1 % over rates that make 3 to 12 spikes in all trials; smoothed counts have the same coverage."""
    rate = np.linspace(0.15, 0.6, 60)[:, np.newaxis]
    counts = np.random.default_rng(6).poisson(rate, (20, 60, 2000))
    found = psth(counts, 0.01 * np.arange(60), kernel=kernel, width=0.02, interval="poisson")
    inner = slice(8, -8) if kernel == "causal" else slice(None)  # which lags behind a rate that is not constant
    lag = 0.75 * 0.02 / 0.01 * (0.45 / 59) if kernel == "causal" else 0
    assert covered_in(found, rate - lag, inner) == pytest.approx(0.95, abs=0.01)


def covered_in(found, truth, inner):
    return ((found.low[:, inner] <= truth[inner]) & (truth[inner] <= found.high[:, inner])).mean()


def test_poisson_bands_of_ragged_counts_cover_too():
    rng = np.random.default_rng(7)
    counts = rng.poisson(0.4, (30, 40, 500)).astype(float)
    counts[rng.random((30, 40, 500)) < 0.3] = np.nan
    counts[:10, 25:] = np.nan
    found = psth(counts, 0.01 * np.arange(40), kernel="gaussian", width=0.02, interval="poisson")
    assert covered(found, 0.4) == pytest.approx(0.95, abs=0.01)


def test_poisson_bands_where_nothing_was_counted():
    found = psth(np.zeros((10, 3, 1), int), np.arange(3.0), interval="poisson")
    assert found.low.tolist() == np.zeros((1, 3, 1)).tolist()
    np.testing.assert_allclose(found.high, stats.gamma.ppf(0.975, 0.5) / 10)


def test_student_bands_cover_a_gaussian_mean():
    activity = np.random.default_rng(8).normal(3, 2, (6, 10, 3000))
    assert covered(psth(activity, np.arange(10.0)), 3) == pytest.approx(0.95, abs=0.01)
    assert covered(psth(activity, np.arange(10.0), level=0.8), 3) == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize("missing", [0, 0.3])
def test_bootstrap_bands_cover_a_skewed_mean(missing):
    rng = np.random.default_rng(9)
    activity = rng.gamma(4, 1, (20, 10, 300))
    activity[rng.random(activity.shape) < missing] = np.nan
    found = psth(activity, np.arange(10.0), interval="bootstrap", n_resamples=600)
    # All units share their draws and samples are finite: 94 % is what 20 values of this skew allow.
    assert covered(found, 4) == pytest.approx(0.945, abs=0.015)


def test_bootstrap_is_reproducible_and_undefined_for_one_trial():
    activity, labels = trials(), np.r_[["x"], ["y"] * 11]
    first, second = (psth(activity, TIME, labels, interval="bootstrap", n_resamples=50, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.low, second.low)
    assert np.isnan(first.low[0]).all()
    assert np.isnan(first.sem[0]).all()
    assert (np.isfinite(first.low[1]) == (first.n_trials[1] > 1)).all()
    assert psth(activity, TIME, interval=None).low is None


def test_population_mean_and_interval():
    found = psth(trials(missing=0), TIME, LABELS)
    mean, low, high = found.population()
    np.testing.assert_allclose(mean, found.mean.mean(axis=2))
    reach = stats.t.ppf(0.975, 3) * stats.sem(found.mean, axis=2)
    np.testing.assert_allclose([mean - low, high - mean], [reach, reach])


@pytest.mark.parametrize("interval", ["sem", None])
def test_results_survive_a_file_and_draw_themselves(tmp_path, interval):
    found = psth(trials(), TIME, LABELS, interval=interval, baseline=(-0.1, 0))
    loaded = PSTH.load(found.save(tmp_path / "p.h5"))
    for name in ("mean", "sem", "n_trials", "time", "weights", "excluded"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(found, name))
    assert (loaded.conditions, loaded.summary()) == (found.conditions, found.summary())
    assert len(loaded.plot(unit=2, epochs={"cue": (0.1, 0.2), "everything": (-1, 9)}).get_lines()) >= 3
    [named] = loaded.plot(epochs={"cue": (0.1, 0.2)}).child_axes
    assert [text.get_text() for text in named.get_xticklabels()] == ["cue"]
    with pytest.raises(InputError, match="unit: expected a number from 0 to 3, found 4"):
        found.plot(unit=4)


NAN_BASELINE = np.full((12, 2), np.nan)
REFUSED = [
    ({"activity": np.ones((12, 30))}, r"activity: expected \(trial, time, unit\)"),
    ({"activity": np.full((12, 30, 1), np.inf)}, r"activity: found inf at index \(0, 0, 0\)"),
    ({"activity": np.ones((12, 30, 1), complex)}, "activity: expected real numbers, found dtype complex128"),
    ({"time": TIME[:-1]}, "time: expected 30 increasing times"),
    ({"time": TIME[::-1]}, "time: expected 30 increasing times"),
    ({"labels": LABELS[1:]}, r"labels: expected one label for each of 12 trials, found shape \(11,\)"),
    ({"labels": np.r_[np.nan, np.ones(11)]}, "labels: found nan at index 0"),
    ({"kernel": "gausian"}, "unknown kernel 'gausian': did you mean 'gaussian'"),
    ({"kernel": "gaussian", "width": -1}, "width: expected a positive number, found -1"),
    ({"kernel": "boxcar", "width": 0.001}, r"width: expected 0.01 s \(half a sample\) to 0.6 s \(the data\)"),
    ({"kernel": "gaussian", "width": 3.0}, "found 3 s"),
    ({"kernel": "gaussian", "time": TIME**3}, "time: kernel='gaussian' needs at least 2 samples at equal intervals"),
    ({"interval": "standard"}, "unknown interval 'standard'"),
    ({"interval": "poisson", "activity": np.full((12, 30, 1), 0.5)}, r"0.5 at index \(0, 0, 0\); expected 0, 1, 2"),
    ({"interval": "poisson", "activity": np.full((12, 30, 1), -1)}, "found -1 at index"),
    ({"level": 1.0}, "level: expected a confidence between 0 and 1, found 1.0"),
    ({"n_resamples": 0}, "n_resamples: expected a whole number of at least 1, found 0"),
    ({"align": np.zeros(11)}, r"align: expected one time in seconds, or one for each of 12 trials, found sh"),
    ({"align": np.full(12, np.nan)}, "align: expected times in seconds"),
    ({"align": 0.1, "time": TIME**3}, "time: align=… needs at least 2 samples at equal intervals"),
    ({"align": 0.1, "window": (7, 9)}, "window: no trial has a sample from 7 to 9 s around its moment"),
    ({"window": (7, 9)}, r"window: no sample lies in 7 ≤ t < 9 s; times go from -0.1 to 0.48 s"),
    ({"window": (0.3, 0.1)}, r"window: expected start < stop, found \(0.3, 0.1\)"),
    ({"window": 0.3}, r"window: expected \(start, stop\) in seconds, found 0.3"),
    ({"baseline": (5, 6)}, "baseline: no sample lies in 5 ≤ t < 6 s"),
    ({"baseline": NAN_BASELINE}, "baseline: no sample lies in"),
    ({"baseline": np.zeros((3, 2))}, r"baseline: expected \(start, stop\) in seconds, or one such row for each of 12"),
    ({"normalize": "baseline"}, r"normalize='baseline' needs baseline=\(start, stop\)"),
    ({"normalize": "zscores"}, "unknown normalization 'zscores': did you mean 'zscore'"),
    ({"normalize": "max", "floor": -1}, "floor: expected a number from 0"),
    ({"normalize": "softmax", "softening": 0}, "softening: expected a positive number, found 0"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "words"), REFUSED, ids=[words[:40] for _, words in REFUSED])
def test_bad_input_is_refused_by_name(changes, words):
    arguments = {"activity": np.ones((12, 30, 2)), "time": TIME, "labels": LABELS, **changes}
    with pytest.raises(InputError, match=words):
        psth(**arguments)


def test_numbers_out_of_range_are_configuration_errors():
    with pytest.raises(ConfigurationError):
        psth(trials(), TIME, level=2.0)
