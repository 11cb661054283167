"""The definition, as a plain loop over scikit-learn: the reference that the closed forms must equal."""

import numpy as np
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neighbors import NearestCentroid
from sklearn.svm import SVC

# Arguments of cross_temporal_decoding → the estimator that they name.
ESTIMATORS = [
    ({"classifier": "lda"}, LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1)),
    ({"classifier": "lda", "shrinkage": 1e-3}, LinearDiscriminantAnalysis(solver="lsqr", shrinkage=1e-3)),
    ({"classifier": "lda", "shrinkage": 1.0}, LinearDiscriminantAnalysis(solver="lsqr", shrinkage=1.0)),
    ({"classifier": "lda", "shrinkage": "auto"}, LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")),
    ({"classifier": "ridge"}, RidgeClassifier()),
    ({"classifier": "ridge", "alpha": 50.0}, RidgeClassifier(alpha=50.0)),
    ({"classifier": "nearest_centroid"}, NearestCentroid()),
    ({"classifier": "logistic", "C": 0.1}, LogisticRegression(C=0.1, max_iter=1000)),
    ({"classifier": "svm"}, SVC(kernel="linear")),
    ({"classifier": "rbf_svm", "C": 2.0}, SVC(C=2.0)),
]
# Of these, the ones with a closed form.
CLOSED = ESTIMATORS[:7]


def name(value):
    return "-".join(map(str, value.values())) if isinstance(value, dict) else ""


def recording(n_trials=60, n_units=80, n_labels=4, n_times=4, seed=0):
    """Return activity and labels with a code that is there from the second time on, units of unequal scale and mean."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n_trials) % n_labels)
    activity = rng.standard_normal((n_trials, n_times, n_units))
    activity[:, 1:] += rng.standard_normal((n_labels, n_units))[labels][:, None] * 0.3
    activity *= np.exp(rng.standard_normal(n_units) / 2)
    return activity + rng.standard_normal((n_times, n_units)), labels


def loop(activity, labels, estimator, splits):
    """Return scores (fold, train time, test time) with one fit for each fold and training time."""
    count = activity.shape[1]
    scores = np.empty((len(splits), count, count))
    for fold, (train, test) in enumerate(splits):
        for at in range(count):
            fitted = clone(estimator).fit(activity[train, at], labels[train])
            for other in range(count):
                scores[fold, at, other] = (fitted.predict(activity[test, other]) == labels[test]).mean()
    return scores
