"""The search: starts in, certified fixed points out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..errors import InputError
from ..results import digest_arrays
from .certificates.kantorovich import Certificate, Lipschitz, certify_points, not_asked
from .jacobian import make_jacobian
from .problem import ArrayLike, Dynamics, Problem, Step, make_problem, precision
from .record import FixedPoints
from .solver.newton import OUTCOME_SENTENCES, Outcome, Solution, solve
from .solver.points import Points, host
from .stability import count_unstable, eigenvalues, is_stable

Array = npt.NDArray[Any]

_OUTSIDE = 1.5
_MEMORY = 2**30


def find_fixed_points(
    step: Step,
    initial_states: ArrayLike,
    inputs: ArrayLike | None = None,
    *,
    dynamics: Dynamics = "map",
    tolerance: float = 1e-25,
    unique_tolerance: float = 1e-6,
    max_iterations: int = 100,
    certify: bool = True,
    dtype: torch.dtype = torch.float64,
    lipschitz: Lipschitz | None = None,
    jacobian: Callable[..., Tensor] | None = None,
    memory: int = _MEMORY,
) -> FixedPoints:
    """Return the fixed points x = F(x, u), or f(x, u) = 0, that Newton's method reaches from the given starts.

    Stable points, saddles and repellers are found alike. Nothing proves that the list is complete: use
    many starts, spread over and between the visited states (:func:`~dynascope.fixedpoints.sample_starts`).
    Not for maps that torch cannot differentiate, unless ``jacobian`` is given, nor for noisy maps; a slow
    point that is no fixed point is counted in ``outcomes`` and not returned.

    Parameters
    ----------
    step : callable
        Batched map: (n, state) → (n, state) when ``inputs`` is None, else (n, state), (n, input) → (n,
        state). Of a module, a bound method of one or a ``functools.partial`` of either a copy in ``dtype``
        is used.
    initial_states : array or tensor, shape (n, state), floating point
    inputs : array or tensor, shape (input,) or (n, input), or None
        Constant input: one for all starts, or one per start. Points of different inputs are never merged.
    dynamics : {"map", "flow"}
        Whether ``step`` is the next state F(x, u) or, in continuous time, the velocity f(x, u).
    tolerance : float > 0
        Largest q = ½‖F(x) − x‖² of a reported point, in squared units of the state; ½‖f(x)‖² of a flow.
    unique_tolerance : float ≥ 0
        Distance, as a share of the root-mean-square norm of the points, below which two points
        without certificates are one. Two certified points are compared by their certificates instead.
    max_iterations : int ≥ 1
        Newton iterations (each one factorisation of J − I) per start.
    certify : bool
        Whether to compute a certificate of existence and uniqueness for each point.
    dtype : torch.float64 or torch.float32
        In float32 q does not fall below about 1e-14: pass a larger tolerance.
    lipschitz : float, callable or None
        Lipschitz constant of the Jacobian in the spectral norm: a number, or a function of states (k,
        state) and radii (k,) that returns (k,) bounds valid in those balls. None estimates it, see
        ``certificate_kind``.
    jacobian : callable or None
        ∂F/∂x with the arguments of ``step``, (n, state, state); None differentiates ``step``.
    memory : int > 0
        Bytes that the Jacobians and factors of one block of starts may take.

    Returns
    -------
    FixedPoints
        Arrays of numpy in float64 (or float32), ordered by input, number of unstable directions, norm and
        coordinates.

    Raises
    ------
    InputError
        If an argument has a wrong shape, dtype or range, holds NaN, or ``step`` fails, changes the shape
        of the states, mixes rows, is random or is not finite at any start.

    Notes
    -----
    Method: :mod:`dynascope.fixedpoints.solver.newton`; certificates:
    :mod:`dynascope.fixedpoints.certificates.kantorovich`. The criterion q is that of Sussillo and Barak,
    Neural Comput. 25 (2013) 626, eq. 2.

    Examples
    --------
    >>> points = find_fixed_points(lambda x: torch.tanh(2 * x), np.linspace(-2, 2, 9)[:, None])
    >>> points.states.round(6).ravel() + 0.0
    array([-0.957504,  0.957504,  0.      ])
    >>> points.stable, points.certified.all()
    (array([ True,  True, False]), np.True_)
    """
    _check_options(tolerance, unique_tolerance, max_iterations, memory, dtype)
    # Gradients are needed here even where the caller has switched them off.
    with precision(dtype), torch.inference_mode(mode=False), torch.enable_grad():
        problem = make_problem(step, initial_states, inputs, dtype=dtype, dynamics=dynamics)
        derivative = make_jacobian(problem, jacobian)
        solution = solve(problem, derivative, tolerance=tolerance, max_iterations=max_iterations, memory=memory)
        _refuse_all_broken(solution)
        points = Points.reached(problem, derivative, solution, tolerance=tolerance, memory=memory)
        certificates = not_asked(len(points))
        if certify:
            certificates = certify_points(
                problem,
                derivative,
                points.states,
                points.inputs(),
                lipschitz=lipschitz,
                scale=points.scale,
                memory=memory,
            )
        points, certificates = points.distinct(certificates, unique_tolerance)
        jacobians = points.jacobians()
        values = eigenvalues(jacobians, dynamics)
        order = points.order(count_unstable(values, dynamics))
        points, certificates = points.take(order), certificates.take(order)
        jacobians, values = jacobians[order], values[order]
        speeds = points.speeds()
    given = points.inputs()
    return FixedPoints(
        dynamics=dynamics,
        states=host(points.states),
        inputs=None if given is None else host(given),
        speeds=speeds,
        jacobians=jacobians,
        eigenvalues=values,
        stable=is_stable(values, dynamics),
        n_unstable=count_unstable(values, dynamics),
        certified=certificates.codes == int(Certificate.CERTIFIED),
        radius=certificates.radius,
        error_bound=certificates.error_bound,
        certificate=certificates.codes,
        certificate_kind=_kind(lipschitz) if certify else "none",
        multiplicity=np.bincount(points.labels[points.labels >= 0], minlength=len(points)),
        outside=_outside(host(points.states), host(problem.starts)),
        start_points=points.labels,
        n_starts=len(problem.starts),
        n_converged=int(np.count_nonzero(points.labels >= 0)),
        outcomes=_count_outcomes(host(solution.outcomes), points.labels),
        parameters={
            "tolerance": tolerance,
            "unique_tolerance": unique_tolerance,
            "max_iterations": max_iterations,
            "dtype": str(dtype).removeprefix("torch."),
            "lipschitz": lipschitz if isinstance(lipschitz, (int, float)) else None,
        },
        input_digest=_digest(problem),
    )


def _kind(lipschitz: Lipschitz | None) -> str:
    return "estimated" if lipschitz is None else "bounded"


def _digest(problem: Problem) -> str:
    return digest_arrays([host(given) for given in (problem.starts, problem.inputs) if given is not None])


def _refuse_all_broken(solution: Solution) -> None:
    if bool((solution.outcomes == int(Outcome.NOT_FINITE)).all()):
        raise InputError(
            f"step: no finite next state at any of the {len(solution.states)} starts or where they lead; "
            "expected finite numbers (NaN in a weight that the step holds?)"
        )


def _count_outcomes(outcomes: Array, labels: Array) -> dict[str, int]:
    """Return how many starts ended in each way, as sentences; a start without a point did not converge."""
    lost = (outcomes == int(Outcome.CONVERGED)) & (labels < 0)
    outcomes = np.where(lost, int(Outcome.ROUND_OFF), outcomes)
    return {
        sentence: int(np.count_nonzero(outcomes == int(outcome)))
        for outcome, sentence in OUTCOME_SENTENCES.items()
        if np.any(outcomes == int(outcome))
    }


def _outside(states: Array, starts: Array) -> Array:
    """Return which states are farther from the mean start than 1.5 times the farthest start, (k,)."""
    if len(starts) == 1:
        return np.zeros(len(states), dtype=bool)
    centre = starts.mean(axis=0)
    farthest = np.linalg.norm(starts - centre, axis=1).max()
    return np.asarray(np.linalg.norm(states - centre, axis=1) > _OUTSIDE * farthest)


def _check_options(
    tolerance: float, unique_tolerance: float, max_iterations: int, memory: int, dtype: torch.dtype
) -> None:
    if not 0 < tolerance < np.inf:
        raise InputError(f"tolerance: expected a number > 0, found {tolerance!r}")
    if dtype == torch.float32 and tolerance < 1e-14:
        raise InputError(
            f"tolerance: {tolerance:g} is below what float32 can reach; pass tolerance=1e-12 or use float64"
        )
    if not 0 <= unique_tolerance < 1:
        raise InputError(f"unique_tolerance: expected a share from 0 to 1, found {unique_tolerance!r}")
    for name, value in (("max_iterations", max_iterations), ("memory", memory)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise InputError(f"{name}: expected an integer of at least 1, found {value!r}")
