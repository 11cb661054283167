"""Optimisers whose state is plain arrays with a leading member axis, so that members can leave and runs resume."""

import functools
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from .model import Model
from .settings import TrainingConfig

_CLASSES = {
    "adam": torch.optim.Adam,
    "adam_epsilon_hat": torch.optim.Adam,
    "adamax": torch.optim.Adamax,
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
}
_EPSILON = 1e-8


class Optimizer:
    """A torch optimiser over the trainable parameters of a model, fed with gradients by name."""

    def __init__(self, model: Model, config: TrainingConfig) -> None:
        self.config = config
        self.parameters = {name: dict(model.named_parameters())[name] for name in model.trainable}
        # Not the fused Adam: its vector code rounds by position in memory, so that a network's weights would depend on
        # how many others are trained beside it.
        scales = model.weight_scales() if config.learning_rate_unit == "weights" else {}
        self._scales = [scales.get(name, 1.0) for name in self.parameters]
        groups = [{"params": [parameter]} for parameter in self.parameters.values()]
        made = _CLASSES[config.optimizer](groups, lr=config.learning_rate)
        self.torch: torch.optim.Optimizer = made

    def update(self, gradients: Mapping[str, Tensor], learning_rate: float) -> None:
        """Change the parameters by one step."""
        gradients = self._clipped(gradients)
        for name, parameter in self.parameters.items():
            parameter.grad = gradients[name]
        for group, scale in zip(self.torch.param_groups, self._scales, strict=True):
            group["lr"] = scale * learning_rate
            if self.config.optimizer == "adam_epsilon_hat":
                # torch divides by √(v / (1 − β2ⁿ)) + ε; with this ε it is (√v + 1e-8) / √(1 − β2ⁿ) (Kingma and Ba 2015,
                # end of section 2, and the Adam of TensorFlow 1). It matters while gradients are not much above 1e-8.
                group["eps"] = _EPSILON / (1 - group["betas"][1] ** (self._steps() + 1)) ** 0.5
        self.torch.step()

    def _steps(self) -> int:
        """Return the number of steps taken so far, which all parameters share."""
        state = self.torch.state.get(next(iter(self.parameters.values())), {})
        return int(state.get("step", 0))

    def _clipped(self, gradients: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Return the gradients with each entry within ``clip_value`` and each member's norm within ``clip_norm``."""
        bound = self.config.clip_value
        if bound is not None:
            gradients = {name: gradient.clamp(-bound, bound) for name, gradient in gradients.items()}
        limit = self.config.clip_norm
        if limit is None:
            return gradients
        squares = [gradient.reshape(len(gradient), -1).square().sum(1) for gradient in gradients.values()]
        # One parameter after the other: torch adds the rows of a matrix in an order that depends on the number of its
        # columns, and a network's norm would depend on how many others are trained beside it.
        norms = functools.reduce(torch.add, squares).sqrt()
        scale = (limit / (norms + 1e-6)).clamp(max=1.0)
        return {name: value * scale.view(-1, *[1] * (value.ndim - 1)) for name, value in gradients.items()}

    def arrays(self) -> dict[str, dict[str, np.ndarray]]:
        """Return the state of each parameter, by the optimiser's own names."""
        return {
            name: {key: value.cpu().numpy().copy() for key, value in self.torch.state[parameter].items()}
            for name, parameter in self.parameters.items()
            if parameter in self.torch.state
        }

    def load_arrays(self, arrays: Mapping[str, Mapping[str, np.ndarray]]) -> None:
        """Go back to a state that :meth:`arrays` returned."""
        for name, state in arrays.items():
            parameter = self.parameters[name]
            for key, array in state.items():
                tensor = torch.tensor(array)
                # Adam counts its steps in float32 whatever the parameters are.
                self.torch.state[parameter][key] = tensor.to(parameter.device if tensor.ndim else "cpu")

    def for_members(self, model: Model, indices: list[int]) -> "Optimizer":
        """Return the optimiser of ``model``, which holds the chosen members only."""
        made = Optimizer(model, self.config)
        made.load_arrays(
            {
                name: {key: array[indices] if array.ndim else array for key, array in state.items()}
                for name, state in self.arrays().items()
            }
        )
        return made
