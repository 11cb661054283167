"""The exact low-dimensional map of a low-rank network given by arrays."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..errors import InputError

Array = npt.NDArray[Any]


@dataclasses.dataclass(frozen=True, eq=False)
class LowRankMap:
    """A network x' = (1 − α) x + α (s L Nᵀ φ(x) + I u + b) and the map z' that it is on its own subspace.

    Every update adds vectors in the span of L, I and b, so that from a start there x = basis · z with z = (κ, v, β)
    holds exactly, and::

        κ' = (1 − α) κ + α s Nᵀ φ(x)      v' = (1 − α) v + α u      β' = (1 − α) β + α

    (Mastrogiuseppe and Ostojic, Neuron 99 (2018) 609; with inputs: Dubreuil et al., Nat. Neurosci. 25 (2022) 783.) All
    fixed points and cycles of the network lie in the span when 0 < α < 2: what lies outside decays with 1 − α.

    Attributes
    ----------
    basis : Tensor, shape (unit, coordinate)
        Columns L, I, b.
    right : Tensor, shape (unit, rank)
    alpha, scale : float
    nonlinearity : callable, (n, unit) → (n, unit)
    names : one word per coordinate: ``kappa_1`` …, ``v_1`` …, ``beta``
    """

    basis: Tensor
    right: Tensor
    alpha: float
    scale: float
    nonlinearity: Callable[[Tensor], Tensor]
    names: tuple[str, ...]

    @property
    def n_inputs(self) -> int:
        """Number of input channels."""
        return sum(name.startswith("v_") for name in self.names)

    def lift(self, z: Tensor) -> Tensor:
        """Return the states x (…, unit) at coordinates z (…, coordinate)."""
        return z @ self.basis.to(z).mT

    def project(self, x: Tensor) -> Tensor:
        """Return the coordinates (…, coordinate) whose lift is nearest to x (…, unit) in least squares."""
        projected: Tensor = x @ torch.linalg.pinv(self.basis.to(x)).mT
        return projected

    def step(self, z: Tensor, inputs: Tensor | None = None) -> Tensor:
        """Return z one step later: (n, coordinate) → (n, coordinate), with (n, input) where the network has inputs."""
        return torch.lerp(z, self._target(self.lift(z), inputs), self.alpha)

    def full_step(self, x: Tensor, inputs: Tensor | None = None) -> Tensor:
        """Return the network's state one step later: (n, unit) → (n, unit), with (n, input) where it has inputs."""
        return torch.lerp(x, self.lift(self._target(x, inputs)), self.alpha)

    def _target(self, x: Tensor, inputs: Tensor | None) -> Tensor:
        """Return the coordinates that z relaxes to, from the state x."""
        if (inputs is None) == (self.n_inputs > 0):
            channels = "1 input channel" if self.n_inputs == 1 else f"{self.n_inputs} input channels"
            expected = channels if self.n_inputs else "none: the network has no input weight"
            raise InputError(f"inputs: expected {expected}, found {'none' if inputs is None else 'some'}")
        parts = [self.scale * (self.nonlinearity(x) @ self.right.to(x))]
        if inputs is not None:
            parts.append(inputs.to(x))
        if "beta" in self.names:
            parts.append(torch.ones_like(x[..., :1]))
        return torch.cat(parts, dim=-1)


def low_rank_map(
    left: Array,
    right: Array,
    *,
    input_weight: Array | None = None,
    bias: Array | None = None,
    alpha: float = 1.0,
    scale: float = 1.0,
    nonlinearity: Callable[[Tensor], Tensor] = torch.tanh,
) -> LowRankMap:
    """Return the exact reduced map of the rate network x' = (1 − α) x + α (scale · L Nᵀ φ(x) + I u + b), in float64.

    ``step`` of the result goes wherever a map goes: fixed points, portraits with nullclines, basins. Fixed points found
    there and lifted are those of the network.

    Parameters
    ----------
    left, right : ndarray, shape (unit, rank)
        L and N; the weight matrix is scale · L Nᵀ.
    input_weight : ndarray, shape (unit, input), or None
    bias : ndarray, shape (unit,), or None
    alpha : float, 0 < α ≤ 1
        dt/τ; 1 gives x' = scale · L Nᵀ φ(x) + ….
    scale : float
        Often 1/unit.
    nonlinearity : callable
        φ, elementwise, on tensors.

    Raises
    ------
    InputError
        If a shape or a number is wrong.

    Examples
    --------
    >>> reduced = low_rank_map(np.ones((50, 1)), np.ones((50, 1)), scale=2 / 50)
    >>> from dynascope.fixedpoints import find_fixed_points
    >>> find_fixed_points(reduced.step, np.linspace(-3, 3, 20)[:, None]).states.round(4).ravel()
    array([-1.915,  1.915,  0.   ])
    """
    first = _matrix("left", left, None)
    second = _matrix("right", right, len(first))
    if second.shape != first.shape:
        raise InputError(f"right: expected the shape of left, {tuple(first.shape)}, found {tuple(second.shape)}")
    columns, names = [first], [f"kappa_{r + 1}" for r in range(first.shape[1])]
    if input_weight is not None:
        columns.append(_matrix("input_weight", input_weight, len(first)))
        names += [f"v_{k + 1}" for k in range(columns[-1].shape[1])]
    if bias is not None:
        columns.append(_matrix("bias", np.asarray(bias)[..., None], len(first)))
        names.append("beta")
    if not 0 < alpha <= 1:
        raise InputError(f"alpha: expected a number above 0 and up to 1, found {alpha!r}")
    if not np.isfinite(scale):
        raise InputError(f"scale: expected a finite number, found {scale!r}")
    return LowRankMap(torch.cat(columns, dim=1), second, float(alpha), float(scale), nonlinearity, tuple(names))


def _matrix(name: str, values: Array, n_units: int | None) -> Tensor:
    array = np.asarray(values)
    expected = f"({'unit' if n_units is None else n_units}, …)"
    if array.dtype.kind not in "fiu" or array.ndim != 2 or 0 in array.shape or n_units not in (None, len(array)):
        raise InputError(f"{name}: expected real numbers of shape {expected}, found {array.shape}, dtype {array.dtype}")
    if not np.isfinite(array).all():
        raise InputError(
            f"{name}: expected finite numbers, found {np.argwhere(~np.isfinite(array))[0].tolist()} is not"
        )
    return torch.tensor(np.asarray(array, float))
