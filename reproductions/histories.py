"""Networks followed through training: which checkpoints stand for its stages."""

from collections.abc import Mapping

import numpy as np

from ..analysis import assign_stages
from ..errors import InputError

_PREFIX = "performance_"


def representative_checkpoints(log: Mapping[str, np.ndarray]) -> dict[str, list[int]] | list[int]:
    """Return for each rule the checkpoints that stand for early, mid and mature, by trials seen; a list without rules.

    Stages are those of :func:`~dynascope.analysis.assign_stages` in its published mode: performance up to 0.35, up to
    0.65, above; of each stage that a network passed through, the checkpoint nearest to 0.35, 0.65 and 0.95.

    Parameters
    ----------
    log : a network's log at its kept checkpoints, columns (checkpoint,): ``trials_seen`` and the performance on each
        rule, ``performance_<rule>``, or ``performance`` alone

    Raises
    ------
    InputError
        If there is no checkpoint.
    """
    if not len(log["trials_seen"]):
        raise InputError("stages: the run kept no checkpoints; train with training.keep_every above 0")
    found = {}
    for rule, performance in rule_performances(log).items():
        stages = assign_stages(performance, log["trials_seen"])
        rows = [row for row in stages.representative[:, 0].tolist() if row >= 0]
        found[rule] = [int(log["trials_seen"][row]) for row in rows]
    return found.get("", found)


def rule_performances(log: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the performance on each rule from the columns of a log; of a task without rules, under an empty name."""
    rules = [name.removeprefix(_PREFIX) for name in log if name.startswith(_PREFIX) and name != "performance_min"]
    return {rule: log[_PREFIX + rule] for rule in rules} or {"": log["performance"]}
