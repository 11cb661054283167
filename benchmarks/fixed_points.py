"""find_fixed_points beside gradient descent on q, from the same starts, in one run on one thread.

    python benchmarks/fixed_points.py                   a constructed 3-bit flip-flop network of 30 units
    python benchmarks/fixed_points.py --units 256 --adam-iterations 500

The peer is what most laboratories run: Adam on the mean of q = ½‖F(x) − x‖² over all starts, learning rate
1 decayed by 0.95 on plateaus of 5 steps, gradient norm clipped at 1, float32, at most 5 000 iterations,
until every q ≤ 1e-12 or the learning rate has decayed away (Sussillo and Barak, Neural Comput. 25 (2013)
626; defaults of the tool of Golub and Sussillo, JOSS 3 (2018) 1003). Times are CPU seconds of the process.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from dynascope.fixedpoints import find_fixed_points, sample_starts
from dynascope.fixedpoints.problem import promote

Step = Callable[[torch.Tensor], torch.Tensor]


class LowRankFlipflop(torch.nn.Module):
    """x' = W tanh(x) with W = (g/N) M Mᵀ, M (N, 3) with orthogonal columns: 3 bits.

    27 fixed points with seed 1. The bits interact through tanh; other seeds may have fewer points.
    """

    def __init__(self, n_units: int = 30, gain: float = 2.0, seed: int = 0) -> None:
        super().__init__()
        draws = np.random.default_rng(seed).standard_normal((n_units, 3))
        directions = np.linalg.qr(draws)[0] * np.sqrt(n_units)
        weight = gain * directions @ directions.T / n_units
        self.weight = torch.nn.Parameter(torch.tensor(weight, dtype=torch.float32))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return the next states."""
        return torch.tanh(states) @ self.weight.T

    def trajectories(self, n_trials: int = 100, n_steps: int = 30, seed: int = 1) -> np.ndarray:
        """Return noisy orbits (trial, time, unit): what a recording of the network would hold."""
        generator = torch.Generator().manual_seed(seed)
        size = (n_trials, self.weight.shape[0])
        state, visited = torch.randn(size, generator=generator), []
        with torch.no_grad():
            for _ in range(n_steps):
                state = self(state) + 0.05 * torch.randn(size, generator=generator)
                visited.append(state)
        return torch.stack(visited, dim=1).double().numpy()


def adam_on_q(step: Step, starts: np.ndarray, *, max_iterations: int = 5000) -> dict[str, Any]:
    """Return states, q and iterations of Adam on the mean of q from all starts together, in float32."""
    single = promote(step, torch.float32)
    states = torch.tensor(starts, dtype=torch.float32, requires_grad=True)
    optimiser = torch.optim.Adam([states], lr=1.0)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.95, patience=5, threshold=0)
    n_taken = 0
    for _ in range(max_iterations):
        q = 0.5 * (single(states) - states).square().sum(1)
        if float(q.detach().max()) <= 1e-12 or optimiser.param_groups[0]["lr"] < 1e-7:
            break
        optimiser.zero_grad()
        loss = q.mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([states], 1.0)
        optimiser.step()
        schedule.step(float(loss.detach()))
        n_taken += 1
    with torch.no_grad():
        q = 0.5 * (single(states) - states).square().sum(1)
    return {"states": states.detach().double().numpy(), "q": q.double().numpy(), "iterations": n_taken}


def matched(states: np.ndarray, known: np.ndarray, tolerance: float) -> int:
    """Return how many of the ``known`` points have one of ``states`` within ``tolerance``."""
    if not len(states):
        return 0
    distance = np.stack([np.linalg.norm(states - point, axis=1).min() for point in known])
    return int((distance <= tolerance).sum())


def run(
    step: Step | None = None,
    trajectories: np.ndarray | None = None,
    *,
    n_starts: int = 1024,
    n_units: int = 30,
    adam_iterations: int = 5000,
    seed: int = 1,
) -> dict[str, Any]:
    """Return the measurements for ``step`` and its ``trajectories``; both None: the constructed network.

    A trained network's archive gives both: the model's step at zero input, and its recorded activity.
    """
    torch.set_num_threads(1)
    if step is None or trajectories is None:
        network = LowRankFlipflop(n_units, seed=seed)
        step, trajectories = network, network.trajectories()
    starts = sample_starts(trajectories, n_starts, seed=seed)
    find_fixed_points(step, starts[:2])  # what torch and BLAS load on first use belongs to neither side
    adam_on_q(step, starts[:2], max_iterations=2)
    begin = time.process_time()
    plain = find_fixed_points(step, starts, certify=False)
    middle = time.process_time()
    points = find_fixed_points(step, starts)
    end = time.process_time()
    peer = adam_on_q(step, starts, max_iterations=adam_iterations)
    adam_s = time.process_time() - end
    reached = peer["q"] <= 1e-12
    scale = float(np.sqrt((points.states**2).sum(1).mean()))
    return {
        "n_units": starts.shape[1],
        "n_starts": n_starts,
        "newton_s": middle - begin,
        "certified_s": end - middle,
        "adam_s": adam_s,
        "ratio": adam_s / (end - middle),
        "n_points": len(points),
        "n_certified": int(points.certified.sum()),
        "n_unstable": np.bincount(points.n_unstable).tolist(),
        "index_sum": int(np.sign(np.linalg.det(np.eye(starts.shape[1]) - points.jacobians)).sum()),
        "n_converged": points.n_converged,
        "worst_q": float(points.speeds.max()),
        "same_points": len(plain) == len(points),
        "adam_iterations": peer["iterations"],
        "adam_converged": int(reached.sum()),
        "adam_found": matched(peer["states"][reached], points.states, 1e-3 * scale),
        "adam_worst_q": float(peer["q"].max()),
    }


def table(result: dict[str, Any]) -> str:
    """Return the measurements as a small table."""
    r = result
    rows = [
        ("", "Newton, certified", "Newton", "Adam on q"),
        ("CPU s", f"{r['certified_s']:.3f}", f"{r['newton_s']:.3f}", f"{r['adam_s']:.2f}"),
        ("points", f"{r['n_points']}", f"{r['n_points']}", f"{r['adam_found']} of {r['n_points']}"),
        ("certified", f"{r['n_certified']}", "", ""),
        ("starts converged", f"{r['n_converged']}", f"{r['n_converged']}", f"{r['adam_converged']}"),
        ("worst q", f"{r['worst_q']:.1e}", f"{r['worst_q']:.1e}", f"{r['adam_worst_q']:.1e}"),
    ]
    lines = [f"{a:<18}{b:>18}{c:>10}{d:>12}" for a, b, c, d in rows]
    lines.append(f"{r['n_units']} units, {r['n_starts']} starts: {r['ratio']:.1f}x less CPU with certificates")
    lines.append(f"points by unstable directions {r['n_unstable']}, index sum {r['index_sum']}")
    lines.append(f"Adam: {r['adam_iterations']} iterations")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=30)
    parser.add_argument("--starts", type=int, default=1024)
    parser.add_argument("--adam-iterations", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    result = run(
        n_starts=options.starts,
        n_units=options.units,
        adam_iterations=options.adam_iterations,
        seed=options.seed,
    )
    print(table(result))


if __name__ == "__main__":
    main()
