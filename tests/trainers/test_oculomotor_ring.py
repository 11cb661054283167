"""The ring of locations: bumps, distances, nearest units and population vectors."""

import math

import numpy as np
import oculomotor_plain as plain
import pytest
import torch
from making import rng

from dynascope.trainers.oculomotor.ring import Ring, circular_distance

TURN = 2 * math.pi


def test_bump_values_as_published():
    heights = 0.8 * Ring(8).bump(np.array([math.pi / 2]))[0]
    assert heights[2] == pytest.approx(0.8)
    assert heights[[1, 3]] == pytest.approx(0.1083, abs=5e-5)
    assert heights[[0, 4]] == pytest.approx(0.00027, abs=5e-6)


def test_nearest_unit_is_where_the_bump_is_highest():
    ring, angles = Ring(8), rng().uniform(0, TURN, 1000)
    assert np.array_equal(ring.nearest(angles), ring.bump(angles).argmax(1))
    assert np.array_equal(ring.one_hot(angles).argmax(1), ring.nearest(angles))
    assert ring.nearest(np.array([TURN - 1e-3, TURN])).tolist() == [0, 0]


def test_circular_distance():
    first, second = rng(0).uniform(0, TURN, 100), rng(1).uniform(0, TURN, 100)
    expected = [plain.distance(a, b) for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose(circular_distance(first, second), expected, atol=1e-14)
    np.testing.assert_allclose(circular_distance(torch.tensor(second), torch.tensor(first)), expected, atol=1e-14)


def test_population_vector_of_a_bump_is_its_place():
    ring = Ring(8)
    units = torch.as_tensor(ring.bump(ring.angles)).double()
    np.testing.assert_allclose(ring.population_vector(0.05 + units) % (TURN - 1e-9), ring.angles, atol=1e-7)
    # Between units: 2 at 45° and 1 at 90°.
    weights = torch.tensor([0.0, 2, 1, 0, 0, 0, 0, 0])
    assert ring.population_vector(weights) == pytest.approx(math.atan2(2**0.5 + 1, 2**0.5))
    # Below zero degrees: 1 at 225° and 2 at 270°.
    assert ring.population_vector(weights.flip(0)) == pytest.approx(TURN + math.atan2(-2 - 0.5**0.5, -(0.5**0.5)))
