"""Initial weights of a connectome network: how large, where, and in which order.

Source: Goulas, Damicelli and Hilgetag, Neural Networks 142:608-618 (2021), and its public code.
"""

import dataclasses
import math

import numpy as np

from ...errors import ConfigurationError, InputError, unknown_name
from ...results import Array

SCHEMES = ("default", "xavier", "he")
_PUBLISHED = {"relu": "he", "tanh": "xavier"}


@dataclasses.dataclass(frozen=True, eq=False)
class InitialWeights:
    """Initial parameters: ``recurrent`` (unit, unit), ``input`` (unit, input), ``output`` (output, unit), biases."""

    recurrent: Array
    input: Array
    output: Array
    input_bias: Array
    recurrent_bias: Array
    output_bias: Array


def effective_scheme(init: str, nonlinearity: str, *, strict: bool = False) -> str:
    """Return the scheme that is really used: ``default``, ``xavier`` or ``he``.

    The published code takes every name but ``default`` as a wish for the scheme that suits the nonlinearity: he for
    ReLU, xavier for tanh. With ``strict`` the name is obeyed.

    Raises
    ------
    ConfigurationError
        If the scheme or the nonlinearity is unknown.
    """
    if init not in SCHEMES:
        raise ConfigurationError(unknown_name("initialization", init, SCHEMES))
    if nonlinearity not in _PUBLISHED:
        raise ConfigurationError(unknown_name("nonlinearity", nonlinearity, _PUBLISHED))
    return init if strict or init == "default" else _PUBLISHED[nonlinearity]


def bounds(
    scheme: str, n_units: int, n_inputs: int, n_outputs: int, *, templated: bool = True
) -> tuple[float, float, float]:
    """Return a of the uniform distributions on (−a, a): of recurrent weights, input weights and readout.

    With H units, I inputs and O outputs: default 1/√H for all; xavier √(6 / (2H)), √(6 / (H + I)), √(6 / (H + O)); he
    √(6 / H), √(6 / H), √(6 / O), where a network without template has √(6 / H) for its readout too.
    """
    if scheme not in SCHEMES:
        raise ConfigurationError(unknown_name("initialization", scheme, SCHEMES))
    if scheme == "default":
        return (1 / math.sqrt(n_units),) * 3
    if scheme == "xavier":
        return tuple(math.sqrt(6 / (n_units + other)) for other in (n_units, n_inputs, n_outputs))  # type: ignore[return-value]
    fan = math.sqrt(6 / n_units)
    return fan, fan, math.sqrt(6 / n_outputs) if templated else fan


def draw_weights(
    scheme: str,
    n_units: int,
    n_inputs: int,
    n_outputs: int,
    generator: np.random.Generator,
    *,
    templated: bool = True,
) -> InitialWeights:
    """Draw initial weights, uniform on (−a, a) with a of :func:`bounds`; all biases have a = 1/√H.

    Raises
    ------
    ConfigurationError
        If the scheme is unknown.
    """
    recurrent, inputs, output = bounds(scheme, n_units, n_inputs, n_outputs, templated=templated)
    bias = 1 / math.sqrt(n_units)
    return InitialWeights(
        recurrent=generator.uniform(-recurrent, recurrent, (n_units, n_units)),
        input=generator.uniform(-inputs, inputs, (n_units, n_inputs)),
        output=generator.uniform(-output, output, (n_outputs, n_units)),
        input_bias=generator.uniform(-bias, bias, n_units),
        recurrent_bias=generator.uniform(-bias, bias, n_units),
        output_bias=generator.uniform(-bias, bias, n_outputs),
    )


def masked(initial: Array, template: Array) -> Array:
    """Return initial weights (n, n) with 0 wherever the template (n, n) has 0."""
    initial, template = _matched(initial, template)
    return np.where(template != 0, initial, 0.0)


def remapped(initial: Array, template: Array) -> Array:
    """Return the initial weights (n, n) where the template (n, n) has connections, reordered to follow its ranks.

    The position of the k-th largest template weight receives the k-th largest of the initial weights that the mask
    leaves, sign included; everything else is 0. Equal template weights are ranked in row-major order, so that within a
    block of equal parts, or throughout a constant template, initial weights fall from row to row: a pattern that the
    homogeneous conversion is known for, and a reason not to remap onto a fully connected control.
    """
    initial, template = _matched(initial, template)
    exists = template != 0
    result = np.zeros(initial.shape, dtype=initial.dtype)
    order = np.argsort(-template[exists], kind="stable")
    values = np.empty(len(order), dtype=initial.dtype)
    values[order] = np.sort(initial[exists])[::-1]
    result[exists] = values
    return result


def _matched(initial: Array, template: Array) -> tuple[Array, Array]:
    initial, template = np.asarray(initial), np.asarray(template)
    if initial.shape != template.shape:
        raise InputError(f"initial weights of shape {initial.shape} do not fit a template of shape {template.shape}")
    if not np.isfinite(template).all():
        raise InputError("template: found weights that are not finite")
    return initial, template
