"""Default settings of the three-body family: those of the published experiments."""

from typing import Any

from ..config import build
from ..family import Tables
from ..imitation import student_defaults
from .context import ContextConfig, ContextIntegration


def defaults(kind: str, task: str, tables: Tables) -> Tables:
    """Return model, task and training options for a network class and a task, given the user's own tables.

    Teachers of the published Table 1: rank K with learning rate 1e-2 → 1e-3 over 20 000 epochs on the K-bit
    flip-flop; rank 2 with an output bias and 1e-3 → 5e-4 on sine waves. Gene circuits: sigmoid outputs, an
    identity readout, constant 1e-4 for 30 000 epochs.
    """
    if task == "context":
        return _context(kind, tables)
    if task == "imitation":
        return student_defaults(kind, tables)
    training: dict[str, Any] = {"learning_rate": 1e-2, "learning_rate_end": 1e-3, "epochs": 20_000}
    model: dict[str, Any] = {"kind": kind, "rank": int(tables.get("task", {}).get("n_bits", 1))}
    if task == "sine":
        model |= {"rank": 2, "output_bias": True}
        training |= {"learning_rate": 1e-3, "learning_rate_end": 5e-4}
    if task == "multifate":
        options = tables.get("task", {})
        model |= {
            "n_units": options.get("n_factors", 30) + options.get("hidden_units", 0),
            "readout": "identity",
            "output_nonlinearity": "sigmoid",
            "input_bias": True,
        }
        training = {"learning_rate": 1e-4, "epochs": 30_000, "n_trials": 256, "batch_size": 256}
    return {"model": model, "training": training}


def _context(kind: str, tables: Tables) -> Tables:
    """Return the settings of the published fits to the monkeys' averages; validation decides which weights are best."""
    task = ContextIntegration(build(ContextConfig, tables.get("task", {}), where="task"))
    model = {"kind": kind, "n_units": task.n_outputs, "readout": "identity", "output_nonlinearity": "identity"}
    training = {
        "learning_rate": 5e-2,
        "learning_rate_end": 1e-3,
        "epochs": 10_000,
        "n_trials": 57,
        "batch_size": 32,
        "validation_trials": 7,
        "clip_norm": 1.0,
    }
    return {"model": model, "training": training}
