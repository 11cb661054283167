"""One training step of the published leaky network, beside plain loops and a backward run without autograd.

    python benchmarks/maturation.py                              N 64, 128, 256 and 512
    python benchmarks/maturation.py --units 256 --rule odr15000  one size, the longest trials (T = 850)
    python benchmarks/maturation.py --gated                      and the gated cells beside their loop over step

A step is forward run with its noise, masked least-squares loss, gradients and Adam on 64 trials, float32; T = 175 in
ODR. *Ours* is what the training loop does: the rule, the family's fast run, the optimiser with clipping. *Indexed*
hoists the input drive and reads ``drive[t]`` in the loop, *unbind* splits it beforehand; both are autograd of the same
equations. *Written out* is the floor: the same recursion and its derivative in torch calls on preallocated arrays,
without autograd, model, members or checks. Times are CPU seconds of the process, the least of several calls after one
that is not counted; the sides take turns.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy loads its BLAS

import argparse
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from timing import in_turns
from torch import Tensor
from torch.nn.functional import softplus

from dynascope.trainers import Batch, get_family
from dynascope.trainers.model import Model
from dynascope.trainers.optimizers import Optimizer
from dynascope.trainers.rules import bptt, respond
from dynascope.trainers.settings import TrainingConfig
from dynascope.trainers.task import Task

TRIALS, ALPHA = 64, 0.2
NOISE = 0.05 * (2 / ALPHA) ** 0.5


class Setting(NamedTuple):
    """A network at its initial weights, a rule of the task and a batch of its trials."""

    model: Model
    task: Task
    batch: Batch


def make_setting(units: int, rule: str = "odr", kind: str = "leaky_rnn") -> Setting:
    """Return one network with a member axis and 64 trials of a delayed response."""
    family = get_family("oculomotor")
    rules = family.task("all_new" if rule == "odr" else f"all_new_{rule}", {})
    task = rules.rules[rule]
    options = {"kind": kind, "n_units": units, "n_inputs": rules.n_inputs, "n_outputs": rules.n_outputs}
    model = family.model(options, members=1, generators=[np.random.default_rng(0)])
    return Setting(model, task, Batch.of([task.draw(TRIALS, np.random.default_rng(1))], dtype=torch.float32))


def our_step(setting: Setting) -> Callable[[], float]:
    """Return a training step of the loop: rule and optimiser."""
    optimizer = Optimizer(setting.model, TrainingConfig(clip_value=1.0))
    noise = [torch.Generator().manual_seed(0)]

    def step() -> float:
        gradients = bptt(setting.model, setting.task, setting.batch, noise)
        optimizer.update(gradients.parameters, 1e-3)
        return float(gradients.response.terms["task"])

    return step


def our_evaluation(setting: Setting) -> Callable[[], Any]:
    """Return the loss and performance of a forward run without gradients."""
    noise = [torch.Generator().manual_seed(0)]

    def evaluate() -> Tensor:
        with torch.no_grad():
            response = respond(setting.model, setting.task, setting.batch, noise)
            return setting.task.performance(response.outputs, setting.batch)

    return evaluate


class Arrays(NamedTuple):
    """Weights of one network and time-major trials, (time, trial, channel)."""

    weights: dict[str, Tensor]
    inputs: Tensor
    targets: Tensor
    mask: Tensor


def plain_arrays(setting: Setting) -> Arrays:
    """Return copies of the network's weights and of the trials."""
    weights = {name: torch.tensor(array[0], requires_grad=True) for name, array in setting.model.arrays().items()}
    batch = setting.batch
    parts = [part[0].transpose(0, 1).contiguous() for part in (batch.inputs, batch.targets, batch.mask)]
    return Arrays(weights, *parts)


def clipped_adam(weights: dict[str, Tensor]) -> Callable[[], None]:
    """Return an update of the weights by Adam from their gradients, entries within ±1."""
    optimizer = torch.optim.Adam(weights.values(), lr=1e-3)

    def update() -> None:
        for value in weights.values():
            value.grad.clamp_(-1, 1)
        optimizer.step()

    return update


def loop_step(setting: Setting, *, indexed: bool) -> Callable[[], float]:
    """Return a training step by autograd over a loop in time, with the drive of all steps in one product."""
    (weights, inputs, targets, mask), generator = plain_arrays(setting), torch.Generator().manual_seed(0)
    update = clipped_adam(weights)
    units = len(weights["recurrent_bias"])

    def step() -> float:
        for value in weights.values():
            value.grad = None
        noise = torch.randn((*inputs.shape[:2], units), generator=generator)
        drives: Any = inputs @ weights["input_weight"].T + weights["recurrent_bias"]
        drives, noises = (drives, noise) if indexed else (drives.unbind(0), noise.unbind(0))
        h, visited = torch.zeros(TRIALS, units), []
        for t in range(len(inputs)):
            f = softplus(drives[t] + h @ weights["recurrent_weight"].T + NOISE * noises[t])
            h = (1 - ALPHA) * h + ALPHA * f
            visited.append(h)
        outputs = torch.sigmoid(torch.stack(visited) @ weights["output_weight"].T + weights["output_bias"])
        loss = ((outputs - targets) * mask).square().mean()
        loss.backward()
        update()
        return float(loss.detach())

    return step


def written_out_step(setting: Setting) -> Callable[[], float]:
    """Return a training step whose backward run is written out, on arrays that are kept between steps."""
    (weights, inputs, targets, mask), generator = plain_arrays(setting), torch.Generator().manual_seed(0)
    update = clipped_adam(weights)
    w_in, w, b, w_out, b_out = (
        weights[name].detach()
        for name in ("input_weight", "recurrent_weight", "recurrent_bias", "output_weight", "output_bias")
    )
    (steps, trials, channels), units = inputs.shape, len(b)
    rows = torch.zeros(steps + 1, trials, units + channels + 1)  # [h | x | 1]
    rows[:-1, :, units:-1], rows[:, :, -1] = inputs, 1
    h = rows[:, :, :units]
    noise, drives, deltas = torch.empty(3, steps, trials, units).unbind(0)

    def forward() -> None:
        joined = torch.cat([w, w_in, b[:, None]], 1).T.contiguous()
        noise.normal_(generator=generator)
        for t in range(steps):
            torch.addmm(noise[t], rows[t], joined, beta=NOISE, out=drives[t])
            torch.lerp(h[t], softplus(drives[t]), ALPHA, out=h[t + 1])

    def backward(by_logits: Tensor) -> None:
        flow = torch.zeros(trials, units)
        for t in reversed(range(steps)):
            flow.addmm_(by_logits[t], w_out)
            torch.mul(flow, torch.sigmoid(drives[t]), out=deltas[t])
            flow.mul_(1 - ALPHA).addmm_(deltas[t], w, alpha=ALPHA)

    def step() -> float:
        forward()
        after = h[1:].flatten(0, 1)
        outputs = torch.sigmoid(torch.addmm(b_out, after, w_out.T)).view_as(targets)
        errors = (outputs - targets) * mask
        by_logits = errors * mask * (2 / errors.numel()) * outputs * (1 - outputs)
        backward(by_logits)
        flat = by_logits.flatten(0, 1)
        joined = ALPHA * (deltas.flatten(0, 1).T @ rows[:-1].flatten(0, 1))
        weights["recurrent_weight"].grad, weights["input_weight"].grad = joined[:, :units], joined[:, units:-1]
        weights["recurrent_bias"].grad = joined[:, -1].clone()
        weights["output_weight"].grad, weights["output_bias"].grad = flat.T @ after, flat.sum(0)
        update()
        return float(errors.square().mean())

    return step


def run(units: tuple[int, ...] = (64, 128, 256, 512), rule: str = "odr", repeats: int = 5) -> list[dict[str, float]]:
    """Return one row per size: units and the CPU seconds of each side."""
    torch.set_num_threads(1)
    rows = []
    for size in units:
        setting = make_setting(size, rule)
        sides = {
            "ours": our_step(setting),
            "written_out": written_out_step(setting),
            "unbind": loop_step(setting, indexed=False),
            "evaluation": our_evaluation(setting),
            "trials": lambda task=setting.task: task.draw(TRIALS, np.random.default_rng(1)),
        }
        found = in_turns(sides, repeats + 1)
        found |= in_turns({"indexed": loop_step(setting, indexed=True)}, 1 + max(1, repeats // 3))
        rows.append({"units": size, "steps": setting.batch.inputs.shape[2], **found})
    return rows


def table(rows: list[dict[str, float]]) -> str:
    """Return the rows as text."""
    lines = [
        f"CPU ms per training step, B {TRIALS}, T {rows[0]['steps']:.0f}, float32, one thread; ratios to ours",
        f"{'N':>5} {'ours':>7} {'indexed':>9} {'ratio':>6} {'unbind':>8} {'ratio':>6} {'written out':>12} {'ratio':>6}"
        f" {'evaluation':>11} {'drawing trials':>15}",
    ]
    for row in rows:
        ms = {name: 1e3 * value for name, value in row.items()}
        ours = row["ours"]
        lines.append(
            f"{row['units']:>5.0f} {ms['ours']:>7.1f} {ms['indexed']:>9.0f} {row['indexed'] / ours:>5.1f}×"
            f" {ms['unbind']:>8.1f} {row['unbind'] / ours:>5.2f}× {ms['written_out']:>12.1f}"
            f" {row['written_out'] / ours:>5.2f}× {ms['evaluation']:>11.1f} {ms['trials']:>15.2f}"
        )
    return "\n".join(lines)


def gated(repeats: int = 3) -> str:
    """Return the cost of the gated cells beside the loop over their ``step``, at N 256."""
    torch.set_num_threads(1)
    lines = ["gated cells, N 256: CPU ms of a gradient, and over the plain loop over step"]
    for kind in ("leaky_gru", "gru", "lstm"):
        model, task, batch = make_setting(256, kind=kind)
        noise = [torch.Generator().manual_seed(0)]

        def plain(model: Any = model, batch: Batch = batch, noise: Any = noise) -> None:
            states = Model.run_steps(model, *model.prepared(batch.inputs, None, noise))
            loss = ((model.readout(states) - batch.targets) * batch.mask).square().mean()
            torch.autograd.grad(loss, list(model.parameters()))

        def ours(model: Any = model, task: Task = task, batch: Batch = batch, noise: Any = noise) -> None:
            bptt(model, task, batch, noise)

        found = in_turns({"ours": ours, "plain": plain}, repeats + 1)
        lines.append(f"{kind:<10} {1e3 * found['ours']:>7.0f} {1e3 * found['plain']:>7.0f}")
    return "\n".join(lines)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, nargs="+", default=[64, 128, 256, 512])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rule", default="odr", choices=["odr", "odr3000", "odr6000", "odr15000"])
    parser.add_argument("--gated", action="store_true")
    options = parser.parse_args()
    print(table(run(tuple(options.units), options.rule, options.repeats)))
    if options.gated:
        print(gated(options.repeats))


if __name__ == "__main__":
    main()
