"""The choice of the regularizer: exact errors on left-out trials, and the package's choice on the same splits."""

import contextlib
import io

import numpy as np
import pytest
from planted_conditions import JOIN, cell_means, labels, plain_dpca, plain_marginals, planted
from threadpoolctl import threadpool_limits

from dynascope.analysis import dpca
from dynascope.analysis.dpca.averages import CellAverages
from dynascope.analysis.dpca.cross_validation import choose_regularizer, left_out_trials
from dynascope.analysis.dpca.design import Design
from dynascope.analysis.dpca.marginalizations import Marginals, marginalizations
from dynascope.analysis.dpca.options import Options
from dynascope.analysis.dpca.scores import Split


def split_tables(activity, factors, left_out):
    """Return the averages of the training trials and of the left-out ones, (levels …, time, unit)."""
    kept = np.setdiff1d(np.arange(len(activity)), left_out)
    parts = (kept, left_out)
    return [cell_means(activity[part], {name: column[part] for name, column in factors.items()}) for part in parts]


def plain_errors(train, test, k, regularizer, join, encoder, loss):
    """Return name → squared error, by forming every matrix."""
    y = (test - test.mean(axis=(0, 1, 2))).reshape(-1, test.shape[-1]).T
    targets = plain_marginals(test if loss == "leave_unit_out" else train, "sd", join)
    n_times, found = test.shape[-2], {}
    dimensions = {"t": n_times - 1, "st": 3 * n_times, "dt": n_times, "sdt": 3 * n_times}
    for name, (p, d) in plain_dpca(train, "sd", k, regularizer, join, encoder).items():
        a = p[:, : dimensions[name]] @ d[:, : dimensions[name]].T
        if loss == "leave_unit_out":
            a = a - np.diag(np.diag(a))
        found[name] = np.square(targets[name] - a @ y).sum()
    return found


@pytest.mark.parametrize("n_times", [12, 2])
@pytest.mark.parametrize("loss", ["leave_unit_out", "train_from_test"])
@pytest.mark.parametrize("encoder", ["regularized", "data"])
def test_errors_equal_those_of_every_matrix_formed(encoder, loss, n_times):
    activity, factors, _ = planted(n_times=n_times, n_units=20)
    candidates = [1e-6, 1e-4, 1e-3]
    options = {"encoder": encoder, "loss": loss, "regularizers": candidates, "n_splits": 2, "seed": 4}
    found = dpca(activity, factors, 2, "auto", JOIN, **options)
    for at, left_out in enumerate(left_out_trials(Design.of(factors, len(activity)), 2, 4)):
        train, test = split_tables(activity, factors, left_out)
        for column, candidate in enumerate(candidates):
            plain = plain_errors(train, test, 2, candidate, JOIN, encoder, loss)
            ours = dict(zip(found.marginalizations, found.cv_scores[at, :, column], strict=True))
            assert ours == pytest.approx(plain, rel=1e-9)
    assert found.regularizer == candidates[found.cv_scores.sum(axis=(0, 1)).argmin()]


@pytest.mark.parametrize("noise", [0.3, 2.0])
def test_many_candidates_share_a_basis_and_the_choice_is_exact(noise):
    activity, factors, _ = planted(n_units=60, n_times=20, noise=noise)
    design = Design.of(factors, len(activity))
    terms = marginalizations("sd", 20, JOIN)
    averages, sizes = CellAverages.of(activity, design), dict.fromkeys(terms, 5)
    options = Options.checked(
        engine="exact", regularizer="auto", regularizers=None, n_splits=2, loss="leave_unit_out", encoder="regularized",
        permutations=0, seed=0,
    )  # fmt: skip
    with threadpool_limits(1, user_api="blas"):
        found = choose_regularizer(activity, design, averages, terms, sizes, options)
        exact = np.zeros_like(found.scores)
        for at, left_out in enumerate(left_out_trials(design, 2, 0)):
            pair = [activity[left_out], (6 * averages.means - activity[left_out]) / 5]
            test, train = (Marginals.of(means, design, terms) for means in pair)
            split = Split(train, test, sizes, encoder="regularized", loss="leave_unit_out")
            exact[at] = np.concatenate([split.scores(one) for one in options.regularizers[:, np.newaxis]], axis=1)
    ours, theirs = found.scores.sum(axis=(0, 1)), exact.sum(axis=(0, 1))
    assert len(found.regularizers) == 45
    assert np.abs(ours - theirs).max() < 5e-5 * theirs.max()
    assert np.abs(ours - theirs).max() > 0  # the candidates between were not solved one by one
    assert found.best == found.regularizers[theirs.argmin()]


def test_a_split_leaves_out_one_whole_trial_of_every_cell():
    factors = labels(5, (3, 2))
    left_out = left_out_trials(Design.of(factors, 30), 5, 0)
    cells = 2 * factors["s"] + factors["d"]
    assert (cells[left_out] == np.arange(6)).all()
    assert len(np.unique(left_out)) == 30
    assert not np.array_equal(left_out, left_out_trials(Design.of(factors, 30), 5, 1))


def test_the_package_chooses_the_same_on_the_same_splits(monkeypatch):
    from dPCA import dPCA as package

    activity, factors, _ = planted(n_units=12, n_times=6, noise=1.0)
    found = dpca(activity, factors, 3, "auto", JOIN)
    splits = iter(left_out_trials(Design.of(factors, len(activity)), 3, 0))

    def same_split(self, *args, **options):
        pair = split_tables(activity, factors, next(splits))
        return [np.moveaxis(table - table.mean(axis=(0, 1, 2)), -1, 0) for table in pair]

    monkeypatch.setattr(package.dPCA, "train_test_split", same_split)
    model = package.dPCA(labels="sdt", join=JOIN, n_components=3)
    model.protect, model.n_trials = ["t"], 3
    table = np.moveaxis(cell_means(activity, factors), -1, 0).copy()
    with contextlib.redirect_stdout(io.StringIO()):
        scores = model.crossval_score(found.regularizers, table, np.stack([table, table]), mean=False)
    ours = dict(zip(found.marginalizations, found.cv_scores.swapaxes(0, 1), strict=True))
    # 12 units, 3 components: the package's random projection is exact, and so is our basis of 33 dimensions.
    assert all(scores[name] == pytest.approx(ours[name], rel=1e-8) for name in JOIN)
    assert found.regularizer == found.regularizers[sum(scores.values()).mean(axis=0).argmin()]


def test_noise_asks_for_a_stronger_regularizer():
    strengths = [dpca(*planted(noise=noise)[:2], 3, "auto").regularizer for noise in (0.1, 1.0, 4.0)]
    assert strengths == sorted(strengths)
    assert strengths[0] < strengths[-1]
