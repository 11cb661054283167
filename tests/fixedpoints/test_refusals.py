"""Bad input: refused in one sentence that says what was found and what to do."""

import functools
import re

import numpy as np
import pytest
import torch

from dynascope.errors import InputError
from dynascope.fixedpoints import find_fixed_points, lipschitz_from_curvature, sample_starts

GOOD = np.ones((4, 3))
HALF = lambda x: 0.5 * x  # noqa: E731


def _nan_module():
    module = torch.nn.Linear(3, 3)
    with torch.no_grad():
        module.weight[0, 2] = torch.nan
    return module


def _raises(x):
    raise KeyError("boom")


@torch.no_grad()
def _hides_its_derivative(x):
    return torch.tanh(x)


SINGLE = torch.nn.Linear(3, 3)

STARTS = [
    (np.ones(3), "shape (n, state), both at least 1, found (3,); write x[None]"),
    (np.ones((0, 3)), "found (0, 3)"),
    (np.ones((2, 3), dtype=int), "real floating-point numbers, found dtype torch.int64"),
    (np.ones((2, 3), dtype=complex), "found dtype torch.complex128"),
    (np.array([["a", "b"]]), "an array of floating-point numbers, found dtype <U1"),
    (
        np.array([[1.0, 2, 3], [4, np.nan, 6]]),
        "initial_states: expected finite numbers, found nan at index (1, 1)",
    ),
]

INPUTS = [
    (np.ones((3, 2)), "inputs: expected None, shape (input,) shared by all starts, or (4, input)"),
    (np.ones((4, 2, 1)), "found (4, 2, 1)"),
    (np.array([np.inf]), "inputs: expected finite numbers, found inf at index (0,)"),
]

STEPS = [
    ("not callable", "expected a callable F(x) or F(x, u), found str"),
    (_nan_module(), "parameter 'weight' of Linear: expected finite numbers, found nan at index (0, 2)"),
    (_nan_module().forward, "parameter 'weight' of Linear"),
    (functools.partial(_nan_module()), "parameter 'weight' of Linear"),
    (lambda x: x[:, :2], "found (3, 2)"),
    (lambda x: x.sum(), "shape of the states (3, 3), found ()"),
    (lambda x: (x, x), "found tuple; return the next state only"),
    (lambda x: x.detach().numpy(), "found ndarray"),
    (_raises, "step failed on states (3, 3) torch.float64: KeyError: 'boom'"),
    (lambda x, u: x, "called as step(x) without inputs"),
    (lambda x: SINGLE(x), "pass the module itself"),
    (lambda x: SINGLE(x.float()), "returned torch.float32 for torch.float64 states"),
    (lambda x: x - x.mean(0), "changes with the other rows"),
    (torch.nn.Dropout(0.5), "two calls with the same states differ"),
    (lambda x: x * torch.nan, "no finite next state at any of the 4 starts"),
    (_hides_its_derivative, "torch cannot differentiate it"),
    (lambda x: torch.tanh(x.detach()) + 0 * x, "derivative contradicts finite differences"),
    (lambda x: torch.from_numpy(np.tanh(x.detach().numpy())), "torch cannot differentiate it"),
]

OPTIONS = [
    ({"tolerance": 0.0}, "tolerance: expected a number > 0"),
    ({"tolerance": np.nan}, "tolerance: expected a number > 0"),
    ({"unique_tolerance": -1.0}, "unique_tolerance: expected a share from 0 to 1"),
    ({"max_iterations": 0}, "max_iterations: expected an integer of at least 1, found 0"),
    ({"memory": 0.5}, "memory: expected an integer"),
    ({"slow_tolerance": 0.0}, "slow_tolerance: expected a number > 0, found 0.0"),
    ({"slow_tolerance": np.nan}, "slow_tolerance: expected a number > 0, found nan"),
    ({"slow_points": True, "slow_tolerance": 1e-30}, "expected more than the tolerance 1e-25 of a fixed point"),
    ({"slow_points": "yes"}, "slow_points: expected True or False, found 'yes'"),
    ({"ball": "yes"}, "ball: expected True, False or None (test by sampling), found 'yes'"),
    ({"dtype": torch.float16}, "expected torch.float64 or torch.float32, found torch.float16"),
    ({"dtype": torch.float32}, "below what float32 can reach; pass tolerance=1e-12"),
    ({"lipschitz": -1.0}, "lipschitz: expected a number ≥ 0, or a function"),
    ({"lipschitz": lambda x, r: np.ones(7)}, "expected the function to return shape (1,), found (7,)"),
    ({"lipschitz": lambda x, r: -r}, "expected bounds ≥ 0"),
    ({"jacobian": lambda x: x}, "jacobian: expected a tensor of shape (4, 3, 3), found (4, 3)"),
    ({"jacobian": lambda x: torch.eye(3).expand(len(x), 3, 3)}, "jacobian: derivative contradicts"),
]


def _says(words):
    return pytest.raises(InputError, match=re.escape(words))


@pytest.mark.parametrize(("starts", "words"), STARTS)
def test_starts(starts, words):
    with _says(words):
        find_fixed_points(HALF, starts)


@pytest.mark.parametrize(("inputs", "words"), INPUTS)
def test_inputs(inputs, words):
    with _says(words):
        find_fixed_points(lambda x, u: x, GOOD, inputs)


@pytest.mark.parametrize(("step", "words"), STEPS)
def test_steps(step, words):
    starts = np.random.default_rng(0).standard_normal((4, 3))
    with _says(words):
        find_fixed_points(step, starts)


@pytest.mark.parametrize(("options", "words"), OPTIONS)
def test_options(options, words):
    with _says(words):
        find_fixed_points(HALF, GOOD, **options)


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        ((np.ones((2, 2), dtype=int), 3), {}, "found shape (2, 2), dtype int64"),
        ((np.full((2, 2), np.nan), 3), {}, "every sample has NaN"),
        ((np.array([[np.inf, 1.0]]), 3), {}, "found infinity in 1 samples"),
        ((np.ones((2, 2)), 0), {}, "n_starts: expected an integer of at least 1"),
        ((np.ones((2, 2)), 1), {"mixing": True}, "mixing: expected an integer"),
        ((np.ones((2, 2)), 1), {"noise": -0.1}, "noise: expected a number ≥ 0"),
    ],
)
def test_sample_starts(arguments, options, words):
    with _says(words):
        sample_starts(*arguments, **options)


@pytest.mark.parametrize(
    ("weight", "options", "words"),
    [
        (np.ones(3), {}, "expected a finite matrix (post, pre), found shape (3,)"),
        (np.full((2, 2), np.nan), {}, "or NaN in it"),
        (np.eye(2), {"form": "rates"}, "did you mean 'rate'?"),
        (np.eye(2), {"scale": -1.0}, "scale: expected a number ≥ 0"),
    ],
)
def test_lipschitz_from_curvature(weight, options, words):
    with _says(words):
        lipschitz_from_curvature(weight, **options)
