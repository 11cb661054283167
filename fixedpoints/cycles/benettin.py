"""The growth of tangent vectors along trajectories, by repeated QR factorisation.

Method of Benettin et al., Meccanica 15 (1980) 9, and Shimada and Nagashima, Prog. Theor. Phys. 61 (1979) 1605: a frame
of orthonormal tangent vectors is carried along and orthonormalised again after every few steps, A = QR; the mean
of log |Rᵢᵢ| per step tends to the i-th exponent. All trajectories advance as one batch.
"""

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..jacobian import rows_per_chunk
from .evolution import Evolution

Array = npt.NDArray[Any]

# Growth is kept as sums over this many spans of time: enough for error estimates and a picture, whatever n_steps is.
MAX_BINS = 400
# Steps between two looks at whether trajectories are still finite.
_BLOCK = 512


@dataclasses.dataclass(frozen=True, eq=False)
class Bundle:
    """Trajectories at one moment: ``states`` (trajectory, state), ``frames`` (trajectory, state, vector).

    ``diverged_at`` (trajectory,) is the step by which a trajectory was no longer finite, −1 for those that still are.
    """

    states: Tensor
    frames: Tensor
    diverged_at: Array


@dataclasses.dataclass(frozen=True, eq=False)
class Growth:
    """Sums of log |Rᵢᵢ| over spans of time, (bin, trajectory, exponent), and their lengths in steps, (bin,)."""

    sums: Array
    steps: Array


@dataclasses.dataclass(frozen=True, eq=False)
class Drive:
    """The inputs of each step: None, constant (trajectory, input), or (trajectory, time, input)."""

    values: Tensor | None

    def at(self, step: int) -> Tensor | None:
        """Return the inputs of one step, (trajectory, input), or None."""
        if self.values is None or self.values.ndim == 2:
            return self.values
        return self.values[:, step]

    def rows(self, begin: int, stop: int, n_trajectories: int) -> Tensor | None:
        """Return the inputs of steps ``begin`` to ``stop`` as rows (step · trajectory, input), or None."""
        if self.values is None:
            return None
        if self.values.ndim == 2:
            return self.values.repeat(stop - begin, 1)
        return self.values[:, begin:stop].expand(n_trajectories, -1, -1).transpose(0, 1).flatten(0, 1)


def random_frames(n_trajectories: int, n_states: int, n_vectors: int, *, seed: int) -> Array:
    """Return random orthonormal tangent vectors, (trajectory, state, vector), uniform on the sphere."""
    drawn = np.random.default_rng(seed).standard_normal((n_trajectories, n_states, n_vectors))
    return np.asarray(np.linalg.qr(drawn)[0])


def carry(
    evolution: Evolution, bundle: Bundle, drive: Drive, *, begin: int, n_steps: int, qr_every: int
) -> tuple[Bundle, Growth]:
    """Return the bundle ``n_steps`` later, and how its tangent vectors have grown on the way.

    ``begin`` is the number of the first step, for the drive and for ``diverged_at``.
    """
    n_intervals = math.ceil(n_steps / qr_every)
    n_bins = min(n_intervals, MAX_BINS)
    n_trajectories, _, n_vectors = bundle.frames.shape
    sums, lengths = np.zeros((n_bins, n_trajectories, n_vectors)), np.zeros(n_bins)
    walk = _by_pushing if evolution.pushes else _by_jacobians
    block = _block(evolution, bundle, qr_every)
    end = begin + n_steps
    for first in range(begin, end, block):
        stops = [min(stop, end) for stop in range(first + qr_every, min(first + block, end) + qr_every, qr_every)]
        moved, logs, finite = walk(evolution, bundle, drive, first, stops)
        bundle = _without_broken(bundle, moved, finite, np.array(stops))
        bins = ((first - begin) // qr_every + np.arange(len(stops))) * n_bins // n_intervals
        np.add.at(sums, bins, np.where(np.isnan(logs), 0.0, logs))
        np.add.at(lengths, bins, np.diff([first, *stops]))
    return bundle, Growth(sums, lengths)


def _block(evolution: Evolution, bundle: Bundle, qr_every: int) -> int:
    """Return how many steps are taken, and their Jacobians held, at once: a multiple of ``qr_every``."""
    rows = rows_per_chunk(evolution.problem.n_states, bundle.states.dtype, evolution.memory)
    steps = _BLOCK if evolution.pushes else min(_BLOCK, rows // len(bundle.states))
    return max(1, steps // qr_every) * qr_every


Walk = tuple[tuple[Tensor, Tensor], Array, Array]


def _by_jacobians(evolution: Evolution, bundle: Bundle, drive: Drive, first: int, stops: list[int]) -> Walk:
    """Walk all steps, take all Jacobians at once, then multiply and factorise."""
    path = [bundle.states]
    for step in range(first, stops[-1]):
        path.append(evolution.advance(path[-1], drive.at(step)))
    count, shape = len(path) - 1, bundle.states.shape
    rows = torch.cat(path[:-1])
    jacobians = evolution.jacobians(rows, drive.rows(first, stops[-1], shape[0])).reshape(count, *shape, shape[1])
    frames, diagonals, begin = bundle.frames, [], first
    for stop in stops:
        for step in range(begin, stop):
            frames = jacobians[step - first] @ frames
        frames, diagonal = _orthonormal(frames)
        diagonals.append(diagonal)
        begin = stop
    ends = torch.stack([path[stop - first] for stop in stops])
    return (path[-1], frames), *_logs(diagonals, ends, bundle)


def _by_pushing(evolution: Evolution, bundle: Bundle, drive: Drive, first: int, stops: list[int]) -> Walk:
    """Push the tangent vectors forward step by step."""
    states, frames, diagonals, ends, begin = bundle.states, bundle.frames, [], [], first
    for stop in stops:
        for step in range(begin, stop):
            states, frames = evolution.push(states, drive.at(step), frames)
        frames, diagonal = _orthonormal(frames)
        diagonals.append(diagonal)
        ends.append(states)
        begin = stop
    return (states, frames), *_logs(diagonals, torch.stack(ends), bundle)


def _orthonormal(frames: Tensor) -> tuple[Tensor, Tensor]:
    q, r = torch.linalg.qr(frames)
    return q, torch.diagonal(r, dim1=-2, dim2=-1)


def _logs(diagonals: list[Tensor], ends: Tensor, bundle: Bundle) -> tuple[Array, Array]:
    """Return log |Rᵢᵢ| and what is still finite, (interval, trajectory, vector) and (interval, trajectory).

    What lies below the rounding error of the largest growth is the image of a direction that the Jacobian
    sends to 0: log 0 = −inf.
    """
    sizes = torch.stack(diagonals).abs()
    floor = 4 * math.sqrt(bundle.states.shape[1]) * torch.finfo(sizes.dtype).eps
    sizes = torch.where(sizes <= floor * sizes.amax(dim=-1, keepdim=True), 0.0, sizes)
    finite = torch.isfinite(sizes).all(-1) & torch.isfinite(ends).all(-1)
    return sizes.log().cpu().numpy(), finite.cpu().numpy()


def _without_broken(bundle: Bundle, moved: tuple[Tensor, Tensor], finite: Array, stops: Array) -> Bundle:
    """Return the moved bundle; trajectories that broke are marked, and put back so that others are not disturbed."""
    broken = ~finite.all(0)
    first_bad = stops[np.argmin(finite, axis=0)]
    diverged_at = np.where(broken & (bundle.diverged_at < 0), first_bad, bundle.diverged_at)
    back = torch.as_tensor(broken, device=bundle.states.device)
    states = torch.where(back[:, None], bundle.states, moved[0])
    frames = torch.where(back[:, None, None], bundle.frames, moved[1])
    return Bundle(states, frames, diverged_at)
