"""Static nonlinearities of linear-nonlinear subunits, for NumPy arrays and torch tensors alike.

The word "sensitivity" means a width in the published single cells and a slope in the published networks; here it is
always the width, 1 / slope.
"""

import dataclasses
from typing import Any, Protocol

import torch
from scipy import special
from torch import Tensor

from ...errors import InputError


class Nonlinearity(Protocol):
    """A function of the drive of a subunit."""

    def __call__(self, drive: Any) -> Any:
        """Return the output, of the drive's shape and kind."""
        ...


@dataclasses.dataclass(frozen=True)
class Identity:
    """The output is the drive."""

    def __call__(self, drive: Any) -> Any:
        """Return the drive."""
        return drive


@dataclasses.dataclass(frozen=True)
class Sigmoid:
    """passive · x + gain / (1 + e^{−(x − threshold) / width}): an active conductance, small widths are steep.

    ``passive`` is 1 for a compartment whose membrane potential passes beside the conductance, else 0.
    """

    gain: float
    threshold: float
    width: float
    passive: float = 0.0

    def __post_init__(self) -> None:
        if not self.width > 0:
            raise InputError(f"width of a sigmoid {self.width}: expected above 0")

    def __call__(self, drive: Any) -> Any:
        """Return the output."""
        bump = self.gain * _logistic((drive - self.threshold) / self.width)
        return bump if not self.passive else self.passive * drive + bump


@dataclasses.dataclass(frozen=True)
class Step:
    """``height`` from ``threshold`` on, 0 below."""

    threshold: float
    height: float = 1.0

    def __call__(self, drive: Any) -> Any:
        """Return the output."""
        return self.height * (drive >= self.threshold)


@dataclasses.dataclass(frozen=True)
class Spike:
    """1 above ``threshold``, else 0; its derivative is replaced by 1 / (sharpness · |x − threshold| + 1)².

    Source of the replacement: Zenke and Ganguli, Neural Comput. 30:1514 (2018).
    """

    threshold: float
    sharpness: float = 10.0

    def __call__(self, drive: Any) -> Any:
        """Return the spikes."""
        if isinstance(drive, Tensor):
            return _Spike.apply(drive - self.threshold, self.sharpness)  # type: ignore[no-untyped-call]
        return 1.0 * (drive - self.threshold > 0)


class _Spike(torch.autograd.Function):
    """Whether x > 0, with the surrogate derivative."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, sharpness: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.sharpness = sharpness
        return (x > 0).to(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        return gradients[0] / (ctx.sharpness * x.abs() + 1).square(), None


def _logistic(x: Any) -> Any:
    return torch.sigmoid(x) if isinstance(x, Tensor) else special.expit(x)
