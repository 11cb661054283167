"""The curve that is followed: G(x, p) = 0 in N + 1 scaled unknowns, and its derivative.

States and the parameter have different units. Everything in this folder works on z = (x / a, p / b), where a is the
size of the states and b the range of the parameter; arc length is Euclidean in z.
"""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..jacobian import Jacobian, make_jacobian
from ..problem import Dynamics, Problem, make_problem
from ..stability import eigenvalues

Array = npt.NDArray[Any]


@dataclasses.dataclass(frozen=True, eq=False)
class System:
    """G(x, p) = F(x, p) − x of a map, f(x, p) of a flow, and F iterated ``period`` times for periodic points.

    Attributes
    ----------
    base : the caller's step as a problem whose input is the parameter
    extended : the map of rows (x, p), whose Jacobian holds ∂G/∂x and ∂G/∂p
    state_scale, parameter_scale : float > 0, the units a and b of z
    """

    base: Problem
    extended: Problem
    jacobian: Jacobian
    state_scale: float
    parameter_scale: float
    period: int = 1

    @property
    def dynamics(self) -> Dynamics:
        """Map or flow."""
        return self.base.dynamics

    @property
    def n_states(self) -> int:
        """Number N of state variables."""
        return self.base.n_states

    @property
    def scales(self) -> Array:
        """What z is multiplied by to give (x, p), shape (N + 1,)."""
        return np.append(np.full(self.n_states, self.state_scale), self.parameter_scale)

    def scaled(self, state: Array, parameter: float) -> Array:
        """Return z (N + 1,) of a state and a parameter."""
        return np.append(state, parameter) / self.scales

    def state(self, z: Array) -> Array:
        """Return the states (…, N) of z (…, N + 1)."""
        return np.asarray(z[..., :-1] * self.state_scale)

    def parameter(self, z: Array) -> float:
        """Return the parameter at z."""
        return float(z[-1] * self.parameter_scale)

    def residual(self, z: Array) -> Array:
        """Return G (N,) at z; not finite where the step is not."""
        row = self._row(z)
        return np.asarray(self.extended.residual(row, None)[0, :-1].cpu().numpy())

    def derivative(self, z: Array) -> Array:
        """Return ∂G/∂z (N, N + 1) by reverse-mode differentiation."""
        row = self._row(z)
        jacobian = self.extended.residual_jacobian(self.jacobian(row, None))[0, :-1]
        return np.asarray(jacobian.detach().cpu().numpy() * self.scales)

    def multipliers(self, derivative: Array) -> Array:
        """Return the eigenvalues (N,) of ∂F/∂x or ∂f/∂x from ∂G/∂z, slowest to decay first."""
        jacobian = derivative[:, :-1] / self.state_scale
        if self.dynamics == "map":
            jacobian = jacobian + np.eye(len(jacobian))
        return np.asarray(eigenvalues(jacobian[None], self.dynamics)[0])

    def iterated(self, times: int) -> "System":
        """Return the system of ``times`` as many steps: its points have a ``times`` longer period."""
        period = self.period * times
        return _assemble(self.base, self.extended.starts, self.state_scale, self.parameter_scale, period)

    def _row(self, z: Array) -> Tensor:
        return torch.as_tensor((z * self.scales)[None]).to(self.extended.starts)


def make_system(
    step: Any,
    state: Array,
    parameter: float,
    *,
    dynamics: Dynamics,
    state_scale: float,
    parameter_scale: float,
) -> System:
    """Return the checked system around one state; call it inside :func:`~dynascope.fixedpoints.problem.precision`.

    Raises
    ------
    InputError
        As :func:`~dynascope.fixedpoints.problem.make_problem` and
        :func:`~dynascope.fixedpoints.jacobian.make_jacobian` do.
    """
    # Beside the state as well: at x = 0 the step x' = tanh(p x) does not depend on p, yet it is wired up.
    rows = np.repeat(np.asarray(state)[None], 3, axis=0)
    if rows.dtype.kind == "f":
        rows[1:] += 1e-2 * state_scale * np.random.default_rng(0).standard_normal(rows[1:].shape)
    base = make_problem(step, rows, np.full((len(rows), 1), float(parameter)), dynamics=dynamics)
    assert base.inputs is not None
    return _assemble(base, torch.cat([base.starts, base.inputs], dim=1), state_scale, parameter_scale, 1)


def _assemble(base: Problem, rows: Tensor, state_scale: float, parameter_scale: float, period: int) -> System:
    def moved(extended: Tensor) -> Tensor:
        state, parameter = extended[:, :-1], extended[:, -1:]
        for _ in range(period):
            state = base.call(state, parameter)
        return torch.cat([state, parameter], dim=1)

    extended = Problem(moved, rows, None, base.dynamics)
    return System(base, extended, make_jacobian(extended), state_scale, parameter_scale, period)
