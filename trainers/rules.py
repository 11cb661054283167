"""Learning rules: from a batch of trials to gradients of the parameters."""

import dataclasses
from typing import Protocol

import torch
from torch import Tensor

from .model import Generators, Model
from .task import Batch, Task


@dataclasses.dataclass(frozen=True)
class Gradients:
    """What a rule returns: the loss of each member before the update, by term, and a gradient per parameter."""

    loss: Tensor
    terms: dict[str, Tensor]
    parameters: dict[str, Tensor]
    outputs: Tensor


class Rule(Protocol):
    """A learning rule. BPTT is exact; rules with local gradients differ only in what they return here."""

    def __call__(self, model: Model, task: Task, batch: Batch, generators: Generators | None) -> Gradients:
        """Return the gradients of one batch; the model's parameters are not changed."""
        ...


@dataclasses.dataclass(frozen=True)
class NoOptions:
    """Options of the rules of a family: there are none."""


def loss_terms(
    model: Model, task: Task, batch: Batch, generators: Generators | None
) -> tuple[dict[str, Tensor], Tensor]:
    """Return the terms of the loss, (member,) each, and the outputs of one forward run."""
    trajectory = model.respond(batch.inputs, batch.initial_state, generators)
    return {**task.loss(trajectory, batch), **model.regularization(trajectory)}, trajectory.outputs


def bptt(model: Model, task: Task, batch: Batch, generators: Generators | None) -> Gradients:
    """Return the exact gradients by backpropagation through time."""
    terms, outputs = loss_terms(model, task, batch, generators)
    loss = torch.stack(list(terms.values())).sum(0)
    names = model.trainable
    parameters = dict(model.named_parameters())
    # Members do not interact, so the gradient of the summed loss is each member's own gradient.
    gradients = torch.autograd.grad(loss.sum(), [parameters[name] for name in names], materialize_grads=True)
    found = dict(zip(names, gradients, strict=True))
    return Gradients(loss.detach(), {name: term.detach() for name, term in terms.items()}, found, outputs.detach())
