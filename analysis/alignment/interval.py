"""CKA with a jackknife interval, debiased for few samples and for few recorded units, from one pass."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ... import plotting
from ...errors import ConfigurationError, InputError
from ...results import Result, axes, digest_arrays
from .. import samples, validation
from ..hsic import HSIC, estimate
from ..validation import Array, Samples
from .chunk_moments import ChunkMoments
from .jackknife import jackknife_errors, student_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ESTIMATORS = ("biased", "debiased", "debiased in samples and units")
_ROWS = 4096


@dataclass(frozen=True, eq=False, kw_only=True)
class CKAInterval(Result):
    """Linear CKA by several estimators, each with its jackknife interval.

    ``values``, ``errors``, ``low`` and ``high`` (estimator,) belong to ``estimators``: "biased"; "debiased" (for
    few samples); "debiased in samples and units" (the last only if both arrays have two units and the
    data allow it). ``left_out`` (chunk, estimator) are the values without each of ``n_chunks`` chunks.
    """

    estimators: tuple[str, ...]
    values: Array = axes("estimator")
    errors: Array = axes("estimator")
    low: Array = axes("estimator")
    high: Array = axes("estimator")
    left_out: Array = axes("chunk", "estimator")
    level: float
    n_samples: int
    n_chunks: int

    kind: ClassVar[str] = "cka_interval"

    def summary(self) -> str:
        """Return every estimate with its interval."""
        lines = [f"linear CKA, {self.n_samples} samples, jackknife over {self.n_chunks} chunks"]
        for index, name in enumerate(self.estimators):
            lines.append(
                f"{name}: {self.values[index]:.4f}, {100 * self.level:g} % interval {self.low[index]:.4f} to "
                f"{self.high[index]:.4f}"
            )
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw every estimate with its interval."""
        ax = plotting.axes_or_new(ax, height=1.2 + 0.4 * len(self.estimators))
        places = np.arange(len(self.estimators))[::-1]
        ax.errorbar(
            self.values, places, xerr=[self.values - self.low, self.high - self.values], fmt="o", markersize=4,
            color=plotting.INK, ecolor=plotting.GREY, capsize=2,
        )  # fmt: skip
        ax.set_yticks(places, [name.replace(" in ", "\nin ") for name in self.estimators])
        ax.set(xlabel="linear CKA", ylim=(-0.5, len(places) - 0.5))
        ax.set_title(f"CKA and its {100 * self.level:g} % interval")
        return ax


def cka_interval(x: Samples, y: Samples, *, groups: Any = None, n_chunks: int = 20, level: float = 0.95) -> CKAInterval:
    """Return centred linear CKA, biased and debiased, each with a jackknife interval over chunks of samples.

    Parameters
    ----------
    x, y : array (samples, features)
        As for :func:`cka`; at least 5 samples remain without any one chunk.
    groups : (samples,), optional
        Samples with the same label stay in one chunk (trials, blocks, sessions); every group is a chunk. By
        default ``n_chunks`` runs of successive samples.
    n_chunks : int
        How many chunks without ``groups``.
    level : float
        Confidence of the intervals, between 0 and 1.

    Raises
    ------
    InputError
        As :func:`cka` with ``debiased=True``; groups that do not match, or fewer than two.
    ConfigurationError
        If ``n_chunks`` or ``level`` is out of range.

    Notes
    -----
    Chunks must be independent for the interval to cover: whole trials, or runs much longer than the correlation time.
    The interval is Student's with (chunks − 1) degrees of freedom about the estimate; it is not cut at 0 or 1.

    With p recorded units out of many, Σ over units u, v of cov(u, v)² counts the p variances among p² pairs, so that
    self-similarities are too large and CKA too low. The last estimator leaves the pairs u = v out and divides by
    p (p − 1) (as the U-statistic does for samples); it estimates CKA of the populations from which the units of x and
    of y were drawn at random. All three averages are unbiased; their ratio can exceed 1 by chance. It is meant for
    recordings, not for networks seen whole.

    One pass after that for the means: O(n (p + q)²), memory 8 (p + q)² bytes per chunk with p + q at most 2n.

    References
    ----------
    Song et al. (2012); Murphy et al. (2024); Chun, Canatar, Chung and Lee (2025), who debias for units.

    Examples
    --------
    >>> generator = np.random.default_rng(0)
    >>> shared = generator.standard_normal((2000, 3))
    >>> x, y = (shared @ generator.standard_normal((3, 30)) + generator.standard_normal((2000, 30)) for _ in "xy")
    >>> found = cka_interval(x, y)
    >>> bool(found.low[1] < found.values[1] < found.high[1])
    True
    """
    if not 0 < level < 1:
        raise ConfigurationError(f"level: expected a confidence between 0 and 1, found {level!r}")
    names = ("x", "y")
    arrays = [validation.samples_matrix(name, array, least=4) for name, array in zip(names, (x, y), strict=True)]
    n = validation.same_samples(names, arrays)
    chunks = _chunks(groups, n, n_chunks)
    if n - max(len(chunk) for chunk in chunks) < 5:
        raise InputError(f"x: {n} samples in {len(chunks)} chunks; expected at least 5 outside each chunk")
    parts = list(_moments(arrays, names, chunks))
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    values = _estimates(whole, names)
    left_out = np.stack([_estimates(whole - part, names) for part in parts])
    kept = np.isfinite(values) & np.isfinite(left_out).all(axis=0)
    values, left_out = values[kept], left_out[:, kept]
    errors = jackknife_errors(values, left_out, [len(chunk) for chunk in chunks])
    low, high = student_interval(values, errors, len(chunks), level)
    return CKAInterval(
        estimators=tuple(np.array(ESTIMATORS)[kept].tolist()), values=values, errors=errors, low=low, high=high,
        left_out=left_out, level=level, n_samples=n, n_chunks=len(chunks),
        parameters={"n_chunks": n_chunks, "grouped": groups is not None, "level": level},
        input_digest=digest_arrays([x, y]),
    )  # fmt: skip


def _chunks(groups: Any, n: int, n_chunks: int) -> list[Array]:
    """Return the sample numbers of every chunk."""
    if groups is None:
        n_chunks = validation.whole_number("n_chunks", n_chunks, least=2)
        if n_chunks > n:
            raise ConfigurationError(f"n_chunks: found {n_chunks}; expected at most {n}, the number of samples")
        return np.array_split(np.arange(n), n_chunks)
    codes = validation.label_codes("groups", groups, n, "samples")[1]
    if codes.max() < 1:
        raise InputError("groups: all samples have the same label; expected at least two groups")
    return np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])


def _moments(arrays: Sequence[Samples], names: Sequence[str], chunks: Sequence[Array]) -> Iterator[ChunkMoments]:
    """Yield the moments of every chunk about the mean of all samples, which keeps their digits."""
    means = []
    for name, array in zip(names, arrays, strict=True):
        found = samples.centre(name, array, rows=_ROWS)
        if not found.varies:
            raise InputError(f"{name}: every feature is constant, so CKA is undefined; expected one that varies")
        means.append(found.mean)
    n = arrays[0].shape[0]
    rotations = [
        _rotated(array, mean) if array.shape[1] > n else None for array, mean in zip(arrays, means, strict=True)
    ]
    for chunk in chunks:
        total: ChunkMoments | None = None
        for start, stop in samples.row_chunks(len(chunk), _ROWS):
            rows = chunk[start:stop]
            units = [_rows(array, rows) - mean for array, mean in zip(arrays, means, strict=True)]
            features = [
                each if rotated is None else rotated[rows] for each, rotated in zip(units, rotations, strict=True)
            ]
            part = ChunkMoments.of(features, units)
            total = part if total is None else total + part
        assert total is not None
        yield total


def _rotated(array: Samples, mean: Array) -> Array:
    """Return (samples, samples) features with the inner products of more features than samples."""
    triangle: Array = np.asarray(np.linalg.qr((np.asarray(array[...]) - mean).T, mode="r"))
    return triangle.T


def _rows(array: Samples, rows: Array) -> Array:
    if rows[-1] - rows[0] == len(rows) - 1:
        return samples.read(array, int(rows[0]), int(rows[-1]) + 1)
    return np.asarray(array[rows])


def _estimates(moments: ChunkMoments, names: Sequence[str]) -> Array:
    """Return CKA by every one of :data:`ESTIMATORS`, the last NaN where the data do not allow it."""
    found = estimate(moments.kernel_sums(), names, centered=True)
    biased, debiased = (found.alignment(debiased=each)[0, 1] for each in (False, True))
    between = mean_over_units(moments, found)
    own = np.diagonal(between)
    if not (np.isfinite(own) & (own > 1e-14 * np.diagonal(found.biased))).all():
        return np.array([biased, debiased, np.nan])
    return np.array([biased, debiased, between[0, 1] / np.sqrt(np.prod(own))])


def mean_over_units(moments: ChunkMoments, found: HSIC) -> Array:
    """Return the debiased HSIC of a unit of x and a unit of y, averaged over pairs: (array, array).

    Within an array a unit is paired with the others only; NaN for an array of one unit.
    """
    assert found.debiased is not None
    counts = np.diff(moments.unit_starts)
    mean: Array = found.debiased / np.outer(counts, counts)
    with np.errstate(invalid="ignore", divide="ignore"):
        own = (np.diagonal(found.debiased) - moments.unit_similarities()) / (counts * (counts - 1))
    mean[np.diag_indices(len(counts))] = np.where(counts > 1, own, np.nan)
    return mean
