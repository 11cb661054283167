"""Steps with one real parameter, made from networks: an input channel, a weight scale, the way between weights."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import InputError, unknown_name
from ..problem import ArrayLike, Step, promote

Weights = Mapping[str, ArrayLike]
# states (n, state), parameter (n, 1) → (n, state)
Parametrized = Callable[[Tensor, Tensor], Tensor]


def along_input(step: Step, input: ArrayLike, channel: int) -> Parametrized:
    """Return the step as a function of states and one input channel: (n, state), (n, 1) → (n, state).

    Parameters
    ----------
    step : callable
        (n, state), (n, input) → (n, state). Of modules and their methods a float64 copy is used.
    input : array or tensor, shape (input,)
        The constant input; the value of ``channel`` in it plays no part.
    channel : int
        Which channel is the parameter, from 0.

    Raises
    ------
    InputError
        If the input is not one row of finite numbers or has no such channel.

    Examples
    --------
    >>> step = along_input(lambda x, u: torch.tanh(2 * x + u.sum(1, keepdim=True)), np.zeros(3), 1)
    >>> step(torch.zeros(2, 1, dtype=torch.float64), torch.ones(2, 1, dtype=torch.float64)).shape
    torch.Size([2, 1])
    """
    row = _row("input", input)
    if isinstance(channel, bool) or not isinstance(channel, (int, np.integer)) or not 0 <= channel < len(row):
        raise InputError(f"channel: expected an integer from 0 to {len(row) - 1}, found {channel!r}")
    moved = promote(step, torch.float64)

    def parametrized(states: Tensor, parameter: Tensor) -> Tensor:
        rows = row.to(states.device).expand(len(states), -1)
        return moved(states, torch.cat([rows[:, :channel], parameter, rows[:, channel + 1 :]], dim=1))

    return parametrized


def along_weights(
    step: Step, parameters_from: Weights, parameters_to: Weights, *, input: ArrayLike | None = None
) -> Parametrized:
    """Return the step as a function of states and the place p on the straight line between two sets of weights.

    θ(p) = (1 − p) θ₀ + p θ₁: the network is ``parameters_from`` at p = 0 and ``parameters_to`` at p = 1, and p may
    go beyond. Zeros in ``parameters_from`` make p a scale (:func:`along_scale`).

    Parameters
    ----------
    step : module, bound method of a module, or function
        A module maps states to states; a method is for example ``model.step``. A function is called with the
        parameters first: (θ, states) or (θ, states, input), θ a dictionary.
    parameters_from, parameters_to : mapping of str to array
        The same names and shapes in both. Of a module, any of its parameters and buffers; those not named stay.
    input : array or tensor, shape (input,), or None
        Constant input, passed after the states.

    Raises
    ------
    InputError
        If names or shapes differ, a value is not finite, or the module has no parameter of a name.
    """
    if sorted(parameters_from) != sorted(parameters_to) or not parameters_from:
        raise InputError(
            f"parameters_to: expected the same names as parameters_from ({', '.join(sorted(parameters_from))}), "
            f"found {', '.join(sorted(parameters_to)) or 'none'}"
        )
    start = {name: _finite(name, value) for name, value in parameters_from.items()}
    change = {
        name: _finite(name, parameters_to[name]) - start[name] for name in start if _fits(name, start, parameters_to)
    }
    evaluate = _evaluation(step, start)
    row = None if input is None else _row("input", input)

    def at(states: Tensor, place: Tensor) -> Tensor:
        weights = {name: (start[name] + place * change[name]).to(states.device) for name in start}
        if row is None:
            return evaluate(weights, states)
        return evaluate(weights, states, row.to(states.device).expand(len(states), -1))

    def parametrized(states: Tensor, parameter: Tensor) -> Tensor:
        # One network for all rows when they share it; each row needs its own graph when its derivative is wanted.
        if not len(states):
            return states
        if not parameter.requires_grad and bool((parameter == parameter[0]).all()):
            return at(states, parameter[0, 0])
        return torch.cat([at(states[i : i + 1], parameter[i, 0]) for i in range(len(states))])

    return parametrized


def along_scale(step: Step, names: Sequence[str] | None = None, *, input: ArrayLike | None = None) -> Parametrized:
    """Return the step as a function of states and a factor g on some of its weights; g = 1 is the network as it is.

    Parameters
    ----------
    step : module or bound method of a module
    names : names of the parameters to scale, or None for all
    input : array or tensor, shape (input,), or None

    Raises
    ------
    InputError
        If ``step`` is a plain function, or the module has no parameter of a name.

    Examples
    --------
    >>> cell = torch.nn.Linear(2, 2, bias=False)
    >>> step = along_scale(cell, ["weight"])
    >>> x = torch.ones(1, 2, dtype=torch.float64)
    >>> bool(torch.allclose(step(x, 2 * torch.ones(1, 1, dtype=torch.float64)), 2 * cell.double()(x)))
    True
    """
    module = _module(step)
    if module is None:
        raise InputError("step: expected a module or a method of one, whose weights have names, found a plain function")
    known = dict(module.named_parameters())
    for name in known if names is None else names:
        if name not in known:
            raise InputError(unknown_name("parameter", name, known))
    chosen = {name: known[name].detach() for name in (known if names is None else names)}
    return along_weights(step, {name: torch.zeros_like(value) for name, value in chosen.items()}, chosen, input=input)


class _Method(nn.Module):
    """A module's method as a module's forward, so that torch can run it with other weights."""

    def __init__(self, module: nn.Module, name: str) -> None:
        super().__init__()
        self.module, self.name = module, name

    def forward(self, *arguments: Tensor) -> Tensor:
        """Return what the method returns."""
        return getattr(self.module, self.name)(*arguments)  # type: ignore[no-any-return]


def _module(step: Step) -> nn.Module | None:
    owner = step if isinstance(step, nn.Module) else getattr(step, "__self__", None)
    return owner if isinstance(owner, nn.Module) else None


def _evaluation(step: Step, weights: Mapping[str, Tensor]) -> Callable[..., Tensor]:
    """Return the function (weights, states[, input]) → next states."""
    module = _module(step)
    if module is None:
        return step
    known = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    for name, value in weights.items():
        if name not in known:
            raise InputError(unknown_name(f"parameter of {type(module).__name__}", name, known))
        if value.shape != known[name].shape:
            raise InputError(
                f"parameter '{name}': expected shape {tuple(known[name].shape)}, found {tuple(value.shape)}"
            )
    copied: Any = promote(module, torch.float64)
    held = _Method(copied, "forward" if isinstance(step, nn.Module) else step.__name__)
    return functools.partial(_with_weights, held)


def _with_weights(held: _Method, weights: Mapping[str, Tensor], *arguments: Tensor) -> Tensor:
    named = {f"module.{name}": value for name, value in weights.items()}
    return torch.func.functional_call(held, named, arguments)  # type: ignore[no-any-return]


def _fits(name: str, start: Mapping[str, Tensor], weights: Weights) -> bool:
    found, expected = tuple(np.shape(weights[name])), tuple(start[name].shape)
    if found != expected:
        raise InputError(f"parameters_to['{name}']: expected shape {expected}, found {found}")
    return True


def _finite(name: str, values: ArrayLike) -> Tensor:
    made = values.detach() if isinstance(values, Tensor) else torch.tensor(np.asarray(values))
    made = made.to(torch.float64)
    if not bool(torch.isfinite(made).all()):
        raise InputError(f"'{name}': expected finite numbers, found NaN or infinity")
    return made


def _row(name: str, values: ArrayLike) -> Tensor:
    row = _finite(name, values)
    if row.ndim != 1 or not len(row):
        raise InputError(f"{name}: expected shape (input,), one row, found {tuple(row.shape)}")
    return row
