"""Units that are followed through training as one population."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import InputError
from ..psth.checkpoints import Checkpoints
from ..validation import Array
from .selections import selections


def fixed_population(found: Sequence[Any], *, trials_seen: Any = None, networks: Any = None) -> dict[str, Array]:
    """Return the units that are selected at every checkpoint and in the population at the last, by network.

    The result is a ``population`` for :func:`stage_psth`, :func:`training_growth` and :func:`period_activity`.

    Parameters
    ----------
    found : sequence of SelectedUnits, or of (units, preferred labels)
        One for each checkpoint.
    trials_seen : (checkpoint,), optional
        Training trials before each checkpoint; by default they are in order.
    networks : (checkpoint,), optional
        One network, called "network", when None.

    Returns
    -------
    dict of (unit,) bool
        By name of the network. May be empty of units: long lists leave few.

    Raises
    ------
    InputError
        If there is no checkpoint, or the selections of a network differ in their number of units.

    Notes
    -----
    The units were chosen for being selective at these checkpoints: curves of the same trials are high by construction
    in their preferred direction. Choose on other trials than are shown.

    Source: Liu, Zhu, Constantinidis and Zhou 2021, iScience 24:103178.

    Examples
    --------
    >>> import numpy as np
    >>> preferred = np.zeros(3, int)
    >>> early, late = (np.array([True, True, False]), preferred), (np.array([True, False, True]), preferred)
    >>> fixed_population([early, late])["network"].tolist()
    [True, False, False]
    """
    chosen = selections("found", found)
    run = Checkpoints(chosen, None, None, networks=networks)
    seen = run.numbers("trials_seen", np.arange(len(chosen)) if trials_seen is None else trials_seen)
    assert seen is not None
    members = {}
    for code, name in enumerate(run.names):
        own = np.flatnonzero(run.codes == code)
        sizes = sorted({len(chosen[index].selected) for index in own})
        if len(sizes) > 1:
            raise InputError(f"found: checkpoints of {name} have {sizes[0]} and {sizes[-1]} units; expected the same")
        last = own[seen[own].argmax()]
        always = np.logical_and.reduce([chosen[index].selected for index in own])
        members[name] = np.asarray(always & chosen[last].population)
    return members
