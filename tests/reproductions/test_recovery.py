"""A student compared with its teacher as a dynamical system."""

import numpy as np
import pytest
import torch

from dynascope.errors import InputError
from dynascope.reproductions.recovery import DynamicalRecovery, compare_weights, dynamical_recovery
from dynascope.trainers.family import get_family

ROOT = 0.9575040240772687  # of x = tanh(2 x)


def network(kind="lowrank_rnn", seed=0, **config):
    family = get_family("three_body")
    model = family.model({"kind": kind, "n_units": 6, "n_inputs": 1, **config}, dtype=torch.float64)
    generator = np.random.default_rng(seed)
    return model.load_arrays({name: generator.normal(size=array.shape) for name, array in model.arrays().items()})


def bistable(gain=2.0, seed=3):
    """Make x' = g m tanh(κ), two memories ± and the origin: rank 1, in closed form."""
    model = network(mode="disc")
    signs = np.sign(np.random.default_rng(seed).normal(size=(6, 1)))
    return model.load_arrays({**model.arrays(), "two_body_left": gain * signs, "two_body_right": signs / 6})


STATES = np.random.default_rng(1).normal(size=(10, 20, 6))


def test_a_network_recovers_itself():
    found = dynamical_recovery(bistable(), bistable(), STATES)
    assert found.teacher_points == found.student_points == {"stable": 2, "saddle": 1}
    assert found.recovered == 1
    assert found.flow_r2 == pytest.approx(1)
    assert found.flow_cosine == pytest.approx(1)
    assert found.weights["two_body"] == pytest.approx(1)


def test_a_student_without_the_memories_recovers_none():
    found = dynamical_recovery(bistable(), bistable(gain=0.5), STATES)
    assert found.student_points == {"stable": 1}
    assert found.recovered == 0
    assert found.flow_r2 < 1


def test_round_trip_and_words(tmp_path):
    found = dynamical_recovery(bistable(), bistable(), STATES)
    again = DynamicalRecovery.load(found.save(tmp_path / "d.h5"))
    assert again.recovered == found.recovered
    assert "100% of the teacher's recovered" in found.summary()


def test_weights_are_compared_up_to_what_leaves_the_dynamics_as_they_are():
    teacher = network("lowrank_tbrnn", rank=2)
    arrays = teacher.arrays()
    swapped = {"three_body_middle": arrays["three_body_right"], "three_body_right": arrays["three_body_middle"]}
    student = network("lowrank_tbrnn", rank=2).load_arrays({**arrays, **swapped})
    assert compare_weights(teacher, student)["three_body"] == pytest.approx(1)
    turned = network().load_arrays(network().arrays())
    mixed = turned.arrays()
    mixed |= {"two_body_left": -3 * mixed["two_body_left"], "two_body_right": mixed["two_body_right"] / -3}
    assert compare_weights(network(), turned.load_arrays(mixed))["two_body"] == pytest.approx(1)
    assert compare_weights(network(), teacher) == {}


def test_networks_of_other_sizes_are_refused():
    with pytest.raises(InputError, match="expected 6 state variables, found 5"):
        dynamical_recovery(network(), network(n_units=5), STATES)
