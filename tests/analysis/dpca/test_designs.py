"""Cells: unbalanced, missing, estimated; marginalizations and their names."""

import numpy as np
import pytest
from planted_conditions import cell_means, labels, plain_marginals, planted, product

from dynascope.analysis import dpca
from dynascope.analysis.dpca.design import Design, contrast, subsets
from dynascope.analysis.dpca.marginalizations import Marginals, marginalizations


def without(activity, factors, drop):
    kept = ~drop
    return activity[kept], {name: column[kept] for name, column in factors.items()}


def additive(shape, n_times=9, n_units=10, seed=0, order=1):
    """Return a table with interactions of the factors up to ``order``, each varying over time."""
    rng = np.random.default_rng(seed)
    table = rng.standard_normal((*[1] * len(shape), n_times, n_units))
    for letters in subsets("sdc"[: len(shape)])[1:]:
        if len(letters) <= order:
            sizes = [size if letter in letters else 1 for letter, size in zip("sdc", shape, strict=False)]
            table = table + rng.standard_normal((*sizes, n_times, n_units))
    return np.broadcast_to(table, (*shape, n_times, n_units))


def test_contrasts_are_an_orthonormal_basis_of_the_cells():
    rows = np.concatenate([contrast("sdc", (3, 2, 4), letters) for letters in subsets("sdc")])
    assert rows.shape == (24, 24)
    assert np.abs(rows @ rows.T - np.eye(24)).max() < 1e-14


def test_marginals_keep_the_moments_of_the_parts():
    activity, factors, _ = planted()
    design = Design.of(factors, len(activity))
    terms = marginalizations("sd", activity.shape[1], {"all s": ["s", "st", "sd"]})
    found = Marginals.of(cell_means(activity, factors).reshape(8, 12, 15), design, terms)
    plain = plain_marginals(cell_means(activity, factors), "sd", {"all s": ["s", "st", "sd"]})
    assert sorted(found) == sorted(plain)
    for name, part in plain.items():
        assert np.abs(found[name].T @ found[name] - part @ part.T).max() < 1e-12 * np.square(part).sum()


@pytest.mark.parametrize("seed", range(3))
def test_noise_free_trials_deleted_at_random_change_nothing(seed):
    _, factors, table = planted(n_trials=5, noise=0.0)
    activity = table[factors["s"], factors["d"]]
    drop = np.random.default_rng(seed).random(len(activity)) < 0.5
    drop[np.unique(np.ravel_multi_index((factors["s"], factors["d"]), (4, 2)), return_index=True)[1]] = False
    whole, part = dpca(activity, factors, 3, 1e-4), dpca(*without(activity, factors, drop), 3, 1e-4)
    assert len(set(part.trials_per_cell.tolist())) > 1
    for name in ("encoder_matrix", "decoder_matrix", "component_matrix", "variances"):
        assert np.abs(getattr(whole, name) - getattr(part, name)).max() < 1e-10


@pytest.mark.parametrize(("shape", "order", "n_missing"), [((4, 3), 1, 3), ((3, 2, 2), 2, 1), ((3, 2, 3), 1, 6)])
def test_missing_cells_are_estimated_without_the_highest_interactions(shape, order, n_missing):
    table = additive(shape, order=order)
    factors = labels(2, shape, "sdc"[: len(shape)])
    activity = table[tuple(factors.values())]
    cell = np.ravel_multi_index(tuple(factors.values()), shape)
    missing = np.random.default_rng(1).choice(np.prod(shape), n_missing, replace=False)
    whole = dpca(activity, factors, 2, 1e-4)
    part = dpca(*without(activity, factors, np.isin(cell, missing)), 2, 1e-4)
    assert (part.trials_per_cell == 0).sum() == n_missing
    assert f"{n_missing} of {np.prod(shape)} cells have no trials" in part.summary()
    assert np.abs(part.component_matrix - whole.component_matrix).max() < 1e-10
    for name, rank in zip(whole.marginalizations, whole.ranks, strict=True):
        mine, theirs = (product(of.encoders[name], of.decoders[name]) for of in (part, whole))
        assert np.abs(mine - theirs).max() < 1e-10 or rank == 0


def test_the_estimate_is_the_one_with_the_least_interaction():
    rng = np.random.default_rng(2)
    factors = {"s": np.array([0, 0, 1, 1, 2, 2, 2]), "d": np.array([0, 1, 0, 2, 0, 1, 2])}
    design = Design.of(factors, 7)
    means = rng.standard_normal(7)
    table = design.completion @ means

    def interaction(missing):
        filled = table.copy()
        filled[design.counts == 0] = missing
        return np.square(design.contrast("sd") @ filled).sum()

    best = table[design.counts == 0]
    assert np.array_equal(table[design.observed], means)
    assert all(interaction(best + step) > interaction(best) for step in 0.1 * rng.standard_normal((50, 2)))


def test_cells_that_nothing_determines_are_refused():
    s = np.repeat([0, 1, 2], 4)
    with pytest.raises(ValueError, match=r"no trial has s=0, d=1 \(6 of 9 cells .* too few to estimate it"):
        dpca(np.random.default_rng(0).standard_normal((12, 5, 6)), {"s": s, "d": s}, 2)


def test_names_are_in_the_order_of_the_factors_with_time_last():
    assert list(marginalizations("sd", 10)) == ["s", "d", "t", "sd", "st", "dt", "sdt"]
    joined = marginalizations("sd", 10, {"st": ["ts", "s"], "rest": ["tds", "sd"]})
    assert joined == {"st": ("s", "st"), "d": ("d",), "t": ("t",), "rest": ("sd", "sdt"), "dt": ("dt",)}
    assert list(marginalizations("s", 1, {"st": ["s", "st"]})) == ["st"]


def test_labels_may_be_text_numbers_or_booleans():
    activity, factors, _ = planted(n_trials=3)
    expected = dpca(activity, factors, 2, 1e-4)
    words = np.array(["a", "bb", "ccc", "dddd"], dtype=object)[factors["s"]]
    found = dpca(activity, {"s": words.tolist(), "d": factors["d"].astype(bool)}, 2, 1e-4)
    assert found.levels == {"s": ["a", "bb", "ccc", "dddd"], "d": [False, True]}
    assert np.array_equal(found.encoder_matrix, expected.encoder_matrix)
    again = found.transform(activity, "st")
    assert np.array_equal(again, expected.transform(activity, "st"))


def test_one_time_sample_has_no_marginalization_of_time():
    activity, factors, _ = planted(n_times=1)
    found = dpca(activity, factors, 2)
    assert found.marginalizations == ("s", "d", "sd")
    assert found.components["sd"].shape == (2, 4, 2, 1)
    assert found.plot().get_xlabel() == ""
