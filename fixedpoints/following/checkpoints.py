"""The ways between the checkpoints of a training: maps with one parameter, 0 at a checkpoint and 1 at the next."""

import functools
import itertools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ..problem import ArrayLike, Step
from .parameters import Parametrized, Weights, along_weights


def along_checkpoints(step: Step, weights: Sequence[Weights], *, input: ArrayLike | None = None) -> list[Parametrized]:
    """Return the maps between neighbouring checkpoints: θ(s) = (1 − s) θᵢ + s θᵢ₊₁, as :func:`along_weights` does.

    Parameters
    ----------
    step : module, bound method of a module, or function (θ, states[, input])
    weights : sequence of mappings of str to array, one per checkpoint
    input : array or tensor, shape (input,), or None
        The same constant input everywhere.

    Raises
    ------
    InputError
        As :func:`along_weights`, and for fewer than two checkpoints.
    """
    if len(weights) < 2:
        raise InputError(f"weights: expected those of at least two checkpoints, found {len(weights)}")
    lines = [along_weights(step, *pair, input=input) for pair in itertools.pairwise(weights)]
    return [functools.partial(_in_one_direction, line) for line in lines]


def along_family(step: Parametrized, values: Sequence[float]) -> list[Parametrized]:
    """Return the maps between neighbouring checkpoints of a family with one parameter that takes these values.

    Parameters
    ----------
    step : callable, states (n, state) and parameter (n, 1) → (n, state)
    values : finite numbers, one per checkpoint, at least two

    Raises
    ------
    InputError
        If there are fewer than two values or one is not finite.
    """
    moved = np.asarray(values, float)
    if moved.ndim != 1 or len(moved) < 2 or not np.isfinite(moved).all():
        raise InputError(f"values: expected at least two finite numbers, one per checkpoint, found {list(values)}")
    return [functools.partial(_on_the_way, step, *pair) for pair in itertools.pairwise(moved.tolist())]


def _in_one_direction(line: Parametrized, states: Tensor, place: Tensor) -> Tensor:
    """Return the step with its derivative along the line of weights taken as one direction.

    Plain reverse mode goes through all weights once per state variable to reach the one number ``place``: N³ numbers.
    Here it does so once. The first derivatives are exact; mixed second ones are not those of the step.
    """
    if not len(states):  # what a search that found nothing asks for
        return states
    if not place.requires_grad:
        return line(states, place)
    fixed = place.detach()
    return line(states, fixed) + _slope(line, states.detach(), fixed) * (place - fixed)


def _slope(line: Parametrized, states: Tensor, place: Tensor) -> Tensor:
    """Return the derivative of the next states by the place, (n, state).

    It is linear in what is pulled back, v ↦ vᵀ ∂F/∂p, and ∂F/∂p is the gradient of that by v.
    """
    moving = place.clone().requires_grad_()
    moved = line(states, moving)
    pulled = torch.zeros_like(moved, requires_grad=True)
    (back,) = torch.autograd.grad(moved, moving, pulled, create_graph=True, materialize_grads=True)
    if not back.requires_grad:  # the weights do not change along the line
        return torch.zeros_like(moved)
    (slope,) = torch.autograd.grad(back.sum(), pulled, materialize_grads=True)
    return slope.detach()


def _on_the_way(step: Parametrized, begin: float, end: float, states: Tensor, place: Tensor) -> Tensor:
    # Not begin + place · (end − begin): at place 1 this is the end to the last bit.
    return step(states, (1 - place) * begin + place * end)
