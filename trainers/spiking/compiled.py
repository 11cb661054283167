"""A batch of spiking networks run by the compiled kernel: arrays in, tensors out."""

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from .kernel import list_inputs, run_backward, run_forward
from .signals import LearningSignal

if TYPE_CHECKING:
    from .model import SpikingNetwork


@dataclasses.dataclass(frozen=True)
class CompiledRun:
    """A run of a batch on the CPU: see :class:`.adjoint.PlainRun`; arrays have a leading member axis."""

    model: "SpikingNetwork"
    outputs: Tensor
    mean_spikes: Tensor
    events: list[Any]
    psi: np.ndarray
    starts: np.ndarray
    units: np.ndarray

    def gradients(self, signal: LearningSignal) -> dict[str, Tensor]:
        """Return the gradient of each weight by name."""
        model, config = self.model, self.model.config
        scale = 1 - config.membrane_decay
        recurrent, dtype = _rows(model.recurrent()), self.psi.dtype
        strength, numbers = _array(model.adaptation_strength), _numbers(model, dtype)
        coupling = np.zeros((len(recurrent), 0, 0), dtype)
        if signal.coupling is not None:
            coupling = _rows(signal.gain * scale * signal.coupling)
        error, feedback, constant = (_array(value) for value in (signal.error, signal.feedback, signal.constant))
        switches = (signal.secrete_constant, signal.through_weights, signal.filtered)
        n, k, o = config.n_units, config.n_inputs, config.n_outputs
        grads = [np.zeros((len(recurrent), *shape), dtype) for shape in ((k, n), (n, n), (n, o))]
        for m in range(len(recurrent)):
            given = (error[m], feedback[m], constant[m], coupling[m])
            spikes, total = (self.starts[m], self.units[m]), tuple(grad[m] for grad in grads)
            wired = _sparse(recurrent[m])
            run_backward(self.events[m], spikes, self.psi[m], wired, strength, numbers, given, switches, total)
        found = [torch.from_numpy(grad).mT for grad in grads]
        off_diagonal = 1 - torch.eye(n, dtype=found[1].dtype)
        return {
            "input_weight": scale * found[0],
            "recurrent_weight": scale * found[1] * off_diagonal,
            "output_weight": found[2].contiguous(),
            "output_bias": signal.error.sum((1, 2)),
        }


def run_compiled(model: "SpikingNetwork", inputs: Tensor, *, for_gradients: bool) -> CompiledRun:
    """Run networks with a member axis over ``inputs`` (member, trial, time, input) on the CPU."""
    given = _array(inputs)
    members, trials, steps, _ = given.shape
    config, dtype = model.config, given.dtype
    n, kept = config.n_units, steps if for_gradients else 0
    # A unit spikes at most once in refractory_steps + 1 steps; memory that no spike reaches is never touched.
    most = n * -(-kept // (config.refractory_steps + 1))
    psi = np.empty((members, trials, kept, n), dtype)
    starts, units = np.empty((members, trials, kept + 1), np.int64), np.empty((members, trials, most), np.int32)
    outputs, totals = np.empty((members, trials, steps, config.n_outputs), dtype), np.zeros((members, n), dtype)
    own = (model.input_weight, model.recurrent(), model.output_weight)
    weights = [_rows(weight) for weight in own] + [_array(model.output_bias)]
    strength, numbers = _array(model.adaptation_strength), _numbers(model, dtype)
    events = [_listed(member) for member in given]
    for m in range(members):
        member = (*(weight[m] for weight in weights), strength)
        run_forward(events[m], member, numbers, psi[m], starts[m], units[m], totals[m], outputs[m])
    mean = torch.from_numpy(totals / (trials * steps))
    return CompiledRun(model, torch.from_numpy(outputs), mean, events, psi, starts, units)


def _listed(inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the inputs (trial, time, input) of one network as lists; see :func:`list_inputs`."""
    count = np.count_nonzero(inputs)
    starts = np.empty((inputs.shape[0], inputs.shape[1] + 1), np.int64)
    channels, counts = np.empty(count, np.int32), np.empty(count, inputs.dtype)
    list_inputs(inputs, starts, channels, counts)
    return starts, channels, counts


def _numbers(model: "SpikingNetwork", dtype: Any) -> tuple[Any, ...]:
    config, of = model.config, np.dtype(dtype).type
    decays = (config.membrane_decay, config.adaptation_decay, config.readout_decay)
    rest = (config.threshold, config.dampening / config.threshold, config.refractory_steps + 1)
    return tuple(of(value) for value in (*decays, *rest))


def _sparse(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the entries of a matrix that are not zero by rows: (starts, columns, values)."""
    rows, columns = weights.nonzero()
    starts = np.searchsorted(rows, np.arange(len(weights) + 1))
    return starts, columns.astype(np.int32), weights[rows, columns]


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().contiguous().numpy()


def _rows(weight: Tensor) -> np.ndarray:
    """Return a weight (member, target, source) as contiguous rows of sources, (member, source, target)."""
    return _array(weight.mT)
