"""How well a value, such as accumulated evidence, can be read from the activity at each time: ridge regression."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import threadpoolctl

from .. import plotting
from ..errors import InputError
from ..results import Result, axes, digest_arrays
from . import samples, validation
from .trial_time import sample_times
from .validation import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PENALTIES = (0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5)
# Numbers in the largest temporary array: 32 MB of float64.
_BLOCK = 2**22
_LOWEST_SHOWN = -0.5
# Share of fits at the end of the grid of penalties that is worth a note.
_MANY = 0.1


@dataclass(frozen=True, eq=False, kw_only=True)
class ValueDecoding(Result):
    """Out-of-fold predictions of a value from the activity at each time, and how good they are.

    Attributes
    ----------
    r2 : ndarray, shape (time,)
        1 − Σ(value − prediction)² / Σ(value − mean)² over all trials, each predicted by the fold that left it out.
        About 0 or a little less when the activity says nothing; NaN where the value is the same in every trial.
    predictions : ndarray, shape (trial, time)
    penalties : ndarray, shape (fold, time)
        The penalty that each fold chose on its training trials.
    folds : ndarray of int, shape (trial,)
        The fold that left a trial out.
    time : ndarray, shape (time,)
        In ``time_unit``: "s", or "sample" when no times were given.
    n_units : int
    notes : tuple of str
        What a reader should know: where R² is undefined and why, penalties at an end of the grid.
    """

    r2: Array = axes("time")
    predictions: Array = axes("trial", "time")
    penalties: Array = axes("fold", "time")
    folds: Array = axes("trial")
    time: Array = axes("time")
    time_unit: str
    n_units: int
    notes: tuple[str, ...] = ()

    kind: ClassVar[str] = "value_decoding"

    def summary(self) -> str:
        """Return the size of the problem, the best, median and last R², and the notes."""
        n_trials, n_samples = self.predictions.shape
        head = f"{n_trials} trials in {len(self.penalties)} folds, {self.n_units} units, {n_samples} times"
        defined = np.flatnonzero(np.isfinite(self.r2))
        if not defined.size:
            return "\n".join([head, "R² is undefined at every time", *self.notes])
        best, last = defined[np.argmax(self.r2[defined])], defined[-1]
        found = (
            f"R² {self.r2[best]:.3f} at best ({self._when(best)}), median {np.median(self.r2[defined]):.3f}, "
            f"{self.r2[last]:.3f} at the end ({self._when(last)})"
        )
        return "\n".join([head, found, *self.notes])

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw R² over time; values below −0.5 leave the picture at its lower edge."""
        ax = plotting.axes_or_new(ax, width=5.4)
        marker = "o" if len(self.time) == 1 else ""
        ax.plot(self.time, self.r2, color=plotting.BLUE, marker=marker)
        ax.axhline(0, color=plotting.GREY, linewidth=0.8)
        lowest = np.nanmin([0.0, *self.r2])
        ax.set(xlabel="time (s)" if self.time_unit == "s" else "sample", ylabel="out-of-fold R²")
        ax.set_ylim(max(_LOWEST_SHOWN, lowest) - 0.04, 1.04)
        ax.set_title(f"Decoding from {self.n_units} units, {len(self.folds)} trials")
        return ax

    def _when(self, index: int) -> str:
        return f"{self.time[index]:.4g} s" if self.time_unit == "s" else f"sample {index}"


def decode_values(
    activity: Any,
    values: Any,
    *,
    time: Any = None,
    folds: int | Sequence[int] | Array = 5,
    penalties: Sequence[float] = PENALTIES,
    seed: int = 0,
) -> ValueDecoding:
    """Return how well ridge regression reads a value from the activity of all units, at each time on its own.

    A fold scales units, chooses its penalty and fits without its test trials. The penalty is the one with the least
    squared leave-one-out error among the training trials, which one singular value decomposition gives exactly
    for all penalties; equal errors choose the largest.

    Parameters
    ----------
    activity : array (trial, time, unit)
        Finite real numbers.
    values : (trial,) or (trial, time)
        What to decode; finite real numbers.
    time : (time,), optional
        Times of the samples, s.
    folds : int or (trial,) whole numbers
        How many folds, dealt out at random, or the fold of each trial.
    penalties : sequence of float
        The λ of ‖y − ȳ − Xw‖² + λ‖w‖², above 0; X is as in the Notes.
    seed : int
        Seed of the dealing.

    Raises
    ------
    InputError
        If ``activity`` is not (trial, time, unit) of finite real numbers, ``values``, ``time`` or ``folds`` does not
        fit, a penalty is not positive, or a fold leaves fewer than two training trials.

    Notes
    -----
    X is the activity minus its mean over training trials at that time, divided by one number per unit: the root mean
    square of such deviations over training trials and *all* times. Dividing by the deviation at that time
    alone would blow up units that were nearly silent just then in the training trials: a single test trial
    with a spike can then send R² below −10⁹. Units that never vary in training are left out.

    With X = U S Vᵀ and n training trials, the leave-one-out error of trial i is (yᵢ − ŷᵢ) / (1 − hᵢ) with
    hᵢ = 1/n + Σⱼ U²ᵢⱼ s²ⱼ / (s²ⱼ + λ), exact for the scaled activity.

    Takes O(folds · times · trials · units · min(trials, units)): neighbouring samples of slow activity say
    the same, so pass every tenth.

    References
    ----------
    Hoerl and Kennard (1970), Technometrics 12:55; Allen (1974), Technometrics 16:125 (leave-one-out errors).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> evidence = rng.integers(-3, 4, size=200)
    >>> activity = rng.standard_normal((200, 4, 10))
    >>> activity[:, 2:, :5] += evidence[:, None, None]  # from the third sample on
    >>> decode_values(activity, evidence).r2.round(2).tolist()
    [-0.03, -0.02, 0.96, 0.95]
    """
    found = validation.trajectories("activity", activity)
    validation.finite("activity", found)
    n_trials, n_samples, n_units = found.shape
    targets = _values(values, n_trials, n_samples)  # (time, trial)
    times, unit = sample_times(time, n_samples)
    fold_of_trial = _folds(folds, n_trials, seed)
    grid = np.sort([validation.positive("penalties", penalty) for penalty in penalties])[::-1]
    if not grid.size:
        raise InputError("penalties: expected at least one, found none")

    # Many small decompositions: more threads would wait for each other (20 times slower on a busy machine).
    with threadpoolctl.threadpool_limits(1, user_api="blas"), np.errstate(over="ignore", invalid="ignore"):
        predictions, chosen = _fit(found, targets, fold_of_trial, grid)
    r2 = _r2(targets, predictions)
    return ValueDecoding(
        r2=r2, predictions=predictions.T, penalties=chosen, folds=fold_of_trial, time=times, time_unit=unit,
        n_units=n_units, notes=_notes(r2, chosen, grid),
        parameters={"folds": len(chosen), "penalties": grid[::-1].tolist(), "seed": seed},
        input_digest=digest_arrays([found, targets, fold_of_trial]),
    )  # fmt: skip


def _fit(activity: Array, targets: Array, folds: Array, grid: Array) -> tuple[Array, Array]:
    """Return out-of-fold predictions (time, trial) and the chosen penalties (fold, time)."""
    n_trials, n_samples, n_units = activity.shape
    n_folds = int(folds.max()) + 1
    rows = max(1, _BLOCK // (n_trials * max(n_units, n_trials, len(grid))))
    scales = _scales(activity, folds, rows)
    predictions, chosen = np.empty((n_samples, n_trials)), np.empty((n_folds, n_samples))
    for start, stop in samples.row_chunks(n_samples, rows):
        block = np.swapaxes(activity[:, start:stop], 0, 1).astype(np.float64)  # (time, trial, unit)
        for fold in range(n_folds):
            test = folds == fold
            mean = block[:, ~test].mean(axis=1, keepdims=True)
            scaled = (block - mean) / scales[fold]
            found = _ridge(scaled[:, ~test], targets[start:stop, ~test], scaled[:, test], grid)
            predictions[start:stop, test], chosen[fold, start:stop] = found
    return predictions, chosen


def _ridge(x: Array, y: Array, tested: Array, grid: Array) -> tuple[Array, Array]:
    """Return predictions (time, test trial) and the chosen penalty of each time.

    ``x`` (time, trial, unit) is centred, ``y`` (time, trial), ``tested`` (time, test trial, unit).
    """
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    mean = y.mean(axis=1)[:, None]
    ut = np.swapaxes(u, 1, 2)
    projected = ((y - mean)[:, None] @ u)[:, 0]  # (time, component)
    squares = np.square(s)[:, None, :]
    shrunk = squares / (squares + grid[:, None])  # (time, penalty, component)
    fitted = mean[:, None] + (shrunk * projected[:, None]) @ ut  # (time, penalty, trial)
    leverage = 1 / y.shape[1] + shrunk @ np.square(ut)
    errors = np.square((y[:, None] - fitted) / (1 - leverage)).sum(axis=-1)  # (time, penalty)
    best = np.argmin(errors, axis=1)
    weights = (s / (np.square(s) + grid[best, None]) * projected)[:, None] @ vt  # (time, 1, unit)
    return mean + (tested @ np.swapaxes(weights, 1, 2))[:, :, 0], grid[best]


def _scales(activity: Array, folds: Array, rows: int) -> Array:
    """Return (fold, unit): the r.m.s. deviation of training trials from their mean at each time; ∞ for constants."""
    n_folds, (_, n_samples, n_units) = int(folds.max()) + 1, activity.shape
    total, varies = np.zeros((n_folds, n_units)), np.zeros((n_folds, n_units), bool)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for start, stop in samples.row_chunks(n_samples, rows):
            block = activity[:, start:stop].astype(np.float64)
            for fold in range(n_folds):
                train = block[folds != fold]
                total[fold] += train.var(axis=0).sum(axis=0)
                # Exact: rounding gives constants such as 0.1 a tiny variance, by which nothing should be divided.
                varies[fold] |= (train != train[0]).any(axis=(0, 1))
    if not np.isfinite(total).all() or (varies & (total == 0)).any():
        raise samples.out_of_range("activity")
    scales: Array = np.where(varies, np.sqrt(total / n_samples), np.inf)
    return scales


def _r2(targets: Array, predictions: Array) -> Array:
    """Return R² of each time from (time, trial), NaN where the targets are constant."""
    constant = (targets == targets[:, :1]).all(axis=1)
    with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
        total = np.square(targets - targets.mean(axis=1, keepdims=True)).sum(axis=1)
        r2 = 1 - np.square(targets - predictions).sum(axis=1) / total
    if not np.isfinite(r2[~constant]).all():
        raise samples.out_of_range("values")
    return np.where(constant, np.nan, r2)


def _notes(r2: Array, chosen: Array, grid: Array) -> tuple[str, ...]:
    notes = []
    constant = np.isnan(r2)
    if constant.any():
        notes.append(
            f"R² is undefined at {constant.sum()} of {len(r2)} times: the value is the same in every trial there"
        )
    # The largest penalty is no alarm: it is the right one where the activity says nothing.
    share = (chosen[:, ~constant] == grid.min()).mean() if len(grid) > 1 and not constant.all() else 0.0
    if share > _MANY:
        notes.append(f"{share:.0%} of the fits chose the smallest penalty, {grid.min():g}: smaller ones may do better")
    return tuple(notes)


def _values(values: Any, n_trials: int, n_samples: int) -> Array:
    """Return the values as float64 (time, trial)."""
    found = np.asarray(validation.sliceable("values", values)[...])
    validation.real_numbers("values", found)
    if found.shape not in ((n_trials,), (n_trials, n_samples)):
        raise InputError(f"values: expected shape ({n_trials},) or ({n_trials}, {n_samples}), found {found.shape}")
    validation.finite("values", found)
    whole = np.broadcast_to(found[:, None] if found.ndim == 1 else found, (n_trials, n_samples))
    return np.ascontiguousarray(whole.T, dtype=np.float64)


def _folds(folds: int | Sequence[int] | Array, n_trials: int, seed: int) -> Array:
    """Return the fold (trial,) that leaves each trial out, 0, 1, …, all used."""
    if np.ndim(folds) == 0:
        number = validation.whole_number("folds", folds, least=2, most=n_trials)
        dealt = np.random.default_rng(seed).permutation(np.arange(n_trials) % number)
    else:
        given = np.asarray(folds)
        if given.shape != (n_trials,) or given.dtype.kind not in "iu":
            raise InputError(
                f"folds: expected one whole number for each of {n_trials} trials, found shape {given.shape}"
            )
        dealt = np.unique(given, return_inverse=True)[1]
    largest = int(np.bincount(dealt).max())
    if n_trials - largest < 2:
        raise InputError(f"folds: a fold of {largest} of {n_trials} trials leaves fewer than 2 trials to train on")
    return dealt.astype(np.int64)
