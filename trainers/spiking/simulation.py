"""A run of spiking networks for outputs and gradients: compiled on the CPU, else the plain loop."""

from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from .adjoint import run_plainly
from .signals import LearningSignal

if TYPE_CHECKING:
    from .model import SpikingNetwork


class Run(Protocol):
    """A run of a batch: outputs (member, trial, time, output), mean spikes (member, unit), and its gradients."""

    @property
    def outputs(self) -> Tensor:
        """Outputs (member, trial, time, output)."""
        ...

    @property
    def mean_spikes(self) -> Tensor:
        """Mean spikes per step (member, unit)."""
        ...

    def gradients(self, signal: LearningSignal) -> dict[str, Tensor]:
        """Return the gradient of each weight by name."""
        ...


def simulate(
    model: "SpikingNetwork", inputs: Tensor, noise: Tensor | None, *, for_gradients: bool, compiled: bool = True
) -> Run:
    """Run networks with a member axis over ``inputs`` (member, trial, time, input).

    Compiled when they are on the CPU and there is no current noise, unless ``compiled`` is false. Without
    ``for_gradients`` nothing that grows with time is kept but the outputs, which are NaN for a network that has
    diverged.
    """
    inputs = inputs.to(model.dtype)
    run: Run
    if compiled and noise is None and inputs.device.type == "cpu":
        from .compiled import run_compiled  # compiling and loading numba waits until it is needed

        run = run_compiled(model, inputs, for_gradients=for_gradients)
    else:
        run = run_plainly(model, inputs, noise, for_gradients=for_gradients)
    run.outputs[model.diverged()] = torch.nan
    return run
