"""Learning rules: from a batch of trials to gradients of the parameters."""

import dataclasses
from typing import Protocol

import torch
from torch import Tensor

from .model import Generators, Model
from .task import Batch, Task


@dataclasses.dataclass(frozen=True)
class Response:
    """What networks did on a batch, for a loss: its terms and further metrics by name, (member,) each, and outputs."""

    terms: dict[str, Tensor]
    outputs: Tensor
    metrics: dict[str, Tensor]


@dataclasses.dataclass(frozen=True)
class Gradients:
    """What a rule returns: the response before the update, and a gradient per parameter."""

    response: Response
    parameters: dict[str, Tensor]


class Rule(Protocol):
    """A learning rule. BPTT is exact; rules with local gradients differ only in what they return here."""

    def __call__(self, model: Model, task: Task, batch: Batch, generators: Generators | None) -> Gradients:
        """Return the gradients of one batch; the model's parameters are not changed."""
        ...


@dataclasses.dataclass(frozen=True)
class NoOptions:
    """Options of the rules of a family: there are none."""


def respond(model: Model, task: Task, batch: Batch, generators: Generators | None) -> Response:
    """Return the response of one forward run; gradients run through its terms where they are enabled."""
    trajectory = model.respond(batch.inputs, batch.initial_state, generators)
    terms = {**task.loss(trajectory, batch), **model.regularization(trajectory)}
    return Response(terms, trajectory.outputs, model.metrics(trajectory))


def bptt(model: Model, task: Task, batch: Batch, generators: Generators | None) -> Gradients:
    """Return the exact gradients by backpropagation through time."""
    response = respond(model, task, batch, generators)
    loss = torch.stack(list(response.terms.values())).sum()
    names = model.trainable
    parameters = dict(model.named_parameters())
    # Members do not interact, so the gradient of the summed loss is each member's own gradient.
    gradients = torch.autograd.grad(loss, [parameters[name] for name in names], materialize_grads=True)
    found = dict(zip(names, gradients, strict=True))
    terms = {name: term.detach() for name, term in response.terms.items()}
    return Gradients(Response(terms, response.outputs.detach(), response.metrics), found)
