"""Every refusal names the argument, what was found and what was expected."""

import numpy as np
import pytest

from dynascope.analysis import cross_temporal_decoding, stability_index
from dynascope.errors import ConfigurationError, InputError

X = np.random.default_rng(0).standard_normal((20, 5, 6))
Y = np.arange(20) % 2
HOLED = X.copy()
HOLED[3, 2, 1] = np.nan
RARE = np.where(np.arange(20) < 3, "rare", "common")

REFUSED = [
    ((X[0], Y), {}, InputError, r"activity: expected \(trial, time, unit\)"),
    ((HOLED, Y), {}, InputError, r"activity: found nan at index \(3, 2, 1\)"),
    ((X.astype(complex), Y), {}, InputError, "activity: expected real numbers"),
    ((X, Y[:10]), {}, InputError, "labels: expected one label for each of 20 trials, found shape (10,)"),
    ((X, np.where(Y, 1.0, np.nan)), {}, InputError, "labels: found nan at index 0"),
    ((X, np.zeros(20)), {}, InputError, "labels: all 20 are '0.0', expected at least two different labels"),
    ((X, RARE), {}, InputError, "'rare' has 3 of 20 trials, cv=5 folds need at least 5 of each label"),
    ((X, Y), {"cv": 1}, InputError, "cv: expected at least 2 folds, found 1"),
    ((X, Y), {"cv": "leave_two_out"}, InputError, "cv: found 'leave_two_out'"),
    ((X, Y), {"cv": 5.0}, InputError, "cv: found float, expected a number of folds"),
    ((X, Y), {"cv": []}, InputError, "cv: expected at least one"),
    ((X, Y), {"cv": [(np.arange(10), np.arange(9, 20))]}, InputError, r"cv\[0\]: trial 9 is in both train and test"),
    (
        (X, Y),
        {"cv": [(np.arange(10), np.arange(10, 21))]},
        InputError,
        r"cv\[0\] test: found trial 20, expected 0 to 19",
    ),
    ((X, Y), {"cv": [(np.arange(10), [])]}, InputError, r"cv\[0\] test: expected trial numbers or a mask"),
    ((X, Y), {"cv": [([0, 1, 1], [5])]}, InputError, r"cv\[0\] train: found 1 trials more than once"),
    ((X, Y), {"cv": [([0, 2, 4], [5])]}, InputError, "fold 0: all its 3 training trials have label '0'"),
    (
        (X, np.arange(20) % 3),
        {"cv": [([0, 1, 3, 4], [2])]},
        InputError,
        "fold 0: tests label '2', which it has no trial",
    ),
    ((X, np.r_[0, np.ones(19)]), {"cv": "leave_one_out"}, InputError, "all its 19 training trials have label '1.0'"),
    ((X, Y), {"window": 6}, InputError, "window: 6 samples do not fit into the 5 times"),
    ((X, Y), {"window": 0}, ConfigurationError, "window: expected a whole number of at least 1, found 0"),
    ((X, Y), {"stride": 1.5}, ConfigurationError, "stride: expected a whole number of at least 1, found 1.5"),
    ((X, Y), {"permutations": -1}, ConfigurationError, "permutations: expected a whole number of at least 0, found -1"),
    ((X, Y), {"time": np.arange(4)}, InputError, "time: expected 5 increasing times"),
    ((X, Y), {"classifier": "lds"}, ConfigurationError, "unknown classifier 'lds': did you mean 'lda'"),
    ((X, Y), {"classifier": 3}, ConfigurationError, "classifier: expected one of lda, ridge"),
    ((X, Y), {"alpha": 3}, ConfigurationError, "unknown option 'alpha' of classifier lda, which takes shrinkage"),
    ((X, Y), {"shrinkage": 1.5}, ConfigurationError, "shrinkage: found 1.5, expected a number from 0 to 1"),
    ((X, Y), {"shrinkage": "much"}, ConfigurationError, "shrinkage: found 'much'"),
    ((X, Y), {"classifier": "ridge", "alpha": 0}, ConfigurationError, "alpha: found 0, expected a number above 0"),
    ((X, Y), {"classifier": "svm", "gamma": 1}, ConfigurationError, "unknown option 'gamma' of classifier svm"),
    ((X, Y), {"groups": np.zeros(20)}, InputError, "groups: 1 groups cannot be dealt to cv=5 folds"),
    ((X, Y), {"groups": Y, "cv": "leave_one_out"}, InputError, "groups: one trial left out would leave its group"),
    ((X, Y), {"groups": np.arange(20) // 5, "generalize": Y}, InputError, "groups: fold 0 trains and tests on trials"),
    ((X, Y), {"groups": Y, "cv": 2, "permutations": 9}, InputError, "fold 0: all its 10 training trials"),
    ((X, Y), {"generalize": np.zeros(20)}, InputError, "generalize: found one condition"),
    ((X, Y), {"generalize": Y, "cv": "leave_one_out"}, ConfigurationError, "cv: cannot be combined with generalize"),
    ((X, Y), {"test": (X[:, :, :4], Y)}, InputError, "test activity: has 4 units, activity has 6"),
    ((X, Y), {"test": (X[:, :4], Y)}, InputError, "test activity: has 4 times, activity has 5"),
    ((X, Y), {"test": (X, Y[:3])}, InputError, "test labels: expected one label for each of 20 trials"),
    ((X, Y), {"test": X}, InputError, "test: expected (activity, labels)"),
    ((X, Y), {"test": (X, Y), "groups": Y}, ConfigurationError, "groups: cannot be combined with test"),
    ((X, Y), {"epochs": {"cue": 3}}, InputError, "epochs: 'cue' is 3, expected (start, stop)"),
    ((X, Y), {"mode": "publsihed"}, InputError, "unknown mode 'publsihed': did you mean 'published'"),
    ((X, Y), {"mode": "published", "classifier": "svm"}, ConfigurationError, "mode 'published' is a scheme of rbf_svm"),
    ((X, Y), {"mode": "published", "permutations": 5}, ConfigurationError, "permutations: mode 'published' does not"),
    ((X[:4], Y[:4]), {"mode": "published"}, InputError, "no trials are left to train on"),
    ((X * 1e200, Y), {}, InputError, "values overflow or vanish when squared"),
    ((X * 1e-170, Y), {}, InputError, "values overflow or vanish when squared"),
    ((X * (1.7e308 / np.abs(X).max()), Y), {"window": 3}, InputError, "values overflow or vanish when squared"),
]


@pytest.mark.parametrize(("arguments", "options", "error", "words"), REFUSED, ids=[row[3][:40] for row in REFUSED])
def test_refusals(arguments, options, error, words):
    pattern = words if "\\" in words else words.replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(error, match=pattern):
        cross_temporal_decoding(*arguments, **options)


def test_groups_of_one_label_cannot_be_permuted():
    groups = np.arange(20) // 2 * 2 + Y  # each group has one label
    with pytest.raises(InputError, match="groups: every group has one label throughout"):
        cross_temporal_decoding(X, Y, cv=2, groups=groups, permutations=9)


def test_stability_refuses_what_is_not_a_matrix():
    with pytest.raises(InputError, match="accuracy: expected a square matrix"):
        stability_index(np.zeros((2, 3)), 0.5)
    with pytest.raises(ConfigurationError, match="separation: expected at least 1"):
        stability_index(np.zeros((2, 2)), 0.5, separation=0)
