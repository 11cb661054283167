"""Demixed principal component analysis: components that each depend on one factor, one interaction, or time alone.

The path of a fit: ``design`` (trials to cells), ``averages`` (cells to means and noise), ``marginalizations`` (means
to orthogonal parts), ``cross_validation`` with ``scores`` and ``reduced_basis`` (the regularizer), ``axes`` or
``package`` (encoders and decoders, chosen by ``engines``), ``variances``, ``held_out`` with ``permutation``
(p-values), ``record`` and ``result``.
"""

from .fit import dpca
from .permutation import Significance
from .result import DemixedPCA

__all__ = ["DemixedPCA", "Significance", "dpca"]
