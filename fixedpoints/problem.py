"""What is studied: a map or a flow, its starts and its inputs, checked once and brought to one precision."""

import copy
import dataclasses
import functools
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import threadpoolctl
import torch
from torch import Tensor

from ..errors import InputError, unknown_name

Step = Callable[..., Tensor]
ArrayLike = npt.NDArray[Any] | Tensor

DTYPES = (torch.float64, torch.float32)

# A map is iterated, x' = F(x, u); a flow is integrated, dx/dt = f(x, u).
Dynamics = Literal["map", "flow"]
# Starts at which inputs are moved, to see whether they act: a few may all be silent.
_TRIED = 256
DYNAMICS: tuple[Dynamics, ...] = ("map", "flow")


@dataclasses.dataclass(frozen=True, eq=False)
class Problem:
    """A map x' = F(x, u) or a flow dx/dt = f(x, u) whose points of rest are wanted: zeros of the residual G.

    G(x) = F(x, u) − x for a map, G(x) = f(x, u) for a flow. ``step`` is F or f; it takes rows ``(n, state)``
    and, unless the problem has no inputs, ``(n, input)``. The rows of ``starts`` and ``inputs`` (one per
    start, or None) share dtype and device.
    """

    step: Step
    starts: Tensor
    inputs: Tensor | None
    dynamics: Dynamics = "map"

    @property
    def n_states(self) -> int:
        """Number of state variables."""
        return int(self.starts.shape[1])

    def map(self, states: Tensor, inputs: Tensor | None) -> Tensor:
        """Return F(x, u) or f(x, u) for rows of states, without building an autograd graph."""
        with torch.no_grad():
            return self.call(states, inputs)

    def call(self, states: Tensor, inputs: Tensor | None) -> Tensor:
        """Return F(x, u) or f(x, u) for rows of states; derivatives flow through."""
        return self.step(states) if inputs is None else self.step(states, inputs)

    def residual(self, states: Tensor, inputs: Tensor | None) -> Tensor:
        """Return G(x) for rows of states: the velocity of a flow, the displacement F(x, u) − x of a map."""
        value = self.map(states, inputs)
        return value - states if self.dynamics == "map" else value

    def residual_jacobian(self, jacobians: Tensor) -> Tensor:
        """Return ∂G/∂x, a new array, from the Jacobians of ``step`` (…, state, state).

        New, because a Jacobian may be the caller's own or share memory between rows.
        """
        if self.dynamics == "flow":
            return jacobians.clone()
        return jacobians - torch.eye(jacobians.shape[-1], dtype=jacobians.dtype, device=jacobians.device)

    def rows(self, index: Tensor) -> Tensor | None:
        """Return the inputs of the starts ``index``, None when the map has no input."""
        return None if self.inputs is None else self.inputs[index]


def make_problem(
    step: Step,
    initial_states: ArrayLike,
    inputs: ArrayLike | None,
    *,
    dtype: torch.dtype = torch.float64,
    dynamics: Dynamics = "map",
) -> Problem:
    """Return the checked problem, evaluated in ``dtype``. Call it inside :func:`precision`.

    A module, a bound method of one, or a :func:`functools.partial` of either is evaluated through a copy
    whose parameters and buffers have ``dtype``; the caller's module stays as it is.

    Raises
    ------
    InputError
        If starts or inputs have a wrong shape or dtype or hold NaN or infinity, if the step's parameters
        do, or if the step fails, changes the shape or precision of the states, mixes rows or is random.
    """
    if dtype not in DTYPES:
        raise InputError(f"dtype: expected torch.float64 or torch.float32, found {dtype}")
    if dynamics not in DYNAMICS:
        raise InputError(unknown_name("dynamics", dynamics, DYNAMICS))
    if not callable(step):
        raise InputError(f"step: expected a callable F(x) or F(x, u), found {type(step).__name__}")
    _refuse_bad_parameters(step)
    device = _device(step, initial_states)
    starts = state_rows("initial_states", initial_states, dtype=dtype, device=device)
    given = None
    if inputs is not None:
        given = _inputs(inputs, len(starts), dtype=dtype, device=device)
    problem = Problem(promote(step, dtype), starts, given, dynamics)
    with precision(dtype):
        _try_step(problem)
    return problem


@contextmanager
def precision(dtype: torch.dtype) -> Iterator[None]:
    """Use ``dtype`` as torch's default and one thread in torch and BLAS inside the block; restore both.

    Tensors that a step creates without a dtype then match its states. One thread, because batched LU can hang
    after ``torch.set_num_threads(k > 1)``, and because two threads on small batches are slower than one.
    """
    default, threads = torch.get_default_dtype(), torch.get_num_threads()
    torch.set_default_dtype(dtype)
    torch.set_num_threads(1)
    try:
        with threadpoolctl.threadpool_limits(1, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(threads)
        torch.set_default_dtype(default)


def promote(step: Step, dtype: torch.dtype) -> Step:
    """Return ``step`` computing in ``dtype``; modules are copied, other callables returned as they are."""
    if isinstance(step, torch.nn.Module):
        return _copy(step, dtype)
    owner = getattr(step, "__self__", None)
    if isinstance(owner, torch.nn.Module) and isinstance(step, types.MethodType):
        return types.MethodType(step.__func__, _copy(owner, dtype))
    if isinstance(step, functools.partial):
        args = [_promote_value(value, dtype) for value in step.args]
        keywords = {name: _promote_value(value, dtype) for name, value in step.keywords.items()}
        return functools.partial(promote(step.func, dtype), *args, **keywords)
    return step


def _promote_value(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, Tensor) and value.is_floating_point():
        return value.detach().to(dtype)
    return _copy(value, dtype) if isinstance(value, torch.nn.Module) else value


def _copy(module: torch.nn.Module, dtype: torch.dtype) -> torch.nn.Module:
    try:
        copied = copy.deepcopy(module)
    except (RuntimeError, TypeError) as error:
        raise InputError(
            f"step: cannot copy {type(module).__name__} to compute in {dtype} ({error}); pass a function "
            f"that computes in {dtype} instead"
        ) from error
    return copied.to(dtype).requires_grad_(requires_grad=False)


def _module_of(step: Step) -> torch.nn.Module | None:
    if isinstance(step, torch.nn.Module):
        return step
    if isinstance(step, functools.partial):
        return _module_of(step.func)
    owner = getattr(step, "__self__", None)
    return owner if isinstance(owner, torch.nn.Module) else None


def _device(step: Step, initial_states: ArrayLike) -> torch.device:
    module = _module_of(step)
    for parameter in module.parameters() if module is not None else ():
        return parameter.device
    return initial_states.device if isinstance(initial_states, Tensor) else torch.device("cpu")


def _refuse_bad_parameters(step: Step) -> None:
    module = _module_of(step)
    if module is None:
        return
    for name, value in (*module.named_parameters(), *module.named_buffers()):
        if value.is_floating_point():
            _refuse_nonfinite(f"parameter '{name}' of {type(module).__name__}", value.detach())


def _refuse_nonfinite(name: str, values: Tensor) -> None:
    bad = torch.nonzero(~torch.isfinite(values))
    if len(bad):
        index = tuple(int(i) for i in bad[0])
        place = f"at index {index}" if index else "as its value"
        raise InputError(f"{name}: expected finite numbers, found {float(values[index])} {place} ({len(bad)} in all)")


def _tensor(name: str, values: ArrayLike, *, dtype: torch.dtype, device: torch.device) -> Tensor:
    if not isinstance(values, Tensor):
        array = np.asarray(values)
        if array.dtype.kind not in "fiubc":
            raise InputError(f"{name}: expected an array of floating-point numbers, found dtype {array.dtype}")
        # A copy: the array may be read-only or have negative strides, which torch refuses.
        values = torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))
    if not values.is_floating_point():
        raise InputError(
            f"{name}: expected real floating-point numbers, found dtype {values.dtype}; convert them first"
        )
    made = values.detach().to(dtype=dtype, device=device)
    _refuse_nonfinite(name, made)
    return made


def host(values: Any) -> npt.NDArray[Any]:
    """Return a tensor, an array or a number as a numpy array of its own."""
    return np.array(values.detach().cpu().numpy() if isinstance(values, Tensor) else values)


def state_rows(name: str, values: ArrayLike, *, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the states ``values`` (n, state) as a tensor, checked.

    Raises
    ------
    InputError
        If they are not finite real floating-point numbers of that shape.
    """
    made = _tensor(name, values, dtype=dtype, device=device)
    if made.ndim != 2 or 0 in made.shape:
        hint = "; write x[None] for a single state" if made.ndim == 1 else ""
        raise InputError(f"{name}: expected shape (n, state), both at least 1, found {tuple(made.shape)}{hint}")
    return made


def _inputs(inputs: ArrayLike, n_starts: int, *, dtype: torch.dtype, device: torch.device) -> Tensor:
    made = _tensor("inputs", inputs, dtype=dtype, device=device)
    if made.ndim == 1 and len(made):
        return made.expand(n_starts, -1)
    if made.ndim != 2 or 0 in made.shape or len(made) != n_starts:
        raise InputError(
            f"inputs: expected None, shape (input,) shared by all starts, or ({n_starts}, input) with one "
            f"row per start, found {tuple(made.shape)}"
        )
    return made


def _try_step(problem: Problem) -> None:
    """Evaluate a few rows and refuse a step that no search could use."""
    index = torch.arange(min(3, len(problem.starts)), device=problem.starts.device)
    states, inputs = problem.starts[index], problem.rows(index)
    value = _first_value(problem, states, inputs)
    again = _first_value(problem, states, inputs)
    finite = torch.isfinite(value)
    if not torch.equal(value[finite], again[finite]):
        raise InputError(
            "step: two calls with the same states differ; a map with noise or dropout has no fixed points: "
            "switch them off (evaluation mode, noise=None)"
        )
    one = torch.cat([_first_value(problem, states[i : i + 1], problem.rows(index[i : i + 1])) for i in index])
    _refuse_ignored_inputs(problem)
    # Batched and single products round differently, by far less than this.
    tolerance = 1e3 * torch.finfo(states.dtype).eps * (1 + float(value[finite].abs().amax()) if finite.any() else 1)
    if not torch.allclose(value, one, rtol=0, atol=tolerance, equal_nan=True):
        raise InputError(
            "step: the image of a row changes with the other rows of the batch; expected each row of "
            "(n, state) to be mapped by itself (batch normalisation? a sum over the wrong axis?)"
        )


def _refuse_ignored_inputs(problem: Problem) -> None:
    """Refuse inputs that change nothing, to the bit, wherever they are moved to: they are probably not wired up."""
    if problem.inputs is None:
        return
    states, inputs = problem.starts[:_TRIED], problem.inputs[:_TRIED]
    value = torch.nan_to_num(problem.map(states, inputs))
    # Thousandths and thousands: an input may act through a threshold, or saturate what it acts on.
    for size in (1e-3, 1.0, -1.0, 1e3, -1e3):
        if not torch.equal(torch.nan_to_num(problem.map(states, inputs + size)), value):
            return
    raise InputError(
        f"step: ignores its input: F(x, u) stays the same when all {inputs.shape[1]} channels of u change; pass "
        "inputs=None and a step of one argument if the system has no input"
    )


def _first_value(problem: Problem, states: Tensor, inputs: Tensor | None) -> Tensor:
    shapes = f"states {tuple(states.shape)} {states.dtype}"
    if inputs is not None:
        shapes += f" and inputs {tuple(inputs.shape)}"
    try:
        value: Any = problem.map(states, inputs)
    except Exception as error:  # whatever the user's code raises
        raise InputError(f"step failed on {shapes}: {type(error).__name__}: {error}{_advice(error)}") from error
    if not isinstance(value, Tensor):
        hint = "; return the next state only" if isinstance(value, tuple) else ""
        raise InputError(f"step: expected a tensor of shape (n, state), found {type(value).__name__}{hint}")
    if value.shape != states.shape:
        raise InputError(
            f"step: expected the next states in the shape of the states {tuple(states.shape)}, "
            f"found {tuple(value.shape)}"
        )
    if value.dtype != states.dtype:
        raise InputError(
            f"step: returned {value.dtype} for {states.dtype} states, so it computes in another precision; "
            "pass the module itself (a copy is converted), convert the function, or set dtype"
        )
    return value


def _advice(error: Exception) -> str:
    text = str(error).lower()
    if "dtype" in text or "double" in text or "float" in text:
        return (
            " (the search computes in float64: pass the module itself or its method, of which a converted "
            "copy is used, or convert the tensors that the function holds)"
        )
    if isinstance(error, TypeError) and "argument" in text:
        return " (step is called as step(x) without inputs and as step(x, u) with inputs)"
    return ""
