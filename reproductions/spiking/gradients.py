"""How the gradients of local learning rules differ from those of BPTT, on one network and one batch."""

import dataclasses

import numpy as np
import torch

from ...trainers import Batch, Model, Task, get_family
from ...trainers.spiking import SpikingNetwork

#: rules that are compared with BPTT, in the order of the table
COMPARED = ("eprop", "mdgl", "mdgl_weights", "mdgl_nonlocal", "mdgl_online")


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How one rule's gradient of the task's loss compares with BPTT's, over existing input and recurrent synapses.

    Attributes
    ----------
    zero : share of synapses whose gradient is exactly zero
    cosine, hidden_cosine : cosine with BPTT, over all synapses and over those onto units without a readout synapse
    sign, hidden_sign : share of equal signs among the synapses where both gradients are not zero, likewise
    hidden_size : root mean square of the gradient onto units without a readout synapse, relative to BPTT's
    """

    zero: float
    cosine: float
    hidden_cosine: float
    sign: float
    hidden_sign: float
    hidden_size: float


def agreements(model: Model, task: Task, batch: Batch) -> dict[str, Agreement]:
    """Return the agreement of each rule with BPTT for a network of the family, without its rate penalty."""
    network = _without_penalty(model)
    exact, hidden = _gradient(network, task, batch, "bptt")
    return {rule: _compared(_gradient(network, task, batch, rule)[0], exact, hidden) for rule in COMPARED}


def _without_penalty(model: Model) -> SpikingNetwork:
    config = dataclasses.replace(model.config, rate_cost=0.0)
    return SpikingNetwork(config, dtype=torch.float64).load_arrays(model.arrays()).batched()


def _gradient(network: SpikingNetwork, task: Task, batch: Batch, rule: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradient of every existing synapse (synapse,), and which of them are onto units without a readout."""
    found = get_family("spiking").rule(rule, {})(network, task, batch, None).parameters
    hidden_units = ~(network.output_weight[0] != 0).any(0)
    values, hidden = [], []
    for name in ("input", "recurrent"):
        exists = getattr(network, f"{name}_mask")[0] != 0
        values.append(found[f"{name}_weight"][0][exists])
        hidden.append(hidden_units[:, None].expand_as(exists)[exists])
    return torch.cat(values).numpy(), torch.cat(hidden).numpy()


def _compared(own: np.ndarray, exact: np.ndarray, hidden: np.ndarray) -> Agreement:
    return Agreement(
        zero=float((own == 0).mean()),
        cosine=_cosine(own, exact),
        hidden_cosine=_cosine(own[hidden], exact[hidden]),
        sign=_signs(own, exact),
        hidden_sign=_signs(own[hidden], exact[hidden]),
        hidden_size=float(np.sqrt(np.mean(own[hidden] ** 2) / np.mean(exact[hidden] ** 2))),
    )


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    size = np.linalg.norm(a) * np.linalg.norm(b)
    return float(a @ b / size) if size else float("nan")


def _signs(a: np.ndarray, b: np.ndarray) -> float:
    both = (a != 0) & (b != 0)
    return float((np.sign(a) == np.sign(b))[both].mean()) if both.any() else float("nan")
