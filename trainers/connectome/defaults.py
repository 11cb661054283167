"""Default settings of the connectome family: those of the published templates."""

from ..config import build
from ..family import Tables
from .config import ConnectomeConfig


def defaults(kind: str, task: str, tables: Tables) -> Tables:
    """Return model and training options of a task, given the user's own tables.

    500 epochs of 400 trials (n-back: 800) in fixed batches of 128, Adam with rate 1e-4, 100 (200) validation trials;
    nothing that stops early. The number of neurons follows from the connectome.
    """
    own = {name: value for name, value in tables.get("model", {}).items() if name != "n_units"}
    config = build(ConnectomeConfig, own, where="model")
    kinds = 1 if task == "seq_mem" else 2
    training = {
        "learning_rate": 1e-4,
        "epochs": 500,
        "batch_size": 128,
        "order": "fixed",
        "log": "during",
        "n_trials": 400 * kinds,
        "validation_trials": 100 * kinds,
        "stop_loss": None,
        "plateau_checks": 0,
        "keep_best": False,
    }
    return {"model": {"kind": kind, "n_units": config.template().n_neurons}, "training": training}
