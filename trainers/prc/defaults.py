"""Default settings of networks of dendritic neurons: those of the published training studies."""

from typing import Any

from .. import config as configuration
from ..family import Tables
from .spoken_digits import DigitsConfig

#: task → kind → scale of the initial input weights
WEIGHT_SCALES = {
    "memorise": {"one_compartment": 140.0, "no_bap": 15.0, "bap": 15.0, "parallel": 1.0, "parallel_bap": 1.0},
    "digits": {"one_compartment": 3.0, "no_bap": 0.5, "bap": 0.5, "parallel": 0.02, "parallel_bap": 0.02},
}


def defaults(kind: str, task: str, tables: Tables) -> Tables:
    """Return model, task and training options of a task, given the user's own tables.

    Memorisation: one batch of all 256 patterns, 600 epochs of Adam with rate 0.002. Digits: batches of 256, 200 epochs
    of Adamax with the same rate, the log of an epoch being the mean over its batches; all recordings are used, where
    published code drops an incomplete last batch, and those for the test are the validation. Nothing stops early, and
    the last weights are kept. With ``model.normalized_kernels`` all kinds draw weights of one standard deviation.
    """
    scales = WEIGHT_SCALES[task]
    given = tables.get("model", {})
    normalized = bool(given.get("normalized_kernels", False))
    model: dict[str, Any] = {"kind": kind, "weight_scale": scales["one_compartment" if normalized else kind]}
    training: dict[str, Any] = {
        "optimizer": "adam",
        "learning_rate": 2e-3,
        "epochs": 600,
        "n_trials": 256,
        "batch_size": 256,
        "stop_loss": None,
        "plateau_checks": 0,
        "keep_best": False,
    }
    if task == "digits":
        model["n_units"] = 200
        n_train, n_test = configuration.build(DigitsConfig, tables.get("task", {}), where="task").sizes()
        training |= {"optimizer": "adamax", "epochs": 200, "log": "during"}
        training |= {"n_trials": n_train, "validation_trials": n_test}
    return {"model": model, "training": training}
