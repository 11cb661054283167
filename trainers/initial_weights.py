"""Distributions of initial weights that families share."""

import numpy as np


def xavier(shape: tuple[int, ...], fan_in: int, fan_out: int, generator: np.random.Generator) -> np.ndarray:
    """Draw from U(±√(6/(fan_in + fan_out))) (Glorot and Bengio 2010, eq. 16)."""
    bound = np.sqrt(6 / (fan_in + fan_out))
    return generator.uniform(-bound, bound, shape)
