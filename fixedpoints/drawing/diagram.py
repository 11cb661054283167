"""Bifurcation diagrams: one coordinate of every branch over the parameter, with stability and bifurcations."""

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ... import plotting
from ...errors import InputError, unknown_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..following.record import BifurcationDiagram

Array = npt.NDArray[Any]

# Type of bifurcation → mark and what the legend calls it.
_MARKS = {
    "fold": ("s", "fold"),
    "pitchfork": ("D", "pitchfork"),
    "transcritical": ("X", "transcritical"),
    "branch point": ("P", "branch point"),
    "flip": ("^", "flip"),
    "Neimark-Sacker": ("o", "Neimark–Sacker"),
    "Hopf": ("o", "Hopf"),
    "corner": ("v", "corner (kink)"),
}


def draw_diagram(
    diagram: "BifurcationDiagram", ax: "Axes | None" = None, *, coordinate: "int | str | Array | None" = None
) -> "Axes":
    """Draw the branches over the parameter: stable solid, unstable dashed, bifurcations marked by type.

    Parameters
    ----------
    diagram : the record of a continuation
    ax : where to draw; a new figure when None
    coordinate : int, "norm", "component", array of shape (state,), or None
        What is on the y axis: one unit from 0, the norm of the state, the first principal component of all points,
        or the projection on a vector. None: the only unit, or else the principal component.

    Raises
    ------
    InputError
        If there is no such unit or name, or the vector has a wrong length.
    """
    from matplotlib.lines import Line2D

    height, label = _coordinate(diagram.states, diagram.special_states, coordinate)
    y, special_y = height[: len(diagram)], height[len(diagram) :]
    drawn = plotting.axes_or_new(ax, width=5.2)
    shown: dict[str, Line2D] = {}
    for number in range(diagram.n_branches):
        rows = np.flatnonzero(diagram.branch == number)
        for chosen, stable in _runs(rows, diagram.stable.astype(bool)):
            name = "stable" if stable else "unstable"
            colour, style = (plotting.STABLE, "-") if stable else (plotting.UNSTABLE, (0, (4, 2)))
            (line,) = drawn.plot(diagram.parameter[chosen], y[chosen], color=colour, linestyle=style, zorder=2)
            shown.setdefault(name, line)
    handles = [(shown[name], name) for name in ("stable", "unstable") if name in shown]
    for name, (mark, called) in _MARKS.items():
        here = diagram.special_types == name
        if here.any():
            dots = drawn.scatter(
                diagram.special_parameter[here], special_y[here], marker=mark, s=30, color=plotting.INK, zorder=3,
                linewidths=0,
            )  # fmt: skip
            handles.append((dots, f"{called} ({int(here.sum())})"))  # type: ignore[arg-type]
    _finish(drawn, diagram, label, handles)
    return drawn


def _finish(drawn: "Axes", diagram: "BifurcationDiagram", label: str, handles: Any) -> None:
    drawn.set_xlabel("parameter p")
    drawn.set_ylabel(label)
    low, high = diagram.bounds
    drawn.set_xlim(low - 0.02 * (high - low), high + 0.02 * (high - low))
    plural = "" if diagram.n_branches == 1 else "es"
    longest = int(diagram.period.max(initial=1))
    points = "fixed points" if longest == 1 else f"points of period up to {longest}"
    drawn.set_title(f"{diagram.n_branches} branch{plural} of {points}")
    if not len(diagram):
        drawn.text(0.5, 0.5, "no branch was followed", ha="center", transform=drawn.transAxes, color=plotting.GREY)
    if handles:
        # Beside the picture: branches go everywhere in it.
        lines, names = zip(*handles, strict=True)
        drawn.legend(lines, names, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small", frameon=False)


def _runs(rows: Array, stable: Array) -> list[tuple[Array, bool]]:
    """Return the stretches of equal stability of one branch; neighbours share the row between them.

    Bifurcations are rows, neither stable nor unstable: a stretch is stable if either of its ends is.
    """
    if len(rows) < 2:
        return [(rows, bool(stable[rows].all()))] if len(rows) else []
    solid = stable[rows[:-1]] | stable[rows[1:]]
    cuts = np.flatnonzero(solid[1:] != solid[:-1]) + 1
    edges = [0, *cuts.tolist(), len(solid)]
    pairs = itertools.pairwise(edges)
    return [(rows[begin : end + 1], bool(solid[begin])) for begin, end in pairs]


def _coordinate(states: Array, special: Array, coordinate: "int | str | Array | None") -> tuple[Array, str]:
    """Return the heights of all points and then of the bifurcations, and what they are called."""
    every, size = np.concatenate([states, special]), states.shape[1]
    if coordinate is None:
        coordinate = 0 if size == 1 else "component"
    if isinstance(coordinate, str):
        if coordinate == "norm":
            return np.linalg.norm(every, axis=1), "norm of the state"
        if coordinate == "component":
            return first_component(states, every)
        raise InputError(unknown_name("coordinate", coordinate, ("norm", "component")))
    if isinstance(coordinate, (int, np.integer)) and not isinstance(coordinate, bool):
        if not 0 <= coordinate < size:
            raise InputError(f"coordinate: expected a unit from 0 to {size - 1}, found {coordinate}")
        return every[:, coordinate], "state x" if size == 1 else f"unit {coordinate}"
    vector = np.asarray(coordinate, float)
    if vector.shape != (size,):
        raise InputError(f"coordinate: expected a vector of shape ({size},), found {vector.shape}")
    return every @ vector, "projection of the state"


def first_component(states: Array, projected: Array) -> tuple[Array, str]:
    """Return rows projected on the first principal component of ``states`` and a label with its share of variance."""
    if not len(states):
        return np.zeros(len(projected)), "principal component 1"
    centre = states.mean(0)
    _, singular, basis = np.linalg.svd(states - centre, full_matrices=False)
    total = float((singular**2).sum())
    share = float(singular[0] ** 2) / total if total > 0 else 1.0
    # The largest loading is positive: the sign is otherwise the library's whim.
    direction = basis[0] * np.sign(basis[0][np.abs(basis[0]).argmax()])
    return (projected - centre) @ direction, f"principal component 1 ({share:.0%} of variance)"
