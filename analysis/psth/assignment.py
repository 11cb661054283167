"""Sorting the checkpoints of training into stages, by the published rules or by matched performance."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import ConfigurationError, InputError
from ...results import digest_arrays
from .. import validation
from ..validation import Array
from .checkpoints import coded
from .stage_rules import by_cuts, by_windows, closest, matched
from .stages import STAGES, Stages

MODES = ("published", "published_windows", "windows", "matched")


def assign_stages(
    performance: Any,
    trials_seen: Any = None,
    *,
    mode: str = "published",
    networks: Sequence[Any] | Array | None = None,
    cuts: tuple[float, float] = (0.35, 0.65),
    targets: tuple[float, float, float] = (0.35, 0.65, 0.95),
    tolerance: float = 0.05,
    window: int = 9,
    plateau: float = 0.90,
    limit: int = 30,
) -> Stages:
    """Return which checkpoints of training are early, mid and mature.

    ===================  =======================================================================================
    "published"          by cuts: performance > ``cuts[1]`` mature, else > ``cuts[0]`` mid, else early
    "published_windows"  where the forward average of ``window`` + 1 checkpoints is within ``tolerance`` of
                         ``targets[0]`` (early) or ``targets[1]`` (mid), or at least ``plateau`` (mature), all that it
                         averages join; at most ``limit``: the last early, the central mid, the first mature ones
    "windows"            the same, with exactly the central ``limit`` mid checkpoints: the published trimming leaves
                         none for an excess of 1, and one too many for any other odd excess
    "matched"            the checkpoints nearest to each of ``targets``, within ``tolerance``: equally many from each
                         network that has any, at most ``limit``
    ===================  =======================================================================================

    The modes do not mean the same: a network at 0.7 is mature by cuts and in no stage by windows. Comparisons between
    networks, rules or sessions need "matched": by cuts, one that jumps from 0.3 to 1 has a better mid stage than one
    that creeps, and what is called maturation is then performance.

    Parameters
    ----------
    performance : (checkpoint,)
        Fraction correct, 0 to 1, of the rule in question.
    trials_seen : (checkpoint,), optional
        Training trials before each checkpoint: their order. By default checkpoints are in order.
    mode : str
    networks : (checkpoint,), optional
        Which network each checkpoint belongs to; one network when None. Windows are found for each on its own.
    cuts, targets, tolerance, window, plateau, limit
        As above. ``targets`` also choose the representative checkpoints.

    Raises
    ------
    InputError
        If performance is not within 0 and 1, lengths disagree or a network has two checkpoints at the same trial.
    ConfigurationError
        If the mode is unknown or a number is out of range.

    Notes
    -----
    A performance measured on few trials is noisy, and choosing by it picks up the noise: the true performance of a
    stage lies nearer to the neighbours' (regression to the mean). Measure it on several hundred trials.

    Source of the published modes: Liu, Zhu, Constantinidis and Zhou 2021, iScience 24:103178.

    Examples
    --------
    >>> found = assign_stages([0.2, 0.35, 0.4, 0.65, 0.7, 0.99])
    >>> found.labels.tolist()
    ['early', 'early', 'mid', 'mid', 'mature', 'mature']
    >>> found.representative[:, 0].tolist()
    [1, 3, 5]
    """
    validation.choice("mode", mode, MODES)
    found = _performance(performance)
    seen = _trials_seen(trials_seen, len(found))
    network_names, codes = coded("networks", networks, len(found), "network")
    _numbers(cuts=cuts, targets=targets, tolerance=tolerance, plateau=plateau)
    window, limit = validation.whole_number("window", window, least=0), validation.whole_number("limit", limit, least=1)
    orders = [_ordered(codes == code, seen, name) for code, name in enumerate(network_names)]
    membership = np.zeros((len(STAGES), len(found)), bool)
    if mode == "matched":
        for order, own in zip(
            orders, matched([found[order] for order in orders], targets, tolerance, limit), strict=True
        ):
            membership[:, order] = own
    else:
        for order in orders:
            if mode == "published":
                membership[:, order] = by_cuts(found[order], cuts)
            else:
                membership[:, order] = by_windows(
                    found[order], targets, tolerance, plateau, window, limit, published=mode == "published_windows"
                )
    representative = np.full((len(STAGES), len(orders)), -1)
    for network, order in enumerate(orders):
        for stage, target in enumerate(targets):
            at = closest(found[order], membership[stage, order], target)
            representative[stage, network] = order[at] if at >= 0 else -1
    return Stages(
        membership=membership, performance=found, trials_seen=seen, network_codes=codes, representative=representative,
        names=STAGES, networks=network_names, targets=tuple(float(target) for target in targets), mode=mode,
        parameters={
            "cuts": list(cuts), "tolerance": tolerance, "window": window, "plateau": plateau, "limit": limit,
        },
        input_digest=digest_arrays([found, seen, codes]),
    )  # fmt: skip


def _performance(performance: Any) -> Array:
    found = np.asarray(performance)
    if found.ndim != 1 or not len(found):
        raise InputError(f"performance: expected one value per checkpoint, (checkpoint,), found shape {found.shape}")
    validation.real_numbers("performance", found)
    found = found.astype(float)
    bad = ~((found >= 0) & (found <= 1))
    if bad.any():
        index = int(np.argmax(bad))
        raise InputError(f"performance: found {found[index]} at index {index}; expected fractions correct, 0 to 1")
    return found


def _trials_seen(trials_seen: Any, n: int) -> Array:
    if trials_seen is None:
        return np.arange(n, dtype=float)
    found = np.asarray(trials_seen)
    if found.shape != (n,) or found.dtype.kind not in "iuf" or not np.isfinite(found).all():
        raise InputError(
            f"trials_seen: expected {n} numbers, one per checkpoint, found shape {found.shape} of {found.dtype}"
        )
    return found.astype(float)


def _ordered(own: Array, seen: Array, network: str) -> Array:
    """Return the checkpoints of a network in order of training."""
    rows = np.flatnonzero(own)
    order = rows[np.argsort(seen[rows], kind="stable")]
    repeated = np.flatnonzero(np.diff(seen[order]) == 0)
    if len(repeated):
        raise InputError(
            f"trials_seen: {network} has two checkpoints at {seen[order[repeated[0]]]:g} trials; say which belongs to "
            "which network with networks=…"
        )
    return order


def _numbers(*, cuts: Any, targets: Any, tolerance: Any, plateau: Any) -> None:
    for name, values, count in (("cuts", cuts, 2), ("targets", targets, 3)):
        found = np.asarray(values, dtype=float)
        if found.shape != (count,) or not ((found >= 0) & (found <= 1)).all() or (np.diff(found) <= 0).any():
            raise ConfigurationError(f"{name}: expected {count} increasing fractions from 0 to 1, found {values!r}")
    for name, value in (("tolerance", tolerance), ("plateau", plateau)):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise ConfigurationError(f"{name}: expected a fraction from 0 to 1, found {value!r}")
