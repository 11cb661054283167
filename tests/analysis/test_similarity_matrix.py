"""Matrices of CKA over many arrays, and the result that names, prints and draws them."""

import numpy as np
import pytest

from dynascope import plotting
from dynascope.analysis import SimilarityMatrix, cka, cka_matrix, similarity_matrix
from dynascope.results import digest_arrays


def networks(n, widths, dtype=np.float64):
    rng = np.random.default_rng(2)
    shared = rng.standard_normal((n, 4))
    return [
        (shared @ rng.standard_normal((4, width)) + rng.standard_normal((n, width)) + 1).astype(dtype)
        for width in widths
    ]


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
@pytest.mark.parametrize("centered", [True, False])
@pytest.mark.parametrize("debiased", [True, False])
# Narrow arrays share panels, 500 columns take two, and 40 samples are compared in sample space.
@pytest.mark.parametrize(("n", "widths"), [(300, [3, 1, 30, 200, 190, 20]), (900, [500, 7, 400]), (40, [60, 80, 5])])
def test_equals_every_pair(n, widths, kernel, centered, debiased):
    arrays = networks(n, widths)
    options = {"kernel": kernel, "centered": centered, "debiased": debiased}
    found = cka_matrix(arrays, **options)
    pairs = [[cka(x, y, **options) if x is not y else 1.0 for y in arrays] for x in arrays]
    np.testing.assert_allclose(found, pairs, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(np.diagonal(found), 1)
    np.testing.assert_allclose(found, found.T, rtol=0, atol=1e-15)


def test_float32_matrix_is_close_to_float64():
    arrays = networks(500, [30, 40, 50])
    single = cka_matrix([array.astype(np.float32) for array in arrays])
    np.testing.assert_allclose(single, cka_matrix(arrays), rtol=0, atol=1e-5)


def test_one_array_is_like_itself():
    np.testing.assert_array_equal(cka_matrix(networks(20, [3])), [[1.0]])


@pytest.fixture
def result():
    arrays = networks(60, [4, 5])
    return similarity_matrix([arrays[0], arrays[1], -2 * arrays[0]], ["rnn", "gru", "copy"], debiased=True)


def test_result_says_what_was_compared(result):
    lines = result.summary().splitlines()
    assert lines[0] == "linear CKA, centred, debiased, 3 arrays, 60 samples"
    assert lines[1] == "most similar   rnn and copy: 1.0000"
    assert lines[2].startswith("least similar  rnn and gru: 0.")
    assert result.parameters == {"kernel": "linear", "centered": True, "debiased": True, "bandwidth": None}


def test_result_knows_its_input():
    arrays = networks(20, [3, 4])
    assert similarity_matrix(arrays).input_digest == digest_arrays(arrays)
    assert similarity_matrix(arrays).names == ("1", "2")
    assert similarity_matrix(arrays[:1]).summary() == "linear CKA, centred, 1 arrays, 20 samples"


def test_result_is_plain_data(result):
    values = result.to_dict()
    assert values["names"] == ["rnn", "gru", "copy"]
    np.testing.assert_allclose(values["values"], result.values)


def test_picture_shows_every_value_on_a_fixed_scale(result, tmp_path):
    ax = result.plot()
    assert ax.images[0].get_clim() == (0, 1)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["rnn", "gru", "copy"]
    assert [text.get_text() for text in ax.texts][:1] == ["1.00"]
    assert len(ax.texts) == 9
    assert plotting.save(ax, tmp_path / "matrix.png").stat().st_size > 5000


def test_picture_of_many_arrays_has_no_numbers():
    names = [str(index) for index in range(17)]
    made = SimilarityMatrix(names=names, values=np.eye(17), measure="linear CKA", n_samples=9)
    assert len(made.plot().texts) == 0
