"""Whether all motion points inward on large spheres, so that the indices of the points inside must sum to 1."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .problem import Problem

Array = npt.NDArray[Any]

# Spheres on which the map is tried, as multiples of how far the starts reach; the last ones must all pass.
_RADII = 10.0 ** np.arange(7)
_MUST_PASS = 4
_DIRECTIONS = 64
_POWER_STEPS = 8
_ITERATES = (1, 2, 4)
_NUMBERS = 2**21  # of one block of states
# ⟨G, x − c⟩ this close to 0, in units in the last place of R · max(‖G‖, R), is rounding.
_ROUNDING = 4096


def inward_radius(problem: Problem, inputs: Tensor | None) -> Array:
    """Return the least radius tried from which no motion leads outward, (group,); NaN without one.

    On spheres around the mean start, of radius R = 1, 10, …, 10⁶ times how far the starts reach, ⟨G(x), x − c⟩ < 0 is
    tested at 64 random directions each, all followed towards where the map stretches most by 8 power steps. Where it
    holds, I − F (or −f) deforms to x − c on the sphere without a zero, and the indices inside sum to 1 (Brouwer's
    degree). For a map it does as well that F leads from the surface of a cube into the cube (E. Rothe's condition,
    that of a GRU), or that F² and F³, or F⁴ and F⁵, do: if they do so from all of the cube, all later iterates do,
    their indices sum to 1, and that of F is the same modulo every large prime (Zabreiko and Krasnosel'skii, 1971;
    that of an LSTM).

    A gate that saturates leaves a state where it is, to the last digit: motion below rounding passes, if there is
    inward motion elsewhere. Evidence and no proof: a narrow cone of outward motion may be missed, and another centre,
    or an ellipsoid as for the Lorenz flow, may do where these do not.

    Parameters
    ----------
    problem : Problem
    inputs : tensor, shape (group, input), or None for one group without input
    """
    centre = problem.starts.mean(0)
    reach = float((problem.starts - centre).norm(dim=1).amax()) or float(centre.norm()) or 1.0
    radii = torch.as_tensor(reach * _RADII).to(problem.starts)
    offsets = radii[:, None, None] * _directions(problem.n_states).to(problem.starts)
    n_groups = 1 if inputs is None else len(inputs)
    per_block = max(1, _NUMBERS // offsets.numel())
    passes = []
    for begin in range(0, n_groups, per_block):
        given = None if inputs is None else inputs[begin : begin + per_block]
        passes.append(_passes(problem, centre, offsets, radii, given).cpu().numpy())
    # From the largest sphere inwards: how many in a row.
    lasting = np.logical_and.accumulate(np.concatenate(passes)[:, ::-1], axis=1).sum(1)
    first = np.minimum(len(_RADII) - lasting, len(_RADII) - 1)
    return np.where(lasting >= _MUST_PASS, reach * _RADII[first], np.nan)


def _directions(n_states: int) -> Tensor:
    """Return fixed unit vectors, (radius, direction, state): random, the main diagonal, and their opposites."""
    generator = torch.Generator().manual_seed(0)
    half = torch.randn(len(_RADII), _DIRECTIONS // 2, n_states, generator=generator, dtype=torch.float64)
    half[:, 0] = 1.0
    half = half / half.norm(dim=-1, keepdim=True)
    return torch.cat([half, -half], dim=1)


def _passes(problem: Problem, centre: Tensor, offsets: Tensor, radii: Tensor, inputs: Tensor | None) -> Tensor:
    """Return at which radii motion leads inward under which input, (group, radius) bool."""
    n_groups, (n_radii, n_directions, n_states) = 1 if inputs is None else len(inputs), offsets.shape
    given = None if inputs is None else inputs.repeat_interleave(n_radii * n_directions, dim=0)
    rows = offsets.reshape(-1, n_states).repeat(n_groups, 1)
    radius = radii.repeat_interleave(n_directions).repeat(n_groups)
    shape = (n_groups, n_radii, n_directions)
    inward, moves = _inward(problem, centre, rows, radius, given)
    passes = inward.reshape(shape).all(-1) & moves.reshape(shape).any(-1)
    if problem.dynamics == "map" and not bool(passes.all()):
        inside, moves = _returns(problem, centre, rows, radius, given)
        passes |= (inside.reshape(-1, *shape).all(-1) & moves.reshape(-1, *shape).any(-1)).any(0)
    return passes


def _inward(
    problem: Problem, centre: Tensor, offsets: Tensor, radius: Tensor, given: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return whether ⟨G, x − c⟩ ≤ 0 wherever the power steps lead, and whether it is < 0 at first, (row,) bool."""
    inward, moves = torch.ones(2, len(offsets), dtype=torch.bool, device=offsets.device)
    for turn in range(_POWER_STEPS):
        motion = problem.residual(centre + offsets, given)
        size = motion.norm(dim=1)
        typical = torch.maximum(size, radius) if problem.dynamics == "map" else size
        rounding = _ROUNDING * torch.finfo(offsets.dtype).eps * radius * typical
        outward = (motion * offsets).sum(1)
        # A map that overflows out there gives no evidence.
        inward &= torch.isfinite(outward) & (outward <= rounding)
        if turn == 0:
            moves = outward < -rounding
        length = torch.ones_like(radius)
        if problem.dynamics == "flow":
            length = 0.5 * radius / size.clamp_min(torch.finfo(size.dtype).tiny)
        offsets = _scaled(offsets + length[:, None] * motion, radius, offsets, order=2)
    return inward, moves


def _returns(
    problem: Problem, centre: Tensor, offsets: Tensor, radius: Tensor, given: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return for each of ``_ITERATES`` whether it and the next lead into the cube, and inside it, (iterate, row)."""
    inside, moves = torch.ones(2, len(_ITERATES), len(offsets), dtype=torch.bool, device=offsets.device)
    rounding = _ROUNDING * torch.finfo(offsets.dtype).eps * radius
    offsets = _scaled(offsets, radius, offsets, order=torch.inf)
    for turn in range(_POWER_STEPS):
        states, sizes = centre + offsets, []
        for _ in range(max(_ITERATES) + 1):
            states = problem.map(states, given)
            sizes.append(torch.linalg.vector_norm(states - centre, ord=torch.inf, dim=1))
            if len(sizes) == 1:
                following = states - centre
        for place, power in enumerate(_ITERATES):
            # A comparison with NaN is False.
            inside[place] &= (sizes[power - 1] <= radius + rounding) & (sizes[power] <= radius + rounding)
            if turn == 0:
                moves[place] = sizes[power - 1] < radius - rounding
        offsets = _scaled(following, radius, offsets, order=torch.inf)
    return inside, moves


def _scaled(moved: Tensor, radius: Tensor, before: Tensor, *, order: float) -> Tensor:
    """Return ``moved`` (row, state) scaled to norms ``radius``; ``before`` where that cannot be done."""
    scaled = radius[:, None] * moved / torch.linalg.vector_norm(moved, ord=order, dim=1, keepdim=True)
    return torch.where(torch.isfinite(scaled).all(1, keepdim=True), scaled, before)
