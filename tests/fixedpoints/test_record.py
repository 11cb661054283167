"""The record: summary, picture, saving and loading."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from dynascope import plotting
from dynascope.fixedpoints import FixedPoints, find_fixed_points
from dynascope.results import Result


@pytest.fixture
def points(box):
    return find_fixed_points(lambda x: torch.tanh(2 * x), box(200, 2))


def test_summary_of_a_grid(points):
    assert points.summary().splitlines() == [
        "9 fixed points: 4 stable, 4 saddles with 1 unstable direction, 1 repeller",
        f"largest q {points.speeds.max():.1e}; 9 of 9 certified (estimated curvature)",
        "200 of 200 starts converged",
        "index check: the indices sum to 1, as they must: no sign of a missing point",
        "within reach of such starts: 9.0 isolated points estimated (95 %: 9.0 to 9.0), coverage 100.0%",
    ]


def test_summary_names_what_is_missing():
    ring = find_fixed_points(lambda x: x.clone(), np.ones((1, 2)))
    assert "1 marginal" in ring.summary()
    assert (
        "0 of 1 certified (estimated curvature); 1 not: J − I of the map, J of the flow, is singular" in ring.summary()
    )
    bare = find_fixed_points(lambda x: 0.5 * x, np.ones((1, 2)), certify=False)
    assert "no certificates asked for" in bare.summary()


def test_plot_fills_stable_points_only(points):
    drawn = points.plot()
    stable, unstable = drawn.collections
    assert len(stable.get_offsets()) == 4
    assert len(unstable.get_offsets()) == 5
    assert to_hex(stable.get_facecolor()[0]).lower() == plotting.STABLE.lower()
    assert len(unstable.get_facecolor()) == 0
    assert to_hex(unstable.get_edgecolor()[0]).lower() == plotting.UNSTABLE.lower()


def test_plot_of_one_dimension_and_of_nothing():
    one = find_fixed_points(lambda x: torch.tanh(2 * x), np.linspace(-2, 2, 9)[:, None])
    assert one.plot().get_title() == "3 fixed points"
    none = find_fixed_points(lambda x: x + 1, np.ones((1, 3)))
    assert none.plot().get_title() == "0 fixed points"


def test_json(points):
    plain = json.loads(json.dumps(points.to_dict()))
    assert plain["n_starts"] == 200
    assert len(plain["states"]) == 9
    assert plain["parameters"]["tolerance"] == 1e-25


@pytest.mark.parametrize("with_inputs", [False, True])
def test_saved_and_loaded(tmp_path, with_inputs):
    step = (lambda x, u: torch.tanh(2 * x) + u) if with_inputs else (lambda x: torch.tanh(2 * x))
    points = find_fixed_points(step, np.linspace(-2, 2, 9)[:, None], np.array([0.0]) if with_inputs else None)
    loaded = FixedPoints.load(points.save(tmp_path / "points.h5"))
    for name in (
        "states",
        "speeds",
        "jacobians",
        "eigenvalues",
        "stable",
        "certified",
        "radius",
        "start_points",
    ):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(points, name))
    assert loaded.summary() == points.summary()
    assert (loaded.inputs is None) == (not with_inputs)


def test_nothing_found_is_saved_and_loaded(tmp_path):
    points = find_fixed_points(lambda x: x + 1, np.ones((2, 3)))
    loaded = FixedPoints.load(points.save(tmp_path / "none.h5"))
    assert loaded.states.shape == (0, 3)
    assert loaded.summary() == points.summary()


def test_a_record_of_the_first_version_still_loads(tmp_path, points):
    """It had no field after ``outcomes``: no slow points, no completeness."""
    fields = [field for field in dataclasses.fields(FixedPoints) if field.name not in {"parameters", "input_digest"}]
    old = [field for field in fields if field.default is dataclasses.MISSING or field.name == "dynamics"]
    assert {field.name for field in old} >= {"states", "speeds", "certificate_kind", "outcomes"}
    declared = [(field.name, field.type, dataclasses.field(metadata=field.metadata)) for field in old]
    first = dataclasses.make_dataclass("First", declared, bases=(Result,), frozen=True, kw_only=True)
    first.kind = FixedPoints.kind
    values = {field.name: getattr(points, field.name) for field in old}
    loaded = FixedPoints.load(first(**values).save(tmp_path / "first.h5"))
    assert (loaded.index, loaded.slow_states, loaded.n_rounds, loaded.incomplete) == (None, None, 1, False)
    assert loaded.summary().splitlines() == points.summary().splitlines()[:3]
