"""Demixed PCA beside the closed form written out, and beside the dPCA package where that is exact."""

import h5py
import numpy as np
import pytest
from planted_conditions import JOIN, cell_means, labels, plain_dpca, planted, product

from dynascope.analysis import dpca


@pytest.mark.parametrize("encoder", ["regularized", "data"])
@pytest.mark.parametrize("regularizer", [None, 1e-6, 1e-4, 1e-2])
@pytest.mark.parametrize("join", [None, JOIN])
def test_axes_equal_the_closed_form(join, regularizer, encoder):
    activity, factors, _ = planted()
    found = dpca(activity, factors, 3, regularizer, join, encoder=encoder)
    plain = plain_dpca(cell_means(activity, factors), "sd", 3, regularizer or 0.0, join, encoder)
    assert sorted(found.encoders) == sorted(plain)
    for name, (p, d) in plain.items():
        live = found.ranks[found.marginalizations.index(name)]
        ours = product(found.encoders[name], found.decoders[name])
        assert np.abs(ours - product(p[:, :live], d[:, :live])).max() < 1e-10
        assert np.abs(np.einsum("uk,uk->k", found.encoders[name], p))[:live] == pytest.approx(np.ones(live), abs=1e-10)


@pytest.mark.parametrize("shape", [(3,), (3, 2, 2)])
def test_one_and_three_factors(shape):
    letters = "sdc"[: len(shape)]
    activity, factors, _ = planted(n_trials=3, shape=shape, letters=letters)
    found = dpca(activity, factors, 2, 1e-4)
    plain = plain_dpca(cell_means(activity, factors), letters, 2, 1e-4)
    assert len(plain) == 2 ** (len(shape) + 1) - 1
    for name, (p, d) in plain.items():
        assert np.abs(product(found.encoders[name], found.decoders[name]) - product(p, d)).max() < 1e-10


@pytest.mark.parametrize("regularizer", [None, 1e-4])
def test_more_units_than_samples(regularizer):
    activity, factors, _ = planted(n_times=4, n_units=60)
    found = dpca(activity, factors, 3, regularizer, JOIN)
    plain = plain_dpca(cell_means(activity, factors), "sd", 3, regularizer or 0.0, JOIN)
    for name, (p, d) in plain.items():
        assert np.abs(product(found.encoders[name], found.decoders[name]) - product(p, d)).max() < 1e-10


@pytest.mark.parametrize("regularizer", [None, 1e-4])
def test_equals_the_package_where_its_solver_is_exact(regularizer):
    # 12 units, 3 components: its random projection on 3 + 10 dimensions loses nothing.
    activity, factors, _ = planted(n_units=12)
    ours = dpca(activity, factors, 3, regularizer, JOIN)
    theirs = dpca(activity, factors, 3, regularizer, JOIN, engine="package")
    assert theirs.engine == "package"
    assert theirs.regularizer == ours.regularizer
    for name in ours.marginalizations:
        for mine, other in ((ours.encoders, theirs.encoders), (ours.decoders, theirs.decoders)):
            signs = np.sign(np.einsum("uk,uk->k", ours.encoders[name], theirs.encoders[name]))
            assert np.abs(mine[name] - signs * other[name]).max() < 1e-8
        assert ours.explained_variance[name] == pytest.approx(theirs.explained_variance[name], abs=1e-8)


def test_the_package_is_seeded_and_leaves_the_global_generator_alone(capsys):
    activity, factors, _ = planted(n_trials=4, shape=(3, 2), n_times=6)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first, again = (dpca(activity, factors, 2, "auto", engine="package", seed=3) for _ in range(2))
    assert np.array_equal(first.encoder_matrix, again.encoder_matrix)
    assert first.regularizer == again.regularizer > 0
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert capsys.readouterr().out == ""


def test_the_same_bits_twice_and_the_same_numbers_for_reordered_trials():
    activity, factors, _ = planted()
    first, again = (dpca(activity, factors, 4, "auto", permutations=20) for _ in range(2))
    for name in ("encoder_matrix", "decoder_matrix", "cv_scores", "p_value_matrix", "component_variance"):
        assert np.array_equal(getattr(first, name), getattr(again, name), equal_nan=True)
    order = np.random.default_rng(0).permutation(len(activity))
    other = dpca(activity[order], {name: column[order] for name, column in factors.items()}, 4, first.regularizer)
    assert np.abs(other.encoder_matrix - first.encoder_matrix).max() < 1e-9


def test_the_largest_entry_of_every_encoder_is_positive():
    activity, factors, _ = planted()
    encoders = dpca(activity, factors, 4, 1e-4).encoder_matrix
    assert (encoders[np.abs(encoders).argmax(axis=0), np.arange(encoders.shape[1])] > 0).all()
    flipped = dpca(-activity, factors, 4, 1e-4).encoder_matrix
    assert np.abs(flipped - encoders).max() < 1e-9


def test_components_of_a_planted_table_depend_on_their_factor_only():
    rng = np.random.default_rng(5)
    time_axis, s_axis, d_axis = np.linalg.qr(rng.standard_normal((20, 3)))[0].T
    course = np.hanning(15)
    table = np.multiply.outer(3 * course, time_axis)[None, None]
    table = table + np.einsum("s,t,u->stu", np.arange(4) - 1.5, course**2, s_axis)[:, None]
    table = table + np.einsum("d,t,u->dtu", [-1.0, 1.0], np.arange(15) / 15, d_axis)[None]
    factors = labels(2, (4, 2))
    found = dpca(table[factors["s"], factors["d"]], factors, 2, None, JOIN)
    assert found.ranks == (1, 1, 1, 0)
    for name, axis in (("st", s_axis), ("dt", d_axis), ("t", time_axis)):
        assert abs(found.encoders[name][:, 0] @ axis) == pytest.approx(1, abs=1e-10)
    st, dt = found.components["st"][0], found.components["dt"][0]
    assert st.shape == (4, 2, 15)
    assert np.abs(st - st.mean(axis=1, keepdims=True)).max() < 1e-10
    assert np.abs(dt - dt.mean(axis=0, keepdims=True)).max() < 1e-10
    assert not found.decoders["sdt"].any()
    assert sum(share.sum() for share in found.explained_variance.values()) == pytest.approx(1)


@pytest.mark.parametrize("kind", ["int16", "float16", "float32", "strided", "read-only", "h5py"])
def test_any_array_will_do_and_none_is_changed(kind, tmp_path):
    activity, factors, _ = planted(n_trials=3)
    values = np.round(20 * activity).astype("int16")
    expected = dpca(values.astype(float), factors, 2, 1e-6)
    given = values.astype(kind) if "1" in kind or "3" in kind else values.astype(float)
    if kind == "strided":
        given = np.repeat(given, 2, axis=1)[:, ::2]
    if kind == "read-only":
        given.setflags(write=False)
    before = np.array(given)
    if kind == "h5py":
        with h5py.File(tmp_path / "activity.h5", "w") as file:
            found = dpca(file.create_dataset("activity", data=given), factors, 2, 1e-6)
    else:
        found = dpca(given, factors, 2, 1e-6)
        assert np.array_equal(given, before)
    assert np.abs(found.encoder_matrix - expected.encoder_matrix).max() < 1e-9
