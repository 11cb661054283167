"""The two maps whose fixed points are the orbits of period k: k states at once, and the k-fold map."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..certificates.kantorovich import Lipschitz
from ..jacobian import Jacobian
from ..problem import Problem, Step

Array = npt.NDArray[Any]

# Step, starts and Jacobian of such a map.
Lifted = tuple[Step, Tensor, Callable[..., Tensor]]

# An orbit that has gone this many times farther out than the starts is no guess for a periodic one.
_ESCAPED = 1e3


def k_states(problem: Problem, derivative: Jacobian, period: int) -> Lifted:
    """Return the map of k states at once, the starts' own stretches, and its Jacobian."""
    size = problem.n_states

    def k_step(states: Tensor, inputs: Tensor | None = None) -> Tensor:
        rows = states.reshape(-1, size)
        moved = problem.call(rows, _repeated(inputs, period)).reshape(len(states), period, size)
        return moved.roll(1, dims=1).reshape(len(states), period * size)

    def k_jacobian(states: Tensor, inputs: Tensor | None = None) -> Tensor:
        blocks = derivative(states.reshape(-1, size), _repeated(inputs, period)).reshape(-1, period, size, size)
        made = states.new_zeros(len(states), period, size, period, size)
        for phase in range(period):
            made[:, (phase + 1) % period, :, phase] = blocks[:, phase]
        return made.reshape(len(states), period * size, period * size)

    return k_step, _stretches(problem, period), k_jacobian


def k_fold(problem: Problem, derivative: Jacobian, period: int) -> Lifted:
    """Return the k-fold map, the starts, and its Jacobian by the chain rule."""

    def k_step(states: Tensor, inputs: Tensor | None = None) -> Tensor:
        for _ in range(period):
            states = problem.call(states, inputs)
        return states

    def k_jacobian(states: Tensor, inputs: Tensor | None = None) -> Tensor:
        product = derivative(states, inputs)
        for _ in range(period - 1):
            states = problem.map(states, inputs)
            product = derivative(states, inputs) @ product
        return product

    return k_step, problem.starts, k_jacobian


def _repeated(inputs: Tensor | None, period: int) -> Tensor | None:
    return None if inputs is None else inputs.repeat_interleave(period, dim=0)


def _stretches(problem: Problem, period: int) -> Tensor:
    """Return the k states from each start on, (n, k · state); the start k times where they escape."""
    path = [problem.starts]
    for _ in range(period - 1):
        path.append(problem.map(path[-1], problem.inputs))
    stretches = torch.stack(path, dim=1)
    reach = _ESCAPED * (1 + float(problem.starts.abs().amax()))
    stays = (stretches.abs() <= reach).all(dim=2).all(dim=1)  # False for NaN too
    stretches = torch.where(stays[:, None, None], stretches, problem.starts[:, None])
    return stretches.flatten(1)


def bound_of_all(lipschitz: Lipschitz | None, period: int) -> Lipschitz | None:
    """Return the Lipschitz constant of the Jacobian of k states at once: the largest of the k.

    Its blocks are the Jacobians of F at the k states, so that the norm of a difference is the largest of the blocks'.
    """
    if lipschitz is None or not callable(lipschitz) or period == 1:
        return lipschitz
    own = lipschitz

    def largest(states: Array, radii: Array) -> Array:
        bounds = own(states.reshape(len(states) * period, -1), np.repeat(radii, period))
        return np.asarray(np.asarray(bounds).reshape(len(states), period).max(axis=1))

    return largest
