"""find_fixed_points beside gradient descent on q, from the same starts, in one run on one thread.

    python benchmarks/fixed_points.py                    trained flip-flops: GRU 16, tanh 16, tanh 256 units
    python benchmarks/fixed_points.py --skip-large       without the 256 units
    python benchmarks/fixed_points.py --costs            cost against units and starts, and the LU floor
    python benchmarks/fixed_points.py --memory           peak memory of 1 024 units, 256 starts

The peer is what most laboratories run, with the defaults of the torch version of the 2018 tool (Golub and Sussillo,
JOSS 3 (2018) 1003): Adam on the mean of q = ½‖F(x) − x‖² over all starts, learning rate 1 decayed by 0.95 on plateaus
of 5 steps, float32, at most 5 000 iterations, until each q < 1e-12 or changes by less than 1e-20 times the learning
rate; then the states that differ by more than 1e-3 in some unit, with Jacobians and their eigenvectors. Times are CPU
seconds of the process, medians over repetitions.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fixed_points_networks import BlockFlipflop, LowRankFlipflop, train_flipflop

from dynascope.fixedpoints import find_fixed_points, sample_starts
from dynascope.fixedpoints.adapters import as_map
from dynascope.fixedpoints.jacobian import make_jacobian, together
from dynascope.fixedpoints.problem import make_problem, precision, promote
from dynascope.fixedpoints.solver.newton import solve

Step = Callable[[torch.Tensor], torch.Tensor]

# kind, units, seed, training steps, learning rate, goal; all three have the 27 points
TRAINED = (("GRU", 16, 0, 1000, 0.01, 120), ("RNN", 16, 0, 1500, 0.01, 8), ("RNN", 256, 2, 1200, 0.002, 5))


def adam_on_q(step: Step, starts: np.ndarray, *, max_iterations: int = 5000) -> dict[str, Any]:
    """Return states, q and iterations of Adam on the mean of q from all starts together, in float32."""
    single = promote(step, torch.float32)
    states = torch.tensor(starts, dtype=torch.float32, requires_grad=True)
    optimiser = torch.optim.Adam([states], lr=1.0)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.95, patience=5)
    before = torch.full((len(states),), torch.nan)
    n_taken = 0
    while n_taken < max_iterations:
        optimiser.zero_grad()
        q = 0.5 * (single(states) - states).square().sum(1)
        loss = q.mean()
        loss.backward()
        optimiser.step()
        schedule.step(float(loss.detach()))
        n_taken += 1
        change, before = (q.detach() - before).abs(), q.detach()
        rate = optimiser.param_groups[0]["lr"]
        if n_taken > 1 and bool(((change < 1e-20 * rate) | (before < 1e-12)).all()):
            break
    with torch.no_grad():
        q = 0.5 * (single(states) - states).square().sum(1)
    return {"states": states.detach().double().numpy(), "q": q.double().numpy(), "iterations": n_taken}


def linearise_unique(step: Step, states: np.ndarray) -> int:
    """Return how many states differ by more than 1e-3 in some unit, after Jacobians and eigenvectors of each."""
    kept: list[np.ndarray] = []
    for state in states:
        if not kept or np.abs(np.stack(kept) - state).max(axis=1).min() > 1e-3:
            kept.append(state)
    unique = torch.tensor(np.stack(kept), dtype=torch.float32)
    problem = make_problem(step, unique, None, dtype=torch.float32)
    np.linalg.eig(together(problem, problem.starts, None).numpy())
    return len(kept)


def plain_newton(step: Step, starts: np.ndarray, *, tolerance: float = 1e-25) -> dict[str, Any]:
    """Return the states of batched Newton with halving, and its factorisations per start: one in every step."""
    with precision(torch.float64):
        problem = make_problem(step, starts, None)
        states, active, n_factorised = problem.starts.clone(), torch.arange(len(starts)), 0
        for _ in range(100):
            for rows in active.split(max(1, 2**23 // problem.n_states**2)):
                states[rows] = _newton_step(problem, states[rows])
            n_factorised += len(active)
            active = active[0.5 * problem.residual(states[active], None).square().sum(1) > tolerance]
            if not len(active):
                break
    return {"states": states.numpy(), "n_factorised": n_factorised / len(starts), "lost": len(active)}


def _newton_step(problem: Any, states: torch.Tensor) -> torch.Tensor:
    value = problem.residual(states, None)
    derivative = problem.residual_jacobian(together(problem, states, None))
    direction = -torch.linalg.solve_ex(derivative, value[..., None])[0][..., 0]
    size = torch.ones(len(states), 1, dtype=states.dtype)
    for _ in range(10):
        moved = problem.residual(states + size * direction, None)
        worse = moved.square().sum(1) > (1 - 2e-4 * size[:, 0]) * value.square().sum(1)
        size[worse] /= 2
    return states + size * direction


def matched(states: np.ndarray, known: np.ndarray, tolerance: float) -> int:
    """Return how many of the ``known`` points have one of ``states`` within ``tolerance``."""
    if not len(states):
        return 0
    distance = np.stack([np.nanmin(np.linalg.norm(states - point, axis=1)) for point in known])
    return int((distance <= tolerance).sum())


def timed(function: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Return the median CPU seconds of a call and what the last one returned."""
    spent = []
    for _ in range(repeats):
        begin = time.process_time()
        result = function()
        spent.append(time.process_time() - begin)
    return float(np.median(spent)), result


def run(
    step: Step | None = None,
    trajectories: np.ndarray | None = None,
    *,
    n_starts: int = 1024,
    n_units: int = 30,
    adam_iterations: int = 5000,
    seed: int = 1,
    repeats: int = 5,
) -> dict[str, Any]:
    """Return the measurements for ``step`` and its ``trajectories``; both None: the constructed network.

    A trained network's archive gives both: the model's step at zero input, and its recorded activity.
    """
    torch.set_num_threads(1)
    if step is None or trajectories is None:
        network = LowRankFlipflop(n_units, seed=seed)
        step, trajectories = network, network.trajectories()
    starts = sample_starts(trajectories, n_starts, seed=seed)
    for warm in (find_fixed_points, plain_newton):
        warm(step, starts[:2])  # what torch and BLAS load on first use belongs to no side
    linearise_unique(step, adam_on_q(step, starts[:2], max_iterations=2)["states"])
    double = promote(step, torch.float64)  # inside a function: nothing but autograd can differentiate it
    certified_s, points = timed(lambda: find_fixed_points(step, starts), repeats)
    newton_s, bare = timed(lambda: find_fixed_points(step, starts, certify=False), repeats)
    autograd_s, _ = timed(lambda: find_fixed_points(lambda x: double(x), starts), repeats)
    plain_s, plain = timed(lambda: plain_newton(step, starts), max(1, repeats // 2))
    adam_s, peer = timed(lambda: adam_on_q(step, starts, max_iterations=adam_iterations), 1)
    linearise_s, n_unique = timed(lambda: linearise_unique(step, peer["states"]), 1)
    reached = peer["q"] <= 1e-12
    scale = float(np.sqrt((points.states**2).sum(1).mean()))
    return {
        "n_units": starts.shape[1],
        "n_starts": n_starts,
        "newton_s": newton_s,
        "certified_s": certified_s,
        "autograd_s": autograd_s,
        "plain_s": plain_s,
        "plain_factorised": plain["n_factorised"],
        "plain_found": matched(plain["states"], points.states, 1e-6 * scale),
        "adam_s": adam_s,
        "linearise_s": linearise_s,
        "ratio": (adam_s + linearise_s) / certified_s,
        "n_points": len(points),
        "n_certified": int(points.certified.sum()),
        "n_unstable": np.bincount(points.n_unstable).tolist(),
        "index_sum": int(np.sign(np.linalg.det(np.eye(starts.shape[1]) - points.jacobians)).sum()),
        "n_converged": points.n_converged,
        "worst_q": float(points.speeds.max()),
        "same_points": len(bare) == len(points),
        "adam_iterations": peer["iterations"],
        "adam_unique": n_unique,
        "adam_converged": int(reached.sum()),
        "adam_found": matched(peer["states"][reached], points.states, 1e-3 * scale),
        "adam_worst_q": float(peer["q"].max()),
    }


def table(result: dict[str, Any]) -> str:
    """Return the measurements as a small table."""
    r = result
    of = f"of {r['n_points']}"
    rows = [
        ("", "ours, certified", "no certificate", "by autograd", "plain Newton", "Adam on q"),
        (
            "CPU s",
            *(f"{r[name]:.3f}" for name in ("certified_s", "newton_s", "autograd_s", "plain_s")),
            f"{r['adam_s']:.2f} + {r['linearise_s']:.2f}",
        ),
        ("points", f"{r['n_points']}", "", "", f"{r['plain_found']} {of}", f"{r['adam_found']} {of}"),
        ("certified", f"{r['n_certified']}", "", "", "", ""),
        ("starts converged", f"{r['n_converged']}", "", "", "", f"{r['adam_converged']}"),
        ("worst q", f"{r['worst_q']:.1e}", "", "", "", f"{r['adam_worst_q']:.1e}"),
    ]
    lines = [f"{row[0]:<18}" + "".join(f"{cell:>17}" for cell in row[1:]) for row in rows]
    lines.append(f"{r['n_units']} units, {r['n_starts']} starts: {r['ratio']:.1f}x less CPU than Adam, certified")
    lines.append(f"points by unstable directions {r['n_unstable']}, index sum {r['index_sum']}")
    lines.append(
        f"Adam: {r['adam_iterations']} iterations, {r['adam_unique']} states kept as unique; "
        f"plain Newton: {r['plain_factorised']:.1f} factorisations per start"
    )
    return "\n".join(lines)


def trained(kind: str, n_units: int, seed: int, n_steps: int, rate: float) -> tuple[Step, np.ndarray]:
    """Return the zero-input map and the states of a flip-flop network trained here."""
    module, states = train_flipflop(kind, n_units, seed=seed, n_steps=n_steps, rate=rate)
    return as_map(module, torch.zeros(3)), states


def costs(sizes: tuple[int, ...] = (16, 64, 256), starts: tuple[int, ...] = (64, 256, 1024)) -> str:
    """Return a table of cost against units and starts of a constructed network, beside the LU factorisations alone."""
    head = ("units", "starts", "CPU s", "points", "LU per start", "one LU, ms", "our LUs, s", "plain's LUs, s")
    lines = ["".join(f"{cell:>15}" for cell in head)]
    for n_units in sizes:
        network = LowRankFlipflop(n_units, seed=1)
        lu = _lu_seconds(n_units)
        for n_starts in starts:
            if n_units < 1024 or n_starts <= 256:
                cells = _cost(network, n_starts, lu)
                lines.append("".join(f"{cell:>15}" for cell in (f"{n_units}", f"{n_starts}", *cells)))
    return "\n".join(lines)


def _cost(network: LowRankFlipflop, n_starts: int, lu: float) -> tuple[str, ...]:
    starts = sample_starts(network.trajectories(), n_starts, seed=1)
    find_fixed_points(network, starts[:2])
    spent, points = timed(lambda: find_fixed_points(network, starts), 3 if starts.shape[1] < 256 else 1)
    ours, plain = _factorisations(network, starts)
    floors = (f"{each * n_starts * lu:.3f}" for each in (ours, plain))
    return (f"{spent:.3f}", f"{len(points)}", f"{ours:.2f} of {plain:.2f}", f"{1e3 * lu:.4f}", *floors)


def _lu_seconds(n_units: int) -> float:
    """Return the CPU seconds of one LU factorisation within a batch, at this machine's speed."""
    n_matrices = max(2, min(1024, 2**22 // n_units**2))
    generator = torch.Generator().manual_seed(0)
    matrices = torch.randn(n_matrices, n_units, n_units, generator=generator, dtype=torch.float64)
    torch.linalg.lu_factor_ex(matrices)
    return timed(lambda: torch.linalg.lu_factor_ex(matrices), 5)[0] / n_matrices


def _factorisations(network: torch.nn.Module, starts: np.ndarray) -> tuple[float, float]:
    """Return the factorisations per start that the solver takes and that a factorisation in every step would."""
    with precision(torch.float64):
        problem = make_problem(network, starts, None)
        jacobian = make_jacobian(problem)
        solution = solve(problem, jacobian, tolerance=1e-25, max_iterations=100, memory=2**30)
    few = starts[:: max(1, len(starts) // 32)]
    return float(solution.iterations.double().mean()), plain_newton(network, few)["n_factorised"]


def peak_memory(n_units: int = 1024, n_starts: int = 256) -> str:
    """Return points, CPU seconds and the peak memory of a search in a process of its own."""
    code = f"import fixed_points; print(fixed_points.search_once({n_units}, {n_starts}))"
    here = str(Path(__file__).parent)
    environment = {**os.environ, "PYTHONPATH": here, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    return done.stdout.strip()


def search_once(n_units: int, n_starts: int) -> str:
    """Return what one search cost this process, as a line."""
    network = BlockFlipflop(n_units)
    starts = network.starts(n_starts)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    spent, points = timed(lambda: find_fixed_points(network, starts), 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # KiB on Linux
    return (
        f"{n_units} units, {n_starts} starts: {len(points)} points, {int(points.certified.sum())} certified, "
        f"{spent:.1f} CPU s, peak {peak:.2f} GiB ({before:.2f} before the search)"
    )


def main() -> None:
    """Print the tables that the options ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--costs", action="store_true")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--skip-large", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.costs:
        print(costs((16, 64, 256) if options.skip_large else (16, 64, 256, 1024)))
    if options.memory:
        print(peak_memory())
    if options.costs or options.memory:
        return
    for kind, n_units, seed, n_steps, rate, goal in TRAINED:
        if not (options.skip_large and n_units > 100):
            print(f"{kind} {n_units}, goal {goal}x")
            result = run(*trained(kind, n_units, seed, n_steps, rate), repeats=5 if n_units < 100 else 1)
            print(table(result) + "\n", flush=True)


if __name__ == "__main__":
    main()
