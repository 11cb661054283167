"""The record of a continuation: branches of fixed points, their stability, and the bifurcations on them."""

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from ...errors import InputError, unknown_name
from ...results import Result, axes
from ..problem import Dynamics
from . import events

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[Any]

TYPES = (
    events.FOLD,
    "pitchfork",
    "transcritical",
    events.BRANCH_POINT,
    events.FLIP,
    events.NEIMARK_SACKER,
    events.HOPF,
    events.CORNER,
)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class BifurcationDiagram(Result):
    """Branches of fixed points of x' = F(x, p), or of zeros of f(x, p), one point per row of every array.

    The rows of a branch are neighbours along it, from the end with the lower parameter; located bifurcations are rows
    too.

    Attributes
    ----------
    dynamics : {"map", "flow"}
    parameter : ndarray, shape (point,)
    states : ndarray, shape (point, state)
    eigenvalues : ndarray, shape (point, state), complex
        Of ∂F/∂x or ∂f/∂x; of the ``period``-th iterate for periodic points. Slowest to decay first.
    stable : ndarray of bool, shape (point,)
    n_unstable : ndarray of int, shape (point,)
    arclength : ndarray, shape (point,)
        Along the branch from its first row, in units of the parameter's range and of ``state_scale``.
    branch : ndarray of int, shape (point,)
        Number of the branch, from 0.
    period : ndarray of int, shape (point,)
        1 on branches of fixed points, 2, 4, … on branches of periodic points that begin at a flip.
    special_types : ndarray of str, shape (special,)
        ``fold``, ``pitchfork``, ``transcritical``, ``branch point`` (several null vectors at once), ``flip``,
        ``Neimark-Sacker``, ``Hopf``, or ``corner`` (a kink of the map).
    special_parameter : ndarray, shape (special,)
    special_states : ndarray, shape (special, state)
    special_eigenvalue : ndarray, shape (special,), complex
        The eigenvalue that crosses; of a pair the one in the upper half plane.
    special_branch, special_period : ndarray of int, shape (special,)
        The branch on which it was found first.
    bounds : (float, float)
    ends : list of [str, str]
        Why each branch ends before its first and after its last row.
    notes : list of str
        What was left undone, in sentences; empty when nothing was.
    """

    dynamics: Dynamics
    parameter: Array = axes("point")
    states: Array = axes("point", "unit")
    eigenvalues: Array = axes("point", "eigenvalue")
    stable: Array = axes("point")
    n_unstable: Array = axes("point")
    arclength: Array = axes("point")
    branch: Array = axes("point")
    period: Array = axes("point")
    special_types: Array = axes("special")
    special_parameter: Array = axes("special")
    special_states: Array = axes("special", "unit")
    special_eigenvalue: Array = axes("special")
    special_branch: Array = axes("special")
    special_period: Array = axes("special")
    bounds: tuple[float, float]
    ends: list[list[str]]
    notes: list[str]

    kind: ClassVar[str] = "bifurcation-diagram"

    def __len__(self) -> int:
        return len(self.parameter)

    @property
    def n_branches(self) -> int:
        """Number of branches."""
        return len(self.ends)

    def of_type(self, name: str) -> Array:
        """Return the parameter values of the bifurcations of one type, ascending.

        Raises
        ------
        InputError
            If there is no such type.
        """
        if name not in TYPES:
            raise InputError(unknown_name("type of bifurcation", name, TYPES))
        return np.sort(self.special_parameter[self.special_types == name])

    def summary(self) -> str:
        """Return the branches with their ends, and the bifurcations with their parameter values, as text."""
        if not len(self):
            return "\n".join(["no branch was followed", *self.notes])
        low, high = self.bounds
        counted = ", ".join(f"{count} {name}" for name, count in Counter(self.special_types.tolist()).items())
        plural = "" if self.n_branches == 1 else "es"
        head = f"{self.n_branches} branch{plural}, {len(self)} points, p from {low:g} to {high:g}"
        lines = [f"{head}: {counted or 'no bifurcations'}"]
        lines += [self._branch_line(number) for number in range(self.n_branches)]
        order = np.argsort(self.special_parameter, kind="stable")
        lines += [self._special_line(int(index)) for index in order]
        return "\n".join([*lines, *self.notes])

    def _branch_line(self, number: int) -> str:
        rows = self.branch == number
        low, high = self.parameter[rows].min(), self.parameter[rows].max()
        period = int(self.period[rows][0])
        what = f"branch {number}" + (f" of period {period}" if period > 1 else "")
        stable = f"{self.stable[rows].mean():.0%} of its points stable"
        first, last = self.ends[number]
        return f"  {what}: p from {low:.6g} to {high:.6g}, {stable}; ends: {first}; {last}"

    def _special_line(self, index: int) -> str:
        value = complex(self.special_eigenvalue[index])
        angle = f", λ = {value:.4g}" if abs(value.imag) > 1e-7 else ""
        name, place = self.special_types[index], float(self.special_parameter[index])
        # No -3e-27 for a fold at 0.
        place = place if abs(place) > 1e-14 * (self.bounds[1] - self.bounds[0]) else 0.0
        return f"  {name} at p = {place:.10g} (branch {self.special_branch[index]}{angle})"

    def plot(self, ax: "Axes | None" = None, *, coordinate: "int | str | Array | None" = None) -> "Axes":
        """Draw the branches over the parameter; see :func:`~dynascope.fixedpoints.drawing.diagram.draw_diagram`."""
        from ..drawing.diagram import draw_diagram

        return draw_diagram(self, ax, coordinate=coordinate)
