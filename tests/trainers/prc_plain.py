"""The five trained networks as their equations read, one network, a loop over time under autograd: the reference.

It knows nothing of graphs. Weights are W1 (input, unit, 2), first the dendritic and then the somatic ones, or
(input, unit, 1) for one compartment, and W2 (unit, output). Recorded sequences have T + 1 entries, the first being the
initial zeros. :func:`weights_of` translates from the package, :func:`nll_of_maximum` is the published loss.
"""

import math

import torch

D_SYN, D_MEM, D_NA, D_CA, D_NMDA = (math.exp(-1 / tau) for tau in (5, 10, 5, 40, 80))
THRESHOLD = RESET = 15
BAP = {"bap": 0.5, "parallel_bap": 0.05}


class Heaviside(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient / (10 * torch.abs(x) + 1) ** 2


def f(x):
    return x + torch.sigmoid(10 * (x - 2))


def h(x):
    return torch.sigmoid(10 * (x - 4))


def run(kind, w1, w2, inputs, bap=None):
    """Return outputs (trial, T + 1, output) and spikes (trial, T + 1, unit) for inputs (trial, time, input)."""
    gamma = BAP.get(kind, 0.0) if bap is None else bap
    x = torch.einsum("bti,iuc->btuc", inputs.to(w1.dtype), w1)
    s_s = s_d = v = z = g = d = p_lin = p = c_lin = c = m = x.new_zeros(x.shape[0], x.shape[2])
    q = o = x.new_zeros(x.shape[0], w2.shape[1])
    spikes, outputs = [z], [o]
    # Rows of unbind share one backward pass; indexing x[:, n] would pass over all of x for every step.
    for now in x.unbind(1):
        next_v = D_MEM * v + s_s + g - RESET * z.detach()
        next_z = Heaviside.apply(v - THRESHOLD)
        back = gamma * z if gamma else 0.0
        if kind in ("no_bap", "bap"):
            d, g = D_MEM * d + s_d + back, f(d)
        elif kind in ("parallel", "parallel_bap"):
            m, g = D_NMDA * m + p + c + back, f(m)
            p_lin, p = D_NA * p_lin + s_d, f(p_lin)
            c_lin, c = D_CA * c_lin + s_d, h(c_lin)
        if kind != "one_compartment":
            s_d = D_SYN * s_d + now[..., 0]
        s_s = D_SYN * s_s + now[..., -1]
        q, o = D_SYN * q + z @ w2, D_MEM * o + q
        v, z = next_v, next_z
        spikes.append(z)
        outputs.append(o)
    return torch.stack(outputs, 1), torch.stack(spikes, 1)


def nll_of_maximum(outputs, labels):
    """Return the mean negative log-likelihood of log-softmax of the maximum over time, from T + 1 entries."""
    highest = outputs.max(1).values
    return torch.nn.functional.nll_loss(torch.log_softmax(highest, -1), labels)


def weights_of(model, member=0):
    """Return W1 and W2 of one member of a model as leaves."""
    arrays = {name: torch.tensor(array[member]) for name, array in model.arrays().items()}
    names = [name for name in ("dendritic_weight", "somatic_weight") if name in arrays]
    w1 = torch.stack([arrays[name].T for name in names], -1).contiguous()
    return w1.requires_grad_(), arrays["output_weight"].T.contiguous().requires_grad_()
