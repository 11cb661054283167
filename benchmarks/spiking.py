"""One gradient of the spiking network of the published size, by learning rule and by form, on one thread.

    python benchmarks/spiking.py              each rule compiled, in plain torch and by autograd; traces; floors
    python benchmarks/spiking.py --memory     and the peak memory of each, in a process of its own
    python benchmarks/spiking.py --sizes      and cost against steps, units and members
    python benchmarks/spiking.py --peers      and BPTT of a recurrent layer by snnTorch and norse (.[bench])

Evidence accumulation, 64 trials × 2 000 steps, 100 units, 40 inputs, float32, initial weights. A gradient is one call
of a learning rule: forward run, loss, gradients of all weights; no update. Times are CPU seconds of the process, the
least of several calls after one that is not counted, with their median in brackets.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy loads its BLAS

import argparse
import dataclasses
import importlib.util
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from spiking_peers import norse_layer, peer_gradient, snntorch_layer

from dynascope.trainers import Batch, get_family
from dynascope.trainers.model import Model
from dynascope.trainers.spiking.simulation import simulate
from dynascope.trainers.task import Task

RULES = ("eprop", "mdgl", "mdgl_online", "bptt")
FORMS: dict[str, dict[str, Any]] = {
    "compiled": {"form": "adjoint"},
    "plain": {"form": "adjoint", "compiled": False},
    "autograd": {"form": "autograd"},
    "traces": {"form": "traces"},
    "online": {"form": "online"},
}
REFUSED = {("mdgl_online", "autograd"), ("bptt", "traces"), ("bptt", "online")}
# Seconds per update on the authors' machine, validation of every tenth included; their script states a need of 60 GB.
PUBLISHED = {"eprop": 19.7, "mdgl": 21.7, "bptt": 5.6}
# All traces of all 64 trials are 7.2 GB, held twice; with these trials a process stays within 2 GB.
TRACED_TRIALS = 5
# The online form costs the same in every step; it is run for some of them, and its time multiplied.
ONLINE_STEPS = 100


class Setting(NamedTuple):
    """Networks, their task, and the trials of one gradient."""

    model: Model
    task: Task
    batch: Batch


class Cost(NamedTuple):
    """CPU seconds of one call: the least and the median."""

    least: float
    median: float

    def __str__(self) -> str:
        return f"{self.least:.4f} ({self.median:.4f})"


def make_setting(*, members: int = 1, n_units: int = 100, n_trials: int = 64, n_steps: int = 2000) -> Setting:
    """Return networks at their initial weights and the last ``n_steps`` of seeded trials of 2 000 steps."""
    family = get_family("spiking")
    task = family.task("evidence", {})
    options = {"n_units": n_units, "n_inputs": task.n_inputs, "n_outputs": task.n_outputs}
    generators = [np.random.default_rng(seed) for seed in range(members)]
    model = family.model(options, members=members, generators=generators)
    trials = [task.draw(n_trials, np.random.default_rng(1000 + seed)) for seed in range(members)]
    batch = Batch.of(trials, dtype=torch.float32)
    parts = {name: getattr(batch, name) for name in ("inputs", "targets", "mask")}
    late = {name: None if value is None else value[:, :, -n_steps:].contiguous() for name, value in parts.items()}
    return Setting(model, task, dataclasses.replace(batch, **late))


def gradient(setting: Setting, rule: str, form: str) -> Callable[[], Any]:
    """Return what computes one gradient."""
    compute = get_family("spiking").rule(rule, FORMS[form])
    return lambda: compute(setting.model, setting.task, setting.batch, None)


def timed(function: Callable[[], Any], repeats: int, *, warm: bool = True) -> Cost:
    """Return the CPU seconds of a call; with ``warm`` after one that is not counted."""
    if warm:
        function()
    spent = []
    for _ in range(repeats):
        begin = time.process_time()
        function()
        spent.append(time.process_time() - begin)
    return Cost(min(spent), float(np.median(spent)))


class Floors(NamedTuple):
    """Seconds that no gradient of this kind can do without, at this machine's speed, and what they are made of."""

    local: float
    bptt: float
    events: int
    synapses: int
    adds_per_second: float
    copy_per_second: float

    def of(self, rule: str) -> float:
        """Return the floor of a rule."""
        return self.bptt if rule == "bptt" else self.local


def floors(setting: Setting) -> Floors:
    """Return the floors of a gradient.

    Each spike and each input count adds a row of N numbers once forward and once backward, and ψ is written and read
    once (a copy of it); BPTT adds a number per existing synapse, trial and step. State updates are not counted.
    """
    model, inputs = setting.model, setting.batch.inputs
    _, trials, steps, _ = inputs.shape
    n_units = model.config.n_units
    run = simulate(model, inputs, None, for_gradients=False)
    spikes = round(float(run.mean_spikes.double().sum() * trials * steps))
    events = spikes + int(torch.count_nonzero(inputs))
    synapses = int(torch.count_nonzero(model.recurrent()))
    first, second = np.ones((2, 2**14), np.float32)  # where NumPy adds fastest

    def add() -> None:
        for _ in range(1000):
            np.add(first, second, out=first)

    rate = 1000 * first.size / timed(add, 9).least
    psi = np.ones(trials * steps * n_units, np.float32)
    other = np.empty_like(psi)
    copy = timed(lambda: np.copyto(other, psi), 9).least
    local = 2 * events * n_units / rate + copy
    return Floors(local, local + synapses * trials * steps / rate, events, synapses, rate, 2 * psi.nbytes / copy)


def rules_table(repeats: int) -> str:
    """Return the cost of every rule in every form that runs at the published size."""
    setting = make_setting()
    least = floors(setting)
    lines = [
        f"floor: {least.events} spikes and inputs × 100 units, twice, at {least.adds_per_second / 1e9:.1f} G/s; a copy "
        f"of ψ at {least.copy_per_second / 1e9:.1f} GB/s; BPTT: and {least.synapses} synapses × trials × steps",
        _row("rule", "compiled", "plain torch", "ratio", "autograd", "ratio", "× floor", "published", "ratio"),
    ]
    for rule in RULES:
        ours = timed(gradient(setting, rule, "compiled"), 3 * repeats)
        cells = [str(ours)]
        for form in ("plain", "autograd"):
            if (rule, form) in REFUSED:
                cells += ["–", "–"]
                continue
            other = timed(gradient(setting, rule, form), max(1, repeats // 2))
            cells += [str(other), _times(other, ours)]
        cells.append(f"{ours.least / least.of(rule):.1f}")
        published = PUBLISHED.get(rule)
        cells += ["–", "–"] if published is None else [f"{published} s", f"{published / ours.least:.0f}×"]
        lines.append(_row(rule, *cells))
    return "\n".join(lines)


def traces_table(repeats: int) -> str:
    """Return the cost of the forms with one trace per synapse, beside the compiled adjoint at the same size."""
    few, whole, short = make_setting(n_trials=TRACED_TRIALS), make_setting(), make_setting(n_steps=ONLINE_STEPS)
    lines = [_row("rule", "form", "trials", "traces", "compiled", "ratio")]
    for rule in ("eprop", "mdgl"):
        traces = timed(gradient(few, rule, "traces"), 1, warm=False)
        ours = timed(gradient(few, rule, "compiled"), 3 * repeats)
        lines.append(_row(rule, "traces", f"{TRACED_TRIALS}", f"{traces.least:.2f}", str(ours), _times(traces, ours)))
        some = timed(gradient(short, rule, "online"), 1)
        online = Cost(*(value * 2000 / ONLINE_STEPS for value in some))
        ours = timed(gradient(whole, rule, "compiled"), 3 * repeats)
        lines.append(_row(rule, "online", "64", f"{online.least:.1f}", str(ours), _times(online, ours)))
    lines.append(f"online: {ONLINE_STEPS} steps, times {2000 // ONLINE_STEPS}")
    return "\n".join(lines)


def sizes_table(repeats: int) -> str:
    """Return the CPU milliseconds of a compiled gradient, per network, against steps, units and members."""
    lines = [_row("steps, units, members", *RULES)]
    cases = [(steps, 100, 1) for steps in (500, 1000, 2000)] + [(2000, units, 1) for units in (200, 400)]
    for steps, units, members in [*cases, (2000, 100, 4)]:
        setting = make_setting(members=members, n_units=units, n_steps=steps)
        costs = [timed(gradient(setting, rule, "compiled"), repeats) for rule in RULES]
        lines.append(_row(f"{steps}, {units}, {members}", *(f"{1e3 * cost.least / members:.1f}" for cost in costs)))
    return "\n".join(lines)


def memory_table() -> str:
    """Return the peak memory of processes that compute one gradient each."""
    lines = [_row("rule", "form", "trials", "peak, GiB", "before, GiB")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    for form in FORMS:
        trials = TRACED_TRIALS if form == "traces" else 64
        steps = ONLINE_STEPS if form == "online" else 2000  # its memory does not depend on them
        for rule in RULES:
            if (rule, form) not in REFUSED:
                code = f"import spiking; spiking.print_peak({rule!r}, {form!r}, {trials}, {steps})"
                command = [sys.executable, "-c", code]
                done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
                lines.append(_row(rule, form, f"{trials}", *done.stdout.split()))
    return "\n".join(lines)


def print_peak(rule: str, form: str, n_trials: int, n_steps: int) -> None:
    """Print the peak memory of this process after and before one gradient, in GiB."""
    torch.set_num_threads(1)
    setting = make_setting(n_trials=n_trials, n_steps=n_steps)
    compute, before = gradient(setting, rule, form), _peak()
    compute()
    print(f"{_peak():.2f} {before:.2f}")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # KiB on Linux


def peers_table(repeats: int) -> str:
    """Return the cost of BPTT by other packages, and ours beside."""
    setting = make_setting()
    ours = timed(gradient(setting, "bptt", "compiled"), 3 * repeats)
    layers = {
        "snntorch RLeaky": lambda: snntorch_layer(setting.model),
        "norse LIFRecurrentCell": lambda: norse_layer(setting.model, "LIFRecurrentCell"),
        "norse LSNNRecurrentCell": lambda: norse_layer(setting.model, "LSNNRecurrentCell"),
    }
    lines = [_row("bptt", "CPU s", "ratio", "rate, Hz"), _row("dynascope", str(ours), "", "")]
    for name, make in layers.items():
        package = name.split()[0]
        if importlib.util.find_spec(package) is None:
            lines.append(f"{name}: {package} is not installed")
            continue
        compute = peer_gradient(setting.model, setting.batch, make())
        theirs = timed(compute, repeats)
        lines.append(_row(name, str(theirs), _times(theirs, ours), f"{compute():.1f}"))
    return "\n".join(lines)


def _times(theirs: Cost, ours: Cost) -> str:
    return f"{theirs.least / ours.least:.1f}×"


def _row(*cells: str) -> str:
    return f"{cells[0]:<24}" + "".join(f"{cell:>17}" for cell in cells[1:])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("memory", "sizes", "peers"):
        parser.add_argument(f"--{option}", action="store_true")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, NumPy {np.__version__}, {platform.machine()}, load {os.getloadavg()[0]:.1f}")
    if options.memory:  # first: a process starts with the peak of the one that starts it
        print(memory_table() + "\n", flush=True)
    print(rules_table(options.repeats) + "\n", flush=True)
    print(traces_table(options.repeats), flush=True)
    if options.sizes:
        print("\n" + sizes_table(options.repeats), flush=True)
    if options.peers:
        print("\n" + peers_table(options.repeats), flush=True)
    print(f"load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
