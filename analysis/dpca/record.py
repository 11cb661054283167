"""The numbers of demixed PCA as they are saved, and the views of them by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...results import Result, axes
from ..validation import Array


@dataclass(frozen=True, eq=False, kw_only=True)
class Components(Result):
    """Axes, components and variances of all marginalizations, one after another in flat arrays.

    ``encoder_matrix``, ``decoder_matrix`` (unit, component), ``component_matrix`` (component, cell, time),
    ``p_value_matrix`` and ``familywise_matrix`` (component, time; NaN where nothing is tested). ``sizes`` counts the
    components of each marginalization and ``ranks`` those that carry anything: a factor of two levels has one
    dimension, and decoders beyond are zero.

    ``levels`` are the labels of each factor, ``trials_per_cell`` (cell,) counts trials, last factor fastest: cells of
    0 were estimated by least squares. ``mean`` (unit,) is the average of all cells and times, ``time`` (time,) seconds
    or None. ``component_variance`` (component,), ``projected_variance`` (component, marginalization), ``variances``
    and ``noise_variances`` (marginalization,), ``total_variance`` and ``noise_error`` are variances per sample summed
    over units. ``regularizer`` is the one used, in the units of the dPCA package; ``regularizers`` and ``cv_scores``
    (split, marginalization, regularizer) are the candidates and their squared errors when it was chosen. ``overlaps``
    (component,) are |cosines| between encoders and those fitted to half of the trials, which ``p_values`` are about.
    """

    engine: str
    factors: str
    levels: Mapping[str, Sequence[Any]]
    terms: Mapping[str, Sequence[str]]
    marginalizations: tuple[str, ...]
    sizes: tuple[int, ...]
    ranks: tuple[int, ...]
    regularizer: float
    noise_known: bool
    total_variance: float
    noise_error: float
    mean: Array = axes("unit")
    encoder_matrix: Array = axes("unit", "component")
    decoder_matrix: Array = axes("unit", "component")
    component_matrix: Array = axes("component", "cell", "time")
    trials_per_cell: Array = axes("cell")
    component_variance: Array = axes("component")
    projected_variance: Array = axes("component", "marginalization")
    variances: Array = axes("marginalization")
    noise_variances: Array = axes("marginalization")
    time: Array | None = axes("time", units="s", optional=True)
    regularizers: Array | None = axes("regularizer", optional=True)
    cv_scores: Array | None = axes("split", "marginalization", "regularizer", optional=True)
    p_value_matrix: Array | None = axes("component", "time", optional=True)
    familywise_matrix: Array | None = axes("component", "time", optional=True)
    overlaps: Array | None = axes("component", optional=True)

    @property
    def encoders(self) -> dict[str, Array]:
        """Name → (unit, k)."""
        return {name: self.encoder_matrix[:, at] for name, at in self.slices.items()}

    @property
    def decoders(self) -> dict[str, Array]:
        """Name → (unit, k)."""
        return {name: self.decoder_matrix[:, at] for name, at in self.slices.items()}

    @property
    def components(self) -> dict[str, Array]:
        """Name → (k, levels of each factor in order …, time)."""
        shape = tuple(len(self.levels[letter]) for letter in self.factors)
        table = self.component_matrix.reshape(-1, *shape, self.component_matrix.shape[-1])
        return {name: table[at] for name, at in self.slices.items()}

    @property
    def explained_variance(self) -> dict[str, Array]:
        """Name → (k,): share of ``variance_basis``."""
        return {name: self.component_variance[at] / self.variance_basis for name, at in self.slices.items()}

    @property
    def marginal_variance(self) -> dict[str, float]:
        """Name → share of ``variance_basis``; negative where less was found than trial noise alone would leave."""
        return dict(zip(self.marginalizations, (self.variances / self.variance_basis).tolist(), strict=True))

    @property
    def signal_variance(self) -> float:
        """Variance of the activity with trial noise removed, per sample, summed over units."""
        return float(self.variances.sum())

    @property
    def has_signal(self) -> bool:
        """Whether the averages vary by more than trial noise, by two standard errors."""
        return self.signal_variance > max(2 * self.noise_error, 1e-12 * self.total_variance)

    @property
    def variance_basis(self) -> float:
        """What shares are of: the signal variance, or the variance of the averages where there is no signal."""
        return self.signal_variance if self.has_signal else self.total_variance

    @property
    def p_values(self) -> dict[str, Array] | None:
        """Name → (k, time), for marginalizations with factors; None without permutations."""
        return self._tested(self.p_value_matrix)

    @property
    def familywise_p_values(self) -> dict[str, Array] | None:
        """Name → (k, time), familywise over components and times; None without permutations."""
        return self._tested(self.familywise_matrix)

    @property
    def slices(self) -> dict[str, slice]:
        """Name → where the components of a marginalization are in the flat arrays."""
        ends = np.cumsum([0, *self.sizes]).tolist()
        return {name: slice(*ends[i : i + 2]) for i, name in enumerate(self.marginalizations)}

    def _tested(self, values: Array | None) -> dict[str, Array] | None:
        if values is None:
            return None
        found = {name: values[at] for name, at in self.slices.items()}
        return {name: p for name, p in found.items() if not np.isnan(p).all()}
