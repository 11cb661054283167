"""Moving many states at once: iterates of a map, steps of an adaptive integrator of a flow."""

import dataclasses

import torch
from torch import Tensor

from .scene import Scene

# Dormand and Prince, J. Comput. Appl. Math. 6 (1980) 19: order 5 with an error estimate of order 4.
_STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)

RELATIVE_ERROR = 1e-8
# Absolute error per step, as a share of the scene's scale.
ABSOLUTE_ERROR = 1e-10


@dataclasses.dataclass(eq=False)
class Orbits:
    """States on their way: ``states`` (n, state), ``ages`` (n,) in steps or time, ``widths`` (n,) of the next step.

    A flow's rows have steps of their own: a stiff region slows down the orbits inside it and no others.
    """

    states: Tensor
    ages: Tensor
    widths: Tensor

    def take(self, index: Tensor) -> "Orbits":
        """Return the chosen orbits."""
        return Orbits(self.states[index], self.ages[index], self.widths[index])


def launch(scene: Scene, states: Tensor) -> Orbits:
    """Return orbits of age 0 at ``states`` (n, state)."""
    ages = torch.zeros(len(states), dtype=states.dtype, device=states.device)
    if scene.problem.dynamics == "map":
        return Orbits(states, ages, torch.ones_like(ages))
    speed = scene.problem.map(states, scene.inputs(len(states))).norm(dim=1)
    # A first step that moves by a thousandth of the scene; at rest there is no such step, and 1 will do.
    widths = torch.where(speed > 0, 1e-3 * scene.scale / speed, 1.0)
    return Orbits(states, ages, torch.nan_to_num(widths, nan=1e-6).clamp(max=1e6))


def advance(scene: Scene, orbits: Orbits, n_steps: int) -> tuple[Orbits, Tensor]:
    """Return the orbits ``n_steps`` steps later, and the path (n_steps + 1, n, state) from where they were.

    A step is an iterate of the map, or an attempted step of the flow: one whose error was too large shows
    as a state that stays.
    """
    path = [orbits.states]
    for _ in range(n_steps):
        if scene.problem.dynamics == "map":
            moved = scene.problem.map(orbits.states, scene.inputs(len(orbits.states)))
            orbits = Orbits(moved, orbits.ages + 1, orbits.widths)
        else:
            orbits = attempt(scene, orbits)
        path.append(orbits.states)
    return orbits, torch.stack(path)


def runge_kutta(scene: Scene, states: Tensor, widths: Tensor) -> tuple[Tensor, Tensor]:
    """Return the states one step of length ``widths`` (n,) later, and the estimated errors, both (n, state)."""
    inputs, width = scene.inputs(len(states)), widths[:, None]
    slopes = [scene.problem.map(states, inputs)]
    moved = states
    for weights in _STAGES:
        moved = states + width * sum(w * k for w, k in zip(weights, slopes, strict=True) if w)
        slopes.append(scene.problem.map(moved, inputs))
    error = width * sum(w * k for w, k in zip(_ERROR, slopes, strict=True) if w)
    return moved, error


def attempt(scene: Scene, orbits: Orbits) -> Orbits:
    """Return the orbits of a flow after one attempted step: rows whose error is too large stay where they are."""
    moved, error = runge_kutta(scene, orbits.states, orbits.widths)
    size = torch.maximum(orbits.states.abs(), moved.abs()).amax(dim=1)
    allowed = ABSOLUTE_ERROR * scene.scale + RELATIVE_ERROR * size
    share = torch.nan_to_num(error.abs().amax(dim=1) / allowed, nan=torch.inf)
    accepted = share <= 1
    factor = (0.9 * share.clamp(min=1e-10) ** -0.2).clamp(0.2, 5.0)
    return Orbits(
        torch.where(accepted[:, None], moved, orbits.states),
        torch.where(accepted, orbits.ages + orbits.widths, orbits.ages),
        orbits.widths * factor,
    )
