"""Speed and outcome of learning: hand examples, the plain definition, and tests between labels."""

import csv
import io

import numpy as np
import pytest
from scipy.stats import false_discovery_control, mannwhitneyu

from dynascope import plotting
from dynascope.analysis import LearningComparison, compare_learning, draw_learning_curves, learning_speed
from dynascope.errors import InputError

COMBOS = [(1e-4, "relu"), (1e-6, "tanh"), (1e-6, "relu")]


def falling(seed, n_combos=3, n_runs=6, n_epochs=40, scale=1.0):
    rng = np.random.default_rng(seed)
    tau = scale * rng.uniform(3, 9, (n_combos, n_runs, 1))
    return np.exp(-np.arange(n_epochs) / tau) + 0.01 * rng.random((n_combos, n_runs, n_epochs))


def plain_speed(curve, first=1, percent=1.0):
    """The published definition, one curve at a time, in epochs of the whole curve."""
    seen = curve[first:]
    low, high = seen.min(), seen.max()
    settled = next((at for at, loss in enumerate(seen) if 100 * (loss - low) / (high - low) <= percent), None)
    return low, first + list(seen).index(low), first + settled


def test_speed_by_hand():
    found = learning_speed([[9, 1.0, 0.5, 0.01, 0.0, 0.3], [0.1, 3.0, 1.0, 2.0, 1.0, 1.5]])
    assert found.minimum.tolist() == [0, 1]
    assert found.minimum_epoch.tolist() == [4, 2]
    assert found.settled_epoch.tolist() == [3, 2]
    assert found.final.tolist() == [0.3, 1.5]


def test_speed_is_the_plain_definition():
    curves = falling(0)
    for first, percent in ((1, 1.0), (0, 5.0), (7, 0.1)):
        found = learning_speed(curves, first_epoch=first, percent=percent)
        for at in np.ndindex(curves.shape[:2]):
            low, epoch, settled = plain_speed(curves[at], first, percent)
            assert (found.minimum[at], found.minimum_epoch[at], found.settled_epoch[at]) == (low, epoch, settled)


def test_curves_that_never_fall_never_settle():
    found = learning_speed([[2.0, 1.0, 1.0, 1.0], [2.0, np.nan, np.inf, np.nan], [1.0, np.nan, 3.0, 2.0]])
    np.testing.assert_array_equal(found.minimum, [1, np.nan, 2])
    np.testing.assert_array_equal(found.minimum_epoch, [1, np.nan, 3])
    np.testing.assert_array_equal(found.settled_epoch, [np.nan, np.nan, 3])


@pytest.mark.parametrize(
    ("losses", "options", "message"),
    [
        ([1.0], {}, "more than 1 epochs"),
        (3.0, {}, "expected"),
        ([["a", "b"]], {}, "real numbers"),
        ([1.0, 2.0], {"percent": 0}, "percent"),
        ([1.0, 2.0], {"first_epoch": -1}, "first_epoch"),
    ],
)
def test_impossible_curves_are_refused(losses, options, message):
    with pytest.raises(InputError, match=message):
        learning_speed(losses, **options)


def compared(**options):
    losses = {"bio": falling(1), "rand": falling(2, scale=1.4), "full": falling(3)}
    return losses, compare_learning(losses, COMBOS, ("lr", "activation"), **options)


def test_tests_are_those_of_scipy():
    losses, found = compared()
    assert found.pairs == [("bio", "rand"), ("bio", "full"), ("rand", "full")]
    for pair, (first, second) in enumerate(found.pairs):
        one, other = (learning_speed(losses[label]) for label in (first, second))
        for row, name in enumerate(("minimum", "minimum_epoch", "settled_epoch")):
            x, y = getattr(one, name), getattr(other, name)
            expected = [mannwhitneyu(y[combo], x[combo]) for combo in range(3)]
            p = [test.pvalue for test in expected]
            np.testing.assert_allclose(found.p_values[row, pair], p, rtol=1e-10)
            np.testing.assert_allclose(found.adjusted_p_values[row, pair], false_discovery_control(p), rtol=1e-10)
            np.testing.assert_allclose(
                found.effect_sizes[row, pair], [2 * test.statistic / 36 - 1 for test in expected], atol=1e-12
            )
            pooled = mannwhitneyu(y.ravel(), x.ravel())
            assert found.pooled_p_values[row, pair] == pytest.approx(pooled.pvalue, rel=1e-10)
            assert found.pooled_effect_sizes[row, pair] == pytest.approx(2 * pooled.statistic / 18**2 - 1)


def test_pooling_hides_what_combinations_show():
    rng = np.random.default_rng(0)
    level = np.array([0.0, 10.0, 20.0, 30.0])[:, np.newaxis, np.newaxis]
    base = level + 1 / np.arange(1, 21) + 0.1 * rng.random((4, 5, 20))
    found = compare_learning({"a": base, "b": base + 0.5})
    assert (found.adjusted_p_values[0, 0] < 0.05).all()
    assert (found.effect_sizes[0, 0] == 1).all()
    assert found.pooled_p_values[0, 0] > 0.1
    assert "adjusted p ≤ 0.05 in 4 of 4" in found.summary()


def test_runs_that_reach_nothing_are_worst():
    good = falling(4, n_combos=1)
    bad = np.full_like(good, np.nan)
    bad[0, :2] = good[0, :2] / 2
    found = compare_learning({"bad": bad, "good": good})
    # 2 of the 6 are better than nearly all, 4 worse than all.
    assert found.effect_sizes[0, 0, 0] < -0.2
    assert "bad: median minimum" in found.summary()
    assert "4 not settled, 4 without a finite loss" in found.summary()
    table = list(csv.DictReader(io.StringIO(found.table())))
    assert [row["minimum"] == "" for row in table] == [False] * 2 + [True] * 4 + [False] * 6


def test_table_has_a_row_for_every_run():
    losses, found = compared(final_accuracy={"bio": np.full((3, 6), 87.5)})
    rows = list(csv.DictReader(io.StringIO(found.table())))
    assert len(rows) == 3 * 3 * 6
    assert rows[6 + 2] | {"minimum": ""} == {
        "label": "bio", "combo": "1", "lr": "1e-06", "activation": "tanh", "iteration": "2", "minimum": "",
        "minimum_epoch": f"{found.minimum_epoch[0, 1, 2]:g}", "settled_epoch": f"{found.settled_epoch[0, 1, 2]:g}",
        "final": f"{losses['bio'][1, 2, -1]:.10g}", "final_accuracy": "87.5",
    }  # fmt: skip
    assert float(rows[8]["minimum"]) == pytest.approx(losses["bio"][1, 2, 1:].min())
    assert rows[-1]["label"] == "full"
    assert rows[-1]["final_accuracy"] == ""


def test_survives_being_saved(tmp_path):
    _, found = compared(final_accuracy={"rand": np.full((3, 6), 50.0)})
    loaded = LearningComparison.load(found.save(tmp_path / "a.h5"))
    assert loaded.to_dict() == found.to_dict()
    assert loaded.summary() == found.summary()
    assert loaded.combos == tuple(COMBOS)
    alone = compare_learning({"one": falling(5)})
    loaded = LearningComparison.load(alone.save(tmp_path / "b.h5"))
    assert loaded.p_values.shape == (3, 0, 3)
    assert loaded.columns == ("value_1",)
    assert "3 combinations of 6 runs" in loaded.summary()


@pytest.mark.parametrize(
    ("losses", "options", "message"),
    [
        ({}, {}, "at least one label"),
        ({"a": falling(0), "b": falling(0, n_runs=5)}, {}, "the same for each label"),
        ({"a": falling(0)[0]}, {}, "combo, iteration, epoch"),
        ({"a": falling(0)}, {"combos": COMBOS[:2]}, "expected 3 combinations"),
        ({"a": falling(0)}, {"combos": COMBOS, "columns": ["lr"]}, "of 1 values"),
        ({"a": falling(0)}, {"final_accuracy": {"a": np.zeros((3, 5))}}, "final_accuracy"),
        ({"a": [[[1.0, 2.0], [1.0]]]}, {}, "expected an array"),
    ],
)
def test_what_does_not_fit_is_refused(losses, options, message):
    with pytest.raises(InputError, match=message):
        compare_learning(losses, **options)


# --- pictures ---


@pytest.mark.parametrize("quantity", ["minimum", "minimum_epoch", "settled_epoch"])
def test_boxes(quantity):
    _, found = compared()
    ax = found.plot(quantity=quantity)
    assert [text.get_text() for text in ax.get_xticklabels()] == ["bio", "rand", "full"]
    assert ax.get_xlabel() == "topology"
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    np.testing.assert_array_equal(dots[1].get_ydata(), getattr(found, quantity)[1].ravel())
    assert len({dot.get_color() for dot in dots}) == 3
    by_combo = found.plot_combos(quantity=quantity).axes[0]
    assert [text.get_text() for text in by_combo.get_xticklabels()][1] == "1e-06\ntanh"
    assert len([line for line in by_combo.lines if line.get_marker() == "o"]) == 9
    with pytest.raises(InputError, match="quantity"):
        found.plot(quantity="final")


def test_boxes_say_what_was_not_reached():
    flat = np.ones((1, 3, 8))
    ax = compare_learning({"flat": flat, "falling": falling(1, 1, 3, 8)}).plot(quantity="settled_epoch")
    assert "3 not reached" in [text.get_text() for text in ax.texts]


def test_curves_have_bands_of_one_standard_deviation():
    train, test = ({"bio": falling(seed)[0], "rand": falling(seed + 1)[0]} for seed in (1, 5))
    ax = draw_learning_curves(plotting.figure().axes[0], train, test, ylabel="mse")
    assert [line.get_linestyle() for line in ax.lines] == ["-", "-", "--", "--"]
    np.testing.assert_allclose(ax.lines[2].get_ydata(), test["bio"][:, 1:].mean(0))
    assert ax.lines[0].get_xdata().tolist() == list(range(1, 40))
    band = ax.collections[1].get_paths()[0].vertices
    expected = train["rand"][:, 5].mean() + train["rand"][:, 5].std(ddof=1)
    assert band[band[:, 0] == 5][:, 1].max() == pytest.approx(expected)
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == ["bio", "rand", "train", "test (validation)"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epochs", "mse")


def test_curves_of_single_and_of_diverged_runs():
    one = {"a": np.array([[9.0, 3.0, 2.0]])}
    diverged = {"a": np.array([[9.0, 3.0, 2.0], [9.0, np.nan, np.inf]])}
    for curves in (one, diverged):
        ax = draw_learning_curves(plotting.figure().axes[0], curves, curves)
        assert ax.lines[0].get_ydata().tolist() == [3, 2]
    with pytest.raises(InputError, match="more than 1 epochs"):
        draw_learning_curves(plotting.figure().axes[0], {"a": np.ones((2, 1))}, one)
