"""How well a student recovers its teacher as a dynamical system: its fixed points, its flow and its weights.

What activity says (R², CKA, angles) is :func:`dynascope.analysis.recovery`; this is what only the two networks can say.
"""

import dataclasses
from typing import Any, ClassVar

import numpy as np
import torch

from ..analysis.decompositions import TensorComparison, compare_tensors
from ..errors import InputError
from ..fixedpoints import (
    FixedPoints,
    PointComparison,
    compare_fixed_points,
    find_fixed_points,
    flow_agreement,
    sample_starts,
)
from ..results import Result
from ..trainers import Model
from ..trainers.three_body import HORNN, RNN, TBRNN, LowRankHORNN, LowRankRNN, LowRankTBRNN

# States at which velocities are compared: a subset that is large enough for two digits.
_FLOW_STATES = 2000


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class DynamicalRecovery(Result):
    """Fixed points, flow and weights of a student beside its teacher's, without input.

    Attributes
    ----------
    teacher_points, student_points : mapping of str to int
        How many fixed points of each type were found.
    recovered : float
        Share of the teacher's points that have a partner of the same type within a tenth of their size.
    distance, eigenvalue_distance : float
        Medians over partners: their distance as a share of the points' size, and |λ₁ − μ₁|. NaN without partners.
    flow_r2, flow_cosine : float
        Agreement of the velocities at states that the teacher visited.
    weights : mapping of str to float
        Cosines of recurrent weights that are comparable: ``two_body`` and ``three_body``, the latter symmetrised in
        its last two axes, and ``…_effective``, of the parts that states can reach.
    """

    teacher_points: dict[str, int]
    student_points: dict[str, int]
    recovered: float
    distance: float
    eigenvalue_distance: float
    flow_r2: float
    flow_cosine: float
    weights: dict[str, float]

    kind: ClassVar[str] = "dynamical-recovery"

    def summary(self) -> str:
        """Return a few lines of text."""
        counts = [
            ", ".join(f"{n} {name}" for name, n in sorted(points.items())) or "no points"
            for points in (self.teacher_points, self.student_points)
        ]
        lines = [
            f"fixed points of the teacher: {counts[0]}; of the student: {counts[1]}",
            f"  {_number(self.recovered, '.0%')} of the teacher's recovered; partners differ by "
            f"{_number(self.distance)} of their size, leading eigenvalues by {_number(self.eigenvalue_distance)}",
            f"flow at the teacher's states: R² {_number(self.flow_r2, '.4f')}, "
            f"cosine {_number(self.flow_cosine, '.4f')}",
        ]
        if self.weights:
            lines.append("weights, cosine: " + ", ".join(f"{name} {value:.4f}" for name, value in self.weights.items()))
        return "\n".join(lines)


def _number(value: float, form: str = ".3g") -> str:
    return format(value, form) if np.isfinite(value) else "undefined"


def dynamical_recovery(
    teacher: Model, student: Model, states: np.ndarray, *, n_starts: int = 512, seed: int = 0
) -> DynamicalRecovery:
    """Return how well a student recovers its teacher's fixed points, flow and weights, without input.

    Parameters
    ----------
    teacher, student : networks in float64 without a member axis, with states of one size
    states : (trial, time, state), states that the teacher visited; fixed points of both are sought from there
    n_starts, seed : starts of each search, and their seed

    Raises
    ------
    InputError
        If the two have states of different sizes, or different inputs.
    """
    if teacher.state_size != student.state_size:
        raise InputError(f"student: expected {teacher.state_size} state variables, found {student.state_size}")
    starts = sample_starts(states, n_starts, seed=seed)
    found = [_points(model, starts) for model in (teacher, student)]
    compared = compare_fixed_points(*found)
    flow = _flow(teacher, student, states)
    return DynamicalRecovery(
        teacher_points=compared.reference_types,
        student_points=compared.other_types,
        recovered=compared.recovered,
        distance=_median(compared, "distances"),
        eigenvalue_distance=_median(compared, "eigenvalue_distances"),
        flow_r2=flow[0],
        flow_cosine=flow[1],
        weights=compare_weights(teacher, student),
        parameters={"n_starts": n_starts, "seed": seed},
        input_digest=compared.input_digest,
    )


def _points(model: Model, starts: np.ndarray) -> FixedPoints:
    silence = np.zeros(model.config.n_inputs)
    return find_fixed_points(model.step, starts, silence, certify=False, jacobian=model.jacobian())


def _flow(teacher: Model, student: Model, states: np.ndarray) -> tuple[float, float]:
    visited = states.reshape(-1, states.shape[-1])
    chosen = np.linspace(0, len(visited) - 1, min(_FLOW_STATES, len(visited))).astype(int)
    try:
        return flow_agreement(teacher.step, student.step, visited[chosen], np.zeros(teacher.config.n_inputs))
    except InputError:  # the teacher does not move, or a network has left the finite numbers
        return float("nan"), float("nan")


def _median(compared: PointComparison, name: str) -> float:
    values = getattr(compared, name)
    return float(np.median(values)) if len(values) else float("nan")


def compare_weights(teacher: Model, student: Model) -> dict[str, float]:
    """Return the cosines of the recurrent weights that both networks have, up to their symmetries.

    Units stand for each other one to one. The factors of a low-rank network are free up to a change of basis, so it is
    their product that is compared; a three-body tensor acts through its part symmetric in (j, k) only.
    """
    found: dict[str, float] = {}
    pair = [_two_body(model) for model in (teacher, student)]
    if pair[0] is not None and pair[1] is not None:
        found["two_body"] = _cosine(*pair)
    if all(_has_three_body(model) for model in (teacher, student)):
        compared = compared_tensors(teacher, student)
        found["three_body"] = compared.symmetrized
        if compared.effective_symmetrized is not None:
            found["three_body_effective"] = compared.effective_symmetrized
    return found


def compared_tensors(teacher: Model, student: Model) -> TensorComparison:
    """Return the cosines of the three-body tensors of two networks, and of the parts that their states can reach."""
    return compare_tensors(_tensor(teacher), _tensor(student), inputs=_inputs(teacher), second_inputs=_inputs(student))


def _two_body(model: Model) -> np.ndarray | None:
    arrays = model.arrays()
    if isinstance(model, (RNN, HORNN)):
        return arrays["recurrent"]
    if isinstance(model, (LowRankRNN, LowRankHORNN)):
        product: np.ndarray = arrays["two_body_left"] @ arrays["two_body_right"].T
        return product
    return None


def _has_three_body(model: Model) -> bool:
    return isinstance(model, (TBRNN, HORNN, LowRankTBRNN, LowRankHORNN))


def _tensor(model: Any) -> Any:
    arrays = model.arrays()
    if isinstance(model, (TBRNN, HORNN)):
        return arrays["three_body"]
    with torch.no_grad():
        left = model.left_factor().cpu().numpy()
    return left, arrays["three_body_middle"], arrays["three_body_right"]


def _inputs(model: Model) -> np.ndarray:
    arrays = model.arrays()
    columns = [arrays["input_weight"]]
    if "input_bias" in arrays:
        columns.append(arrays["input_bias"][:, None])
    return np.concatenate(columns, axis=1)


def _cosine(first: Any, second: Any) -> float:
    sizes = float(np.linalg.norm(first)) * float(np.linalg.norm(second))
    return float(np.sum(first * second)) / sizes if sizes else float("nan")
