"""Do two epochs, or two groups of trials, use the same subspace? Angles and alignment, each with its null."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...errors import ConfigurationError, InputError
from ...results import Result, axes, digest_arrays
from ..validation import Array, whole_number
from .alignment import BAND, alignment_beside_null
from .angles import angles_between
from .bases import leading_of_covariance
from .moments import TrialMoments, exchange_null
from .random_subspaces import random_overlap
from .trials import Trials, condition_means, conditions_of, read_trials

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, kw_only=True)
class SubspaceComparison(Result):
    """The leading principal subspaces of two sets of activity, a and b, beside three nulls.

    Attributes
    ----------
    angles : ndarray, shape (angle,)
        Principal angles between the subspaces, radians, ascending.
    random_low, random_high : ndarray, shape (angle,)
        95 % of angles when one subspace is drawn uniformly in the space of all units.
    same_low, same_high : ndarray, shape (angle,)
        95 % of angles when trials are exchanged between a and b: what one shared subspace gives with this noise. Empty
        without permutations.
    overlap, expected_overlap, overlap_deviation : float
        Σ cos² θ; its mean k l / N and standard deviation for a random subspace, in closed form.
    p_random : float
        Of an overlap as large for a random subspace: small when subspaces are shared more than by chance.
    p_same : float or None
        Of an overlap as small under exchange of trials: small when the subspaces differ.
    alignment : ndarray, shape (direction,)
        Alignment index: variance of b in the subspace of a over the most that as many dimensions hold, then of a in
        that of b.
    alignment_null, alignment_low, alignment_high : ndarray, shape (direction,)
        Mean and 95 % of the index of random subspaces drawn where activity of a and b together has variance.
    p_aligned : ndarray, shape (direction,)
        Of an index as small for those: small when activity avoids the other's subspace.
    basis_a, basis_b : ndarray, shape (unit, component)
        The two subspaces.
    names : tuple of two str
    """

    angles: Array = axes("angle", units="rad")
    random_low: Array = axes("angle", units="rad")
    random_high: Array = axes("angle", units="rad")
    same_low: Array = axes("angle_of_permutation", units="rad")
    same_high: Array = axes("angle_of_permutation", units="rad")
    overlap: float
    expected_overlap: float
    overlap_deviation: float
    p_random: float
    p_same: float | None
    alignment: Array = axes("direction")
    alignment_null: Array = axes("direction")
    alignment_low: Array = axes("direction")
    alignment_high: Array = axes("direction")
    p_aligned: Array = axes("direction")
    basis_a: Array = axes("unit", "component_a")
    basis_b: Array = axes("unit", "component_b")
    names: tuple[str, str]

    kind: ClassVar[str] = "subspace_comparison"

    def summary(self) -> str:
        """Return angles, overlap and alignment, each beside what chance gives."""
        a, b = self.names
        k, other = self.basis_a.shape[1], self.basis_b.shape[1]
        shown = " ".join(f"{np.rad2deg(angle):.1f}" for angle in self.angles[:10])
        lines = [
            f"subspaces of {a} ({k} dimensions) and {b} ({other} dimensions) in {len(self.basis_a)} units",
            f"principal angles  {shown}{' …' if len(self.angles) > 10 else ''} degrees",
            f"overlap Σ cos² θ  {self.overlap:.3f}; random subspaces {self.expected_overlap:.3f} ± "
            f"{self.overlap_deviation:.3f} (p = {self.p_random:.3g} for one as large)",
        ]
        if self.p_same is not None:
            lines.append(f"one shared subspace would give an overlap as small with p = {self.p_same:.3g}")
        for index, (giver, space) in enumerate(((b, a), (a, b))):
            lines.append(
                f"alignment index   {giver} in the subspace of {space}: {self.alignment[index]:.3f}; random subspaces "
                f"of the data {self.alignment_null[index]:.3f} (p = {self.p_aligned[index]:.3g} for one as small)"
            )
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the principal angles with the bands of random subspaces and of one shared subspace."""
        from .drawing import draw_angles

        return draw_angles(self, ax)

    def plot_alignment(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the alignment index in both directions with its null."""
        from .drawing import draw_alignment

        return draw_alignment(self, ax)


def compare_subspaces(
    a: Any,
    b: Any,
    *,
    n_components: int | float = 0.9,
    labels: Any = None,
    paired: bool = True,
    n_permutations: int = 500,
    n_random: int = 1000,
    names: tuple[str, str] = ("a", "b"),
    seed: int = 0,
) -> SubspaceComparison:
    """Return how the leading principal subspaces of two sets of activity lie to each other, with nulls.

    Parameters
    ----------
    a, b : array (trial, time, unit)
        Activity of the same units, for example in two epochs; times may differ in number. Padding is dropped.
    n_components : int or float
        Dimensions of both subspaces; or a share of variance in (0, 1): the fewest dimensions that hold it in each.
    labels : (trial,), optional
        Condition of each trial of a and of b: trials are averaged by condition first, and conditions then exchange
        places. Only if ``paired``.
    paired : bool
        Row i of a and b is the same trial: a and b change places within trials. Else trials are dealt out anew.
    n_permutations : int
        Exchanges behind ``p_same``; 0 for none.
    n_random : int
        Random subspaces behind the other nulls.
    names : tuple of two str
        What to call a and b.
    seed : int

    Raises
    ------
    InputError
        If an array is not (trial, time, unit) of finite real numbers or constant, units differ, or paired arrays
        differ in trials.
    ConfigurationError
        If ``n_components`` is neither a possible number of dimensions nor a share of variance, or an option is out of
        range.

    Notes
    -----
    Subspaces are those of the largest variance of samples about each set's own mean. A random subspace of all units is
    an easy null: activity fills few dimensions, so two unrelated epochs overlap more than it. The null of exchanged
    trials asks the opposite question, whether the subspaces differ at all; the alignment index beside subspaces drawn
    from the data's own covariance asks whether activity avoids the other's subspace. The number of dimensions stays as
    it is in the data in every null.

    Exchange holds the sums of products of every trial, 8 n_trials p² bytes for each set, and decomposes two p × p
    matrices per permutation.

    References
    ----------
    Elsayed et al. (2016), Reorganization between preparatory and movement population responses in motor cortex
    (alignment index and its null).

    Examples
    --------
    >>> import numpy as np
    >>> generator = np.random.default_rng(0)
    >>> noise = 0.1 * generator.standard_normal((2, 20, 15, 12))
    >>> turned = np.eye(12)[[0, 1]], np.eye(12)[[1, 2]]  # two planes that share a line
    >>> a, b = (generator.standard_normal((20, 15, 2)) @ plane + extra for plane, extra in zip(turned, noise))
    >>> found = compare_subspaces(a, b, n_components=2, n_permutations=100)
    >>> np.rad2deg(found.angles).round().tolist(), found.p_same < 0.05
    ([2.0, 90.0], True)
    """
    trials = [read_trials(name, array) for name, array in (("a", a), ("b", b))]
    _matching(trials, paired=paired)
    n_permutations = whole_number("n_permutations", n_permutations, least=0)
    n_random = whole_number("n_random", n_random, least=1)
    seed = whole_number("seed", seed, least=0)
    digest = digest_arrays([one.values for one in trials])
    if labels is not None:
        if not paired:
            raise ConfigurationError("labels: found labels for unpaired trials; expected paired=True, or no labels")
        trials = [condition_means(one, conditions_of(labels, len(one.values))) for one in trials]
    origin = np.concatenate([one.samples for one in trials]).mean(axis=0)
    moments = [TrialMoments.of(one, origin) for one in trials]
    covariances = [one.covariance() for one in moments]
    sizes = [_size(n_components, covariance) for covariance in covariances]
    bases = [leading_of_covariance(one, k).axes for one, k in zip(covariances, sizes, strict=True)]
    angles = angles_between(*bases)
    overlap = float(np.square(np.cos(angles)).sum())
    chance = random_overlap(len(bases[0]), *sizes)
    random_band = np.quantile(chance.angles(n_random, seed=seed), BAND, axis=0)
    same_band, p_same = _exchanged(moments, sizes, overlap, n_permutations, seed, paired=paired)
    alignment = alignment_beside_null(covariances, bases, n_random, seed)
    return SubspaceComparison(
        angles=angles, random_low=random_band[0], random_high=random_band[1], same_low=same_band[0],
        same_high=same_band[1], overlap=overlap, expected_overlap=chance.mean,
        overlap_deviation=chance.standard_deviation, p_random=chance.p_value(overlap, n_random=n_random, seed=seed),
        p_same=p_same, **alignment, basis_a=bases[0], basis_b=bases[1], names=(str(names[0]), str(names[1])),
        parameters={
            "n_components": n_components, "paired": paired, "n_permutations": n_permutations, "n_random": n_random,
            "by_condition": labels is not None, "seed": seed,
        },
        input_digest=digest,
    )  # fmt: skip


def _matching(trials: list[Trials], *, paired: bool) -> None:
    a, b = (one.values.shape for one in trials)
    if a[2] != b[2]:
        raise InputError(f"b: has {b[2]} units, a has {a[2]}; expected the same")
    if paired and a[0] != b[0]:
        raise InputError(f"b: has {b[0]} trials, a has {a[0]}; expected the same trials, or paired=False")


def _size(n_components: int | float, covariance: Array) -> int:
    """Return the number of dimensions asked for, or the fewest that hold the share of variance asked for."""
    values = np.linalg.eigvalsh(covariance)[::-1]
    rank = int((values > len(values) * np.finfo(np.float64).eps * values[0]).sum())
    if isinstance(n_components, (float, np.floating)):
        if not 0 < n_components < 1:
            raise ConfigurationError(
                f"n_components: found {n_components}; expected a whole number or a share of variance between 0 and 1"
            )
        held = np.cumsum(values) / values.sum()
        return int(np.searchsorted(held, n_components)) + 1
    return whole_number("n_components", n_components, least=1, most=rank)


def _exchanged(
    moments: list[TrialMoments], sizes: list[int], overlap: float, n_permutations: int, seed: int, *, paired: bool
) -> tuple[Array, float | None]:
    """Return the band (low and high, angle) of angles under exchange of trials, and the p of an overlap as small."""
    from ..statistics import permutation_p_values

    if n_permutations == 0:
        return np.zeros((2, 0)), None
    angles, exact = exchange_null(moments[0], moments[1], sizes, n_permutations, seed, paired=paired)
    overlaps = np.square(np.cos(angles)).sum(axis=1)
    p = float(permutation_p_values(overlap, overlaps, tail="less", exact=exact))
    return np.quantile(angles, BAND, axis=0), p
