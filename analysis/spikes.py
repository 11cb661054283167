"""Spike trains as numbers: firing rates of units and of groups of units, and how irregular they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import plotting
from ..errors import InputError
from ..results import Result, axes, digest_arrays
from . import validation
from .validation import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# A coefficient of variation from fewer intervals says little about the unit.
_LEAST_INTERVALS = 10
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False, kw_only=True)
class FiringRates(Result):
    """Firing rates and irregularity of units, and the mean rates of groups of units over time.

    Attributes
    ----------
    unit_rates : ndarray, shape (unit,)
        Spikes divided by recorded time, over all trials, Hz.
    fano_factors : ndarray, shape (unit,)
        Variance (n − 1) of the spike count over trials / mean count; 1 for a Poisson process of one rate. Over the
        trials with the most kept samples, so that counts are of equal durations; NaN with fewer than two such trials
        or without a spike.
    interval_cvs : ndarray, shape (unit,)
        Standard deviation (n − 1) / mean of the intervals between successive spikes of a trial, pooled over
        trials; 1 for a Poisson process, 0 for a clock. NaN with fewer than ten intervals, or where a sample
        holds several spikes, whose times are not known.
    unit_groups : ndarray of int, shape (unit,)
        The group of each unit, an index into ``groups``.
    rates, sems : ndarray, shape (group, bin)
        Mean over trials of the mean rate of a group's units in a bin, Hz, and its standard error (s.d. with n − 1 over
        trials / √n); NaN for bins that no trial holds, and the error with fewer than two trials.
    edges : ndarray, shape (edge,)
        Edges of the bins, s; the last bin may be shorter than the others.
    groups : tuple of str
        Sorted.
    n_trials : int
    """

    unit_rates: Array = axes("unit", units="Hz")
    fano_factors: Array = axes("unit")
    interval_cvs: Array = axes("unit")
    unit_groups: Array = axes("unit")
    rates: Array = axes("group", "bin", units="Hz")
    sems: Array = axes("group", "bin", units="Hz")
    edges: Array = axes("edge", units="s")
    groups: tuple[str, ...]
    n_trials: int

    kind: ClassVar[str] = "firing_rates"

    def summary(self) -> str:
        """Return a table with one line per group: units, rates, Fano factor and interval variation."""
        head = f"{self.n_trials} trials of {self.edges[-1] - self.edges[0]:.4g} s, {len(self.unit_rates)} units"
        width = max(len("group"), *(len(name) for name in self.groups))
        titles = f"{'group':<{width}} {'units':>6} {'silent':>6} {'mean Hz':>8} {'unit range':>13}"
        lines = [f"{head}, {self.unit_rates.mean():.2f} Hz on average", f"{titles} {'Fano':>6} {'ISI CV':>6}"]
        for index, name in enumerate(self.groups):
            own = self.unit_groups == index
            rates = self.unit_rates[own]
            spread = f"{rates.min():.1f}–{rates.max():.1f}"
            numbers = f"{own.sum():>6} {(rates == 0).sum():>6} {rates.mean():>8.2f} {spread:>13}"
            irregular = f"{median_text(self.fano_factors[own]):>6} {median_text(self.interval_cvs[own]):>6}"
            lines.append(f"{name:<{width}} {numbers} {irregular}")
        return "\n".join([*lines, "Fano factors and interval variation (ISI CV): medians over the units that have one"])

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the mean rate of every group over time with its standard error over trials as a band."""
        ax = plotting.axes_or_new(ax, width=6.4)
        centres = (self.edges[1:] + self.edges[:-1]) / 2
        for index, (name, style) in enumerate(plotting.group_styles(self.groups).items()):
            rate, error = self.rates[index], np.nan_to_num(self.sems[index])
            label = f"{name} ({(self.unit_groups == index).sum()})"
            plotting.banded_curve(ax, centres, rate, rate - error, rate + error, label=label, **style)
        ax.set(xlabel="time (s)", ylabel="mean rate (Hz)", xlim=(self.edges[0], self.edges[-1]))
        ax.set_ylim(bottom=0)
        ax.set_title(f"Firing rates, mean ± s.e.m. over {self.n_trials} trials")
        ax.legend(title="group (units)", loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small", frameon=False)
        return ax


def firing_rates(
    spikes: Any,
    dt: float,
    *,
    groups: Sequence[Any] | Array | None = None,
    bin_width: float = 0.02,
    start: float = 0.0,
    mask: Any = None,
) -> FiringRates:
    """Return the firing rates of units, those of groups of units over time, and measures of irregularity.

    Trials of different conditions add variance: for a Fano factor of one condition, pass its trials alone.
    Intervals are cut off at the ends of a trial, so that slow units in short trials look faster and more regular.

    Parameters
    ----------
    spikes : array (trial, time, unit)
        Spikes in each sample: 0, 1, 2, … of any real dtype, or booleans.
    dt : float
        Duration of a sample, s.
    groups : (unit,) labels, optional
        For example cell types; one group of all units when None.
    bin_width : float
        Width of the bins of the rates over time, s, rounded to whole samples.
    start : float
        Time of the first sample, s.
    mask : bool array (trial, time), optional
        True keeps the sample; others were not recorded (the padding of short trials) and may hold anything.

    Raises
    ------
    InputError
        If ``spikes`` is not (trial, time, unit) of whole numbers from 0, ``dt`` or ``bin_width`` is not positive, a bin
        is shorter than a sample or longer than the trials, or ``groups`` or ``mask`` does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> spikes = np.zeros((2, 1000, 3), np.uint8)
    >>> spikes[:, ::100, 0] = 1  # a clock at 10 Hz
    >>> found = firing_rates(spikes, dt=0.001)
    >>> found.unit_rates.round(6).tolist(), found.interval_cvs.tolist(), found.fano_factors.tolist()
    ([10.0, 0.0, 0.0], [0.0, nan, nan], [0.0, nan, nan])
    """
    found, kept = recorded_counts(spikes, mask)
    n_trials, n_samples, n_units = found.shape
    dt = validation.positive("dt", dt)
    names, members = unit_groups(groups, n_units)
    firsts = bin_starts(bin_width, dt, n_samples)
    counts = np.add.reduceat(found, firsts, axis=1, dtype=np.float64)  # (trial, bin, unit)
    durations = np.add.reduceat(kept, firsts, axis=1, dtype=np.float64) * dt
    share = (members[:, None] == np.arange(len(names))) / np.bincount(members, minlength=len(names))  # (unit, group)
    means, errors = rates_over_trials((counts @ share).transpose(0, 2, 1), durations)
    totals = counts.sum(axis=1)  # (trial, unit)
    return FiringRates(
        unit_rates=totals.sum(axis=0) / durations.sum(),
        fano_factors=_fano_factors(totals, kept),
        interval_cvs=_interval_cvs(found, kept),
        unit_groups=members,
        rates=means,
        sems=errors,
        edges=start + dt * np.append(firsts, n_samples),
        groups=names,
        n_trials=n_trials,
        parameters={"dt": dt, "bin_width": float(bin_width), "start": start, "masked": mask is not None},
        input_digest=digest_arrays([found, kept]),
    )


def unit_groups(groups: Sequence[Any] | Array | None, n_units: int) -> tuple[tuple[str, ...], Array]:
    """Return the sorted names of groups and the group of each unit; one group "all units" when None."""
    if groups is None:
        return ("all units",), np.zeros(n_units, np.int64)
    names, members = validation.label_codes("groups", np.asarray(groups).astype(str), n_units, "units")
    return tuple(names.tolist()), members.astype(np.int64)


def recorded_counts(spikes: Any, mask: Any) -> tuple[Array, Array]:
    """Return counts of spikes (trial, time, unit), 0 where nothing was recorded, and which samples were (trial, time).

    Raises
    ------
    InputError
        If counts are not whole numbers, or the mask keeps no sample.
    """
    found = validation.trajectories("spikes", spikes)
    kept = np.ones(found.shape[:2], bool)
    if mask is not None:
        kept = validation.sample_mask("mask", mask, (*found.shape[:2], 1))[:, :, 0]
        if not kept.any():
            raise InputError("mask: expected at least one sample to keep, found none")
        found = np.where(kept[:, :, None], found, 0)
    _check_counts(found)
    return found, kept


def _check_counts(spikes: Array) -> None:
    """Refuse what cannot be counts of spikes."""
    if spikes.dtype.kind in "bu":
        return
    bad = spikes < 0
    if spikes.dtype.kind == "f":
        bad |= ~np.isfinite(spikes) | (spikes != np.trunc(spikes))
    validation.refuse("spikes", spikes, bad, "the number of spikes in each sample: 0, 1, 2, …")


def bin_starts(bin_width: float, dt: float, n_samples: int) -> Array:
    """Return the first sample of each bin of ``bin_width`` s, rounded to whole samples of ``dt`` s."""
    bin_width = validation.positive("bin_width", bin_width)
    samples = round(bin_width / dt)
    if samples < 1 or bin_width > n_samples * dt * (1 + _ROUNDING):
        raise InputError(
            f"bin_width: expected {dt:g} s (one sample) to {n_samples * dt:g} s (the trials), found {bin_width:g}"
        )
    return np.arange(0, n_samples, samples)


def rates_over_trials(counts: Array, durations: Array) -> tuple[Array, Array]:
    """Return the mean and standard error over trials of counts / durations, both (group, bin).

    ``counts`` (trial, group, bin), ``durations`` (trial, bin) in s; trials without a recorded sample of a bin do not
    count in it. Means are NaN without a trial, errors with fewer than two.
    """
    recorded = durations > 0
    rates = counts * np.divide(1.0, durations, out=np.zeros_like(durations), where=recorded)[:, None]
    n = recorded.sum(axis=0)
    mean = np.divide(rates.sum(axis=0), n, out=np.full(rates.shape[1:], np.nan), where=n > 0)
    squares = (np.square(rates - mean) * recorded[:, None]).sum(axis=0)
    variance = np.divide(squares, n - 1, out=np.full(mean.shape, np.nan), where=n > 1)
    return mean, np.sqrt(variance / np.maximum(n, 1))


def _fano_factors(totals: Array, kept: Array) -> Array:
    """Return variance / mean over trials of the counts (trial, unit) of the longest trials."""
    lengths = kept.sum(axis=1)
    compared = totals[lengths == lengths.max()]
    mean = compared.mean(axis=0)
    undefined = np.full(mean.shape, np.nan)
    if len(compared) < 2:
        return undefined
    factors: Array = np.divide(compared.var(axis=0, ddof=1), mean, out=undefined, where=mean > 0)
    return factors


def _interval_cvs(spikes: Array, kept: Array) -> Array:
    """Return s.d. / mean of the intervals of each unit, from the moments of all intervals at once."""
    n_units = spikes.shape[2]
    unit, trial, sample = np.nonzero(np.ascontiguousarray(spikes.transpose(2, 0, 1)))
    steps = steps_before(unit, trial, sample, kept)
    intervals, owner = steps[steps >= 0].astype(float), unit[steps >= 0]
    count = np.bincount(owner, minlength=n_units)
    enough = (count >= _LEAST_INTERVALS) & (spikes.max(axis=(0, 1)) <= 1)
    mean = np.bincount(owner, intervals, n_units) / np.maximum(count, 1)
    squares = np.bincount(owner, np.square(intervals - mean[owner]), n_units)
    deviation = np.sqrt(squares / np.maximum(count - 1, 1))
    variation: Array = np.divide(deviation, mean, out=np.full(n_units, np.nan), where=enough)
    return variation


def steps_before(unit: Array, trial: Array, sample: Array, kept: Array) -> Array:
    """Return the samples since the spike before (spike,), of spikes sorted by unit, trial and sample.

    −1 for the first of a unit in a trial, and where samples between the two were not recorded: spikes on both sides of
    those are not known to be successive. ``kept`` (trial, time) says which were.
    """
    missed = np.cumsum(~kept, axis=1)[trial, sample]
    steps = np.full(len(sample), -1)
    successive = (np.diff(unit) == 0) & (np.diff(trial) == 0) & (np.diff(missed) == 0)
    steps[1:][successive] = np.diff(sample)[successive]
    return steps


def median_text(values: Array) -> str:
    """Return the median of the values that are defined as a table shows it."""
    defined = values[np.isfinite(values)]
    return f"{np.median(defined):.2f}" if defined.size else "–"
