"""Representational similarity analysis: how unlike responses to conditions are, and how alike two such geometries.

``dissimilarity`` makes the matrices (``patterns``: means by condition and run; ``noise``: whitening by the noise of
units; ``distances``: the measures, from Gram matrices), ``comparison`` compares them, ``ceiling`` says how well any
model could do.
"""

from .ceiling import noise_ceiling
from .comparison import compare_dissimilarities
from .dissimilarity import DissimilarityMatrices, dissimilarities

__all__ = ["DissimilarityMatrices", "compare_dissimilarities", "dissimilarities", "noise_ceiling"]
