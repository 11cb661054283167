"""What chance gives: overlap and angles of subspaces drawn at random."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError
from ..validation import Array, whole_number
from .angles import angles_between

# Numbers in the largest temporary array: 32 MB of float64.
_BLOCK = 2**22


@dataclass(frozen=True)
class RandomOverlap:
    """The overlap Σ cos² θ of a fixed k-plane with an l-plane drawn uniformly in N = ``n_units`` dimensions."""

    n_units: int
    k: int
    l: int  # noqa: E741  (the field writes k and l)

    @property
    def mean(self) -> float:
        """Expected overlap k l / N."""
        return self.k * self.l / self.n_units

    @property
    def standard_deviation(self) -> float:
        """√(2 k l (N − k)(N − l) / (N² (N − 1)(N + 2))); 0 where a subspace is the whole space."""
        n, k, m = self.n_units, self.k, self.l
        if n == 1:
            return 0.0
        return float(np.sqrt(2 * k * m * (n - k) * (n - m) / (n**2 * (n - 1) * (n + 2))))

    @property
    def exact(self) -> bool:
        """True when one of the two is a line: cos² θ then follows the Beta(l/2, (N − l)/2) law, and so does p."""
        return min(self.k, self.l) == 1

    def p_value(self, overlap: float, *, tail: str = "greater", n_random: int = 2000, seed: int = 0) -> float:
        """Return how often chance gives an overlap at least as large (``tail="greater"``) or as small ("less").

        Exact for a line; else (1 + count) / (1 + n) over ``n_random`` random subspaces.

        Raises
        ------
        InputError
            If ``overlap`` is outside [0, min(k, l)] or ``tail`` is neither.
        """
        if tail not in ("greater", "less"):
            raise InputError(f"tail: expected 'greater' or 'less', found {tail!r}")
        if not 0 <= overlap <= min(self.k, self.l) + 1e-9:
            raise InputError(
                f"overlap: expected 0 to {min(self.k, self.l)} (a sum of squared cosines), found {overlap}"
            )
        if self.exact and max(self.k, self.l) < self.n_units:
            from scipy.special import betainc, betaincc

            law = betaincc if tail == "greater" else betainc
            plane = max(self.k, self.l)
            return float(law(plane / 2, (self.n_units - plane) / 2, min(overlap, 1.0)))
        from ..statistics import permutation_p_values

        drawn = np.square(np.cos(self.angles(n_random, seed=seed))).sum(axis=1)
        return float(permutation_p_values(overlap, drawn, tail=tail))

    def angles(self, n_random: int = 2000, *, seed: int = 0) -> Array:
        """Return principal angles (random subspace, min(k, l)) to subspaces drawn uniformly, radians, ascending.

        Takes O(n_random · N · k · l); the i-th subspace does not depend on how many are drawn.
        """
        n_random = whole_number("n_random", n_random, least=1)
        n, k, m = self.n_units, max(self.k, self.l), min(self.k, self.l)
        fixed = np.eye(n)[:, :k]
        generator = np.random.default_rng(whole_number("seed", seed, least=0))
        block = max(1, _BLOCK // (n * m))
        found = []
        for start in range(0, n_random, block):
            # The span of Gaussian columns is uniform over all subspaces.
            drawn = generator.standard_normal((min(block, n_random - start), n, m))
            found.append(angles_between(fixed, np.linalg.qr(drawn)[0]))
        return np.concatenate(found)


def random_overlap(n_units: Any, k: Any, l: Any) -> RandomOverlap:  # noqa: E741
    """Return what Σ cos² θ is between a ``k``-plane and an ``l``-plane when one of them is drawn at random.

    Parameters
    ----------
    n_units : int
        Dimensions of the space, N.
    k, l : int
        Dimensions of the two subspaces, at most N.

    Raises
    ------
    ConfigurationError
        If a number is not whole or out of range.

    Notes
    -----
    The moments are those of tr(P Q) for a projection Q turned by a uniform rotation (James 1954 for the law of the
    angles; the squared cosines are the roots of a multivariate Beta matrix). Uniform directions in the space of all
    units are a weak null for activity that fills few dimensions: see :func:`compare_subspaces`.

    Examples
    --------
    >>> chance = random_overlap(100, 10, 5)
    >>> chance.mean, round(chance.standard_deviation, 3)
    (0.5, 0.092)
    >>> float(round(random_overlap(100, 1, 5).p_value(0.2), 6))
    0.000644
    """
    n = whole_number("n_units", n_units, least=1)
    return RandomOverlap(n, whole_number("k", k, least=1, most=n), whole_number("l", l, least=1, most=n))
