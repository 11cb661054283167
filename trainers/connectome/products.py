"""Matrix products of small float32 matrices on CPU, by oneDNN where torch was built with it.

Torch's own ``mm`` goes to MKL, which on AMD processors leaves half of the vector width unused; oneDNN takes what the
processor has. On others, and in float64, the products are torch's.
"""

import torch
from torch import Tensor


def linear(x: Tensor, weight: Tensor, added: Tensor | None = None) -> Tensor:
    """Return x Wᵀ + added for x (n, k), W (m, k), added (n, m), without gradients."""
    if x.dtype == torch.float32 and x.device.type == "cpu" and _HAS_ONEDNN:
        operator = torch.ops.mkldnn._linear_pointwise
        found: Tensor = (
            operator(x, weight, None, "none", [], "")
            if added is None
            else operator.binary(x, added, weight, None, "add")
        )
        return found
    return x @ weight.mT if added is None else torch.addmm(added, x, weight.mT)


def _probed() -> bool:
    """Return whether torch has the operator, in the form used here: it is torch's own business, not a promise."""
    try:
        operator = torch.ops.mkldnn._linear_pointwise
        one = torch.ones(2, 2)
        found = operator.binary(one, operator(one, one, None, "none", [], ""), one, None, "add")
    except (AttributeError, RuntimeError, TypeError):
        return False
    return bool((found == 4).all())


_HAS_ONEDNN = _probed()
