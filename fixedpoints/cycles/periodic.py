"""Periodic points of a map: starts in, orbits of minimal period k out.

An orbit of period k is a fixed point of the map that moves k states at once, (x₁, …, xₖ) → (F(xₖ), F(x₁), …, F(xₖ₋₁)):
multiple shooting, on which the search of :func:`~dynascope.fixedpoints.find_fixed_points` runs as it is. The obvious
alternative, fixed points of the k-fold F(F(…F(x))), solves for k times fewer unknowns and lists as many orbits (of
the logistic map, r = 3.9, with 2 000 starts both all up to period 8; 567 and 574 of 656 points of period 12), but it
multiplies rounding errors by the orbit's multiplier. Multiple shooting keeps q near 1e-32 whatever the period, and
a bound on how fast the Jacobian of F changes bounds that of the k states too, so that certificates can be proofs.
The k-fold map is used where k states at once would be too large for dense factors.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...errors import InputError, unknown_name
from ...results import digest_arrays
from ..certificates.kantorovich import Lipschitz
from ..find import find_fixed_points
from ..jacobian import Jacobian, make_jacobian
from ..options import check_count
from ..problem import ArrayLike, Problem, Step, host, make_problem, precision
from ..record import FixedPoints
from ..solver.unique import group_rows, typical_size
from ..stability import count_unstable, is_stable
from .lifting import bound_of_all, k_fold, k_states
from .multipliers import multipliers
from .orbits import PeriodicOrbits
from .phases import distinct_orbits, first_phase

Array = npt.NDArray[Any]

Shooting = Literal["auto", "multiple", "single"]
SHOOTINGS: tuple[Shooting, ...] = ("auto", "multiple", "single")

# States at once for which a dense factorisation per start is affordable: 0.01 s at 600.
_LARGEST = 600


def periodic_points(
    step: Step,
    initial_states: ArrayLike,
    inputs: ArrayLike | None = None,
    *,
    period: int,
    shooting: Shooting = "auto",
    tolerance: float = 1e-25,
    unique_tolerance: float = 1e-6,
    max_iterations: int = 100,
    certify: bool = True,
    lipschitz: Lipschitz | None = None,
    jacobian: Callable[..., Tensor] | None = None,
    memory: int = 2**30,
) -> PeriodicOrbits:
    """Return the orbits of minimal period k that Newton's method reaches from the given starts.

    Stable, saddle and repelling orbits are found alike, each once, whatever its phase at the start. Nothing proves
    that the list is complete. Closed invariant curves of maps have no period and are not found here;
    for limit cycles of flows see :func:`limit_cycle`.

    Parameters
    ----------
    step : callable
        Batched map, as for :func:`~dynascope.fixedpoints.find_fixed_points`.
    initial_states : array or tensor, shape (n, state), floating point
        A start's guess is the stretch of k states that follows it, or, where that escapes, the start k times.
    inputs : array or tensor, shape (input,) or (n, input), or None
        Constant input. Orbits of different inputs are never merged.
    period : int ≥ 1
        k. Orbits whose period is a proper divisor of k are left out and counted.
    shooting : {"auto", "multiple", "single"}
        ``multiple`` solves for all k states at once, ``single`` for fixed points of the k-fold map; ``auto`` takes
        the first up to 600 unknowns.
    tolerance, unique_tolerance, max_iterations, certify, jacobian, memory
        As for :func:`~dynascope.fixedpoints.find_fixed_points`; q sums over the k steps.
    lipschitz : float, callable or None
        Lipschitz constant of ∂F/∂x, as there. Not with single shooting, which would need that of the k-fold map.

    Returns
    -------
    PeriodicOrbits
        Ordered by input, number of unstable directions, and the first state of the orbit.

    Raises
    ------
    InputError
        As :func:`~dynascope.fixedpoints.find_fixed_points`, or if ``period`` or ``shooting`` is out of range.

    Notes
    -----
    The multipliers of an orbit are the eigenvalues of ∂F/∂x(xₖ) … ∂F/∂x(x₁); the orbit is stable when all are
    inside the unit circle. Cost: that of a search with k times as many state variables, so k³ per factorisation; k
    with single shooting.

    Examples
    --------
    >>> orbits = periodic_points(lambda x: 3.2 * x * (1 - x), np.linspace(0.1, 0.9, 9)[:, None], period=2)
    >>> orbits.orbits.round(6).ravel(), orbits.stable
    (array([0.513045, 0.799455]), array([ True]))
    """
    check_count("period", period)
    if shooting not in SHOOTINGS:
        raise InputError(unknown_name("shooting", shooting, SHOOTINGS))
    with precision(torch.float64), torch.inference_mode(mode=False), torch.enable_grad():
        problem = make_problem(step, initial_states, inputs)
        derivative = make_jacobian(problem, jacobian)
        multiple = shooting == "multiple" or (shooting == "auto" and period * problem.n_states <= _LARGEST)
        if lipschitz is not None and not multiple and period > 1:
            raise InputError(
                "lipschitz: a bound for F bounds nothing for the k-fold map of single shooting; expected "
                'shooting="multiple" or lipschitz=None'
            )
        lift = k_states if multiple else k_fold
        k_step, starts, k_jacobian = lift(problem, derivative, int(period))
        try:
            found = find_fixed_points(
                k_step,
                starts,
                problem.inputs,
                tolerance=tolerance,
                unique_tolerance=unique_tolerance,
                max_iterations=max_iterations,
                certify=certify,
                lipschitz=bound_of_all(lipschitz, int(period)),
                jacobian=k_jacobian,
                memory=memory,
            )
        except InputError as error:
            if multiple or "contradicts finite differences" not in str(error):
                raise
            # The Jacobian of F has passed the same comparison: the k-fold map is too steep for differences.
            raise InputError(
                f"shooting: the {period}-fold map stretches distances so much that its derivative cannot be checked; "
                'expected shooting="multiple" for such a period'
            ) from error
        return _record(problem, derivative, found, int(period), multiple=multiple)


def _record(
    problem: Problem, derivative: Jacobian, found: FixedPoints, period: int, *, multiple: bool
) -> PeriodicOrbits:
    """Return the orbits among the fixed points that the search found."""
    paths = _paths(problem, found, period, multiple=multiple)
    scale = typical_size(paths.reshape(len(paths), -1), np.tile(host(problem.starts), period))
    known = found.certified if multiple else np.zeros(len(found), dtype=bool)
    orbits, minimal = distinct_orbits(
        paths,
        group_rows(found.inputs, len(found)),
        found.parameters["unique_tolerance"],
        scale=scale,
        certified=known,
        error_bound=found.error_bound,
    )
    kept = _best(found.speeds, orbits, minimal)
    turned = [np.roll(path, -first_phase(path, scale), axis=0) for path in paths[kept]]
    cycles = np.array(turned).reshape(len(kept), period, problem.n_states)
    given = None if found.inputs is None else found.inputs[kept]
    values = _multipliers(problem, derivative, cycles, given)
    unstable = count_unstable(values)
    rounded = np.round(cycles[:, 0] / (1e-6 * scale)) + 0.0
    order = np.lexsort((*rounded.T[::-1], unstable, group_rows(given, len(kept))))
    kept, values = kept[order], values[order]
    place = np.full(int(orbits.max(initial=-1)) + 1, -1)
    place[orbits[kept]] = np.arange(len(kept))
    start_orbits = np.append(place[orbits], -1)[found.start_points]
    return PeriodicOrbits(
        orbits=cycles[order],
        inputs=None if given is None else given[order],
        multipliers=values,
        stable=is_stable(values),
        n_unstable=unstable[order],
        speeds=found.speeds[kept],
        certified=found.certified[kept],
        radius=found.radius[kept],
        error_bound=found.error_bound[kept],
        certificate=found.certificate[kept],
        certificate_kind=found.certificate_kind,
        multiplicity=np.bincount(start_orbits[start_orbits >= 0], minlength=len(kept)),
        start_orbits=start_orbits,
        period=period,
        shooting="multiple" if multiple else "single",
        n_starts=found.n_starts,
        n_converged=found.n_converged,
        n_lower=int(np.count_nonzero((found.start_points >= 0) & (start_orbits < 0))),
        outcomes=found.outcomes,
        parameters={**found.parameters, "period": period},
        input_digest=digest_arrays(host(rows) for rows in (problem.starts, problem.inputs) if rows is not None),
    )


def _paths(problem: Problem, found: FixedPoints, period: int, *, multiple: bool) -> Array:
    """Return the k states of each point found, (point, phase, state)."""
    if multiple:
        return np.asarray(found.states.reshape(len(found), period, problem.n_states))
    states, inputs = _tensors(problem, found.states, found.inputs)
    path = [states]
    for _ in range(period - 1):
        path.append(problem.map(path[-1], inputs) if len(states) else states)
    return host(torch.stack(path, dim=1))


def _best(speeds: Array, orbits: Array, minimal: Array) -> Array:
    """Return the point of lowest q of each orbit whose period is minimal."""
    by_speed = np.lexsort((speeds, orbits))
    by_speed = by_speed[minimal[by_speed]]
    _, first = np.unique(orbits[by_speed], return_index=True)
    return np.asarray(by_speed[first])


def _multipliers(problem: Problem, derivative: Jacobian, cycles: Array, given: Array | None) -> Array:
    """Return the multipliers of each orbit, (orbit, state)."""
    found = np.zeros((len(cycles), problem.n_states), dtype=complex)
    for index, cycle in enumerate(cycles):
        rows = None if given is None else np.repeat(given[index : index + 1], len(cycle), axis=0)
        found[index] = multipliers(host(derivative(*_tensors(problem, cycle, rows))))
    return found


def _tensors(problem: Problem, states: Array, inputs: Array | None) -> tuple[Tensor, Tensor | None]:
    return (
        torch.as_tensor(states).to(problem.starts),
        None if inputs is None else torch.as_tensor(inputs).to(problem.starts),
    )
