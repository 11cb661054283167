"""How numbers and topologies of the connectome studies are written and coloured."""

import numpy as np

from ... import plotting

#: the first two as in the pictures of :mod:`dynascope.analysis.learning_drawing`
TOPOLOGY_COLOURS = {
    "bio": plotting.NETWORK_COLOURS["rnn"], "rand": plotting.NETWORK_COLOURS["tbrnn"],
    "weights": plotting.NETWORK_COLOURS["gru"], "degrees": plotting.NETWORK_COLOURS["hornn"],
    "areas": plotting.CELL_TYPE_COLOURS["I-LIF"],
}  # fmt: skip
MISSING = "–"


def spread(values: np.ndarray, digits: int = 3) -> str:
    """Return mean ± s.d. of finite values (run,), a dash where there are none."""
    found = values[np.isfinite(values)]
    if not len(found):
        return MISSING
    deviation = f" ± {found.std(ddof=1):.{digits}f}" if len(found) > 1 else ""
    return f"{found.mean():.{digits}f}{deviation}"


def interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float, float]:
    """Return the mean of finite values (run,) with the bounds of Student's interval, NaN where they are fewer than two.

    For a handful of runs a bootstrap would end at the extremes, and be too narrow.
    """
    from scipy.special import stdtrit

    found = values[np.isfinite(values)]
    if len(found) < 2:
        return (float(found.mean()) if len(found) else np.nan), np.nan, np.nan
    half = stdtrit(len(found) - 1, (1 + level) / 2) * found.std(ddof=1) / np.sqrt(len(found))
    mean = float(found.mean())
    return mean, mean - float(half), mean + float(half)


def between(values: np.ndarray, form: str = "+.0f") -> str:
    """Return the mean of values (run,) with its interval of 95 %, the mean alone where there is none."""
    mean, low, high = interval(values)
    if np.isnan(mean):
        return MISSING
    text = f"{mean:{form}}" if np.isnan(low) else f"{mean:{form}} ({low:{form}} to {high:{form}})"
    return text.replace("-", "−")
