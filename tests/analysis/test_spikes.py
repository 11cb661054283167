"""Firing rates: against plain loops, where they are undefined, and what is refused."""

import itertools

import numpy as np
import pytest

from dynascope import plotting
from dynascope.analysis import FiringRates, firing_rates
from dynascope.errors import InputError


def poisson(*shape, rate=0.05, seed=0):
    return (np.random.default_rng(seed).random(shape) < rate).astype(np.uint8)


def intervals(spikes, kept):
    """Return the intervals of one unit, in samples: (trial, time) spikes, none across samples that are not kept."""
    found = []
    for trial, keep in zip(spikes, kept, strict=True):
        times = np.flatnonzero(trial & keep)
        found += [b - a for a, b in itertools.pairwise(times) if keep[a:b].all()]
    return np.array(found)


def test_agrees_with_plain_loops():
    spikes, dt = poisson(7, 230, 5), 0.002
    kept = np.ones((7, 230), bool)
    kept[2, 150:] = False
    kept[4, 50:90] = False
    groups = np.array(["b", "a", "b", "c", "a"])
    found = firing_rates(spikes, dt, groups=groups, bin_width=0.1, start=-0.2, mask=kept)

    counted = spikes * kept[:, :, None]
    np.testing.assert_allclose(found.unit_rates, counted.sum((0, 1)) / (kept.sum() * dt))
    whole = counted[kept.all(1)].sum(1)
    np.testing.assert_allclose(found.fano_factors, whole.var(0, ddof=1) / whole.mean(0))
    for unit in range(5):
        between = intervals(spikes[:, :, unit], kept)
        assert found.interval_cvs[unit] == pytest.approx(between.std(ddof=1) / between.mean())

    assert found.groups == ("a", "b", "c")
    np.testing.assert_allclose(found.edges, [-0.2, -0.1, 0.0, 0.1, 0.2, 0.26])
    for group, name in enumerate(found.groups):
        for index, start in enumerate(range(0, 230, 50)):
            part = slice(start, start + 50)
            rates = [
                counted[trial, part][:, groups == name].sum() / (groups == name).sum() / (kept[trial, part].sum() * dt)
                for trial in range(7) if kept[trial, part].any()
            ]  # fmt: skip
            assert found.rates[group, index] == pytest.approx(np.mean(rates))
            assert found.sems[group, index] == pytest.approx(np.std(rates, ddof=1) / np.sqrt(len(rates)))


def test_poisson_units_have_fano_factor_and_interval_variation_near_one():
    many, long = (firing_rates(poisson(*shape, 3, rate=0.02), 0.001) for shape in ((4000, 100), (10, 20_000)))
    np.testing.assert_allclose(many.unit_rates, 20, rtol=0.03)
    # At most one spike per sample: p of a sample takes 1 − p off the variance of the count, √(1 − p) off the other.
    np.testing.assert_allclose(many.fano_factors, 0.98, atol=0.07)
    np.testing.assert_allclose(long.interval_cvs, np.sqrt(0.98), atol=0.04)


def test_a_clock_is_regular_and_intervals_do_not_join_trials():
    spikes = np.zeros((4, 500, 1))
    spikes[:2, 3::40], spikes[2:, 30::40] = 1, 1
    found = firing_rates(spikes, 0.001)
    assert found.interval_cvs[0] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("change", "fano", "variation"),
    [
        (lambda spikes: spikes[:1], False, True),
        (lambda spikes: spikes * 0, False, False),
        (lambda spikes: spikes * 2, True, False),  # two spikes in a sample: when?
        (lambda spikes: np.where(np.arange(300)[:, None] < 60, spikes, 0)[:2], True, False),  # few intervals
        (lambda spikes: spikes, True, True),
    ],
)
def test_undefined_measures_are_nan(change, fano, variation):
    spikes = change(poisson(6, 300, 1, rate=0.08))
    found = firing_rates(spikes, 0.001)
    assert (np.isfinite(found.fano_factors[0]), np.isfinite(found.interval_cvs[0])) == (fano, variation)
    assert np.isfinite(found.unit_rates).all()
    assert "nan" not in found.summary()


def test_fano_factors_compare_counts_of_equal_durations():
    """Unequal trials of a clock have unequal counts; that is no variability."""
    spikes = np.zeros((6, 400, 1))
    spikes[:, ::20] = 1
    kept = np.arange(400) < np.array([400, 100, 400, 300, 400, 200])[:, None]
    assert firing_rates(spikes, 0.001, mask=kept).fano_factors[0] == 0


def test_a_constant_rate_is_constant_in_every_bin():
    found = firing_rates(np.ones((3, 25, 2)), 0.01, bin_width=0.1)
    assert found.edges.tolist() == pytest.approx([0, 0.1, 0.2, 0.25])
    np.testing.assert_allclose(found.rates, 100)
    np.testing.assert_allclose(found.sems, 0, atol=1e-12)
    assert np.isnan(firing_rates(np.ones((1, 25, 2)), 0.01).sems).all()


def test_padding_may_hold_anything_and_empty_bins_are_nan():
    spikes = poisson(3, 40, 2).astype(float)
    kept = np.broadcast_to(np.arange(40) < 30, (3, 40))
    padded = np.where(kept[:, :, None], spikes, np.nan)
    found, short = (
        firing_rates(padded, 0.01, bin_width=0.1, mask=kept),
        firing_rates(spikes[:, :30], 0.01, bin_width=0.1),
    )
    np.testing.assert_array_equal(found.unit_rates, short.unit_rates)
    np.testing.assert_array_equal(found.rates[:, :3], short.rates)
    assert np.isnan(found.rates[:, 3]).all()


@pytest.mark.parametrize("dtype", [bool, np.int8, np.float32])
def test_any_dtype_gives_the_same_and_nothing_is_changed(dtype):
    spikes = poisson(4, 100, 3).astype(dtype)
    spikes.flags.writeable = False
    found, expected = firing_rates(spikes, 0.001), firing_rates(poisson(4, 100, 3), 0.001)
    for name in ("unit_rates", "fano_factors", "interval_cvs", "rates", "sems"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


SPIKES = np.zeros((2, 20, 3))
REFUSED = [
    ((np.full((2, 20, 3), 0.5), 0.01), {}, r"spikes: found 0\.5 at index \(0, 0, 0\); expected the number of spikes"),
    ((np.full((2, 20, 3), np.nan), 0.01), {}, "spikes: found nan"),
    ((np.full((2, 20, 3), -1), 0.01), {}, "spikes: found -1"),
    ((SPIKES[0], 0.01), {}, r"spikes: expected \(trial, time, unit\)"),
    ((SPIKES, 0), {}, "dt: expected a positive number, found 0"),
    ((SPIKES, 0.01), {"bin_width": 0.001}, r"bin_width: expected 0\.01 s \(one sample\) to 0\.2 s .*, found 0\.001"),
    ((SPIKES, 0.01), {"bin_width": 0.3}, r"bin_width: .*found 0\.3"),
    ((SPIKES, 0.01), {"groups": ["a", "b"]}, r"groups: expected one label for each of 3 units, found shape \(2,\)"),
    ((SPIKES, 0.01), {"mask": np.ones((2, 19), bool)}, "mask: expected shape"),
    ((SPIKES, 0.01), {"mask": np.zeros((2, 20), bool)}, "mask: expected at least one sample to keep"),
]


@pytest.mark.parametrize(("arguments", "options", "words"), REFUSED, ids=[words for *_, words in REFUSED])
def test_bad_input_is_refused(arguments, options, words):
    with pytest.raises(InputError, match=f"^{words}"):
        firing_rates(*arguments, **options)


@pytest.fixture
def found():
    return firing_rates(poisson(20, 200, 5), 0.001, groups=["E-LIF", "E-LIF-out", "I-LIF", "E-LIF", "E-ALIF"])


def test_survives_being_saved(found, tmp_path):
    loaded = FiringRates.load(found.save(tmp_path / "rates.h5"))
    assert loaded.to_dict() == found.to_dict()
    assert loaded.summary() == found.summary()


def test_summary_and_picture_name_the_groups(found):
    lines = found.summary().splitlines()
    assert lines[0].startswith("20 trials of 0.2 s, 5 units, ")
    assert [line.split()[:2] for line in lines[2:6]] == [
        ["E-ALIF", "1"],
        ["E-LIF", "2"],
        ["E-LIF-out", "1"],
        ["I-LIF", "1"],
    ]
    ax = found.plot()
    drawn = {line.get_label(): line for line in ax.get_lines()}
    assert list(drawn) == ["E-ALIF (1)", "E-LIF (2)", "E-LIF-out (1)", "I-LIF (1)"]
    np.testing.assert_array_equal(drawn["E-LIF (2)"].get_ydata(), found.rates[1])
    assert drawn["E-LIF (2)"].get_color() == drawn["E-LIF-out (1)"].get_color() == plotting.CELL_TYPE_COLOURS["E-LIF"]
    assert drawn["E-LIF (2)"].get_linestyle() != drawn["E-LIF-out (1)"].get_linestyle()


def test_groups_that_are_no_cell_types_are_told_apart():
    styles = plotting.group_styles([f"area {number}" for number in range(12)] + ["I-LIF"])
    assert len({tuple(style.values()) for style in list(styles.values())[:-1]}) == 12
    assert styles["I-LIF"]["color"] == plotting.CELL_TYPE_COLOURS["I-LIF"]
