"""The selection of units: the published one beside scipy line by line, the corrected one by its error rates."""

import numpy as np
import pytest
from scipy import stats

from dynascope.analysis import SelectedUnits, select_units
from dynascope.errors import ConfigurationError, InputError

LOCATIONS = np.repeat(np.arange(8), 16)
TIME = np.arange(30) * 0.1
FIX, CUE, DELAY = (0.0, 1.0), (1.0, 2.0), (2.0, 3.0)


def noise(n_units, seed=0, *, mean=20.0):
    """Activity whose epoch means have unit standard deviation: (trial, time, unit)."""
    return np.random.default_rng(seed).normal(mean, np.sqrt(10), (128, 30, n_units))


def tuned(n_units=40, seed=3):
    """Half of the units are tuned in the cue, some of them downwards, one only in the delay."""
    activity = noise(n_units, seed)
    for unit in range(n_units // 2):
        sign = -1 if unit % 4 == 3 else 1
        activity[:, 10:20, unit] += 4 * sign * np.exp(3 * (np.cos((LOCATIONS - unit) * np.pi / 4) - 1))[:, None]
    activity[:, 20:, n_units - 1] += 6 * (LOCATIONS == 2)[:, None]
    return activity


def published_by_the_book(activity, epoch, *, norm=True):
    """The description of the study, one unit and one location at a time."""
    window = {name: (start - 1e-9 <= TIME) & (stop - 1e-9 > TIME) for name, (start, stop) in
              {"fix": FIX, "cue": CUE, "epoch": epoch}.items()}  # fmt: skip
    for unit in range(activity.shape[2]):
        fix, cue, resp = ([activity[loc == LOCATIONS][:, window[name], unit].mean(axis=1) for loc in range(8)]
                          for name in ("fix", "cue", "epoch"))  # fmt: skip
        normalized = [r / f.mean() - 1 for r, f in zip(resp, fix, strict=True)]
        responsive = any(stats.ttest_rel(f, c).pvalue <= 0.05 for f, c in zip(fix, cue, strict=True))
        active = responsive and max(r.mean() for r in resp) > 1e-3
        tested = normalized if norm else resp
        p = stats.f_oneway(*tested).pvalue
        means = np.array([values.mean() for values in normalized])
        kind = "excitatory" if (means >= 0).all() else "inhibitory" if (means < 0).all() else "mixed"
        selected = active and p <= 0.05
        preferred = int(np.argmax([values.mean() for values in tested]))
        yield active, selected, p, preferred, kind if selected else "none", means


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("epoch", [CUE, DELAY])
def test_published_mode_line_by_line(norm, epoch):
    activity = tuned()
    found = select_units(activity, TIME, LOCATIONS, epoch, FIX, mode="published", responsive_epoch=CUE, normalize=norm)
    expected = [list(column) for column in zip(*published_by_the_book(activity, epoch, norm=norm), strict=True)]
    assert found.active.tolist() == expected[0]
    assert found.selected.tolist() == expected[1]
    assert found.p_values == pytest.approx(expected[2], rel=1e-9)
    assert found.preferred.tolist() == expected[3]
    assert found.class_names() == expected[4]
    assert found.changes == pytest.approx(np.array(expected[5]), rel=1e-12)
    assert found.population.tolist() == [kind in ("excitatory", "mixed") for kind in expected[4]]


def test_published_mode_selects_noise():
    """A third of the units active and a quarter selected, of units that do nothing."""
    found = select_units(noise(2000), TIME, LOCATIONS, CUE, FIX, "published")
    assert found.active.mean() == pytest.approx(0.34, abs=0.03)
    assert found.selected.mean() == pytest.approx(0.25, abs=0.03)


def test_corrected_mode_does_not():
    wrong = 0
    for seed in range(40):
        wrong += select_units(noise(50, seed), TIME, LOCATIONS, CUE, FIX).selected.any()
    assert wrong <= 4


def test_corrected_mode_finds_tuned_units():
    found = select_units(tuned(), TIME, LOCATIONS, CUE, FIX)
    assert found.selected.tolist() == [True] * 20 + [False] * 20
    excited = [unit for unit in range(20) if unit % 4 != 3]
    assert found.preferred[excited].tolist() == [unit % 8 for unit in excited]
    assert (found.adjusted_p_values >= found.p_values * (1 - 1e-12)).all()
    assert (found.active == (found.active_p_values <= 0.05)).all()
    for test in ("t", "wilcoxon"):
        other = select_units(tuned(), TIME, LOCATIONS, CUE, FIX, response_test=test, correction="holm")
        assert other.selected[20:].sum() == 0
        assert other.selected[:20].mean() > 0.9


def test_the_joint_test_of_a_response_is_a_comparison_of_two_models():
    """Changes from the baseline, unbalanced: free means of the conditions against zeros."""
    activity, kept = noise(5)[: 128 - 5], LOCATIONS[: 128 - 5]
    change = activity[:, 10:20].mean(axis=1) - activity[:, :10].mean(axis=1)
    full = sum(np.square(change[kept == k] - change[kept == k].mean(axis=0)).sum(axis=0) for k in range(8))
    f = (np.square(change).sum(axis=0) - full) / 8 / (full / (len(kept) - 8))
    found = select_units(activity, TIME, kept, CUE, FIX, correction="bonferroni")
    assert found.active_p_values == pytest.approx(np.minimum(1, 5 * stats.f.sf(f, 8, len(kept) - 8)), rel=1e-9)


def test_units_of_the_delay_alone_are_found_in_the_delay():
    """The published study compares the cue with the baseline whatever the epoch, and misses them."""
    activity = tuned()
    activity[:, 10:20, -1] = activity[:, :10, -1]  # nothing happens in the cue
    assert select_units(activity, TIME, LOCATIONS, DELAY, FIX).selected[-1]
    late = select_units(activity, TIME, LOCATIONS, DELAY, FIX, "published", responsive_epoch=CUE)
    assert not late.selected[-1]


def test_networks_without_noise_are_reported():
    activity = noise(3)
    activity[:, :, 0] = LOCATIONS[:, None] + np.where(TIME < 1, 1.0, 2.5)
    activity[:, :, 1] = 4
    found = select_units(activity, TIME, LOCATIONS, CUE, FIX)
    assert found.deterministic.tolist() == [True, False, False]
    assert found.undefined.tolist() == [False, True, False]
    assert not found.selected[:2].any()
    assert "deterministic (equal trials within every condition), not tested: 1 of 3" in found.summary()
    published = select_units(activity, TIME, LOCATIONS, CUE, FIX, "published")
    assert published.selected[0]
    assert published.p_values[0] == 0
    assert "selected with p = 0: 1 of 3" in published.summary()


def test_rates_of_zero_are_not_divided_by_in_silence():
    activity = np.abs(noise(4))
    activity[:, TIME < 1, 0] = 0
    found = select_units(activity, TIME, LOCATIONS, CUE, FIX, "published")
    assert found.undefined.tolist() == [True, False, False, False]
    assert found.preferred[0] == -1
    assert not found.selected[0]
    assert "no baseline to divide by): 1 of 4" in found.summary()
    assert select_units(activity, TIME, LOCATIONS, CUE, FIX, "published", normalize=False).preferred[0] >= 0


def test_epochs_may_differ_between_trials_and_padding_is_not_looked_at():
    activity = tuned(8).astype(np.float32)
    shift = (np.arange(128) % 3)[:, None] * 0.1
    moved = np.stack([np.roll(trial, number % 3, axis=0) for number, trial in enumerate(activity)])
    moved[:, 25:] = np.nan
    activity[:, 25:] = np.nan
    aligned = select_units(activity, TIME, LOCATIONS, (1.2, 1.8), (0.2, 0.8))
    found = select_units(moved, TIME, LOCATIONS, np.array([[1.2, 1.8]]) + shift, np.array([[0.2, 0.8]]) + shift)
    assert found.p_values == pytest.approx(aligned.p_values, rel=1e-6)


def test_results_survive_being_saved(tmp_path):
    for mode in ("corrected", "published"):
        found = select_units(tuned(), TIME, LOCATIONS, CUE, FIX, mode)
        loaded = SelectedUnits.load(found.save(tmp_path / "a.h5"))
        assert loaded.to_dict() == found.to_dict()
        assert loaded.summary() == found.summary()
        assert found.plot().get_title()
    nothing = select_units(noise(5), TIME, LOCATIONS, CUE, FIX)
    assert nothing.plot().get_title() == "Responses, corrected: 0 of 5 units selected"


BAD = noise(3)
BAD[5, 12, 1] = np.nan


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: select_units(BAD, TIME, LOCATIONS, CUE, FIX), InputError,
         r"^activity: found nan at index \(5, 12, 1\), in epoch;"),
        (lambda x: select_units(x, TIME, LOCATIONS, (5, 6), FIX), InputError,
         "^epoch: no sample of trial 0 lies in 5 ≤ t < 6 s; times go from 0 to 2.9 s"),
        (lambda x: select_units(x, TIME, LOCATIONS, "stim1", FIX), InputError, r"^epoch: expected \(start, stop\)"),
        (lambda x: select_units(x, TIME[1:], LOCATIONS, CUE, FIX), InputError, "^time: expected 30 increasing times"),
        (lambda x: select_units(x, TIME, LOCATIONS[1:], CUE, FIX), InputError, "^labels: expected one label for each"),
        (lambda x: select_units(x, TIME, np.arange(128), CUE, FIX), InputError, "^labels: condition 0 has 1 trial;"),
        (lambda x: select_units(x[:, 0], TIME, LOCATIONS, CUE, FIX), InputError, r"^activity: expected \(trial, t"),
        (lambda x: select_units(x, TIME, LOCATIONS, CUE, FIX, "pub"), InputError, "unknown mode 'pub'"),
        (lambda x: select_units(x, TIME, LOCATIONS, CUE, FIX, alpha=0), ConfigurationError, "^alpha: expected"),
    ],
)  # fmt: skip
def test_refusals(call, error, words):
    with pytest.raises(error, match=words):
        call(noise(3))


def test_inputs_are_not_modified():
    activity, labels = noise(3), LOCATIONS.copy()
    activity.flags.writeable = labels.flags.writeable = False
    for mode in ("corrected", "published"):
        select_units(activity, TIME, labels, CUE, FIX, mode)
