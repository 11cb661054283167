"""How alike the three-body tensors of two networks are, as they stand and without what cannot matter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...errors import InputError
from ...results import Result, digest_arrays
from .. import low_rank
from ..validation import Array
from . import checks
from .polyadic import CPDecomposition
from .unfolding import times, unfold


@dataclass(frozen=True, eq=False, kw_only=True)
class TensorComparison(Result):
    """Cosines between two three-body tensors, each in [−1, 1].

    ``raw``: as they stand. ``canonical``: after the canonical exchange of M and N in each component (factors only).
    ``symmetrized``: of (W_ijk + W_ikj) / 2, the only part that acts on the dynamics, so that no order has to be chosen.
    ``effective``, ``effective_canonical`` and ``effective_symmetrized``: the same of the tensors' parts that states can
    reach (with inputs only). None where something was not asked for.
    """

    raw: float
    symmetrized: float
    canonical: float | None = None
    effective: float | None = None
    effective_symmetrized: float | None = None
    effective_canonical: float | None = None

    kind: ClassVar[str] = "tensor_comparison"

    def summary(self) -> str:
        """Return one line for the whole tensors and one for their effective parts."""
        rows = [
            ("tensors", (self.raw, self.canonical, self.symmetrized)),
            ("effective parts", (self.effective, self.effective_canonical, self.effective_symmetrized)),
        ]
        lines = [f"{'cosine':<16}" + "".join(f"{name:>13}" for name in ("as given", "canonical", "symmetrised"))]
        lines += [
            f"{label:<16}" + "".join(f"{'–' if value is None else f'{value:.4f}':>13}" for value in values)
            for label, values in rows
        ]
        return "\n".join(lines)


def compare_tensors(first: Any, second: Any, *, inputs: Any = None, second_inputs: Any = None) -> TensorComparison:
    """Return the cosines of two three-body tensors: raw, canonical, symmetrised, and of their effective parts.

    Networks that are equal as dynamical systems may differ in W: the order of the pair (j, k) is free, and so are the
    parts of M and N outside the span of [L, inputs], to first order in φ. The symmetrised effective cosine ignores
    both. Source: the three-body study, figure 3(c).

    Parameters
    ----------
    first, second : (left, middle, right), each (unit, rank); or CPDecomposition; or array (unit, unit, unit)
        Ranks may differ, units not. For an array the span of L is that of its unfolding along axis 0.
    inputs, second_inputs : (unit, k), optional
        Input weights of each network, an input bias as a further column; the second's are the first's when None.

    Raises
    ------
    InputError
        If the arrays are not finite, not of these shapes, or the numbers of units differ, or a tensor is zero.

    Examples
    --------
    >>> import numpy as np
    >>> left, middle, right = np.random.default_rng(0).normal(size=(3, 6, 2))
    >>> found = compare_tensors((left, middle, right), (left, right, middle))
    >>> bool(found.raw < 0.99), round(found.symmetrized, 12)
    (True, 1.0)
    """
    if inputs is None and second_inputs is not None:
        raise InputError("inputs: expected those of the first network too, found only second_inputs")
    networks = _read("first", first), _read("second", second)
    if networks[0].tensor.shape != networks[1].tensor.shape:
        counts = [len(network.tensor) for network in networks]
        raise InputError(f"second: has {counts[1]} units, first has {counts[0]}; expected the same")
    canonical = [network.canonical() for network in networks if network.factors]
    found = _cosines("", [network.tensor for network in networks], [network.tensor for network in canonical])
    if inputs is not None:
        reached = (inputs, inputs if second_inputs is None else second_inputs)
        found |= _cosines(
            "effective",
            [network.effective(columns) for network, columns in zip(networks, reached, strict=True)],
            [network.effective(columns) for network, columns in zip(canonical, reached, strict=False)],
        )
    digest = digest_arrays([network.tensor for network in networks])
    return TensorComparison(**found, input_digest=digest)


@dataclass(frozen=True)
class _Network:
    """A three-body tensor and, where they are known, its factors."""

    tensor: Array
    factors: tuple[Array, Array, Array] | None = None

    def canonical(self) -> "_Network":
        assert self.factors is not None
        factors = low_rank.canonical_factors(*self.factors)
        return _Network(low_rank.full_tensor(*factors), factors)

    def effective(self, inputs: Any) -> Array:
        if self.factors is not None:
            return low_rank.effective_tensor(*self.factors, inputs)
        # A tensor of full rank: L spans what the unfolding along axis 0 spans.
        basis, singular, _ = np.linalg.svd(unfold(self.tensor, 0), full_matrices=False)
        kept = basis[:, singular > singular[0] * max(self.tensor.shape) ** 2 * np.finfo(float).eps]
        projector = low_rank.reachable_basis(kept, inputs)
        return times(times(self.tensor, projector @ projector.T, 1), projector @ projector.T, 2)


def _read(name: str, given: Any) -> _Network:
    """Return a tensor (unit, unit, unit) from itself or from three factors, checked."""
    if isinstance(given, CPDecomposition):
        given = given.factors
    if isinstance(given, tuple | list) and len(given) == 3 and all(np.ndim(factor) == 2 for factor in given):
        try:
            tensor = low_rank.full_tensor(*given)
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
        left, middle, right = (np.asarray(factor, float) for factor in given)
        return _Network(tensor, (left, middle, right))
    tensor = checks.tensor_and_mask(given, name=name)[0]
    if len(set(tensor.shape)) != 1:
        raise InputError(f"{name}: expected shape (unit, unit, unit), found {tensor.shape}")
    return _Network(tensor)


def _cosines(prefix: str, tensors: Sequence[Array], canonical: Sequence[Array]) -> dict[str, Any]:
    """Return the cosines as given, symmetrised, and canonical where both networks have a canonical form."""
    joined = f"{prefix}_" if prefix else ""
    found = {
        prefix or "raw": _cosine(*tensors),
        f"{joined}symmetrized": _cosine(*(low_rank.symmetrized(tensor) for tensor in tensors)),
    }
    return found | ({f"{joined}canonical": _cosine(*canonical)} if len(canonical) == 2 else {})


def _cosine(first: Array, second: Array) -> float:
    sizes = float(np.linalg.norm(first)) * float(np.linalg.norm(second))
    if not sizes:
        raise InputError("tensors: one is zero (or has no part that acts), so it has no direction to compare")
    return float(np.clip(np.vdot(first, second) / sizes, -1.0, 1.0))
