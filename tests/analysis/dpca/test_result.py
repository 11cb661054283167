"""What a result is for: transform, reconstruct, save, print, draw, cones."""

import re

import numpy as np
import pytest
from planted_conditions import JOIN, labels, planted

from dynascope import plotting
from dynascope.analysis import DemixedPCA, dpca


@pytest.fixture(scope="module")
def fitted():
    activity, factors, _ = planted()
    time = np.linspace(0, 1.1, 12)
    return activity, factors, dpca(activity, factors, 3, "auto", JOIN, time=time, n_splits=2, permutations=50)


def test_transform_of_averages_is_the_components(fitted):
    activity, factors, found = fitted
    chosen = [(factors["s"] == 2) & (factors["d"] == 1)]
    average = activity[chosen[0]].mean(axis=0)
    for name, components in found.transform(average).items():
        assert components == pytest.approx(found.components[name][:, 2, 1], abs=1e-10)
        assert found.transform(activity, name).shape == (3, 48, 12)
    assert np.array_equal(found.transform(average, "st"), found.transform(average)["st"])


def test_reconstruction_is_encoders_times_components(fitted):
    activity, _, found = fitted
    parts = {name: found.reconstruct(activity, name) for name in found.marginalizations}
    components = found.transform(activity)
    for name, part in parts.items():
        assert part == pytest.approx(np.einsum("uk,kit->itu", found.encoders[name], components[name]), abs=1e-10)
    assert found.reconstruct(activity) == pytest.approx(found.mean + sum(parts.values()), abs=1e-10)


def test_enough_components_reconstruct_everything():
    activity, factors, _ = planted(n_trials=1, n_times=3, n_units=4, noise=0)
    found = dpca(activity, factors, 4)
    assert found.reconstruct(activity) == pytest.approx(activity, abs=1e-9)


def test_a_result_survives_being_saved(fitted, tmp_path):
    found = fitted[2]
    loaded = DemixedPCA.load(found.save(tmp_path / "found.h5"))
    assert loaded.summary() == found.summary()
    assert loaded.to_dict() == found.to_dict()
    assert {name: p.shape for name, p in loaded.p_values.items()} == {name: (3, 12) for name in ("st", "dt", "sdt")}
    assert np.array_equal(loaded.transform(fitted[0], "st"), found.transform(fitted[0], "st"))
    assert np.array_equal(
        loaded.significance(2 * fitted[0], fitted[1], n_permutations=20).p_values["st"],
        found.significance(2 * fitted[0], fitted[1], n_permutations=20).p_values["st"],
    )


def test_the_summary_says_what_was_found(fitted):
    lines = fitted[2].summary().splitlines()
    assert lines[0] == "demixed PCA of 48 trials × 12 times × 15 units: 4 s × 2 d, 6 to 6 trials per cell"
    assert re.fullmatch(r"regularizer \S+, best of 45 on 2 splits(; at the edge .*)?", lines[1])
    assert lines[2].startswith("shares of the signal variance; trial noise")
    assert [line.split()[0] for line in lines[3:]] == ["st", "dt", "t", "sdt"]
    assert re.search(r"\d of 3 significant at some time", lines[3])


def test_an_edge_of_the_candidates_is_reported():
    activity, factors, _ = planted()
    found = dpca(activity, factors, 3, "auto", regularizers=[0.1, 0.2])
    assert "at the edge of the candidates" in found.summary()


def test_the_figure_is_whole(fitted, tmp_path):
    figure = plotting.figure_of(fitted[2].plot())
    titles = [ax.get_title() or ax.get_title("left") for ax in figure.axes]
    for expected in ("st 1:", "dt 1:", "t 3:", "sdt 1:", "Explained variance", "Shares of signal", "Below: |cosine|"):
        assert any(title.startswith(expected) for title in titles), expected
    assert any("held-out" in text.get_text() for text in figure.legends[0].get_texts())
    assert plotting.save(figure, tmp_path / "figure.svg").stat().st_size > 10_000
    own = plotting.figure().axes[0]
    assert fitted[2].plot(own) is own
    assert len(plotting.figure_of(own).axes) == 1


@pytest.mark.parametrize("shape", [(2,), (6, 3, 2)])
def test_the_figure_of_other_designs_is_drawn(shape):
    activity, factors, _ = planted(n_trials=2, shape=shape, n_times=4, n_units=8, letters="sdc"[: len(shape)])
    found = dpca(activity, factors, 2, 1e-3)
    assert len(plotting.figure_of(found.plot()).axes) > len(found.marginalizations)


def test_pure_noise_is_called_noise():
    factors = labels(6, (3, 2))
    found = dpca(np.random.default_rng(0).standard_normal((36, 10, 8)), factors, 2, 1e-3)
    assert not found.has_signal
    assert "no variance beyond trial noise" in found.summary()
    assert "trial noise" in [t.get_text().rsplit(" ", 1)[0] for ax in plotting.figure_of(found.plot()).axes
                             if ax.get_legend() for t in ax.get_legend().get_texts()]  # fmt: skip


def test_components_by_name_may_differ_in_number():
    activity, factors, _ = planted()
    found = dpca(activity, factors, {"st": 3, "dt": 1, "t": 2, "sdt": 1}, 1e-4, JOIN)
    assert {name: encoders.shape[1] for name, encoders in found.encoders.items()} == {
        "st": 3,
        "dt": 1,
        "t": 2,
        "sdt": 1,
    }
    many = dpca(activity, factors, 5, 1e-4, JOIN)
    assert found.encoders["st"] == pytest.approx(many.encoders["st"][:, :3], abs=1e-10)


def test_components_beyond_a_marginalization_carry_nothing():
    activity, factors, _ = planted()
    found = dpca(activity, factors, 3)
    assert dict(zip(found.marginalizations, found.ranks, strict=True))["d"] == 1
    assert not found.decoders["d"][:, 1:].any()
    assert not found.explained_variance["d"][1:].any()
    assert found.encoders["d"].T @ found.encoders["d"] == pytest.approx(np.eye(3), abs=1e-12)


def test_cones_hold_planted_axes():
    inside = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        s = np.repeat([0, 1, 2], 8)
        axis = rng.standard_normal(10)
        axis /= np.linalg.norm(axis)
        time = np.linspace(0, 1, 6)
        activity = 3 * np.einsum("i,t,u->itu", s - 1.0, time, axis) + rng.standard_normal((24, 6, 10))
        found = dpca(activity, {"s": s}, 1, join={"st": ["s", "st"]})
        angle = np.arccos(min(abs(found.encoders["st"][:, 0] @ axis), 1))
        inside.append(angle <= found.axis_cones(activity, {"s": s}, n_resamples=60)["st"][0])
    assert np.mean(inside) >= 0.85


def test_cones_narrow_with_less_noise_and_repeat():
    cones = []
    for noise in (0.2, 1.0):
        activity, factors, _ = planted(noise=noise)
        found = dpca(activity, factors, 1, 1e-4, JOIN)
        first, again = (found.axis_cones(activity, factors, n_resamples=20) for _ in range(2))
        assert all(np.array_equal(first[name], again[name]) for name in first)
        cones.append(first["st"][0])
    assert 0 < cones[0] < cones[1] < np.pi / 2
