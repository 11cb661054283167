"""Fixed points and slow modes of a network at zero input, where it must hold and replay its numbers."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ... import hdf5
from ...fixedpoints import FixedPoints, find_fixed_points, sample_starts
from ...readers import open_archive
from ...trainers import Model, checkpoint_models
from ...trainers.sweeps import Job, Task
from ..study import Workbench

MOMENTS = ("untrained", "trained")
_MEASURE = f"{__name__}:measure"
# Wide enough to leave the visited states: points that no trial comes near count too. So do attractors far from them,
# to which states of large rates run in so many steps.
_NOISE = 0.5
_FAR, _SETTLING = 32, 200


@dataclasses.dataclass(frozen=True, eq=False)
class Dynamics:
    """What networks do at zero input before and after training; arrays are (network, moment, …).

    Attributes
    ----------
    n_points, n_stable : fixed points found, and stable ones
    certified : whether each of them is proven to exist and to be alone
    incomplete : whether the index check proves that points are missing
    eigenvalues : (network, moment, unit) complex, slowest first, of the reference point: the slowest of those with the
        fewest unstable directions; NaN where no point was found
    """

    n_points: np.ndarray
    n_stable: np.ndarray
    certified: np.ndarray
    incomplete: np.ndarray
    eigenvalues: np.ndarray

    @property
    def leading(self) -> np.ndarray:
        """The eigenvalue of largest modulus, (network, moment) complex, in the upper half plane."""
        first = self.eigenvalues[..., 0]
        return np.where(first.imag < 0, first.conj(), first)

    @property
    def n_unstable(self) -> np.ndarray:
        """Unstable directions of the reference point, (network, moment)."""
        return np.asarray((np.abs(self.eigenvalues) > 1).sum(-1))

    @property
    def time_constants(self) -> np.ndarray:
        """Steps in which the slowest mode falls to 1/e, −1 / ln |λ|, (network, moment); inf where it does not decay."""
        moduli = np.abs(self.leading)
        with np.errstate(divide="ignore"):
            return np.where(moduli < 1, -1 / np.log(moduli), np.where(np.isnan(moduli), np.nan, np.inf))

    @property
    def periods(self) -> np.ndarray:
        """Steps in which the leading mode turns once, 2π / arg λ, (network, moment); inf for a real one above 0."""
        with np.errstate(divide="ignore"):
            return np.asarray(2 * np.pi / np.abs(np.angle(self.leading)))

    def slow_modes(self, steps: int) -> np.ndarray:
        """Return how many modes keep more than 1/e of their size over so many steps, (network, moment)."""
        return np.asarray((np.abs(self.eigenvalues) > np.exp(-1 / steps)).sum(-1))


def dynamics(bench: Workbench, paths: Mapping[Any, Sequence[Path]]) -> dict[Any, Dynamics]:
    """Return the dynamics of the networks in archives (name → one per run), each computed once."""
    flat = [path for own in paths.values() for path in own]
    payload = {"starts": bench.budget["starts"]}
    tasks = [
        Task(_MEASURE, payload, {"network": path.stem[:8]}, {"archive": str(path)}, batch="points") for path in flat
    ]
    outputs = dict(zip(flat, bench.compute(tasks, "fixed points"), strict=True))
    return {name: _stacked([_read(outputs[path]) for path in own]) for name, own in paths.items()}


def measure(job: Job) -> None:
    """Write the fixed points of each network at zero input before and after training; the job of a sweep."""
    torch.set_num_threads(1)
    for payload, inputs, output in zip(job.payloads, job.inputs, job.outputs, strict=True):
        with open_archive(inputs["archive"], verify=False) as archive:
            shown = archive.recording("final").inputs
            assert shown is not None  # of a network
            trials = np.asarray(shown[...], float)
            pairs = checkpoint_models(archive)
            found = [points_at_zero_input(pairs[at][1], trials, payload["starts"]) for at in (0, len(pairs) - 1)]
        columns = {
            "n_points": np.array([len(one) for one in found]),
            "n_stable": np.array([one.stable.sum() for one in found]),
            "certified": np.array([one.certified.all() for one in found]),
            "incomplete": np.array([one.incomplete for one in found]),
        }
        datasets = {name: hdf5.Dataset(values, ("moment",)) for name, values in columns.items()}
        spectra = np.stack([reference(one) for one in found])
        datasets["eigenvalues"] = hdf5.Dataset(spectra, ("moment", "eigenvalue"))
        hdf5.write(output, hdf5.Group({}, datasets, ("moment", "eigenvalue")))


def points_at_zero_input(model: Model, trials: np.ndarray, n_starts: int) -> FixedPoints:
    """Return the fixed points of h' = f(U h + b), searched for around and between states that the network visits.

    These are the states of ``trials`` (trial, time, input), their mirror, and where it comes to rest from states of
    large rates. A tanh network maps a ball into itself, so that the indices of a complete set of points sum to 1, which
    is checked. 0.1 to 1 s for 116 units and 256 starts.
    """
    shown = torch.as_tensor(trials, dtype=model.dtype)
    signs = np.sign(np.random.default_rng(0).normal(size=(_FAR, model.state_size)))
    silence = torch.zeros(_FAR, _SETTLING, trials.shape[-1], dtype=model.dtype)
    with torch.no_grad():
        visited = model.run_steps(shown, model.initial_state(len(shown)), None).numpy()
        rest = model.run_steps(silence, torch.as_tensor(signs, dtype=model.dtype), None)[:, -1:].numpy()
    states = [each.reshape(-1, model.state_size) for each in (visited, -visited, rest, -rest)]
    sampled = [sample_starts(np.concatenate(part), -(-n_starts // 2), noise=_NOISE) for part in (states[:2], states)]
    starts = np.concatenate([*sampled, *states[2:]])
    return find_fixed_points(
        model.step, starts, np.zeros(trials.shape[-1]), jacobian=model.jacobian(),
        lipschitz=model.jacobian_lipschitz(), certify=model.jacobian_lipschitz() is not None,
        ball=model.config.nonlinearity == "tanh" or None,
    )  # fmt: skip


def reference(found: FixedPoints) -> np.ndarray:
    """Return the eigenvalues (unit,) of the slowest of the points with the fewest unstable directions, NaN without."""
    if not len(found):
        return np.full(found.eigenvalues.shape[-1], np.nan, complex)
    fewest = np.flatnonzero(found.n_unstable == found.n_unstable.min())
    slowest = fewest[np.abs(found.eigenvalues[fewest]).max(axis=1).argmax()]
    return np.asarray(found.eigenvalues[slowest], complex)


def _read(path: Path) -> dict[str, np.ndarray]:
    with hdf5.read(path) as root:
        nodes = root.children.items()
        return {name: np.array(node.data[...]) for name, node in nodes if isinstance(node, hdf5.Dataset)}


def _stacked(parts: Sequence[Mapping[str, np.ndarray]]) -> Dynamics:
    return Dynamics(
        **{field.name: np.stack([one[field.name] for one in parts]) for field in dataclasses.fields(Dynamics)}
    )
