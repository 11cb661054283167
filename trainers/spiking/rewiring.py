"""Signs and sparsity of the weights after an optimiser step: a fixed wiring, or one that moves (DEEP R).

A weight is w = s θ with the fixed sign s of its source and θ > 0 where the synapse exists, 0 elsewhere. Adam treats a
coordinate and its negative alike, so that updating w is updating θ. Source: Bellec, Kappel, Maass and Legenstein,
ICLR 2018, with the settings of the MDGL study.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..model import Generators

if TYPE_CHECKING:
    from .model import SpikingNetwork

# Magnitude of a synapse without strength: it keeps its place and its sign.
DORMANT = 1e-12
_MATRICES = ("input", "recurrent", "output")


def _sign(model: "SpikingNetwork", name: str) -> Tensor:
    """Return the sign of each source, broadcast over the rows of a weight matrix (…, target, source)."""
    return (model.input_sign if name == "input" else model.unit_sign).unsqueeze(-2)


def _trained(model: "SpikingNetwork") -> list[str]:
    """Return the matrices that are not frozen; the others stay as they are."""
    return [name for name in _MATRICES if f"{name}_weight" in model.trainable]


def _allowed(model: "SpikingNetwork", name: str) -> Tensor:
    """Return where a mask given for the training lets weights be, (target, source) of 0 and 1."""
    weight: Tensor = getattr(model, f"{name}_weight")
    return model.masks.get(f"{name}_weight", torch.ones_like(weight[0]))


def keep_wiring(model: "SpikingNetwork", learning_rate: float) -> None:
    """Shrink every weight by lr·l1 and hold it on its side of zero; nothing arises outside the wiring.

    θ ← max(θ − lr·l1·[θ > 0], 1e-12) on the wiring: what DEEP R does at temperature 0 when only synapses that existed
    at the start may come back, and enough of them may.
    """
    shrinkage = learning_rate * model.config.l1
    for name in _trained(model):
        weight, mask, sign = getattr(model, f"{name}_weight"), getattr(model, f"{name}_mask"), _sign(model, name)
        size = sign * weight
        size -= shrinkage * (size > 0).to(size)
        weight.copy_(sign * size.clamp_min(DORMANT) * mask * _allowed(model, name))


def rewire(model: "SpikingNetwork", learning_rate: float, generators: Generators) -> None:
    """Shrink and shake the weights, drop those that reach zero, and put as many synapses in other places.

    The number of synapses over the three matrices stays at its limit Σ int(p × entries); each matrix receives a share
    of the new ones in proportion to its size, at random places without a synapse (never a unit onto itself).
    """
    for member, generator in enumerate(generators):
        _rewire_one(model, member, learning_rate, generator)


def _rewire_one(model: "SpikingNetwork", member: int, learning_rate: float, generator: torch.Generator) -> None:
    config = model.config
    spread = (2 * learning_rate * config.temperature) ** 0.5
    names = _trained(model)
    sizes, allowed = [], 0.0
    for name in names:
        weight, mask = getattr(model, f"{name}_weight")[member], getattr(model, f"{name}_mask")[member]
        sign = _sign(model, name)[member]
        # Adam moves dormant entries too; only this function makes synapses.
        size = sign * weight * mask * _allowed(model, name)
        size -= learning_rate * config.l1 * (size > 0).to(size)
        if spread:
            shaken = torch.randn(size.shape, generator=generator, dtype=size.dtype, device=size.device)
            size += spread * shaken * (size > 0)
        mask.copy_(size > 0)
        weight.copy_(sign * size.clamp_min(0))
        sizes.append(weight.numel())
        allowed += weight.numel() * float(getattr(config, f"{name}_probability"))
    missing = int(allowed) - sum(int(getattr(model, f"{name}_mask")[member].sum()) for name in names)
    if missing <= 0 or not names:
        return
    chances = torch.tensor(sizes, dtype=torch.float64, device=generator.device)
    places = torch.multinomial(chances, missing, replacement=True, generator=generator)
    for name, count in zip(names, torch.bincount(places, minlength=len(names)).tolist(), strict=True):
        _reactivate(model, name, member, count, generator)


def _reactivate(model: "SpikingNetwork", name: str, member: int, count: int, generator: torch.Generator) -> None:
    """Put ``count`` synapses of no strength in places of one matrix that have none, fewer if there are not enough."""
    weight, mask = getattr(model, f"{name}_weight")[member], getattr(model, f"{name}_mask")[member]
    free = (mask == 0) & (_allowed(model, name) != 0)
    if name == "recurrent":
        free.fill_diagonal_(0)
    candidates = free.nonzero()
    order = torch.randperm(len(candidates), generator=generator, device=generator.device)
    rows, columns = candidates[order[:count]].unbind(1)
    mask[rows, columns] = 1
    weight[rows, columns] = DORMANT * _sign(model, name)[member][0, columns]
