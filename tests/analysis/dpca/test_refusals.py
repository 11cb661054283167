"""What demixed PCA refuses, and in which words."""

import numpy as np
import pytest
from planted_conditions import planted

from dynascope.analysis import dpca
from dynascope.errors import ConfigurationError, InputError

ACTIVITY, FACTORS, _ = planted(n_trials=3)
S, D = FACTORS["s"], FACTORS["d"]


def with_nan():
    activity = ACTIVITY.copy()
    activity[4, 2, 7] = np.nan
    return activity


def one_trial_in_a_cell():
    kept = np.ones(24, dtype=bool)
    kept[np.flatnonzero((S == 1) & (D == 0))[1:]] = False
    return ACTIVITY[kept], {"s": S[kept], "d": D[kept]}


def two_trials_in_each_cell():
    return ACTIVITY[:16], {"s": np.tile(range(4), 4), "d": np.repeat([0, 1], 8)}


@pytest.mark.parametrize(
    ("activity", "factors", "options", "words"),
    [
        (with_nan(), FACTORS, {}, r"activity: found nan at index \(4, 2, 7\)"),
        (ACTIVITY[0], FACTORS, {}, r"activity: expected \(trial, time, unit\)"),
        (ACTIVITY.astype(complex), FACTORS, {}, "expected real numbers, found dtype complex128"),
        (np.ones((24, 5, 3)), FACTORS, {}, "do not vary between conditions or times"),
        (ACTIVITY, {"s": S[:-1]}, {}, r"factors\['s'\]: has shape \(23,\), activity has 24 trials"),
        (ACTIVITY, {"s": S, "d": np.where(np.arange(24) == 5, np.nan, D)}, {}, r"factors\['d'\]: found nan at trial 5"),
        (ACTIVITY, {"s": 0 * S}, {}, r"factors\['s'\]: every trial has the label 0; expected at least 2 levels"),
        (ACTIVITY, {"s": [{}] * 24}, {}, r"factors\['s'\]: expected numbers or text"),
        (ACTIVITY, {}, {}, "factors: expected a mapping"),
        (ACTIVITY, {"s": np.arange(24), "d": np.arange(24)}, {}, r"552 of 576 cells have no trials\), and the other"),
        (np.tile(ACTIVITY, (9, 1, 1)), {"s": np.arange(216), "d": np.arange(216)}, {}, "make 46656 cells, expected at"),
        (ACTIVITY, S, {}, "factors: expected a mapping"),
        (ACTIVITY, {"stim": S}, {}, "expected one letter per factor, such as 's', found 'stim'"),
        (ACTIVITY, {"t": S}, {}, "the letter 't' stands for time"),
        (ACTIVITY, FACTORS, {"n_components": 16}, "n_components: found 16 components, too many for 15 units"),
        (ACTIVITY[:, :1], FACTORS, {"n_components": 9}, "too many for 8 conditions × times"),
        (ACTIVITY, FACTORS, {"n_components": 0}, "n_components: expected a whole number of at least 1, found 0"),
        (ACTIVITY, FACTORS, {"n_components": {"s": 2}}, "n_components: found none for 'd'"),
        (ACTIVITY, FACTORS, {"n_components": {"x": 2}}, "n_components: unknown marginalization 'x'"),
        (ACTIVITY, FACTORS, {"regularizer": "automatic"}, "regularizer: expected None, 'auto' or a number"),
        (ACTIVITY, FACTORS, {"regularizer": -1}, "regularizer: expected None, 'auto' or a number of at least 0"),
        (ACTIVITY, FACTORS, {"regularizers": [0.0, 1.0]}, "regularizers: expected a list of positive numbers"),
        (ACTIVITY, FACTORS, {"engine": "exakt"}, "unknown engine 'exakt': did you mean 'exact'"),
        (ACTIVITY, FACTORS, {"loss": "test"}, "unknown loss 'test'"),
        (ACTIVITY, FACTORS, {"encoder": "matlab"}, "unknown encoder 'matlab'"),
        (ACTIVITY, FACTORS, {"n_splits": 0}, "n_splits: expected a whole number of at least 1"),
        (ACTIVITY, FACTORS, {"seed": 1.5}, "seed: expected a whole number of at least 0, found 1.5"),
        (ACTIVITY, FACTORS, {"join": {"st": ["s", "ts", "x"]}}, r"join\['st'\]: unknown marginalization 'x'"),
        (ACTIVITY, FACTORS, {"join": {"a": ["s"], "b": ["s", "d"]}}, "join: found 's' twice"),
        (ACTIVITY, FACTORS, {"join": {"st": ["s", "d"]}}, "'st' names a group that leaves out"),
        (ACTIVITY, FACTORS, {"join": {"st": "s"}}, r"join\['st'\]: expected a list of marginalizations"),
        (ACTIVITY, FACTORS, {"join": ["s"]}, "join: expected a mapping"),
        (ACTIVITY, FACTORS, {"time": np.arange(5)}, r"time: has shape \(5,\), activity has 12 time samples"),
        (ACTIVITY, FACTORS, {"time": np.zeros(12)}, "time: expected increasing seconds"),
        (*one_trial_in_a_cell(), {"regularizer": "auto"}, "the cell s=1, d=0 has one trial; expected at least 2"),
        (*one_trial_in_a_cell(), {"permutations": 9}, "the cell s=1, d=0 has 1 trials; expected at least 2 in every"),
        (ACTIVITY, FACTORS, {"permutations": 9, "regularizer": "auto"}, "expected at least 4 with regularizer='auto'"),
        (*two_trials_in_each_cell(), {"permutations": 9}, "more trials than cells"),
        (ACTIVITY[:, :1], FACTORS, {"n_components": 2, "engine": "package"}, "activity has one time sample"),
    ],
)  # fmt: skip
def test_refused_with_a_reason(activity, factors, options, words):
    with pytest.raises(InputError, match=words):
        dpca(activity, factors, **{"n_components": 2, **options})


def test_options_are_configuration_errors_and_data_are_not():
    with pytest.raises(ConfigurationError):
        dpca(ACTIVITY, FACTORS, 99)
    with pytest.raises(InputError) as caught:
        dpca(with_nan(), FACTORS)
    assert not isinstance(caught.value, ConfigurationError)


def test_the_package_refuses_missing_cells():
    kept = (S != 1) | (D != 0)
    with pytest.raises(InputError, match="cannot fit cells without trials"):
        dpca(ACTIVITY[kept], {"s": S[kept], "d": D[kept]}, 2, engine="package")


def test_the_default_of_ten_components_is_lowered_to_the_units():
    assert dpca(ACTIVITY[:, :, :4], FACTORS).sizes == (4,) * 7


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda found: found.transform(ACTIVITY[:, :, :3]), r"has shape \(24, 12, 3\); expected .* with 15 units"),
        (lambda found: found.transform(with_nan()), "found nan"),
        (lambda found: found.transform(ACTIVITY, "ts"), "unknown marginalization 'ts': did you mean"),
        (lambda found: found.reconstruct(ACTIVITY, "x"), "unknown marginalization 'x'"),
        (lambda found: found.significance(ACTIVITY[:, :5], FACTORS), "has 5 time samples, the fit had 12"),
        (lambda found: found.significance(2 * ACTIVITY, {"s": S + 1, "d": D}), "found label 4, which is none of"),
        (lambda found: found.significance(2 * ACTIVITY, {"s": S.astype(str), "d": D}), "expected labels of the fit's"),
        (lambda found: found.significance(2 * ACTIVITY, {"s": S}), "factors: found s; expected s, d"),
        (lambda found: found.significance(2 * ACTIVITY, {"s": S, "x": D}), "found 'x'; expected the factors"),
        (lambda found: found.axis_cones(ACTIVITY[:8], {"s": np.tile(range(4), 2), "d": np.repeat([0, 1], 4)}),
         "every cell has one trial"),
    ],
)  # fmt: skip
def test_new_activity_that_does_not_fit_is_refused(call, words):
    with pytest.raises(InputError, match=words):
        call(dpca(ACTIVITY, FACTORS, 2, 1e-4))
