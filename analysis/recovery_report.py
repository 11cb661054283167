"""How well a student network recovers a teacher: every R², both ways, and CKA, in one result."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import plotting
from ..errors import InputError, unknown_name
from ..results import Result, axes, digest_arrays
from .kernel_alignment import cka
from .r2_intervals import INTERVAL_MODES, r2_intervals
from .r_squared import R2_MODES, matched_trajectories, trajectory_r2
from .samples import flatten_samples
from .subspaces import principal_angles
from .validation import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DIRECTIONS = ("target is reference", "prediction is reference")
CKA_VARIANTS = ("centred", "uncentred")
_COLOURS = (plotting.BLUE, plotting.VERMILION, plotting.GREEN, plotting.PINK)
_LOWEST_SHOWN = -1.0
# Principal components whose span stands for the space of an array: as many as hold this share of its variance.
_VARIANCE_SHARE, _MOST_COMPONENTS = 0.95, 10


@dataclass(frozen=True, eq=False, kw_only=True)
class RecoveryReport(Result):
    """R² of every mode in both directions, and CKA, for named pairs of target and prediction.

    ``r2`` (pair, direction, mode) and ``trial_r2`` (pair, direction, trial; mode ``per_trial``) follow the
    order of ``pairs``, ``directions`` and ``modes``; ``cka`` (pair, variant) that of ``variants``. A value is
    NaN when it is undefined for these data (one trial, constant activity), and the summary says so.

    ``intervals`` (pair, direction, interval_mode, bound) are 95 % bootstrap intervals over trials, in the order of
    ``interval_modes``. ``angles`` (pair, angle), radians, ascending, are between the spans of the leading principal
    components of target and prediction, as many as hold 95 % of the target's variance; NaN beyond. ``ceilings``
    (pair, mode) is the R² of a second run of the target against the first, NaN where none was given.
    """

    pairs: tuple[str, ...]
    r2: Array = axes("pair", "direction", "mode")
    trial_r2: Array = axes("pair", "direction", "trial")
    cka: Array = axes("pair", "variant")
    intervals: Array | None = axes("pair", "direction", "interval_mode", "bound", optional=True)
    angles: Array | None = axes("pair", "angle", units="rad", optional=True)
    ceilings: Array | None = axes("pair", "mode", optional=True)
    interval_modes: tuple[str, ...] = INTERVAL_MODES
    directions: tuple[str, ...] = DIRECTIONS
    modes: tuple[str, ...] = R2_MODES
    variants: tuple[str, ...] = CKA_VARIANTS

    kind: ClassVar[str] = "recovery_report"

    def summary(self) -> str:
        """Return one block per pair: R² by mode in both directions, per-trial median and range, CKA."""
        blocks = []
        for index, pair in enumerate(self.pairs):
            lines = [f"{pair}: R² with the target as reference (with the prediction as reference)"]
            for mode, forward, backward in zip(self.modes, *self.r2[index], strict=True):
                lines.append(f"  {mode:<16} {_number(forward)} ({_number(backward)}){self._extras(index, mode)}")
            trials = self.trial_r2[index, 0]
            trials = trials[np.isfinite(trials)]
            if trials.size:
                low, middle, high = np.quantile(trials, (0, 0.5, 1))
                spread = f"median {_number(middle)}, from {_number(low)} to {_number(high)}"
                lines.append(f"  over {trials.size} trials: {spread}")
            values = [
                f"{variant} {_number(value)}" for variant, value in zip(self.variants, self.cka[index], strict=True)
            ]
            lines.append("  linear CKA       " + ", ".join(values))
            if self.angles is not None:
                angles = np.rad2deg(self.angles[index][np.isfinite(self.angles[index])])
                shown = " ".join(f"{angle:.1f}" for angle in angles) or "undefined"
                lines.append(f"  principal angles {shown} degrees")
            blocks.append("\n".join(lines))
        return "\n".join(blocks)

    def _extras(self, index: int, mode: str) -> str:
        """Return the interval and the ceiling of a mode as words, empty where there are none."""
        text = ""
        if self.intervals is not None and mode in self.interval_modes:
            low, high = self.intervals[index, 0, self.interval_modes.index(mode)]
            text += f", 95 % of resamples of trials in {_number(low)} to {_number(high)}"
        if self.ceilings is not None and np.isfinite(self.ceilings[index, self.modes.index(mode)]):
            text += f", ceiling {_number(self.ceilings[index, self.modes.index(mode)])}"
        return text

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw every measure of every pair, with the trials behind ``per_trial``; lower values sit at −1."""
        ax = plotting.axes_or_new(ax, width=5.4)
        labels = [*self.modes, *(f"CKA {variant}" for variant in self.variants)]
        for index, pair in enumerate(self.pairs):
            colour = _COLOURS[index % len(_COLOURS)]
            shift = 0.16 * (index - (len(self.pairs) - 1) / 2)
            self._draw_trials(ax, index, colour, shift + self.modes.index("per_trial"))
            values = np.concatenate([self.r2[index, 0], self.cka[index]])
            shown = np.maximum(values, _LOWEST_SHOWN)
            ax.plot(np.arange(len(values)) + shift, shown, "o", color=colour, markersize=5, label=pair)
            for place in np.flatnonzero(values < _LOWEST_SHOWN):
                # One line per pair, so that the numbers do not cover each other.
                spot = (place + shift, _LOWEST_SHOWN + 0.05 + 0.09 * index)
                ax.text(*spot, f"{values[place]:.3g}", ha="center", color=colour, fontsize="small")
        ax.axhline(0, color=plotting.GREY, linewidth=0.8)
        ax.set_xticks(range(len(labels)), [label.replace("_", " ") for label in labels], rotation=30, ha="right")
        lowest = np.nanmin(np.concatenate([self.r2[:, 0].ravel(), self.trial_r2[:, 0].ravel(), [0.0]]))
        ax.set(ylim=(max(_LOWEST_SHOWN, lowest) - 0.08, 1.05), ylabel="R² or CKA", title="Recovery of the target")
        ax.legend(loc="lower right")
        return ax

    def _draw_trials(self, ax: "Axes", index: int, colour: str, place: float) -> None:
        trials = np.maximum(self.trial_r2[index, 0], _LOWEST_SHOWN)
        # Spread by rank, not at random: the same picture every time.
        spread = place + 0.06 * (np.arange(len(trials)) % 5 - 2) / 2
        ax.plot(spread, trials, ".", color=colour, alpha=0.25, markersize=3, zorder=1)


def recovery(
    pairs: Mapping[str, tuple[Any, Any]],
    *,
    mask: Any = None,
    repeats: Mapping[str, Any] | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
) -> RecoveryReport:
    """Return R² in every mode and both directions, and linear CKA, for each named (target, prediction).

    No map is fitted between the two: unit i of the prediction stands for unit i of the target. Report states
    and rates as separate pairs: a saturating nonlinearity hides errors of states from rates. With the
    prediction as reference R² divides by the variance of the prediction, so that a prediction that moves too
    much and one that moves too little are told apart.

    Parameters
    ----------
    pairs : mapping
        Name → (target, prediction), both (trial, time, unit) of finite real numbers; the number of trials
        must be the same for all pairs.
    mask : bool array (trial, time), optional
        True keeps the sample, for all pairs; others may be NaN.
    repeats : mapping, optional
        Name of a pair → a second run of its target with new noise on the same trials: its R² against the first is
        the ceiling for any prediction. A deterministic target has the ceiling 1.
    n_resamples, seed : int
        Resamples of trials behind the intervals, and their seed.

    Raises
    ------
    InputError
        If there are no pairs, a repeat names no pair, or an array is refused by :func:`trajectory_r2`; the message
        starts with the name of the pair.

    Examples
    --------
    >>> import numpy as np
    >>> teacher = np.random.default_rng(0).standard_normal((5, 20, 3))
    >>> report = recovery({"states": (teacher, 0.8 * teacher), "rates": (np.tanh(teacher), np.tanh(teacher))})
    >>> report.r2[:, 0, report.modes.index("pooled")].round(2)
    array([0.96, 1.  ])
    """
    if not pairs:
        raise InputError('pairs: expected at least one name → (target, prediction), such as {"states": (x, y)}')
    found = {str(name): _checked(str(name), pair, mask) for name, pair in pairs.items()}
    counts = {name: len(target) for name, (target, _) in found.items()}
    if len(set(counts.values())) > 1:
        raise InputError(f"pairs: expected the same number of trials in every pair, found {counts}")
    repeated = _repeated(repeats or {}, found, mask)
    scores = [[_scores(*way, mask) for way in (pair, pair[::-1])] for pair in found.values()]
    return RecoveryReport(
        pairs=tuple(found),
        r2=np.array([[values for values, _ in pair] for pair in scores]),
        trial_r2=np.array([[trials for _, trials in pair] for pair in scores]),
        cka=np.array([_alignments(*pair, mask) for pair in found.values()]),
        intervals=np.array(
            [[_intervals(*way, mask, n_resamples, seed) for way in (pair, pair[::-1])] for pair in found.values()]
        ),
        angles=_padded([_angles(*pair, mask) for pair in found.values()]),
        ceilings=np.array([repeated.get(name, [np.nan] * len(R2_MODES)) for name in found]),
        parameters={"masked": mask is not None, "n_resamples": n_resamples, "seed": seed},
        input_digest=digest_arrays(array for pair in found.values() for array in pair),
    )


def _checked(name: str, pair: Any, mask: Any) -> tuple[Array, Array]:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise InputError(f"pairs[{name!r}]: expected (target, prediction), found {type(pair).__name__}")
    if mask is not None and np.ndim(mask) != 2:
        raise InputError(f"mask: expected (trial, time), found {np.ndim(mask)} axes")
    try:
        target, prediction, _ = matched_trajectories(*pair, mask=mask)
    except InputError as error:
        raise InputError(f"pairs[{name!r}]: {error}") from error
    return target, prediction


def _repeated(
    repeats: Mapping[str, Any], pairs: Mapping[str, tuple[Array, Array]], mask: Any
) -> dict[str, list[float]]:
    """Return the R² of each mode of second runs of targets, by name of the pair."""
    for name in repeats:
        if name not in pairs:
            raise InputError(unknown_name("pair in repeats", name, pairs))
    checked = {name: _checked(name, (pairs[name][0], repeat), mask) for name, repeat in repeats.items()}
    return {name: _scores(*pair, mask)[0] for name, pair in checked.items()}


def _intervals(target: Array, prediction: Array, mask: Any, n_resamples: int, seed: int) -> Array:
    kept = None if mask is None else np.broadcast_to(np.asarray(mask, bool)[..., None], target.shape)
    return r2_intervals(target, prediction, kept, n_resamples=n_resamples, seed=seed)


def _angles(target: Array, prediction: Array, mask: Any) -> Array:
    """Return the principal angles between the leading principal components of both; empty where undefined."""
    spans: list[Array] = []
    n_components = 0
    for array in (target, prediction):
        samples = flatten_samples(array, mask=mask)
        _, singular, directions = np.linalg.svd(samples - samples.mean(0), full_matrices=False)
        variance = singular**2
        if variance.sum() == 0:
            return np.zeros(0)
        if not spans:
            n_components = int(np.searchsorted(np.cumsum(variance) / variance.sum(), _VARIANCE_SHARE)) + 1
            n_components = min(n_components, _MOST_COMPONENTS)
        used = int(np.count_nonzero(singular > singular[0] * len(singular) * np.finfo(float).eps))
        spans.append(directions[: min(n_components, used)].T)
    return principal_angles(*spans)


def _padded(rows: list[Array]) -> Array:
    """Return rows of different lengths as one array, NaN where a row has ended; at least one column."""
    padded = np.full((len(rows), max(1, *(len(row) for row in rows)) if rows else 1), np.nan)
    for index, row in enumerate(rows):
        padded[index, : len(row)] = row
    return padded


def _scores(target: Array, prediction: Array, mask: Any) -> tuple[list[float], Array]:
    means = [
        float(_or_nan(lambda mode=mode: trajectory_r2(target, prediction, mode=mode, mask=mask)))  # type: ignore[misc]
        for mode in R2_MODES
    ]
    trials = _or_nan(lambda: trajectory_r2(target, prediction, mode="per_trial", average=False, mask=mask))
    return means, np.broadcast_to(trials, len(target))


def _alignments(target: Array, prediction: Array, mask: Any) -> list[float]:
    x, y = flatten_samples(target, mask=mask), flatten_samples(prediction, mask=mask)
    return [_or_nan(lambda way=way: cka(x, y, centered=way)) for way in (True, False)]  # type: ignore[misc]


def _or_nan(compute: Callable[[], Any]) -> Any:
    """Return the value, or NaN where the measure is undefined; the data have been checked before."""
    try:
        return compute()
    except InputError:
        return np.nan


def _number(value: float) -> str:
    return f"{value:.4f}" if np.isfinite(value) else "undefined"
