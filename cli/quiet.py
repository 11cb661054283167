"""Fixed points of networks whose step jumps: the quiet state of spiking networks, where there is one."""

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .networks import constant_input
from .selection import with_suffix


def is_spiking(path: str) -> bool:
    """Return whether the archive holds a network whose step is not smooth."""
    from ..readers import open_archive
    from ..trainers import get_family

    with open_archive(path, verify=False) as archive:
        if archive.model is None:
            return False
        kind = str(archive.model.config.get("kind"))
        model = get_family(archive.model.family).models.get(kind)
        return model is not None and not model.is_smooth


def quiet_state(path: str, target: Path, input_text: str | None) -> tuple[str, dict[str, Any]]:
    """Find, save and describe the quiet state of a spiking network under a constant input, if it is a fixed point.

    Raises
    ------
    InputError
        If the family has no quiet state or the input does not fit.
    """
    import torch

    from ..fixedpoints import find_fixed_points, linearize
    from ..readers import open_archive
    from ..trainers import load_model
    from ..trainers.spiking import QuietDynamics, SpikingNetwork

    with open_archive(path) as archive:
        model = load_model(archive.model) if archive.model is not None else None
    if not isinstance(model, SpikingNetwork):
        raise InputError(f"{path}: the step of this network is not smooth, and it has no quiet state to look for")
    dynamics = QuietDynamics(model)
    u = constant_input(model, input_text, path)
    points = find_fixed_points(dynamics.step, np.zeros((1, dynamics.state_size)), u, lipschitz=0.0)
    distance = dynamics.distance_to_threshold(torch.as_tensor(points.states[0])).numpy()
    crossing = np.flatnonzero(distance <= 0)
    values = {"n_points": int(not len(crossing)), "spiking_units": crossing.tolist(), "nearest": float(distance.min())}
    if len(crossing):
        shown = ", ".join(map(str, crossing[:8])) + (", …" if len(crossing) > 8 else "")
        return (
            f"  no fixed point: this input holds {len(crossing)} units above threshold ({shown}), which spike",
            values,
        )
    points.save(with_suffix(target, ".h5"))
    modes = linearize(points, dynamics.step, dt=model.config.dt)
    modes.save(with_suffix(target, "-modes.h5"))
    lines = [
        "one fixed point, the quiet state (nothing is searched for where units spike: the step jumps there)",
        f"nearest to threshold: unit {int(distance.argmin())}, {100 * distance.min():.1f} % of ϑ below it",
        f"{points.types()[0]}, certified; slowest time constant {1e3 * modes.time_constants[0].max():.0f} ms",
    ]
    return "\n".join("  " + line for line in lines), values | {"states": points.states.tolist()}
