"""The exact solution: encoders and decoders of each marginalization from singular value decompositions."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..subspaces.bases import with_sign
from ..validation import Array
from .marginalizations import Marginals

ENCODERS = ("regularized", "data")
"""What the encoders fit best: the regularized problem (the minimum of the loss), or the data alone (as in MATLAB)."""


@dataclass(frozen=True, eq=False)
class Axes:
    """Encoders and decoders (unit, component) by marginalization, and how many components carry anything (ranks)."""

    encoders: Mapping[str, Array]
    decoders: Mapping[str, Array]
    ranks: Mapping[str, int]


def solve(marginals: Marginals, sizes: Mapping[str, int], regularizer: float, encoder: str = "regularized") -> Axes:
    """Minimize Σ ‖X_m − P_m D_mᵀ X‖² + μ² ‖P_m D_mᵀ‖² over encoders P and decoders D of each marginalization m.

    X (unit, sample) is the centred average, μ = regularizer · ‖X‖². With C = X_m Xᵀ (X Xᵀ + μ²)⁻¹, P are the left
    singular vectors of C [X, μ I] ("regularized", the minimum) or of C X ("data"), and D = Cᵀ P. Everything follows
    from one decomposition X = U Σ Vᵀ: nothing is squared, so small components keep their digits.
    """
    v, singular, ut = np.linalg.svd(marginals.rows, full_matrices=False)
    # The cut of a pseudo-inverse: directions below it are rounding.
    kept = singular > max(marginals.rows.shape) * np.finfo(np.float64).eps * singular[0]
    ridge = singular**2 + (regularizer * (singular**2).sum()) ** 2
    inverse = np.divide(1, ridge, out=np.zeros_like(ridge), where=kept)
    gain = singular * np.sqrt(inverse) if encoder == "regularized" else singular**2 * inverse
    encoders, decoders, ranks = {}, {}, {}
    for name in marginals:
        shared = marginals[name].T @ v[marginals.slices[name]]  # X_m V
        p, strength, _ = np.linalg.svd(shared * gain, full_matrices=False)
        rank = int((strength > max(shared.shape) * np.finfo(np.float64).eps * singular[0]).sum())
        rank = min(rank, sizes[name])
        p = with_sign(_completed(p[:, :rank], sizes[name]))
        d = ut.T @ ((singular * inverse)[:, np.newaxis] * (shared.T @ p))
        d[:, rank:] = 0
        encoders[name], decoders[name], ranks[name] = p, d, rank
    return Axes(encoders, decoders, ranks)


def _completed(columns: Array, size: int) -> Array:
    """Return orthonormal ``columns`` and, up to ``size``, more that complete them.

    Those are the first axes of the space, made orthogonal in turn: they carry nothing, but depend on the columns alone
    where singular vectors of nothing would depend on rounding.
    """
    n, rank = columns.shape
    if rank == size:
        return columns
    basis = np.linalg.qr(np.concatenate([columns, np.eye(n)[:, : size - rank]], axis=1))[0]
    return np.concatenate([columns, basis[:, rank:]], axis=1)
