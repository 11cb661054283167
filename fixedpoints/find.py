"""The search: starts in, certified fixed points out."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..errors import InputError
from ..results import digest_arrays
from .certificates.kantorovich import Certificate, Certificates, Lipschitz, certify_points, not_asked
from .completeness import assess, fixed_point_index
from .jacobian import Jacobian, make_jacobian
from .manifolds import Manifolds, find_manifolds
from .options import Options
from .problem import ArrayLike, Dynamics, Problem, Step, host, make_problem, precision
from .record import FixedPoints
from .slow import find_slow_points, none_asked
from .solver.newton import OUTCOME_SENTENCES, Outcome, Solution, solve
from .solver.points import Points
from .stability import count_unstable, eigenvalues, is_stable

Array = npt.NDArray[Any]

_OUTSIDE = 1.5
_ALL_USED = "all given starts were used"


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
    slow_points: bool = False,
    slow_tolerance: float = 1e-3,
    ball: bool | None = None,
    dtype: torch.dtype = torch.float64,
    lipschitz: Lipschitz | None = None,
    jacobian: Callable[..., Tensor] | None = None,
    memory: int = 2**30,
) -> FixedPoints:
    """Return the fixed points x = F(x, u), or f(x, u) = 0, that Newton's method reaches from the given starts.

    Stable points, saddles and repellers are found alike. Nothing proves that the list is complete: use
    many starts, spread over and between the visited states (:func:`~dynascope.fixedpoints.sample_starts`), or
    :func:`~dynascope.fixedpoints.find_all_fixed_points`, which goes on until nothing new appears. Two checks say when
    points are missing: the indices and the estimate of unseen points, see ``summary()``.
    Not for maps that torch cannot differentiate, unless ``jacobian`` is given, nor for noisy maps.

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
    slow_points : bool
        Whether to look for minima of q that are no zeros too, and return them as ``slow_states``; never among
        ``states``. Every start then also descends on q: two to ten times the time.
    slow_tolerance : float > 0
        Largest q of a slow point, in squared units of the state; a higher minimum is a mere barrier.
    ball : bool or None
        Whether the map sends a ball that holds all its points into itself (the flow points inward on a sphere), so
        that the indices must sum to 1. None: evidence from spheres of growing radius around the starts.
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
    options = Options(
        dynamics=dynamics,
        tolerance=tolerance,
        unique_tolerance=unique_tolerance,
        max_iterations=max_iterations,
        certify=certify,
        slow_points=slow_points,
        slow_tolerance=slow_tolerance,
        ball=ball,
        dtype=dtype,
        lipschitz=lipschitz,
        jacobian=jacobian,
        memory=memory,
    )
    # Gradients are needed here even where the caller has switched them off.
    with precision(dtype), torch.inference_mode(mode=False), torch.enable_grad():
        problem = make_problem(step, initial_states, inputs, dtype=dtype, dynamics=dynamics)
        derivative = make_jacobian(problem, jacobian)
        solution = solve(problem, derivative, tolerance=tolerance, max_iterations=max_iterations, memory=memory)
        return describe(problem, derivative, solution, options)


def describe(
    problem: Problem,
    jacobian: Jacobian,
    solution: Solution,
    options: Options,
    *,
    n_rounds: int = 1,
    stop_reason: str = _ALL_USED,
    parameters: Mapping[str, Any] | None = None,
) -> FixedPoints:
    """Return the record of a search from where its starts ended: points, certificates, stability, completeness.

    The one path from solved starts to the record, however many rounds they took. ``parameters`` are kept beside
    those of the options.
    """
    _refuse_all_broken(solution)
    points = Points.reached(problem, jacobian, solution, tolerance=options.tolerance, memory=options.memory)
    points, certificates = points.distinct(_certificates(points, options), options.unique_tolerance)
    jacobians = points.jacobians()
    values = eigenvalues(jacobians, options.dynamics)
    order = points.order(count_unstable(values, options.dynamics))
    points, certificates = points.take(order), certificates.take(order)
    jacobians, values = jacobians[order], values[order]
    manifolds = _manifolds(points, jacobians, certificates, options)
    index = fixed_point_index(
        values, options.dynamics, certificates=certificates.codes, precision=torch.finfo(options.dtype).eps
    )
    complete = assess(problem, points.labels, host(points.rows), index=index, ball=options.ball)
    slow = (
        find_slow_points(problem, jacobian, solution, points, options) if options.slow_points else none_asked(problem)
    )
    given = points.inputs()
    return FixedPoints(
        dynamics=options.dynamics,
        states=host(points.states),
        inputs=None if given is None else host(given),
        speeds=points.speeds(),
        jacobians=jacobians,
        eigenvalues=values,
        stable=is_stable(values, options.dynamics),
        n_unstable=count_unstable(values, options.dynamics),
        certified=certificates.codes == int(Certificate.CERTIFIED),
        radius=certificates.radius,
        error_bound=certificates.error_bound,
        certificate=certificates.codes,
        certificate_kind=_kind(options.lipschitz) if options.certify else "none",
        multiplicity=np.bincount(points.labels[points.labels >= 0], minlength=len(points)),
        outside=_outside(host(points.states), host(problem.starts)),
        start_points=points.labels,
        n_starts=len(problem.starts),
        n_converged=int(np.count_nonzero(points.labels >= 0)),
        outcomes=_count_outcomes(host(solution.outcomes), points.labels),
        **{f"slow_{name}": value for name, value in vars(slow).items()},
        **vars(complete),
        manifolds=manifolds.labels,
        manifold_dimensions=manifolds.dimensions,
        manifold_closed=manifolds.closed,
        n_rounds=n_rounds,
        stop_reason=stop_reason,
        parameters={**options.kept(), **(parameters or {})},
        input_digest=_digest(problem),
    )


def _manifolds(points: Points, jacobians: Array, certificates: Certificates, options: Options) -> Manifolds:
    """Return the continuous sets among the points; a certified point is isolated and need not be looked at."""
    open_rows = np.flatnonzero(certificates.codes != int(Certificate.CERTIFIED))
    found = find_manifolds(
        host(points.states)[open_rows], jacobians[open_rows], options.dynamics, points.groups()[open_rows], points.scale
    )
    labels = np.full(len(points), -1)
    labels[open_rows] = found.labels
    return found._replace(labels=labels)


def _certificates(points: Points, options: Options) -> Certificates:
    if not options.certify:
        return not_asked(len(points))
    return certify_points(
        points.problem,
        points.jacobian,
        points.states,
        points.inputs(),
        lipschitz=options.lipschitz,
        scale=points.scale,
        memory=options.memory,
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
