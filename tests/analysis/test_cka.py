"""CKA against its plain definition, published numbers and its invariances."""

import dataclasses

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform

from dynascope.analysis import cka, cka_terms
from dynascope.analysis.distances import SquaredDistances, central_row
from dynascope.analysis.feature_space import linear_sums
from dynascope.analysis.gram_space import GaussianKernel, LinearKernel, gram_sums
from dynascope.analysis.hsic import estimate

VARIANTS = [(centered, debiased) for centered in (True, False) for debiased in (False, True)]


def sines(shape, s, c):
    """The test signal of the specification: c · sin(0.37 (s + 1)(n + 1)) over the flat index n."""
    return c * np.sin(0.37 * (s + 1) * (np.arange(np.prod(shape)) + 1)).reshape(shape)


def related(n, p, q, seed=0, noise=1.0):
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((n, 3))
    x = shared @ rng.standard_normal((3, p)) + noise * rng.standard_normal((n, p)) + 1.0
    return x, shared @ rng.standard_normal((3, q)) + noise * rng.standard_normal((n, q)) - 0.5


def plain_hsic(k, low, *, centered, debiased):
    n = len(k)
    if debiased:
        k, low = k - np.diag(np.diag(k)), low - np.diag(np.diag(low))
    if not centered:
        return (k * low).sum() / (n * (n - 1) if debiased else n**2)
    one = np.ones(n)
    if not debiased:
        h = np.eye(n) - 1 / n
        return np.trace(k @ h @ low @ h) / (n - 1) ** 2
    product = np.trace(k @ low) + (one @ k @ one) * (one @ low @ one) / ((n - 1) * (n - 2))
    return (product - 2 / (n - 2) * one @ k @ low @ one) / (n * (n - 3))


def plain_cka(k, low, **kind):
    return plain_hsic(k, low, **kind) / np.sqrt(plain_hsic(k, k, **kind) * plain_hsic(low, low, **kind))


def plain_rbf(x, bandwidth):
    distances = pdist(x)
    return np.exp(-(squareform(distances) ** 2) / (2 * (bandwidth * np.median(distances)) ** 2))


def test_golden_values_of_the_specification():
    x, y = sines((20, 3), 0, 1), sines((20, 4), 100, 1) + 0.5
    assert cka(x, y, centered=False) == pytest.approx(0.0683440790, abs=5e-11)
    # Stated as 0.0636655390; the same formula in extended precision gives this, 3.5e-9 lower.
    assert cka(x, y) == pytest.approx(0.06366553549823554, abs=1e-14)


@pytest.mark.parametrize(("centered", "debiased"), VARIANTS)
# In the order of shapes: feature space, sample space, panels of several widths, fewest samples.
@pytest.mark.parametrize(("n", "p", "q"), [(60, 5, 8), (12, 30, 50), (900, 400, 1), (5, 2, 3), (40, 1, 1)])
def test_linear_equals_the_gram_definition(n, p, q, centered, debiased):
    x, y = related(n, p, q)
    expected = plain_cka(x @ x.T, y @ y.T, centered=centered, debiased=debiased)
    assert cka(x, y, centered=centered, debiased=debiased) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(("centered", "debiased"), VARIANTS)
@pytest.mark.parametrize("bandwidth", [0.3, 1.0, 2.0])
def test_rbf_equals_the_gram_definition(bandwidth, centered, debiased):
    x, y = related(41, 4, 7)
    found = cka(x, y, kernel="rbf", bandwidth=bandwidth, centered=centered, debiased=debiased)
    expected = plain_cka(plain_rbf(x, bandwidth), plain_rbf(y, bandwidth), centered=centered, debiased=debiased)
    assert found == pytest.approx(expected, abs=1e-10)


def test_rbf_default_bandwidth_is_the_median_distance():
    x, y = related(30, 4, 7)
    assert cka(x, y, kernel="rbf") == cka(x, y, kernel="rbf", bandwidth=1)


def test_rbf_of_wide_bandwidth_is_linear_cka():
    # K − 1 → −‖x_a − x_b‖² / 2σ², and centred squared distances are −2 XXᵀ; corrections fall with 1/σ².
    x, y = related(50, 4, 6)
    for debiased in (False, True):
        wide = cka(x, y, kernel="rbf", bandwidth=1e4, debiased=debiased)
        assert wide == pytest.approx(cka(x, y, debiased=debiased), abs=1e-7)


def test_terms_hold_both_estimates():
    x, y = related(50, 6, 4)
    terms = cka_terms(x, y)
    assert (terms.biased, terms.debiased) == (cka(x, y), cka(x, y, debiased=True))
    gram = plain_hsic(x @ x.T, y @ y.T, centered=True, debiased=True)
    assert terms.hsic.debiased[0, 1] == pytest.approx(gram, rel=1e-12)


@dataclasses.dataclass
class Precomputed:
    matrix: np.ndarray

    def block(self, rows, columns):
        return self.matrix[slice(*rows), slice(*columns)]


@pytest.mark.parametrize("centered", [True, False])
def test_hsic_of_any_kernel_equals_its_definition(centered):
    # Kernels with a diagonal and with rows that do not sum to zero, unlike those of linear and RBF CKA.
    kernels = [array @ array.T + 0.3 for array in related(23, 4, 6)]
    sums = gram_sums([Precomputed(kernel) for kernel in kernels], 23, with_rows=True, rows=7)
    found = estimate(sums, ["x", "y"], centered=centered)
    for debiased, values in ((False, found.biased), (True, found.debiased)):
        expected = [[plain_hsic(k, low, centered=centered, debiased=debiased) for low in kernels] for k in kernels]
        np.testing.assert_allclose(values, expected, rtol=1e-12)


def sums_equal(first, second):
    for name in ("products", "diagonals", "diagonal", "row_products", "total", "mixed"):
        left, right = getattr(first, name), getattr(second, name)
        np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-12 * np.abs(right).max())


def test_chunk_size_does_not_matter():
    arrays = related(100, 420, 30)  # 420 columns: two panels
    means = [array.mean(axis=0) for array in arrays]
    whole = linear_sums(arrays, means, rows=10**9)
    sums_equal(linear_sums(arrays, means, rows=7), whole)
    kernels = [LinearKernel(array, mean) for array, mean in zip(arrays, means, strict=True)]
    np.testing.assert_allclose(gram_sums(kernels, 100, with_rows=False, rows=7).products, whole.products, rtol=1e-12)


def test_block_size_does_not_matter_to_rbf():
    x, y = related(60, 5, 4)
    kernels = [GaussianKernel(SquaredDistances(array, array.mean(axis=0)), width=3.0, offset=1) for array in (x, y)]
    whole = gram_sums(kernels, 60, with_rows=True, rows=60)
    sums_equal(gram_sums(kernels, 60, with_rows=True, rows=7), whole)


def test_small_memory_budgets_change_nothing(monkeypatch):
    arrays = related(90, 500, 420)
    means = [array.mean(axis=0) for array in arrays]
    expected = linear_sums(arrays, means)
    monkeypatch.setattr("dynascope.analysis.feature_space._ACCUMULATOR_BYTES", 1)
    sums_equal(linear_sums(arrays, means), expected)


@pytest.mark.parametrize("n", [30, 31])
@pytest.mark.parametrize("kind", ["normal", "outlier", "ties", "one_hot", "repeated"])
def test_median_distance_in_bounded_memory_is_exact(monkeypatch, n, kind):
    x = np.random.default_rng(3).standard_normal((n, 4))
    if kind == "outlier":
        x[5] = 1e6
    if kind == "ties":
        x = np.round(x)
    if kind == "one_hot":
        x = np.eye(n)
    if kind == "repeated":
        x[: n // 2] = x[0]
    monkeypatch.setattr("dynascope.analysis.distances._HELD_PAIRS", 3)
    monkeypatch.setattr("dynascope.analysis.distances._BINS", 8)
    monkeypatch.setattr("dynascope.analysis.distances._BLOCK_ROWS", 7)
    found = SquaredDistances(x, central_row(x)).median_distance()
    assert found == pytest.approx(np.median(pdist(x)), rel=1e-12)


def test_equal_samples_are_at_distance_zero():
    x = np.random.default_rng(3).standard_normal((30, 37)) + 1e3
    repeated = np.repeat(x, 3, axis=0)
    found = SquaredDistances(repeated, np.zeros(37)).block((0, 90), (0, 90))
    equal = np.arange(90)[:, np.newaxis] // 3 == np.arange(90) // 3
    np.testing.assert_array_equal(found == 0, equal)


@pytest.mark.parametrize("held", [3, 10**6])
def test_mostly_repeated_samples_have_median_distance_zero(monkeypatch, held):
    monkeypatch.setattr("dynascope.analysis.distances._HELD_PAIRS", held)
    x = np.random.default_rng(3).standard_normal((30, 37)) + 1e3
    x[6:] = x[0]
    assert SquaredDistances(x, central_row(x)).median_distance() == 0


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(5, 40),
    p=st.integers(1, 12),
    scale=st.floats(1e-3, 1e3),
    shift=st.floats(-10, 10),
    kernel=st.sampled_from(["linear", "rbf"]),
    debiased=st.booleans(),
)
def test_centred_cka_ignores_rotation_scale_and_shift(seed, n, p, scale, shift, kernel, debiased):
    x, y = related(n, p, 3, seed=seed, noise=0.2)
    rotation = np.linalg.qr(np.random.default_rng(seed + 1).standard_normal((p, p)))[0]
    moved = scale * x @ rotation + shift
    same = cka(moved, y, kernel=kernel, debiased=debiased)
    # 1e-8: a shift of 10 beside a scale of 1e-3 costs four of the sixteen digits.
    assert same == pytest.approx(cka(x, y, kernel=kernel, debiased=debiased), abs=1e-8)
    assert cka(y, moved, kernel=kernel, debiased=debiased) == pytest.approx(same, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 30), p=st.integers(1, 40), centered=st.booleans())
def test_biased_cka_lies_between_zero_and_one(seed, n, p, centered):
    x, y = related(n, p, 2, seed=seed)
    assert 0 <= cka(x, y, centered=centered) <= 1
    assert cka(x, x, centered=centered) == pytest.approx(1, abs=1e-12)


def test_uncentred_cka_sees_a_shift():
    x, y = related(50, 4, 4)
    assert cka(x + 5, y, centered=False) != pytest.approx(cka(x, y, centered=False), abs=1e-3)


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_order_of_samples_does_not_matter(kernel):
    x, y = related(80, 5, 6)
    order = np.random.default_rng(1).permutation(80)
    assert cka(x[order], y[order], kernel=kernel) == pytest.approx(cka(x, y, kernel=kernel), abs=1e-12)
    assert cka(x[order], y, kernel=kernel) != pytest.approx(cka(x, y, kernel=kernel), abs=1e-2)


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_debiased_averages_zero_for_independent_data(kernel):
    rng = np.random.default_rng(5)
    terms = [cka_terms(rng.standard_normal((20, 40)), rng.standard_normal((20, 40)), kernel=kernel) for _ in range(100)]
    debiased = np.array([each.debiased for each in terms])
    # Five standard errors: a failure by chance once in two million seeds.
    assert abs(debiased.mean()) < 5 * debiased.std() / 10
    assert np.mean([each.biased for each in terms]) > 0.5


def test_findings_of_independent_data():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((200, 256)), rng.standard_normal((200, 256))
    assert cka(x, y) == pytest.approx(0.561, abs=0.01)


@pytest.mark.parametrize(("n", "p"), [(3000, 20), (40, 300)])
def test_float32_stays_within_a_hundred_thousandth(n, p):
    x, y = related(n, p, p)
    exact, single = cka_terms(x, y), cka_terms(x.astype(np.float32), y.astype(np.float32))
    assert single.biased == pytest.approx(exact.biased, abs=1e-5)
    assert single.debiased == pytest.approx(exact.debiased, abs=1e-5)


def test_float32_with_a_large_mean_stays_accurate():
    x, y = related(5000, 8, 8)
    far = (x + 300).astype(np.float32)
    assert cka(far, y.astype(np.float32)) == pytest.approx(cka(far.astype(np.float64), y), abs=1e-6)


def test_large_mean_does_not_cost_digits():
    x, y = related(500, 8, 8)
    assert cka(x + 1e6, y) == pytest.approx(cka(x, y), abs=1e-10)


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.bool_, np.float16, ">f8", np.longdouble])
@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_other_dtypes_are_computed_in_float64(dtype, kernel):
    x, y = related(64, 5, 6)
    x = np.clip(np.round(4 * x), 0, 200).astype(dtype)
    assert cka(x, y, kernel=kernel) == pytest.approx(cka(x.astype(np.float64), y, kernel=kernel), abs=1e-12)


@pytest.mark.parametrize(
    "view",
    [
        lambda x: np.asfortranarray(x),
        lambda x: np.repeat(x, 2, axis=0)[::2],
        lambda x: np.ascontiguousarray(x[::-1])[::-1],
        lambda x: np.ascontiguousarray(x[:, ::-1])[:, ::-1],
        lambda x: x.tolist(),
    ],
    ids=["fortran", "strided", "negative_rows", "negative_columns", "list"],
)
def test_layout_does_not_matter(view):
    x, y = related(64, 5, 6)
    assert cka(view(x), y) == pytest.approx(cka(x, y), abs=1e-14)
    single = x.astype(np.float32)
    assert cka(view(single), y) == pytest.approx(cka(single, y), abs=1e-14)


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_datasets_on_disk_are_read_in_chunks(tmp_path, kernel):
    x, y = related(300, 5, 400)
    with h5py.File(tmp_path / "activity.h5", "w") as file:
        on_disk = [file.create_dataset(name, data=array) for name, array in (("x", x), ("y", y))]
        assert cka(*on_disk, kernel=kernel) == cka(x, y, kernel=kernel)
