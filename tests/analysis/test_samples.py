"""From trials to rows: padding, masks and what is refused."""

import numpy as np
import pytest

from dynascope.analysis import cka, flatten_samples
from dynascope.analysis.samples import centre
from dynascope.errors import InputError


def ragged():
    activity = np.arange(24.0).reshape(2, 4, 3)
    activity[1, 2:] = np.nan
    return activity


def test_rows_are_times_of_one_trial_after_the_other():
    activity = np.arange(24.0).reshape(2, 4, 3)
    np.testing.assert_array_equal(flatten_samples(activity), np.vstack([activity[0], activity[1]]))


def test_padding_is_dropped():
    activity = ragged()
    np.testing.assert_array_equal(flatten_samples(activity), np.vstack([activity[0], activity[1, :2]]))


def test_mask_keeps_samples_but_never_padding():
    activity = ragged()
    mask = np.array([[True, False, False, True], [False, True, True, False]])
    np.testing.assert_array_equal(flatten_samples(activity, mask=mask), activity[[0, 0, 1], [0, 3, 1]])


def test_integers_have_no_padding():
    assert flatten_samples(np.zeros((2, 3, 4), dtype=np.int16)).shape == (6, 4)


def test_ragged_trials_can_be_compared():
    activity = np.random.default_rng(0).standard_normal((3, 9, 4))
    activity[1, 5:] = np.nan
    assert cka(flatten_samples(activity), flatten_samples(2 * activity)) == pytest.approx(1, abs=1e-14)


def partly_missing():
    activity = np.ones((2, 4, 3))
    activity[1, 2, 1] = np.nan
    return activity


@pytest.mark.parametrize(
    ("activity", "mask", "words"),
    [
        (
            np.ones((4, 3)),
            None,
            r"activity: expected \(trial, time, unit\) with no empty axis, found shape \(4, 3\)",
        ),
        (np.ones((2, 0, 3)), None, r"no empty axis, found shape \(2, 0, 3\)"),
        (np.ones((2, 4, 3), dtype=complex), None, "activity: expected real numbers, found dtype complex128"),
        (partly_missing(), None, r"found NaN at index \(1, 2, 1\) beside units with values"),
        (np.full((2, 4, 3), np.nan), None, "no samples are left"),
        (np.ones((2, 4, 3)), np.zeros((2, 4), dtype=bool), "no samples are left"),
        (np.ones((2, 4, 3)), np.ones((2, 4)), r"mask: expected bool of shape \(2, 4\), found float64"),
        (np.ones((2, 4, 3)), np.ones((4, 2), dtype=bool), r"of shape \(2, 4\), found bool of shape \(4, 2\)"),
    ],
)
def test_refuses(activity, mask, words):
    with pytest.raises(InputError, match=words):
        flatten_samples(activity, mask=mask)


def test_a_masked_sample_may_be_partly_missing():
    mask = np.ones((2, 4), dtype=bool)
    mask[1, 2] = False
    assert flatten_samples(partly_missing(), mask=mask).shape == (7, 3)


@pytest.mark.parametrize("rows", [1, 7, 64, 1000])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_means_do_not_depend_on_chunks(rows, dtype):
    x = (np.random.default_rng(0).standard_normal((300, 3)) + 100).astype(dtype)
    # Sums of 64 float32 numbers near 100 are good to one part in a million.
    np.testing.assert_allclose(centre("x", x, rows=rows).mean, x.mean(axis=0, dtype=np.float64), rtol=1e-6)


def test_an_array_that_varies_late_varies():
    x = np.ones((100, 2))
    assert not centre("x", x, rows=10).varies
    x[50:, 1] = 2
    assert centre("x", x, rows=10).varies


def test_the_index_of_a_bad_value_counts_from_the_first_chunk():
    x = np.ones((100, 2))
    x[57, 1] = np.nan
    with pytest.raises(InputError, match=r"x: found nan at index \(57, 1\)"):
        centre("x", x, rows=10)
