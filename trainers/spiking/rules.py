"""The learning rules of spiking networks: BPTT, e-prop and MDGL, all by one gradient with other learning signals.

Readout weights always receive their exact gradient. Sources: Bellec et al., Nat. Commun. 11:3625 (2020), e-prop; Liu et
al., PNAS 118:e2111821118 (2021), MDGL.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...errors import ConfigurationError, InputError
from ..model import Generators, Model, Trajectory
from ..rules import Gradients, Response, Rule
from ..task import Batch, Task
from .adjoint import PlainRun
from .config import RuleConfig
from .differentiation import differentiated
from .model import SpikingNetwork
from .signals import LearningSignal, coupling
from .simulation import Run, simulate
from .traces import explicit_gradients, online_gradients


@dataclasses.dataclass(frozen=True)
class SpikingRule:
    """One learning rule.

    Attributes
    ----------
    coupling : how units sense what the units that they drive secrete, see :func:`.signals.coupling`
    through_weights : exact gradients, also through the recurrent weights
    random_feedback : errors reach the units by the network's random matrix in place of the readout weights
    filtered : the causal approximation of the coupled term
    """

    options: RuleConfig
    coupling: str = "none"
    through_weights: bool = False
    random_feedback: bool = False
    filtered: bool = False

    def __call__(self, model: Model, task: Task, batch: Batch, generators: Generators | None) -> Gradients:
        """Return the gradients of one batch."""
        assert isinstance(model, SpikingNetwork)
        if batch.initial_state is not None:
            raise InputError("initial_state: trials of spiking networks start at rest, found a state to start from")
        inputs, _, noise = model.prepared(batch.inputs, None, generators)
        run = self._run(model, inputs, noise)
        terms, signal = self.signal(model, task, batch, run)
        if self.options.form == "autograd":
            found = self._differentiated(model, task, batch, inputs, noise, signal)
        else:
            found = self._gradients(run, signal, noise)
        response = Response(terms, run.outputs, model.firing(run.mean_spikes))
        return Gradients(response, {name: found[name] for name in model.trainable})

    def signal(
        self, model: SpikingNetwork, task: Task, batch: Batch, run: Run
    ) -> tuple[dict[str, Tensor], LearningSignal]:
        """Return the terms of the loss of a run, (member,) each, and the learning signal that follows from them."""
        outputs = run.outputs.detach().requires_grad_()
        mean = run.mean_spikes.detach().requires_grad_()
        trajectory = Trajectory(outputs[..., :0, :], outputs, mean.unsqueeze(-2))
        terms = task.loss(trajectory, batch)
        (error,) = torch.autograd.grad(torch.stack(list(terms.values())).sum(), [outputs])
        penalties = model.regularization(trajectory)
        constant = torch.zeros_like(mean)
        if penalties:
            (constant,) = torch.autograd.grad(torch.stack(list(penalties.values())).sum(), [mean])
        steps = outputs.shape[1] * outputs.shape[2]
        signal = LearningSignal(
            error,
            self._feedback(model),
            constant / steps,
            coupling(model, self.coupling),
            gain=self.options.modulatory_gain,
            secrete_constant=self.options.secrete_regularizer,
            through_weights=self.through_weights,
            filtered=self.filtered,
        )
        return {name: term.detach() for name, term in {**terms, **penalties}.items()}, signal

    def _feedback(self, model: SpikingNetwork) -> Tensor:
        if not self.random_feedback:
            return model.output_weight.detach()
        if not model.config.random_feedback:
            raise ConfigurationError("rule eprop_random: expected a network with model.random_feedback = true")
        return model.feedback_weight.detach()

    def _run(self, model: SpikingNetwork, inputs: Tensor, noise: Tensor | None) -> Run:
        form = self.options.form
        compiled = self.options.compiled and form == "adjoint"
        return simulate(model, inputs, noise, for_gradients=form in ("adjoint", "traces"), compiled=compiled)

    def _gradients(self, run: Run, signal: LearningSignal, noise: Tensor | None) -> dict[str, Tensor]:
        if self.options.form == "adjoint":
            return run.gradients(signal)
        assert isinstance(run, PlainRun)
        if self.options.form == "traces":
            return explicit_gradients(run, signal)
        return online_gradients(run, signal, noise)

    def _differentiated(
        self,
        model: SpikingNetwork,
        task: Task,
        batch: Batch,
        inputs: Tensor,
        noise: Tensor | None,
        signal: LearningSignal,
    ) -> dict[str, Tensor]:
        if self.filtered:
            # It is no derivative of anything.
            raise ConfigurationError("rule.form = 'autograd': mdgl_online has the forms adjoint, online and traces")
        return differentiated(
            model, task, batch, inputs, noise,
            coupling=signal.coupling,
            feedback=signal.feedback if self.random_feedback else None,
            gain=signal.gain,
            secrete_regularizer=signal.secrete_constant,
            exact=self.through_weights,
        )  # fmt: skip


def _maker(**kind: Any) -> Callable[[RuleConfig], Rule]:
    return lambda options: SpikingRule(options, **kind)


#: name → what makes the rule from its options
RULES: dict[str, Callable[[RuleConfig], Rule]] = {
    "bptt": _maker(through_weights=True),
    "eprop": _maker(),
    "eprop_random": _maker(random_feedback=True),
    "mdgl": _maker(coupling="cell_types"),
    "mdgl_weights": _maker(coupling="weights"),
    "mdgl_nonlocal": _maker(coupling="nonlocal"),
    "mdgl_online": _maker(coupling="cell_types", filtered=True),
}
