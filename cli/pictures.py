"""The portraits that ``fixedpoints`` draws: in a network's reduced plane where there is one, else in principal axes."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .networks import Network

if TYPE_CHECKING:
    from ..fixedpoints import FixedPoints, Plane

# Trials behind a portrait: more would hide the points.
_TRIALS = 24


def portrait(network: Network, points: "FixedPoints", title: str) -> Any:
    """Draw the flow, the points and some trajectories in a plane; with nullclines where the plane is all there is."""
    from ..fixedpoints import Plane, phase_portrait

    shown = network.states[:_TRIALS]
    plane = _reduced_plane(network)
    if plane is not None:
        reduced, u = network.model.reduced(), network.input
        marks, shown = _projected(reduced, points.states), _projected(reduced, shown)
        drawn = phase_portrait(
            reduced.step, plane, points=marks, stable=points.stable, types=points.types(), inputs=u, trajectories=shown,
            nullclines=True,
        )  # fmt: skip
    elif network.states.shape[-1] < 2:
        return points.plot()
    else:
        step, u_or_none = network.map()
        plane = Plane.principal(points.states if len(points) > 2 else shown)
        drawn = phase_portrait(
            step, plane, points=points.states, stable=points.stable, types=points.types(), inputs=u_or_none,
            trajectories=shown,
        )  # fmt: skip
    drawn.set_title(title)
    return drawn


def basins_picture(network: Network, points: "FixedPoints") -> Any:
    """Draw the basins in the plane of a network that is two numbers; None for others, whose planes cut across."""
    from ..fixedpoints import basin_portrait, find_fixed_points

    plane = _reduced_plane(network)
    if plane is None:
        return None
    reduced = network.model.reduced()
    inner = find_fixed_points(reduced.step, _projected(reduced, points.states), network.input, certify=False)
    shown = np.concatenate([_projected(reduced, network.states[:_TRIALS]).reshape(-1, 2), inner.states])
    window = _window(shown[np.isfinite(shown).all(axis=1)])
    return basin_portrait(reduced.step, plane, inner, inputs=network.input, window=window)[0]


def _window(shown: np.ndarray) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the rectangle around what is shown (state, 2), a little larger; never without extent."""
    low, high = shown.min(axis=0), shown.max(axis=0)
    margin = np.maximum(0.05 * (high - low), 1e-6 + 1e-3 * np.abs(shown).max())
    (left, bottom), (right, top) = low - margin, high + margin
    return (float(left), float(right)), (float(bottom), float(top))


def portrait_in_space(network: Network, points: "FixedPoints") -> Any:
    """Draw the points and some trajectories on three principal axes.

    Raises
    ------
    InputError
        If the network has fewer than three state variables.
    """
    from ..fixedpoints import phase_portrait_3d

    if network.states.shape[-1] < 3:
        raise InputError(f"--3d: {network.path} has {network.states.shape[-1]} state variables, expected at least 3")
    return phase_portrait_3d(points.states, points.stable, types=points.types(), trajectories=network.states[:_TRIALS])


def _reduced_plane(network: Network) -> "Plane | None":
    """Return the plane of a network whose exact reduced dynamics are two numbers, None for others."""
    from ..fixedpoints import Plane

    reduced = network.model.reduced()
    if reduced is None or reduced.size != 2:
        return None
    return Plane.coordinates_of(2, _spoken(reduced.names))


def _projected(reduced: Any, states: np.ndarray) -> np.ndarray:
    import torch

    with torch.no_grad():
        found: np.ndarray = reduced.project(torch.as_tensor(states)).numpy()
    return found


def _spoken(names: tuple[str, ...]) -> tuple[str, ...]:
    words = {"kappa": "κ", "v": "input trace v", "beta": "bias trace β"}
    numbered = {
        name.partition("_")[0]: sum(other.startswith(name.partition("_")[0]) for other in names) > 1 for name in names
    }
    return tuple(
        f"{words[word]} {number}".strip() if numbered[word] else words[word]
        for word, _, number in (name.partition("_") for name in names)
    )
