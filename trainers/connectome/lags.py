"""Where else the last item of an n-back trial stands: n places earlier in a match, elsewhere in a lure."""

import dataclasses

import numpy as np

from ...errors import ConfigurationError
from ...results import Array
from ..config import positive
from .memory_task import MemoryConfig


@dataclasses.dataclass(frozen=True)
class NBackConfig(MemoryConfig):
    """Options of an n-back task.

    Attributes
    ----------
    trial_length : items L of a trial, the last one included
    n_back : how many places earlier the last item stands too in a matching trial, from 1 to L − 1
    lures : share of the non-matching trials in which it stands at another lag. The published tasks have none, and "has
        the last item come before?" then answers them whatever n is
    dt : step in seconds
    """

    trial_length: int = positive(5)
    n_back: int = positive(2)
    lures: float = positive(0.0, zero=True)

    def __post_init__(self) -> None:
        if not 1 <= self.n_back < self.trial_length:
            raise ConfigurationError(
                f"task.n_back = {self.n_back}: expected 1 to {self.trial_length - 1}, below task.trial_length = "
                f"{self.trial_length}"
            )
        if self.lures > 1:
            raise ConfigurationError(f"task.lures = {self.lures}: expected a share from 0 to 1")
        if self.lures and not len(self.wrong_lags):
            raise ConfigurationError(
                f"task.lures = {self.lures}: trials of {self.trial_length} items have no lag other than {self.n_back}"
            )

    @property
    def wrong_lags(self) -> Array:
        """The lags of lures: all that fit in a trial but ``n_back``."""
        lags = np.arange(1, self.trial_length)
        found: Array = lags[lags != self.n_back]
        return found

    def draw_lags(self, matching: Array, generator: np.random.Generator) -> Array:
        """Return how many places earlier the last item of each trial stands too, (trial,); 0 for nowhere.

        As many of the non-matching trials are lures as rounding allows, the first of them; their lags are uniform.
        """
        lags = np.where(matching, self.n_back, 0)
        others = np.flatnonzero(~matching)
        lures = others[: round(self.lures * len(others))]
        if len(lures):
            lags[lures] = generator.choice(self.wrong_lags, len(lures))
        return lags


def repeat_last(items: Array, lags: Array) -> Array:
    """Return ``items`` (trial, place, …) with the last one also ``lags`` (trial,) places earlier, where that is > 0."""
    items, rows = items.copy(), np.flatnonzero(lags)
    items[rows, items.shape[1] - 1 - lags[rows]] = items[rows, -1]
    return items
