"""One unit: its mean activity at every location, and its tuning in an epoch."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...errors import InputError
from ...results import Result, axes, digest_arrays
from .. import validation
from ..psth.average import psth
from ..selectivity.responses import epoch_means, factor
from ..validation import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.projections.polar import PolarAxes


@dataclass(frozen=True, eq=False, kw_only=True)
class SampleUnit(Result):
    """Activity of one unit by location.

    Attributes
    ----------
    mean, sem : ndarray, shape (location, time)
        Over trials.
    n_trials : ndarray of int, shape (location, time)
    time : ndarray, shape (time,)
    rates, rate_sem : ndarray, shape (location,)
        Mean over the epoch, and its standard error over trials (NaN with one trial).
    angles : ndarray, shape (location,)
        rad, 0 at the top and clockwise in pictures.
    locations : tuple of str
        Labels, sorted.
    preferred : int
        The location with the highest rate, an index; the first of equals.
    epoch : pair of float
        s; of trials that differ, the mean.
    unit : int
    quantity : str
    description : str
        What the unit is from, for titles.
    """

    mean: Array = axes("location", "time")
    sem: Array = axes("location", "time")
    n_trials: Array = axes("location", "time")
    time: Array = axes("time", units="s")
    rates: Array = axes("location")
    rate_sem: Array = axes("location")
    angles: Array = axes("location", units="rad")
    locations: tuple[str, ...]
    preferred: int
    epoch: tuple[float, float]
    unit: int
    quantity: str
    description: str

    kind: ClassVar[str] = "sample_unit"

    @property
    def normalized_rates(self) -> Array:
        """Rates over the largest, (location,); NaN when none is above 0."""
        largest = float(self.rates.max())
        return self.rates / largest if largest > 0 else np.full(len(self.rates), np.nan)

    def summary(self) -> str:
        """Return the preferred location and the rates at it and opposite."""
        direction = np.rad2deg(self.angles[self.preferred])
        lowest = int(self.rates.argmin())
        return "\n".join(
            [
                f"unit {self.unit}{', ' + self.description if self.description else ''}: prefers "
                f"{self.locations[self.preferred]} ({direction:.4g}°) of {len(self.locations)} locations",
                f"{self.quantity} {self.epoch[0]:g} to {self.epoch[1]:g} s: {self.rates[self.preferred]:.4g} there, "
                f"lowest {self.rates[lowest]:.4g} at {self.locations[lowest]}",
            ]
        )

    def plot(self, ax: Any = None) -> "PolarAxes":
        """Draw the rates over the largest on a circle, a spoke at the preferred direction.

        Raises
        ------
        InputError
            If ``ax`` is not polar.
        """
        from .unit_drawing import polar_rates

        return polar_rates(self, ax)

    def plot_grid(self) -> "Figure":
        """Draw the activity of every location: 8 locations round the polar plot, any other number in rows."""
        from .unit_drawing import location_grid

        return location_grid(self)


def sample_unit(
    activity: Any,
    time: Any,
    labels: Any,
    unit: int,
    epoch: Any,
    *,
    angles: Any = None,
    quantity: str = "activity",
    description: str = "",
) -> SampleUnit:
    """Return the mean activity of one unit at every location, and its rates in an epoch.

    Parameters
    ----------
    activity : (trial, time, unit)
        Read for the one unit only when on disk.
    time : (time,)
        s.
    labels : (trial,)
        The location of each trial.
    unit : int
    epoch : (start, stop) or (trial, 2)
        Where rates are averaged, s.
    angles : (location,), optional
        rad, in the order of the sorted labels; by default equally spaced from 0.
    quantity, description : str
        What the activity is, and where the unit is from (rule, performance …), for pictures.

    Raises
    ------
    InputError
        If shapes disagree, there is no such unit, or an epoch has no sample or no finite one.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.repeat(np.arange(8), 4)
    >>> activity = np.ones((32, 10, 2)) + (labels == 3)[:, np.newaxis, np.newaxis]
    >>> found = sample_unit(activity, 0.1 * np.arange(10), labels, 1, (0.5, 1.0))
    >>> found.locations[found.preferred], found.normalized_rates[[0, 3]].tolist()
    ('3', [0.5, 1.0])
    """
    array = validation.sliceable("activity", activity)
    shape = tuple(array.shape)
    unit = validation.whole_number("unit", unit, least=0)
    if len(shape) != 3 or unit >= shape[2]:
        raise InputError(f"unit: expected a number below the last of (trial, time, unit), found {unit} for {shape}")
    own = np.asarray(array[:, :, unit : unit + 1])
    found = psth(own, time, labels, interval=None, quantity=quantity)
    names = found.conditions
    responses = epoch_means("activity", own, time, epoch, "epoch")[:, 0]
    groups = factor("labels", labels, shape[0], least=1).codes
    count = np.bincount(groups)
    rates = np.bincount(groups, responses) / count
    squares = np.bincount(groups, np.square(responses - rates[groups]))
    error = np.sqrt(np.divide(squares, (count - 1) * count, out=np.full(len(count), np.nan), where=count > 1))
    places = 2 * np.pi * np.arange(len(names)) / len(names) if angles is None else np.asarray(angles, dtype=float)
    if places.shape != (len(names),) or not np.isfinite(places).all():
        raise InputError(f"angles: expected {len(names)} finite angles in rad, one per location, found {angles!r:.80}")
    edges = np.nanmean(np.asarray(epoch, dtype=float).reshape(-1, 2), axis=0)
    return SampleUnit(
        mean=found.mean[:, :, 0], sem=found.sem[:, :, 0], n_trials=found.n_trials[:, :, 0], time=found.time,
        rates=rates, rate_sem=error, angles=places, locations=names, preferred=int(rates.argmax()),
        epoch=(float(edges[0]), float(edges[1])), unit=unit, quantity=quantity, description=description,
        parameters={"unit": unit}, input_digest=digest_arrays([own, groups]),
    )  # fmt: skip
