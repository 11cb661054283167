"""Default settings of the spiking family: those of the stored runs of the MDGL study."""

from typing import Any

from ..family import Tables


def defaults(kind: str, task: str, tables: Tables) -> Tables:
    """Return model, task and training options of a task, given the user's own tables.

    2 000 updates with fresh batches of 64 trials, evaluated before every tenth on another 64; Adam with rate 0.0025 and
    an ε that is not bias-corrected, and nothing that stops early.
    """
    model: dict[str, Any] = {"kind": kind}
    if tables.get("training", {}).get("rule") == "eprop_random":
        model["random_feedback"] = True
    training = {
        "optimizer": "adam_epsilon_hat",
        "learning_rate": 2.5e-3,
        "epochs": 200,
        "updates_per_epoch": 10,
        "n_trials": 0,
        "batch_size": 64,
        "evaluation_trials": 64,
        "stop_loss": None,
        "plateau_checks": 0,
        "keep_best": False,
    }
    return {"model": model, "training": training}
