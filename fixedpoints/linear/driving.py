"""How inputs drive fixed points: the Jacobian of the step with respect to its input."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...errors import InputError
from ..jacobian import chunks, make_jacobian
from ..problem import Problem, Step, host, make_problem, precision
from ..record import FixedPoints

Array = npt.NDArray[Any]

# A point of rest moves by less than this share of its size under the step that it was found with.
_REST = {torch.float64: 1e-6, torch.float32: 1e-3}
_MEMORY = 2**30


def input_jacobians(points: FixedPoints, step: Step | None) -> Array | None:
    """Return ∂F/∂u or ∂f/∂u at each point, (k, state, channel), in float64; None without inputs or step.

    By reverse-mode differentiation of ``step``, one pass for all state variables.

    Raises
    ------
    InputError
        If ``step`` is one that a search would refuse, hides its derivative or does not rest at the points.
    """
    if step is None:
        return None
    n_points, n_states = points.states.shape
    if not n_points:
        return None if points.inputs is None else np.zeros((0, n_states, points.inputs.shape[1]))
    dtype = torch.float32 if points.states.dtype == np.float32 else torch.float64
    with precision(dtype), torch.inference_mode(mode=False), torch.enable_grad():
        problem = make_problem(step, points.states, points.inputs, dtype=dtype, dynamics=points.dynamics)
        _refuse_other_step(problem, points)
        if problem.inputs is None:
            return None
        # The same problem with the roles of state and input exchanged: its Jacobian is ∂F/∂u.
        exchanged = Problem(lambda inputs, states: problem.call(states, inputs), problem.inputs, problem.starts)
        try:
            jacobian = make_jacobian(exchanged)
        except InputError as error:
            raise InputError(f"{error} (here for its input; leave step out to go without input Jacobians)") from error
        parts = [jacobian(problem.inputs[rows], problem.starts[rows]) for rows in chunks(problem.starts, _MEMORY)]
        return host(torch.cat(parts)).astype(float)


def _refuse_other_step(problem: Problem, points: FixedPoints) -> None:
    moved = host(problem.residual(problem.starts, problem.inputs).norm(dim=1)).astype(float)
    size = 1 + np.linalg.norm(points.states, axis=1)
    allowed = np.maximum(_REST[problem.starts.dtype] * size, 10 * np.sqrt(2 * points.speeds))
    if not (moved <= allowed).all():
        worst = int(np.argmax(np.where(np.isfinite(moved), moved / allowed, np.inf)))
        raise InputError(
            f"step: point {worst} is no point of rest of it (it moves by {moved[worst]:.3g}); pass the step and the "
            "dynamics that the points were found with"
        )
