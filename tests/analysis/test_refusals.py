"""What every analysis refuses, in which words; and that no input is ever changed."""

import numpy as np
import pytest

from dynascope import analysis
from dynascope.errors import InputError
from dynascope.results import digest_arrays

GOOD = np.random.default_rng(0).standard_normal((20, 3))
CUBE = np.random.default_rng(1).standard_normal((4, 6, 3))


def replaced(array, index, value):
    changed = array.copy()
    changed[index] = value
    return changed


# Functions of (samples, features), each given the bad array as its first argument.
MATRIX = {
    "cka": lambda x: analysis.cka(x, GOOD),
    "cka rbf": lambda x: analysis.cka(x, GOOD, kernel="rbf"),
    "cka uncentred": lambda x: analysis.cka(x, GOOD, centered=False),
    "cka_terms": lambda x: analysis.cka_terms(x, GOOD),
    "procrustes_distance": lambda x: analysis.procrustes_distance(x, GOOD),
    "cca": lambda x: analysis.cca(x, GOOD),
    "participation_ratio": analysis.participation_ratio,
    "variance_captured": lambda x: analysis.variance_captured(x, np.eye(3)[:, :1]),
}
LISTS = {
    "cka_matrix": lambda x: analysis.cka_matrix([x, GOOD]),
    "similarity_matrix": lambda x: analysis.similarity_matrix([x, GOOD]),
}
BAD_MATRICES = [
    (replaced(GOOD, (4, 1), np.nan), r": found nan at index \(4, 1\); expected finite numbers"),
    (replaced(GOOD, (0, 2), -np.inf), r": found -inf at index \(0, 2\); expected finite numbers"),
    (replaced(GOOD, (19, 0), np.nan).astype(np.float32), r": found nan at index \(19, 0\)"),
    (GOOD[0], r": expected a matrix \(samples, features\), found shape \(3,\)"),
    (np.float64(3), r": expected a matrix \(samples, features\), found shape \(\)"),
    (CUBE, r": expected \(samples, features\), found shape \(4, 6, 3\); .*analysis\.flatten_samples"),
    (GOOD[:1], r": expected at least 2 samples \(rows\), found shape \(1, 3\)"),
    (GOOD[:0], r": expected at least 2 samples \(rows\), found shape \(0, 3\)"),
    (GOOD[:, :0], r": expected at least 1 feature \(column\), found shape \(20, 0\)"),
    (GOOD + 1j, r": expected real numbers, found dtype complex128"),
    (GOOD.astype(str), r": expected real numbers, found dtype <U"),
    (GOOD.astype(object), r": expected real numbers, found dtype object"),
    ([[1, 2], [3]], r": expected an array of numbers, found list"),
    (np.ma.masked_array(GOOD), r": masked arrays are not supported"),
]


@pytest.mark.parametrize(("bad", "words"), BAD_MATRICES)
@pytest.mark.parametrize("name", [*MATRIX, *LISTS])
def test_bad_matrices_are_refused_by_name(name, bad, words):
    argument = r"arrays\[0\]" if name in LISTS else "x"
    with pytest.raises(InputError, match=f"^{argument}{words}"):
        {**MATRIX, **LISTS}[name](bad)


CONSTANT = np.full((20, 3), 0.1)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: analysis.cka(GOOD, CONSTANT), "^y: every feature is constant, .*CKA is undefined"),
        (lambda: analysis.cka(GOOD, CONSTANT, kernel="rbf", centered=False), "^y: every feature is constant"),
        (lambda: analysis.cka(0 * GOOD, GOOD, centered=False), "^x: every value is zero"),
        (lambda: analysis.cka_matrix([GOOD, GOOD, CONSTANT]), r"^arrays\[2\]: every feature is constant"),
        (lambda: analysis.procrustes_distance(GOOD, CONSTANT), r"^y: every feature is constant \(or zero\)"),
        (lambda: analysis.cca(GOOD, CONSTANT), "^y: every feature is constant"),
        (lambda: analysis.participation_ratio(CONSTANT), "^x: every feature is constant, .*no variance"),
        (lambda: analysis.variance_captured(CONSTANT, np.eye(3)), "^x: every feature is constant"),
        (lambda: analysis.cka(GOOD, GOOD[1:]), "^y: has 19 samples, x has 20; row i"),
        (lambda: analysis.cka_matrix([GOOD, GOOD[1:]]), r"^arrays\[1\]: has 19 samples, arrays\[0\] has 20"),
        (lambda: analysis.procrustes_distance(GOOD, GOOD[1:]), "^y: has 19 samples"),
        (lambda: analysis.cca(GOOD, GOOD[1:]), "^y: has 19 samples"),
        (lambda: analysis.cka(GOOD, GOOD, kernel="linaer"), "unknown kernel 'linaer': did you mean 'linear'"),
        (lambda: analysis.cka(GOOD, GOOD, bandwidth=1.0), "^bandwidth: applies to kernel='rbf' only"),
        (
            lambda: analysis.cka(GOOD, GOOD, kernel="rbf", bandwidth=0),
            "^bandwidth: expected a positive number",
        ),
        (lambda: analysis.cka(GOOD, GOOD, kernel="rbf", bandwidth=np.nan), "positive number, found nan"),
        (lambda: analysis.cka(GOOD, GOOD, kernel="rbf", bandwidth="wide"), "positive number, found 'wide'"),
        (lambda: analysis.cka(np.eye(20)[:, :1], GOOD, kernel="rbf"), "^x: the median distance .* is zero"),
        (lambda: analysis.cka(GOOD[:3], GOOD[:3], debiased=True), "^x: .* needs at least 4 samples, found 3"),
        (lambda: analysis.cka(1e200 * GOOD, GOOD), "^x: values overflow or underflow"),
        (lambda: analysis.cka(1e-100 * GOOD, GOOD), "^x: values overflow or underflow"),
        (
            lambda: analysis.cka((1e25 * GOOD).astype(np.float32), GOOD.astype(np.float32)),
            "^x: values overflow",
        ),
        (lambda: analysis.cka(np.full((20, 3), 1e308), GOOD), "^x: values overflow"),
        (lambda: analysis.participation_ratio(1e200 * GOOD), "^x: values overflow or underflow"),
        (lambda: analysis.variance_captured(1e-200 * GOOD, np.eye(3)), "^x: values overflow or underflow"),
        (lambda: analysis.cka_matrix([]), "^arrays: expected at least one array"),
        (lambda: analysis.similarity_matrix([GOOD], ["a", "b"]), "^names: expected 1 names, .* found 2"),
        (
            lambda: analysis.similarity_matrix([GOOD, GOOD], ["a", "a"]),
            "distinct names, found 'a' more than once",
        ),
        (
            lambda: analysis.procrustes_distance(GOOD, GOOD, metric="angle"),
            "unknown metric 'angle': did you mean",
        ),
        (lambda: analysis.cca(GOOD, GOOD, tolerance=2), "^tolerance: expected a number above 0 and below 1"),
        (lambda: analysis.principal_angles(GOOD, GOOD[:9]), r"^b: has 9 rows \(units\), a has 20"),
        (lambda: analysis.principal_angles(GOOD[:, [0, 0]], GOOD), "^a: its 2 columns span 1 dimensions"),
        (lambda: analysis.principal_angles(GOOD, 0 * GOOD), "^b: its 3 columns span 0 dimensions"),
        (lambda: analysis.principal_angles(GOOD[0], GOOD), r"^a: expected a matrix"),
        (
            lambda: analysis.principal_angles(replaced(GOOD, (2, 1), np.nan), GOOD),
            r"^a: found nan at index \(2, 1\)",
        ),
        (lambda: analysis.variance_captured(GOOD, np.eye(4)), "^basis: has 4 rows, x has 3 features"),
    ],
)
def test_impossible_requests_are_refused(call, words):
    with pytest.raises(InputError, match=words):
        call()


def test_debiased_self_similarity_that_is_not_positive_is_reported():
    # One-hot samples: every pair is equally far apart, and nothing is left after U-centring.
    with pytest.raises(InputError, match=r"^x: its debiased similarity to itself is .*use more, or debiased=False"):
        analysis.cka(np.eye(8), GOOD[:8], debiased=True)


PAIRS = [
    ((CUBE, CUBE[:3]), {}, r"prediction: has shape \(3, 6, 3\), target has \(4, 6, 3\)"),
    (
        (CUBE[0], CUBE[0]),
        {},
        r"target: expected \(trial, time, unit\) with no empty axis, found shape \(6, 3\)",
    ),
    ((CUBE[:0], CUBE[:0]), {}, r"target: .* no empty axis, found shape \(0, 6, 3\)"),
    ((replaced(CUBE, (1, 2, 0), np.nan), CUBE), {}, r"target: found nan at index \(1, 2, 0\)"),
    ((CUBE, replaced(CUBE, (3, 5, 2), np.inf)), {}, r"prediction: found inf at index \(3, 5, 2\)"),
    ((CUBE.astype(complex), CUBE), {}, "target: expected real numbers"),
    ((CUBE, CUBE), {"mask": np.ones((4, 6))}, "mask: expected booleans .*found dtype float64"),
    ((CUBE, CUBE), {"mask": np.ones((6, 4), dtype=bool)}, r"mask: expected shape \(4, 6\)"),
]


@pytest.mark.parametrize(("pair", "options", "words"), PAIRS)
def test_bad_trajectories_are_refused(pair, options, words):
    with pytest.raises(InputError, match="^" + words):
        analysis.trajectory_r2(*pair, **options)
    with pytest.raises(InputError, match=rf"^pairs\['states'\]: {words}"):
        analysis.recovery({"states": pair}, **options)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: analysis.trajectory_r2(CUBE, CUBE, mode="per_trail"),
            "unknown mode 'per_trail': did you mean 'per_tr",
        ),
        (
            lambda: analysis.trajectory_r2(CUBE[:1], CUBE[:1], mode="per_time"),
            "'per_time' needs at least 2 kept .* trial",
        ),
        (
            lambda: analysis.trajectory_r2(CUBE, CUBE, mask=np.zeros((4, 6), dtype=bool)),
            "at least 2 kept entries over time, .*mask that keeps fewer",
        ),
        (lambda: analysis.trajectory_r2(1e200 * CUBE, CUBE), "^target: values overflow"),
        (lambda: analysis.recovery({}), "^pairs: expected at least one"),
        (
            lambda: analysis.recovery({"states": CUBE}),
            r"^pairs\['states'\]: expected \(target, prediction\), found ndar",
        ),
        (
            lambda: analysis.recovery({"a": (CUBE, CUBE), "b": (CUBE[:2], CUBE[:2])}),
            r"^pairs: expected the same number of trials .* found \{'a': 4, 'b': 2\}",
        ),
        (
            lambda: analysis.recovery({"a": (CUBE, CUBE)}, mask=np.ones(CUBE.shape, dtype=bool)),
            r"^mask: expected \(trial, time\), found 3 axes",
        ),
    ],
)
def test_impossible_scores_are_refused(call, words):
    with pytest.raises(InputError, match=words):
        call()


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32])
def test_inputs_are_never_modified(dtype):
    matrix, cube = (np.round(10 * array).astype(dtype) for array in (GOOD, CUBE))
    mask = np.ones(cube.shape[:2], dtype=bool)
    before = digest_arrays([matrix, cube, mask])
    for array in (matrix, cube, mask):
        array.flags.writeable = False
    for call in {**MATRIX, **LISTS}.values():
        call(matrix)
    analysis.cka(matrix, matrix, kernel="rbf", debiased=True)
    analysis.principal_angles(matrix, matrix[:, :1])
    analysis.trajectory_r2(cube, cube, mask=mask)
    analysis.recovery({"states": (cube, cube + 1)}, mask=mask).plot()
    analysis.flatten_samples(cube, mask=mask)
    assert digest_arrays([matrix, cube, mask]) == before
