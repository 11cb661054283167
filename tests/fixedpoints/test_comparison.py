"""Fixed points of two systems matched one to one, and their velocities compared."""

import numpy as np
import pytest
import torch

from dynascope.errors import InputError
from dynascope.fixedpoints import find_fixed_points
from dynascope.fixedpoints.comparison import PointComparison, compare_fixed_points, flow_agreement

STARTS = np.random.default_rng(0).uniform(-2, 2, (80, 2))


def points(gain, starts=STARTS, shift=0.0, **options):
    return find_fixed_points(lambda x: torch.tanh(gain * (x - shift)) + shift, starts, **options)


def test_a_system_recovers_itself():
    found = compare_fixed_points(points(2.0), points(2.0))
    assert len(found.distances) == 9
    assert found.recovered == 1
    assert found.distances.max() < 1e-12
    assert found.eigenvalue_distances.max() < 1e-12
    assert np.array_equal(found.reference, found.other)


def test_distances_are_those_of_the_closed_form():
    """Moved by s in both coordinates: each partner is √2 s away, the Jacobians are the same."""
    reference = points(2.0)
    found = compare_fixed_points(reference, points(2.0, shift=0.01))
    scale = np.sqrt(np.mean(np.sum(reference.states**2, axis=1)))
    np.testing.assert_allclose(found.distances, np.sqrt(2) * 0.01 / scale, rtol=1e-9)
    assert found.eigenvalue_distances.max() < 1e-12


def test_missing_points_and_other_types_are_not_recovered():
    """Past the pitchfork there are 9 points, before it one, which is stable where the other's is not."""
    found = compare_fixed_points(points(2.0), points(0.5))
    assert found.recovered == 0
    assert found.same_type.tolist() == [False]
    assert found.reference_types == {"stable": 4, "saddle": 4, "repeller": 1}
    assert found.other_types == {"stable": 1}
    assert compare_fixed_points(points(0.5), points(2.0)).recovered == 0


def test_partners_have_the_same_input():
    step = lambda x, u: 0.5 * x + u  # noqa: E731
    u = np.array([[0.0], [1.0]])
    both = find_fixed_points(step, np.zeros((2, 1)), u)
    one = find_fixed_points(step, np.zeros((1, 1)), u[1:])
    found = compare_fixed_points(one, both)
    assert both.inputs[found.other].tolist() == [[1.0]]
    assert len(compare_fixed_points(one, find_fixed_points(step, np.zeros((1, 1)), u[:1])).distances) == 0


def test_round_trip_and_picture(tmp_path):
    found = compare_fixed_points(points(2.0), points(2.05))
    again = PointComparison.load(found.save(tmp_path / "c.h5"))
    assert again.recovered == found.recovered
    assert "9 pairs, 9 of the same type" in found.summary()
    assert len(found.plot().collections) == 1


def test_velocities_agree_in_closed_form():
    """Half the velocity: R² = 1 − ¼ about the mean zero; turned by a right angle: cosine 0."""
    half = flow_agreement(lambda x: -x, lambda x: -0.5 * x, STARTS - STARTS.mean(0), dynamics="flow")
    assert half == pytest.approx((0.75, 1.0))
    turned = flow_agreement(lambda x: -x, lambda x: x.flip(1) * x.new_tensor([1, -1]), STARTS, dynamics="flow")
    assert turned[1] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: compare_fixed_points(points(2.0), points(2.0), tolerance=0), "tolerance: expected a number > 0"),
        (lambda: compare_fixed_points(points(2.0), points(2.0, np.zeros((1, 3)))), "expected states of size 2"),
        (lambda: compare_fixed_points(points(2.0), points(0.5, dynamics="flow")), "expected a map"),
        (lambda: flow_agreement(lambda x: 0 * x + 1, lambda x: x, np.ones((2, 1)), dynamics="flow"), "one velocity"),
        (lambda: flow_agreement(lambda x: x, lambda x: x / (x > 1), STARTS), "not finite"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(InputError, match=words):
        call()
