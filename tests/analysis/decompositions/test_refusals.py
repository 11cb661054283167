"""What the decompositions refuse, in which words; that results survive being saved; that no input is changed."""

import doctest
import importlib
from pathlib import Path

import numpy as np
import pytest
from planted_tensors import planted_cp, planted_slices, random_mask

from dynascope.analysis import decompositions
from dynascope.analysis.decompositions import (
    compare_tensors,
    cp,
    held_out_folds,
    match_components,
    rank_cross_validation,
    rank_grid,
    slice_tca,
    tensor_train,
    truncate_tensor,
    tucker,
)
from dynascope.errors import InputError
from dynascope.results import digest_arrays

X = planted_cp((6, 5, 4), 2, noise=0.1)[0]
CUBE = planted_cp((5, 5, 5), 2, noise=0.1)[0]
FACTORS = tuple(np.random.default_rng(0).standard_normal((3, 5, 2)))


BIG_BLOCKS = {"block": (1, 5, 4), "folds": 1, "share": 0.3, "seed": 3}


def replaced(index, value, array=X):
    changed = array.copy()
    changed[index] = value
    return changed


def hiding(*index):
    return ~replaced(index, np.inf, np.zeros(X.shape)).astype(bool)


TAKE_TENSORS = {
    "cp": lambda x: cp(x, 1),
    "slice_tca": lambda x: slice_tca(x, 1),
    "tucker": lambda x: tucker(x, 1),
    "tensor_train": lambda x: tensor_train(x, 1),
    "truncate_tensor": lambda x: truncate_tensor(x, 1),
    "rank_cross_validation": lambda x: rank_cross_validation(x, "cp", [1]),
}
BAD_TENSORS = [
    (replaced((1, 2, 3), np.nan), r"found nan at index \(1, 2, 3\); expected finite numbers: hide .*mask="),
    (replaced((0, 0, 1), -np.inf), r"found -inf at index \(0, 0, 1\)"),
    (X[0], r"expected three axes, none of them empty, found shape \(5, 4\)"),
    (X[None], r"expected three axes, .*found shape \(1, 6, 5, 4\)"),
    (X[:, :0], r"expected three axes, none of them empty, found shape \(6, 0, 4\)"),
    (X + 1j, "expected real numbers, found dtype complex128"),
    (np.ma.masked_array(X), "masked arrays are not supported"),
]


@pytest.mark.parametrize(("bad", "words"), BAD_TENSORS)
@pytest.mark.parametrize("name", TAKE_TENSORS)
def test_bad_tensors(name, bad, words):
    with pytest.raises(InputError, match=f"^{'w' if name == 'truncate_tensor' else 'tensor'}: {words}"):
        TAKE_TENSORS[name](bad)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: cp(X, 0), "rank: expected a whole number from 1 to 20, found 0"),
        (lambda: cp(X, 21), "rank: expected a whole number from 1 to 20, found 21"),
        (lambda: cp(X, 2.0), "rank: expected a whole number from 1 to 20, found 2.0"),
        (lambda: cp(X, True), "found True"),
        (lambda: cp(X, 1, max_sweeps=0), "max_sweeps: expected a whole number of at least 1, found 0"),
        (lambda: cp(X, 1, tolerance=-1e-3), "tolerance: expected a number of at least 0, found -0.001"),
        (lambda: cp(X, 1, tolerance="small"), "tolerance: expected a number of at least 0, found 'small'"),
        (lambda: cp(X, 1, starts=0), "starts: expected"),
        (lambda: cp(X, 1, mask=hiding(0, 0, 0), compressed=True), "compressed: a tensor with hidden entries"),
        (lambda: slice_tca(X, 0), "ranks: expected a whole number from 1 to 6, found 0"),
        (lambda: slice_tca(X, (0, 0, 0)), r"at least one component in all, found \(0, 0, 0\)"),
        (lambda: slice_tca(X, (1, -1, 0)), r"ranks\[1\]: expected a whole number from 0 to 5, found -1"),
        (lambda: slice_tca(X, (1, 1, 5)), r"ranks\[2\]: expected a whole number from 0 to 4, found 5"),
        (lambda: slice_tca(X, (1, 1)), r"ranks: expected three whole numbers, one per axis, found \(1, 1\)"),
        (lambda: slice_tca(np.ones((9, 2, 2)), 5), "from 1 to 4, found 5"),
        (lambda: tucker(X, 5), "ranks: expected a whole number from 1 to 4, found 5"),
        (lambda: tucker(X, (6, 2, 2)), r"each at most the product of the two others, found \(6, 2, 2\)"),
        (lambda: tensor_train(X, 7), "ranks: expected a whole number from 1 to 6, found 7"),
        (lambda: tensor_train(X, (1, 2, 1)), r"ranks: expected two bond ranks or one whole number, found \(1, 2, 1\)"),
        (lambda: tensor_train(X, (2, 5)), r"ranks\[1\]: expected a whole number from 1 to 4, found 5"),
        (lambda: cp(X, 1, mask=np.ones((6, 5), bool)), r"mask: expected .* shape \(6, 5, 4\), found \(6, 5\)"),
        (lambda: cp(X, 1, mask=np.ones(X.shape)), "mask: expected booleans .*found dtype float64"),
        (lambda: cp(X, 1, mask=hiding(slice(None), 2)), "mask: the whole slice 2 of axis 1 is hidden"),
        (lambda: tucker(X, 1, mask=hiding(4)), "mask: the whole slice 4 of axis 0 is hidden"),
        (
            lambda: slice_tca(X, (1, 0, 0), mask=hiding(slice(None), 2, 3)),
            r"mask: the whole fibre \[:, 2, 3\] along axis 0 is hidden; expected an observed entry in each",
        ),
        (lambda: slice_tca(X, (0, 0, 1), mask=hiding(1, 2)), r"the whole fibre \[1, 2, :\] along axis 2"),
        (lambda: slice_tca(X, (1, 0, 0), mask=hiding(3)), "the whole slice 3 of axis 0"),
        (lambda: truncate_tensor(X, 1, "svds"), "unknown truncation method 'svds': did you mean 'svd'"),
        (lambda: truncate_tensor(X, 1, "tt", axis=1), "axis: only method 'svd' has one, found axis=1 with method 'tt'"),
        (lambda: truncate_tensor(X, 1, "svd", axis=3), "axis: expected a whole number from 0 to 2, found 3"),
        (lambda: truncate_tensor(X, 7, "svd"), "rank: expected a whole number from 1 to 6, found 7"),
        (lambda: truncate_tensor(X[0], 1), r"w: expected three axes, .*found shape \(5, 4\)"),
        (lambda: truncate_tensor(X[0, 0], 1, "svd"), r"w: expected a tensor of three axes or a matrix, found shape"),
        (lambda: truncate_tensor(X, 1, baseline=CUBE), r"baseline: has shape \(5, 5, 5\), w has \(6, 5, 4\)"),
        (lambda: truncate_tensor(X, 1, baseline=X * np.nan), "baseline: found nan"),
        (lambda: truncate_tensor(X, 1, symmetrize=True), r"tensor: expected shape \(unit, unit, unit\)"),
        (lambda: rank_cross_validation(X, "slices", [1]), "unknown decomposition 'slices': did you mean 'slice'"),
        (lambda: rank_cross_validation(X, "cp", []), "ranks: expected at least one model"),
        (lambda: rank_cross_validation(X, "cp", [1, 99]), "rank: expected a whole number from 1 to 20, found 99"),
        (lambda: rank_cross_validation(X, "slice", [(0, 0, 1)], share=0.5, folds=1), "fold 0: mask: the whole fibre"),
        (lambda: rank_cross_validation(X, "cp", [1], **BIG_BLOCKS), "fold 0: .* whole slice .* smaller blocks"),
        (lambda: held_out_folds(X.shape, share=0), "share: expected a number above 0 and at most 0.5, found 0"),
        (lambda: held_out_folds(X.shape, share=0.25, folds=5), "expected at most 4 folds"),
        (lambda: held_out_folds(X.shape, block=(1, 6, 1)), r"block\[1\]: expected a whole number from 1 to 5, found 6"),
        (lambda: rank_grid((1, 1)), "largest: expected three whole numbers"),
        (lambda: match_components(FACTORS, FACTORS[:2]), "other: expected a CPDecomposition or three factors"),
        (lambda: match_components(FACTORS, cp(X, 1)), r"tensor of shape \(6, 5, 4\), reference of \(5, 5, 5\)"),
        (lambda: match_components(cp(X, 1), cp(X, 1), exchange=True), "exchange: expected the last two axes equal"),
        (lambda: match_components((FACTORS[0] * 0, *FACTORS[1:]), FACTORS), r"reference\[0\]: component 0 is zero"),
        (lambda: match_components((FACTORS[0], FACTORS[1][:, :1], FACTORS[2]), FACTORS), r"\[1\]: expected a m"),
        (lambda: match_components((FACTORS[0] * np.nan, *FACTORS[1:]), FACTORS), r"reference\[0\]: found nan"),
        (lambda: compare_tensors(CUBE, CUBE[:4, :4, :4]), "second: has 4 units, first has 5"),
        (lambda: compare_tensors(CUBE, CUBE * 0), "tensors: one is zero"),
        (lambda: compare_tensors(CUBE, CUBE, second_inputs=FACTORS[0]), "inputs: expected those of the first"),
        (lambda: compare_tensors(CUBE, CUBE, inputs=FACTORS[0][:3]), r"inputs: expected shape \(5, k\)"),
        (lambda: compare_tensors(FACTORS, (*FACTORS[:2], FACTORS[2][:4])), "second: right: expected factors"),
        (lambda: compare_tensors(X, X), r"first: expected shape \(unit, unit, unit\), found \(6, 5, 4\)"),
    ],
)  # fmt: skip
def test_refusals(call, words):
    with pytest.raises(InputError, match=words):
        call()


def test_zeros_are_fitted_exactly_without_a_warning():
    for method in decompositions.TRUNCATIONS:
        assert not truncate_tensor(np.zeros((4, 4, 4)), 1, method).any()
    assert cp(np.zeros((4, 4, 4)), 1).relative_error == 0
    assert slice_tca(np.zeros((4, 4, 4)), (1, 1, 0)).relative_error == 0


def test_values_at_hidden_entries_do_not_matter():
    mask = random_mask(X.shape, 0.1)
    for method in (cp, slice_tca, tucker):
        assert np.array_equal(method(np.where(mask, X, np.nan), 2, mask=mask).tensor, method(X, 2, mask=mask).tensor)


def results():
    yield cp(X, 2)
    yield slice_tca(planted_slices((6, 5, 4), (1, 1, 0)), (1, 1, 0))  # one block is empty
    yield slice_tca(X, 1)  # no sweeps
    yield tucker(X, 2)
    yield tensor_train(X, 2)
    yield rank_cross_validation(X, "cp", [1, 2], folds=2)
    yield match_components(FACTORS, FACTORS)
    yield compare_tensors(FACTORS, FACTORS)


@pytest.mark.parametrize("result", list(results()), ids=lambda result: result.kind)
def test_results_survive_being_saved(result, tmp_path):
    loaded = type(result).load(result.save(tmp_path / "result.h5"))
    assert loaded.summary() == result.summary()
    assert loaded.to_dict() == result.to_dict()
    assert loaded.input_digest == result.input_digest != ""
    if hasattr(result, "tensor"):
        assert np.array_equal(loaded.tensor, result.tensor)
        assert result.plot().get_ylabel() == "relative error"
        assert loaded.shape == result.shape


def test_no_input_is_changed():
    tensor, mask, factors = X.copy(), random_mask(X.shape, 0.1), [factor.copy() for factor in FACTORS]
    before = digest_arrays([tensor, mask, *factors])
    for array in (tensor, mask, *factors):
        array.flags.writeable = False
    for name in decompositions.TRUNCATIONS:
        truncate_tensor(tensor, 2, name, baseline=tensor)
    for call in (cp, tucker, slice_tca):
        call(tensor, 1, mask=mask)
    rank_cross_validation(tensor, "slice", [1], mask=mask, folds=2)
    match_components(tuple(factors), tuple(factors[::-1]), exchange=True)
    compare_tensors(tuple(factors), tuple(factors), inputs=factors[0])
    assert digest_arrays([tensor, mask, *factors]) == before


@pytest.mark.parametrize(
    "path", sorted(Path(decompositions.__file__).parent.glob("[a-z]*.py")), ids=lambda path: path.stem
)
def test_docstring_examples(path):
    module = importlib.import_module(f"dynascope.analysis.decompositions.{path.stem}")
    assert doctest.testmod(module).failed == 0


def test_public_names_have_a_description():
    assert all(getattr(decompositions, name).__doc__ for name in decompositions.__all__)
