"""Planes in state space, and the flow of a map or of an equation of motion in one."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...errors import InputError, unknown_name
from ..problem import DYNAMICS, Dynamics, Step

Array = npt.NDArray[Any]


@dataclasses.dataclass(frozen=True, eq=False)
class Plane:
    """A plane in state space: x = origin + p · axes for coordinates p (…, 2).

    Attributes
    ----------
    origin : (state,)
    axes : (2, state), linearly independent
    names : what the two coordinates are called
    """

    origin: Array
    axes: Array
    names: tuple[str, str] = ("plane coordinate 1", "plane coordinate 2")

    @classmethod
    def principal(cls, states: Array) -> "Plane":
        """Return the plane of the two directions of largest variance of ``states`` (…, state).

        Raises
        ------
        InputError
            If the states have fewer than two coordinates.
        """
        flat = np.asarray(states, float).reshape(-1, np.shape(states)[-1])
        if flat.shape[1] < 2:
            raise InputError(f"states: a plane needs at least 2 coordinates, found {flat.shape[1]}")
        origin = flat.mean(0)
        _, _, directions = np.linalg.svd(flat - origin, full_matrices=False)
        if len(directions) < 2:
            raise InputError(f"states: a plane needs at least 2 states, found {len(flat)}")
        signs = np.sign(directions[np.arange(2), np.abs(directions[:2]).argmax(1)])
        return cls(origin, directions[:2] * signs[:, None], ("principal component 1", "principal component 2"))

    @classmethod
    def coordinates_of(cls, n_coordinates: int, names: Sequence[str]) -> "Plane":
        """Return the plane of the first two of ``n_coordinates`` coordinates."""
        return cls(np.zeros(n_coordinates), np.eye(2, n_coordinates), (names[0], names[1]))

    def project(self, states: Array) -> Array:
        """Return the plane coordinates (…, 2) of states (…, state)."""
        return self.project_velocity(np.asarray(states, float) - self.origin)

    def project_velocity(self, velocity: Array) -> Array:
        """Return the plane coordinates (…, 2) of differences between states: the origin plays no part."""
        projected: Array = np.asarray(velocity, float) @ np.linalg.pinv(self.axes)
        return projected

    def lift(self, coordinates: Array) -> Array:
        """Return the states (…, state) at plane coordinates (…, 2)."""
        lifted: Array = self.origin + np.asarray(coordinates, float) @ self.axes
        return lifted


def flow_field(
    step: Step, plane: Plane, x: Array, y: Array, inputs: Array | None = None, *, dynamics: Dynamics = "map"
) -> Array:
    """Return the velocity in plane coordinates, (len(y), len(x), 2), at the crossings of a grid.

    The velocity is F(x) − x of a map, f(x) of a flow, at the states of the plane; what leaves the plane is dropped
    (:func:`~dynascope.fixedpoints.projected_flow` says how much that is). ``step`` maps (n, state) to (n, state), or
    takes ``inputs`` (input,) as a second argument of n equal rows.
    """
    grid = np.stack(np.meshgrid(np.asarray(x, float), np.asarray(y, float)), axis=-1)
    velocity = velocities(step, plane.lift(grid.reshape(-1, 2)), inputs, dynamics=dynamics)
    return plane.project_velocity(velocity).reshape(grid.shape)


def velocities(step: Step, states: Array, inputs: Array | None = None, *, dynamics: Dynamics = "map") -> Array:
    """Return F(x) − x (map) or f(x) (flow) of states (n, state), (n, state); ``inputs`` is (input,) or None."""
    if dynamics not in DYNAMICS:
        raise InputError(unknown_name("dynamics", dynamics, DYNAMICS))
    rows = torch.as_tensor(np.asarray(states, float))
    with torch.no_grad():
        if inputs is None:
            value = step(rows)
        else:
            value = step(rows, torch.as_tensor(np.asarray(inputs, float)).expand(len(rows), -1))
    moved: Array = (value - rows if dynamics == "map" else value).numpy()
    return moved
