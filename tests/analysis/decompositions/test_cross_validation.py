"""Hidden entries choose the planted ranks; folds are disjoint; the one-standard-error rule by hand."""

import numpy as np
import pytest
from planted_tensors import planted_cp, planted_slices, random_mask

from dynascope.analysis.decompositions import (
    cp,
    held_out_folds,
    rank_cross_validation,
    rank_grid,
    slice_tca,
    tucker,
)
from dynascope.analysis.decompositions.cross_validation import one_standard_error
from dynascope.analysis.decompositions.warm_starts import GRID_METHODS, GridFit, GridMethod, fit_grid

SHAPE = (14, 13, 12)


def test_planted_slices_are_found():
    tensor = planted_slices(SHAPE, (2, 1, 1), noise=0.8, seed=1)
    found = rank_cross_validation(tensor, "slice", rank_grid((3, 2, 2)), folds=3)
    assert found.chosen_ranks == (2, 1, 1)
    assert found.test_surface[2, 1, 1] == found.test_errors[:, found.chosen].mean()
    assert np.isnan(found.test_surface[0, 0, 0])


@pytest.mark.parametrize(("method", "expected"), [("cp", (3,)), ("tucker", (3, 3, 3))])
def test_planted_components_are_found(method, expected):
    tensor, _ = planted_cp(SHAPE, 3, noise=0.5, seed=2)
    found = rank_cross_validation(tensor, method, [1, 2, 3, 4, 5], folds=3)
    assert found.chosen_ranks == expected
    assert found.test_errors.mean(axis=0)[4] > found.test_errors.mean(axis=0)[2]


def test_noise_alone_chooses_the_smallest_model():
    noise = np.random.default_rng(3).standard_normal(SHAPE)
    assert rank_cross_validation(noise, "cp", [1, 2, 3], folds=3).chosen_ranks == (1,)


@pytest.mark.parametrize("method", ["slice", "cp", "tucker"])
def test_larger_models_fit_what_is_shown_no_worse(method):
    tensor = np.random.default_rng(4).standard_normal((9, 8, 7))
    grid = rank_grid((2, 2, 1)) if method == "slice" else [1, 2, 3, 4]
    found = rank_cross_validation(tensor, method, grid, folds=2)
    for model, ranks in enumerate(found.ranks):
        larger = (found.ranks >= ranks).all(axis=1)
        assert (found.train_errors[:, larger] <= found.train_errors[:, [model]] + 1e-12).all()


@pytest.mark.parametrize(
    ("method", "fit"),
    [("slice", lambda x, mask: slice_tca(x, (1, 1, 0), mask=mask, tolerance=1e-9, max_sweeps=300)),
     ("cp", lambda x, mask: cp(x, 2, mask=mask, tolerance=1e-9, max_sweeps=300)),
     ("tucker", lambda x, mask: tucker(x, 2, mask=mask, tolerance=1e-9, max_sweeps=300))],
)  # fmt: skip
def test_scores_are_those_of_the_single_fit(method, fit):
    tensor = planted_cp(SHAPE, 2, noise=0.2, seed=5)[0]
    ranks = (1, 1, 0) if method == "slice" else 2
    found = rank_cross_validation(tensor, method, [ranks], folds=2, seed=6, tolerance=1e-9)
    hidden = held_out_folds(SHAPE, folds=2, seed=6)
    unit = (tensor**2).mean()
    for fold in range(2):
        residual = (tensor - fit(tensor, ~hidden[fold]).tensor) ** 2
        assert found.test_errors[fold, 0] == pytest.approx(residual[hidden[fold]].mean() / unit, rel=1e-6)
        assert found.train_errors[fold, 0] == pytest.approx(residual[~hidden[fold]].mean() / unit, rel=1e-6)


def test_missing_entries_are_neither_fitted_nor_scored():
    tensor, mask = planted_cp(SHAPE, 2, noise=0.2)[0], random_mask(SHAPE, 0.1)
    one, other = (
        rank_cross_validation(np.where(mask, tensor, fill), "cp", [1, 2], mask=mask, folds=2, tolerance=1e-9)
        for fill in (np.nan, 1e6)
    )
    assert np.array_equal(one.test_errors, other.test_errors)
    hides = held_out_folds(SHAPE, folds=2)[0]
    residual = (tensor - cp(tensor, 1, mask=mask & ~hides, tolerance=1e-9, max_sweeps=300).tensor) ** 2
    unit = (tensor[mask] ** 2).mean()
    assert one.test_errors[0, 0] == pytest.approx(residual[mask & hides].mean() / unit, rel=1e-6)
    assert one.train_errors[0, 0] == pytest.approx(residual[mask & ~hides].mean() / unit, rel=1e-6)


@pytest.mark.parametrize("block", [(1, 1, 1), (2, 3, 1), (1, 10, 1)])
def test_folds_are_disjoint_and_of_the_asked_share(block):
    shape = (20, 30, 10)
    hidden = held_out_folds(shape, share=0.1, block=block, folds=10, seed=1)
    assert hidden.sum(axis=0).max() == 1
    assert hidden.mean(axis=(1, 2, 3)) == pytest.approx(np.full(10, 0.1), abs=0.02)
    assert not np.array_equal(hidden, held_out_folds(shape, share=0.1, block=block, folds=10, seed=2))


def test_blocks_hide_whole_boxes():
    grids = []
    for seed in range(4):
        hidden = held_out_folds((12, 40, 6), block=(1, 8, 1), folds=1, seed=seed)[0]
        edges = np.diff(np.pad(hidden.astype(int), ((0, 0), (1, 1), (0, 0))), axis=1)
        starts, stops = np.argwhere(edges == 1)[:, 1], np.argwhere(edges == -1)[:, 1]
        grids.append({start % 8 for start in starts if start > 0} | {stop % 8 for stop in stops if stop < 40})
        assert len(grids[-1]) == 1  # every box begins and ends on one grid of eights
    assert len(set.union(*grids)) > 1  # which the seed shifts


def test_the_one_standard_error_rule():
    # Means 5, 1.6, 1, 1.2, 3; the best (index 2) has standard error 0.5 over two folds: up to 1.5 counts as good.
    means, spread = np.array([5.0, 1.6, 1.0, 1.2, 3.0]), np.array([0.0, 0.0, 0.5, 0.0, 0.0])
    errors = np.stack([means - spread, means + spread])
    assert one_standard_error(errors, np.array([1, 2, 9, 4, 3])) == (2, 3)
    assert one_standard_error(errors, np.array([1, 2, 4, 9, 3])) == (2, 2)
    assert one_standard_error(errors[:1] + spread, np.array([1, 2, 9, 4, 3])) == (2, 2)  # one fold: no interval


def test_each_fit_starts_from_the_best_one_inside_it():
    errors = {(1, 0, 0): 0.5, (0, 1, 0): 0.4, (0, 0, 2): 0.1, (1, 1, 0): 0.3}
    starts = {}

    def fit(values, shown, ranks, before, **stop):
        starts[ranks] = before and before.state
        return GridFit(ranks, values, errors[ranks], converged=True)

    method = GridMethod(ranks=tuple, parameters=len, fit=fit)
    made = fit_grid(method, np.zeros(SHAPE), np.ones(SHAPE, bool), list(errors), max_sweeps=1, tolerance=0)
    assert starts == {(1, 0, 0): None, (0, 1, 0): None, (0, 0, 2): None, (1, 1, 0): (0, 1, 0)}
    assert [each.state for each in made] == list(errors)


@pytest.mark.parametrize(
    ("method", "ranks", "larger"),
    [
        ("slice", (1, 1, 1), (2, 1, 1)),
        ("cp", (3,), (4,)),
        ("tucker", (3, 3, 3), (4, 3, 3)),
        ("tucker", (3, 3, 3), (3, 3, 3)),
    ],
)
def test_one_sweep_from_a_smaller_fit_is_already_no_worse(method, ranks, larger):
    values, shown = np.random.default_rng(8).standard_normal((9, 8, 7)), random_mask((9, 8, 7), 0.2)
    values = np.where(shown, values, 0.0)
    before = GRID_METHODS[method].fit(values, shown, ranks, None, max_sweeps=500, tolerance=1e-7)
    after = GRID_METHODS[method].fit(values, shown, larger, before, max_sweeps=1, tolerance=0)
    assert after.error <= before.error + 1e-12


def test_a_fit_cut_short_is_told():
    tensor = planted_slices(SHAPE, (2, 1, 1), noise=0.8)
    found = rank_cross_validation(tensor, "slice", [(2, 1, 1)], folds=2, max_sweeps=1)
    assert "2 of 2 fits stopped before they settled" in found.summary()
    assert "settled" not in rank_cross_validation(tensor, "slice", [1], folds=2).summary()


def test_the_picture_marks_what_was_chosen():
    tensor, _ = planted_cp(SHAPE, 2, noise=0.3)
    found = rank_cross_validation(tensor, "cp", [3, 1, 2], folds=2)
    ax = found.plot()
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["hidden entries", "shown entries", "chosen: rank 2"]
    ring = next(line for line in ax.lines if line.get_label() == "chosen: rank 2")
    assert ring.get_xdata()[0] == 2
    triples = rank_cross_validation(tensor, "slice", [(1, 0, 0), (1, 1, 1)], folds=2).plot()
    assert triples.get_xlabel() == "free parameters"
