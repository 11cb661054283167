"""Default settings of the oculomotor family: those of the published runs, with a budget of trials.

A recipe that learns working memory sooner, in minutes, is a smaller network with stronger initial recurrence:
``--set model.n_units=128 --set model.recurrent_gain=1.0``. With the published gain of 0.5 the loop gain at rest is 0.25
(the slope of softplus at 0 is ½): a trace lasts 133 ms, and a delay of 1.5 s is 11 of these time constants long.
"""

from ..config import build
from ..family import Tables
from .task_config import OculomotorTaskConfig


def defaults(kind: str, task: str, tables: Tables) -> Tables:
    """Return model and training options for a cell, given the user's own tables.

    α is the task's dt/τ and the readout fits its loss. An evaluation takes 64 trials of each rule every 20 updates; the
    end is confirmed on 512.
    """
    options = build(OculomotorTaskConfig, tables.get("task", {}), where="task")
    readout = "logits" if options.loss == "cross_entropy" else "sigmoid"
    model = {"kind": kind, "alpha": round(options.dt / options.tau, 12), "readout": readout}
    training = {
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "clip_value": 1.0,
        "epochs": 50_000,
        "updates_per_epoch": 20,
        "n_trials": 0,
        "batch_size": 64,
        "evaluation_trials": 64,
        "confirm_trials": 512,
        "stop_performance": 0.95,
        "stop_trials": 3_000_000,
        "stop_loss": None,
        "plateau_checks": 0,
        "keep_best": False,
        "keep_every": 1,
    }
    return {"model": model, "training": training}
