"""The analysis of variance beside statsmodels' tables, scipy and literal comparisons of linear models."""

import h5py
import numpy as np
import pytest
from scipy import stats

from dynascope.analysis import AnovaTable, anova
from dynascope.errors import ConfigurationError, InputError

A, B = np.array(list("xxxxxyyyyyyxxxyyzzzzzzzz")), np.array(list("llrrrllllrrllrrlrrrlllrr"))
Y = np.array([3, 5, 2, 8, 6, 7, 4, 9, 11, 5, 7, 1, 6, 4, 10, 8, 2, 3, 7, 9, 12, 4, 6, 5])
EFFECTS = ("a", "b", "a:b")
# statsmodels 0.15, anova_lm of y ~ C(a, Sum) * C(b, Sum): sums of squares, F, p by type.
STATSMODELS = {
    1: (
        [42.24999999999996, 5.024456521739132, 24.642210144927542],
        [3.0644728005372697, 0.7288667620521506, 1.7873463369054226],
        [0.07154963905213012, 0.4044695649842434, 0.19586236030392523],
    ),
    2: (
        [39.10778985507247, 5.0244565217391735, 24.642210144927382],
        [2.83656232662715, 0.7288667620521567, 1.787346336905411],
        [0.08494782849534732, 0.40446956498424164, 0.1958623603039271],
    ),
    3: (
        [40.94655797101449, 5.554787234042588, 24.642210144927382],
        [2.969931672847256, 0.805798551076695, 1.787346336905411],
        [0.07679934971190364, 0.3812155787387486, 0.1958623603039271],
    ),
}
RESIDUAL = 124.08333333333336


@pytest.mark.parametrize("kind", [1, 2, 3])
def test_the_stored_tables_of_statsmodels(kind):
    table = anova(Y, {"a": A, "b": B}, sums_of_squares=kind)
    squares, f, p = STATSMODELS[kind]
    assert table.effects == EFFECTS
    assert table.df.tolist() == [2, 1, 2]
    assert table.df_residual == 18
    assert table.sums_of_squares == pytest.approx(squares, rel=1e-12)
    assert table.residual_sum_of_squares == pytest.approx(RESIDUAL, rel=1e-12)
    assert table.f == pytest.approx(f, rel=1e-12)
    assert table.p_values == pytest.approx(p, rel=1e-12)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [1, 2, 3])
def test_statsmodels_itself_where_it_is_installed(kind):
    pandas = pytest.importorskip("pandas")
    formula = pytest.importorskip("statsmodels.formula.api")
    linear = pytest.importorskip("statsmodels.stats.anova")
    rng = np.random.default_rng(3)
    a, b, c = rng.integers(0, 3, 90), rng.integers(0, 2, 90), rng.integers(0, 2, 90)
    y = rng.standard_normal((90, 3)) + 0.4 * a[:, None] * b[:, None]
    table = anova(y, {"a": a, "b": b, "c": c}, sums_of_squares=kind)
    for unit in range(3):
        frame = pandas.DataFrame({"y": y[:, unit], "a": a, "b": b, "c": c})
        expected = linear.anova_lm(formula.ols("y ~ C(a, Sum) * C(b, Sum) * C(c, Sum)", frame).fit(), typ=kind)
        expected = expected.drop(index=["Intercept", "Residual"], errors="ignore")
        assert table.f[:, unit] == pytest.approx(expected["F"].to_numpy(), rel=1e-11)
        assert table.p_values[:, unit] == pytest.approx(expected["PR(>F)"].to_numpy(), rel=1e-11)


def dummies(labels, effect, names):
    """One column for each combination of levels of the factors of an effect; rank-deficient, and that is fine."""
    columns = np.ones((len(labels[0]), 1))
    for name in effect:
        own = labels[names.index(name)]
        indicator = (own[:, None] == np.unique(own)).astype(float)
        columns = (columns[:, :, None] * indicator[:, None, :]).reshape(len(own), -1)
    return columns


def squares_left(y, columns):
    """The residual sum of squares and the rank of a linear model, by plain least squares."""
    coefficients, _, rank, _ = np.linalg.lstsq(columns, y, rcond=1e-10)
    return np.square(y - columns @ coefficients).sum(axis=0), rank


@pytest.mark.parametrize("kind", [1, 2])
@pytest.mark.parametrize("drop", [False, True], ids=["full", "empty cell"])
def test_every_sum_of_squares_is_a_difference_of_two_models(kind, drop):
    """Types 1 and 2 with dummy columns; with an empty cell, degrees of freedom are differences of ranks."""
    rng = np.random.default_rng(5)
    names = ["a", "b", "c"]
    labels = [rng.integers(0, 3, 80), rng.integers(0, 3, 80), rng.integers(0, 2, 80)]
    if drop:
        kept = ~((labels[0] == 1) & (labels[1] == 2))
        labels = [column[kept] for column in labels]
    y = rng.standard_normal((len(labels[0]), 4)) + labels[0][:, None]
    table = anova(y, dict(zip(names, labels, strict=True)), sums_of_squares=kind)
    effects = [tuple(effect.split(":")) for effect in table.effects]
    for index, effect in enumerate(effects):
        others = effects[:index] if kind == 1 else [other for other in effects if not set(effect) <= set(other)]
        reduced = np.hstack([np.ones((len(y), 1)), *(dummies(labels, other, names) for other in others)])
        full = np.hstack([reduced, dummies(labels, effect, names)])
        (left, rank), (right, larger) = squares_left(y, reduced), squares_left(y, full)
        assert table.df[index] == larger - rank
        assert table.sums_of_squares[index] == pytest.approx(left - right, rel=1e-10, abs=1e-10)
    everything = np.hstack([np.ones((len(y), 1)), *(dummies(labels, effect, names) for effect in effects)])
    left, rank = squares_left(y, everything)
    assert table.residual_sum_of_squares == pytest.approx(left, rel=1e-10)
    assert table.df_residual == len(y) - rank


def test_additive_models_and_chosen_interactions():
    rng = np.random.default_rng(1)
    factors = {name: rng.integers(0, 2, 60) for name in "abc"}
    y = rng.standard_normal((60, 2))
    assert anova(y, factors, interactions=None).effects == ("a", "b", "c")
    assert anova(y, factors, interactions=2).effects == ("a", "b", "c", "a:b", "a:c", "b:c")
    assert anova(y, factors, interactions=["c:a"]).effects == ("a", "b", "c", "a:c")
    assert anova(y, factors, interactions=[("a", "b")]).effects == ("a", "b", "c", "a:b")
    additive = anova(y, factors, interactions=None)
    names = list(factors)
    labels = [factors[name] for name in names]
    columns = np.hstack([dummies(labels, (name,), names) for name in names])
    assert additive.residual_sum_of_squares == pytest.approx(squares_left(y, columns)[0], rel=1e-11)


def test_one_way_equals_scipy_for_many_units_and_times():
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.repeat(np.arange(5), [3, 9, 14, 4, 20]))
    values = rng.standard_normal((50, 7, 11)) + 30 + 0.5 * labels[:, None, None]
    table = anova(values, labels, time=np.arange(7) / 10)
    expected = stats.f_oneway(*(values[labels == level] for level in range(5)), axis=0)
    assert table.f[0] == pytest.approx(expected.statistic, rel=1e-12)
    assert table.p_values[0] == pytest.approx(expected.pvalue, rel=1e-12)
    assert table.f.shape == (1, 7, 11)


@pytest.mark.parametrize("offset", [1e3, 1e6])
def test_a_large_offset_costs_few_digits(offset):
    rng = np.random.default_rng(2)
    labels, values = np.repeat(np.arange(4), 10), rng.standard_normal((40, 6))
    plain, shifted = anova(values, labels), anova(values + offset, labels)
    assert shifted.f == pytest.approx(plain.f, rel=1e-9)


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float16, np.float32, bool])
def test_types_of_numbers(dtype):
    values = np.random.default_rng(2).integers(0, 2, (40, 6)).astype(dtype)
    labels = np.repeat(np.arange(4), 10)
    assert anova(values, labels).f == pytest.approx(anova(values.astype(float), labels).f, rel=1e-12, nan_ok=True)


def test_views_lazy_arrays_and_read_only_inputs(tmp_path):
    rng = np.random.default_rng(4)
    values, labels = rng.standard_normal((30, 8, 10)), np.repeat(["a", "b", "c"], 10)
    expected = anova(values[:, ::2, ::-1].copy(), labels)
    frozen = values.copy()
    frozen.flags.writeable = False
    assert anova(frozen[:, ::2, ::-1], labels).f.tolist() == expected.f.tolist()
    with h5py.File(tmp_path / "a.h5", "w") as file:
        stored = file.create_dataset("x", data=values[:, ::2, ::-1])
        assert anova(stored, labels, permutations=5).f.tolist() == expected.f.tolist()
    assert (frozen == values).all()


class TestUnitsWithoutScatter:
    LABELS = np.repeat(np.arange(4), 5)

    @pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
    def test_deterministic_and_constant_units_are_reported(self, dtype):
        rng = np.random.default_rng(0)
        noisy, constant = 10 * rng.standard_normal(20), np.full(20, 3.1)
        levels = np.array([0.1, 0.7, 0.1, 12.3])[self.LABELS]
        table = anova(np.stack([noisy, levels, constant, 0 * constant], axis=1).astype(dtype), self.LABELS)
        assert table.deterministic.tolist() == [False, True, False, False]
        assert table.constant.tolist() == [False, False, True, True]
        assert np.isfinite(table.f).tolist() == [[True, False, False, False]]
        assert not np.isinf(table.f).any()
        assert np.isfinite(table.p_values).tolist() == np.isfinite(table.f).tolist()
        assert table.eta_squared[0, 1] == pytest.approx(1)
        assert table.partial_eta_squared[0, 1] == pytest.approx(1)
        assert table.omega_squared[0, 1] == pytest.approx(1)
        assert np.isnan(table.eta_squared[0, 2:]).all()
        text = table.summary()
        assert "deterministic): 1 of 4" in text
        assert "not tested, constant: 2 of 4" in text

    def test_rounding_of_single_precision_is_no_scatter(self):
        """Replays of a float32 network differ in the last bits; kept as float64 their rounding has to be told."""
        exact = np.array([5.0, 6.0, 7.0, 8.0], np.float32)[self.LABELS]
        jitter = np.nextafter(exact, np.float32(99))
        values = np.where(np.arange(20) % 2, exact, jitter)[:, None]
        assert anova(values, self.LABELS).deterministic.all()
        assert not anova(values.astype(float), self.LABELS).deterministic.any()
        assert anova(values.astype(float), self.LABELS, rounding=8 * 2.0**-23).deterministic.all()

    def test_small_but_real_scatter_is_tested(self):
        rng = np.random.default_rng(0)
        values = 5 + self.LABELS + 1e-6 * rng.standard_normal(20)
        table = anova(values, self.LABELS)
        means = values.reshape(4, 5).mean(axis=1)
        within = np.square(values.reshape(4, 5) - means[:, None]).sum()  # scipy's own difference of sums is off by 3e-4
        assert not table.deterministic
        assert table.f[0] == pytest.approx(5 * means.var(ddof=1) / (within / 16), rel=1e-8)

    def test_single_trials_per_cell_are_not_called_deterministic(self):
        a, b = np.repeat(np.arange(3), 4), np.tile(np.arange(4), 3)
        table = anova(np.random.default_rng(0).standard_normal(12), {"a": a, "b": b}, interactions=None)
        assert not table.deterministic
        assert np.isfinite(table.f).all()
        exact = anova(a + 0.1 * b, {"a": a, "b": b}, interactions=None)
        assert exact.deterministic  # nothing is left of a sum of effects
        assert np.isnan(exact.f).all()


def test_effect_sizes_by_their_formulas():
    table = anova(Y, {"a": A, "b": B})
    squares, left, total = table.sums_of_squares, RESIDUAL, np.square(Y - Y.mean()).sum()
    assert table.eta_squared == pytest.approx(squares / total)
    assert table.partial_eta_squared == pytest.approx(squares / (squares + left))
    mean_square = left / 18
    assert table.omega_squared == pytest.approx((squares - table.df * mean_square) / (total + mean_square))


def test_results_survive_being_saved(tmp_path):
    rng = np.random.default_rng(0)
    labels = {"a": np.tile([0, 1], 10), "b": np.repeat(["l", "r"], 10)}
    for shape, time in (((20,), None), ((20, 3), None), ((20, 4, 3), np.arange(4) / 2)):
        table = anova(rng.standard_normal(shape), labels, permutations=20, time=time)
        loaded = AnovaTable.load(table.save(tmp_path / "a.h5"))
        assert loaded.to_dict() == table.to_dict()
        assert loaded.summary() == table.summary()
        assert loaded.f.shape == (3, *shape[1:])
        assert table.f.shape == (3, *shape[1:])
        assert loaded.plot().get_title()


GOOD = np.random.default_rng(0).standard_normal((12, 3))
AB = np.repeat(["p", "q"], 6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: anova(GOOD[:, :, None, None], AB), r"^values: expected \(trial,\).* found shape \(12, 3, 1, 1\)"),
        (lambda: anova(np.where(np.eye(12, 3) > 0, np.nan, GOOD), AB), r"^values: found nan at index \(0, 0\)"),
        (lambda: anova(1e300 * GOOD, AB), "^values: too large to be squared"),
        (lambda: anova(GOOD, AB[:5]), r"^condition: expected one label for each of 12 trials, found shape \(5,\)"),
        (lambda: anova(GOOD, {"side": np.repeat("p", 12)}), r"^side: expected at least 2 .* found 1 \(p\)"),
        (lambda: anova(GOOD, {"x": np.append(np.ones(11), np.nan)}), "^x: found nan at index 11"),
        (lambda: anova(GOOD, {}), "^factors: expected at least one"),
        (lambda: anova(GOOD, {"a:b": AB}), "^factors: expected names without ':'"),
        (lambda: anova(GOOD, np.arange(12)), "^factors: 12 trials for 12 estimated means leave nothing"),
        (lambda: anova(GOOD, {"a": AB, "b": AB == "q"}), "^effect 'a': cannot be told .* a=p, b=True has no"),
        (lambda: anova(GOOD, AB, time=[1, 2, 3]), "^time: expected None, since values have no time axis"),
    ],
)  # fmt: skip
def test_refusals_of_data(call, words):
    with pytest.raises(InputError, match=words):
        call()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sums_of_squares": 4}, "^sums_of_squares: expected 1, 2 or 3, found 4"),
        ({"interactions": "some"}, "^interactions: expected 'all', None,"),
        ({"interactions": ["a:x"]}, "^interactions: unknown factor 'x'"),
        ({"interactions": ["a:a"]}, "^interactions: expected two or more different factors"),
        ({"interactions": 0}, "^interactions: expected the largest number of factors, found 0"),
        ({"permutations": -1}, "^permutations: expected a whole number of at least 0"),
    ],
)
def test_refusals_of_options(options, words):
    with pytest.raises(ConfigurationError, match=words):
        anova(Y, {"a": A, "b": B}, **options)


def test_type_3_is_refused_with_empty_cells_and_names_one():
    kept = ~((A == "x") & (B == "r"))
    with pytest.raises(
        ConfigurationError, match=r"type 3 depends on the coding .*\(a=x, b=r has no trial\); use type 2"
    ):
        anova(Y[kept], {"a": A[kept], "b": B[kept]}, sums_of_squares=3)
    additive = anova(Y[kept], {"a": A[kept], "b": B[kept]}, sums_of_squares=3, interactions=None)
    assert additive.df.tolist() == [2, 1]
