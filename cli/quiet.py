"""Fixed points of networks whose step jumps: the quiet state of units that spike, where there is one."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .networks import constant_input, require_archive
from .selection import Selection, with_suffix

if TYPE_CHECKING:
    from ..fixedpoints import FixedPoints
    from ..trainers.quiet import QuietDynamics

# States up to which modes are computed: seconds; it grows with their cube.
_MODES_STATES = 600


def jumps_at_threshold(path: str) -> bool:
    """Return whether the archive holds a network whose step is not smooth."""
    from ..readers import open_archive
    from ..trainers import get_family

    require_archive(path)
    with open_archive(path, verify=False) as archive:
        if archive.model is None:
            return False
        kind = str(archive.model.config.get("kind"))
        model = get_family(archive.model.family).models.get(kind)
        return model is not None and not model.is_smooth


def quiet_state(path: str, target: Path, selection: Selection, input_text: str | None) -> tuple[str, dict[str, Any]]:
    """Find, save and describe the quiet state of a network under a constant input, if it is a fixed point.

    The weights are those of the chosen recording.

    Raises
    ------
    InputError
        If the network has no quiet state or the input does not fit.
    """
    import torch

    from ..readers import open_archive
    from ..trainers import load_model

    parameters = selection.read(path).parameters
    with open_archive(path, verify=False) as archive:
        model = load_model(archive.model, parameters) if archive.model is not None else None
    dynamics = None if model is None else model.quiet()
    if model is None or dynamics is None:
        raise InputError(f"{path}: the step of this network is not smooth, and it has no quiet state to look for")
    u = constant_input(model, input_text, path)
    points = _found(dynamics, u)
    distance = dynamics.distance_to_threshold(torch.as_tensor(points.states[0])).numpy()
    spiking = np.flatnonzero(distance < 0)
    values = {"n_points": int(not len(spiking)), "spiking_units": spiking.tolist(), "nearest": float(distance.min())}
    if len(spiking):
        shown = ", ".join(map(str, spiking[:8])) + (", …" if len(spiking) > 8 else "")
        text = f"no fixed point: this input holds {len(spiking)} of {len(distance)} units above ϑ ({shown}): they spike"
        return f"  {text}", values
    points.save(with_suffix(target, ".h5"))
    slowest = -model.config.dt / np.log(np.abs(points.eigenvalues[0, 0]))
    certificate = f"certified within {points.error_bound[0]:.0e}" if points.certified[0] else points.reasons()[0]
    lines = [
        "one fixed point, the quiet state (nothing is searched for where units spike: the step jumps there)",
        f"nearest to threshold: unit {int(distance.argmin())}, {100 * distance.min():.1f} % of ϑ below it",
        f"{points.types()[0]}, {certificate}; slowest time constant {1e3 * slowest:.0f} ms",
        *_saved_modes(points, dynamics, with_suffix(target, "-modes.h5")),
    ]
    layout = {part.name: (part.start, part.stop) for part in dynamics.state_layout}
    return "\n".join("  " + line for line in lines), values | {"states": points.states.tolist(), "layout": layout}


def _found(dynamics: "QuietDynamics", u: np.ndarray) -> "FixedPoints":
    """Return the quiet state as the search confirms it, started where the closed form says."""
    import torch

    from ..fixedpoints import find_fixed_points

    known = dynamics.fixed_point(torch.as_tensor(u))[None].numpy()
    # Rounding grows with the state, which without normalised kernels can be thousands of thresholds large.
    tolerance = 1e-25 * (1 + float(np.square(known).sum()))
    return find_fixed_points(dynamics.step, known, u, tolerance=tolerance, lipschitz=dynamics.jacobian_lipschitz)


def _saved_modes(points: "FixedPoints", dynamics: "QuietDynamics", path: Path) -> list[str]:
    """Write the linearisation where that takes seconds, and return what there is to say otherwise."""
    from ..fixedpoints import linearize

    if dynamics.state_size > _MODES_STATES:
        return [f"no modes: {dynamics.state_size} state variables, more than {_MODES_STATES}"]
    linearize(points, dynamics.step, dt=dynamics.model.config.dt).save(path)
    return []
