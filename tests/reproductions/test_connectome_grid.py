"""The published grid of connectome networks: its order, what is compared, and how the published claims are judged."""

import itertools

import numpy as np
import pytest

from dynascope.analysis import compare_learning
from dynascope.reproductions.connectome import bio_versus_random, grid, learning, networks
from dynascope.reproductions.connectome.networks import STRATEGIES, Combo, Wiring
from dynascope.reproductions.study import Scale, Study, Workbench, get_study
from dynascope.trainers.connectome.ini_sections import TASKS

CELL = grid.Cell("Macaque_Normalized", "seq_mem", STRATEGIES[0])


def bench_of(name, output, scale="small", **changes):
    study = get_study(name)
    own = study.scales[scale]
    budget = {**own.budget, **changes}
    runs = changes.get("runs", own.runs)
    return Workbench(Study(name, "", "", {"small": Scale(runs, budget)}, None, shares_work=True), output)


def comparison(shift=0.0, factor=1.0, runs=4):
    """Return curves of two combinations; rand settles ``shift`` epochs later and ends ``factor`` times higher."""
    generator = np.random.default_rng(0)
    epochs = np.arange(60)

    def curves(shift, factor):
        middle = 20 + shift + generator.normal(0, 0.5, (2, runs, 1))
        level = (
            1e-4 * factor * np.array([1, 10])[:, np.newaxis, np.newaxis] * 10 ** generator.normal(0, 0.02, (2, runs, 1))
        )
        # A slope, so that the minimum is at the end and not where rounding puts it.
        return level + 1e-9 * (60 - epochs) + 1 / (1 + np.exp(2 * (epochs - middle)))

    return compare_learning({"bio": curves(0, 1), "rand": curves(shift, factor)}, [(1,), (2,)], ["P"])


def test_the_paper_has_the_24_combinations_of_the_templates_in_their_order(tmp_path):
    bench = bench_of("connectome.bio-versus-random", tmp_path, "paper")
    found = grid.combos(bench, "seq_mem")
    assert len(found) == 24
    assert found[0] == Combo(1e-4, "relu", "adam", 3)
    assert found[1].parameter == 5
    assert found[3].optimizer == "rmsprop"
    assert found[-1] == Combo(1e-6, "tanh", "rmsprop", 10)
    assert [one.parameter for one in grid.combos(bench, "nback_mem")[:3]] == [2, 3, 4]
    assert bench.runs == 5
    assert set(bench.budget["tasks"]) <= set(TASKS)


def test_the_studies_share_the_networks_that_both_need(tmp_path):
    grids, strategies = (bench_of(f"connectome.{name}", tmp_path) for name in ("bio-versus-random", "strategies"))
    budget = strategies.budget
    combo = Combo(budget["learning_rate"], "tanh", "adam", budget["pattern_length"])
    assert combo in grid.combos(grids, "seq_mem")
    for wiring in (Wiring(STRATEGIES[0]), Wiring(STRATEGIES[2], "rand")):
        assert wiring in learning.own_gain(budget["nulls"])
        place = ("Macaque_Normalized", "seq_mem", combo, wiring)
        assert networks._settings(grids, place, 1).identity == networks._settings(strategies, place, 1).identity


def test_every_cell_compares_the_connectome_with_random_wiring_combination_by_combination(tmp_path, monkeypatch):
    bench = bench_of("connectome.bio-versus-random", tmp_path, tasks=["nback_mem"], n_backs=[1, 2])
    generator = np.random.default_rng(0)
    trained = {}

    def train(bench, places):
        trained.update({place: networks.Curves(*generator.random((2, 3, 6)), ()) for place in places})
        return trained

    monkeypatch.setattr(grid, "train", train)
    found = grid.comparisons(bench)
    assert [cell.strategy for cell in found] == list(STRATEGIES)
    for cell, own in found.items():
        assert own.labels == ("bio", "rand")
        assert own.columns == ("lr", "nonlinearity", "optimizer", "n_back")
        for (row, topology), (at, combo) in itertools.product(enumerate(own.labels), enumerate(own.combos)):
            curves = trained["Macaque_Normalized", "nback_mem", Combo(*combo), Wiring(cell.strategy, topology)]
            np.testing.assert_array_equal(own.final[row, at], curves.loss[:, -1])
            np.testing.assert_array_equal(own.final_accuracy[row, at], 100 * curves.performance[:, -1])


def test_runs_are_compared_by_their_mean_over_combinations():
    found = comparison(shift=5, factor=10)
    losses = bio_versus_random.by_run(found, "minimum", "rand")
    np.testing.assert_allclose(losses, np.log10(found.minimum[1]).mean(axis=0))
    np.testing.assert_allclose(bio_versus_random.differences(found, "minimum"), 1, atol=0.1)
    np.testing.assert_allclose(bio_versus_random.differences(found, "settled_epoch"), 5, atol=2)


def test_a_network_that_never_settled_counts_as_the_slowest():
    curves = {"bio": np.array([[[1, 0.5, 0.0, 0.0]] * 2]), "rand": np.array([[[1, 0.5, 0.4, 0.0], [1, 1, 1, 1.0]]])}
    found = compare_learning(curves)
    assert np.isnan(found.settled_epoch[1, 0, 1])
    assert bio_versus_random.differences(found, "settled_epoch").tolist() == [1, 1]


@pytest.mark.parametrize(
    ("found", "first", "second"),
    [
        (comparison(), "holds for heterogeneous, remap (at most 1", "holds. 3 simultaneous intervals"),
        (comparison(factor=0.1), "DOES NOT HOLD", "holds. 3"),
        (comparison(factor=10), "holds for heterogeneous, remap (at most 0.1", "DOES NOT HOLD for heterogeneous"),
        (comparison(shift=5), "holds for heterogeneous", "(99 % epoch: +"),
    ],
)
def test_the_claims_are_judged_by_intervals_over_runs(found, first, second):
    one, two = bio_versus_random.claims("here", {CELL: found})
    assert first in one
    assert second in two


def test_one_run_judges_nothing():
    (only,) = bio_versus_random.claims("here", {CELL: comparison(runs=1)})
    assert "no intervals with one run" in only
