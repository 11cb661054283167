"""What :func:`cross_temporal_decoding` was given, checked: trials, windows, epochs, options that conflict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ConfigurationError, InputError
from .. import validation
from ..validation import Array


@dataclass(frozen=True, eq=False)
class Trials:
    """Activity (trial, time, unit), class codes 0, 1, … (trial,) and the names of the classes.

    The trials of another recording to test on come after the first ``n_first``.
    """

    activity: Array
    codes: Array
    names: tuple[str, ...]
    n_first: int


def gather_trials(activity: Any, labels: Any, test: Any) -> Trials:
    """Return the trials to decode, in memory.

    Raises
    ------
    InputError
        If the activity or labels cannot be used, or those of ``test`` do not fit.
    """
    found, column = _activity_and_labels("", activity, labels)
    n = len(found)
    if test is not None:
        try:
            other_activity, other_labels = test
        except (TypeError, ValueError):
            raise InputError(f"test: expected (activity, labels), found {type(test).__name__}") from None
        other, other_column = _activity_and_labels("test ", other_activity, other_labels)
        for axis, name in ((1, "times"), (2, "units")):
            if other.shape[axis] != found.shape[axis]:
                raise InputError(
                    f"test activity: has {other.shape[axis]} {name}, activity has {found.shape[axis]}; "
                    "expected the same in both recordings"
                )
        found, column = np.concatenate([found, other]), np.concatenate([column, other_column])
    values, codes = np.unique(column, return_inverse=True)
    if len(values) < 2:
        raise InputError(f"labels: all {len(column)} are '{values[0]}', expected at least two different labels")
    return Trials(found, codes.astype(np.int64), tuple(str(value) for value in values), n)


def _activity_and_labels(which: str, activity: Any, labels: Any) -> tuple[Array, Array]:
    found = validation.trajectories(f"{which}activity", activity)
    validation.finite(f"{which}activity", found)
    validation.label_codes(f"{which}labels", labels, len(found))
    return found, np.asarray(labels)


def window_and_stride(window: Any, stride: Any, n_samples: int) -> tuple[int, int]:
    """Return the window and the stride in samples, refusing windows that do not fit."""
    window = validation.whole_number("window", window, least=1)
    stride = validation.whole_number("stride", stride, least=1)
    if window > n_samples:
        raise InputError(f"window: {window} samples do not fit into the {n_samples} times of the activity")
    return window, stride


def window_centres(times: Array, window: int, stride: int) -> Array:
    """Return the mean of the first and the last time of each window."""
    starts = np.arange(0, len(times) - window + 1, stride)
    centres: Array = (times[starts] + times[starts + window - 1]) / 2
    return centres


def epoch_edges(epochs: Mapping[str, Sequence[float]] | None) -> dict[str, tuple[float, float]]:
    """Return name → (start, stop) as plain numbers."""
    found = {}
    for name, edges in (epochs or {}).items():
        values = np.asarray(edges, dtype=float)
        if values.shape != (2,) or not np.isfinite(values).all():
            raise InputError(f"epochs: '{name}' is {edges!r}, expected (start, stop)")
        found[str(name)] = (float(values[0]), float(values[1]))
    return found


def only_published(classifier: Any, options: Mapping[str, Any]) -> None:
    """Refuse what the published scheme has no place for."""
    if classifier not in ("lda", "rbf_svm"):  # "lda" is the default: nothing was asked for
        raise ConfigurationError(f"classifier: mode 'published' is a scheme of rbf_svm, found {classifier!r}")
    for name, value in options.items():
        if value is not None and value is not False and value != 0:
            raise ConfigurationError(f"{name}: mode 'published' does not take it; use mode 'corrected'")


def alone(name: str, cv: Any, others: Mapping[str, Any]) -> None:
    """Refuse options that say, like option ``name``, which trials train and which test."""
    given = [other for other, value in others.items() if value is not None]
    if isinstance(cv, bool) or not isinstance(cv, (int, np.integer)):
        given.append("cv")
    if given:
        raise ConfigurationError(f"{given[0]}: cannot be combined with {name}, which says who trains and who tests")
