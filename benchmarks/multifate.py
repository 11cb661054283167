"""The gene circuits of MultiFate: all trajectories at once by Runge–Kutta beside scipy's Radau, one at a time.

    python benchmarks/multifate.py            4 000 trajectories ours, 100 of them by Radau (times 40)
    python benchmarks/multifate.py --all      all 4 000 by Radau too

Radau with scipy's default tolerances is what the original used. The on/off pattern at the end must agree in
every trajectory that both sides computed. Times are CPU seconds of the process.
"""

import argparse
import time
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from dynascope.trainers.three_body.multifate import ON, SCALE, initial_states, integrate, production

DT, N_SAMPLES = 0.2, 100


def starts(n_trajectories: int, seed: int = 0) -> np.ndarray:
    """Return initial concentrations (trajectory, factor) drawn as the task draws them."""
    generator = np.random.default_rng(seed)
    return np.concatenate([initial_states(30, pieces, n_trajectories // 5, generator) for pieces in range(1, 6)])


def radau(start: np.ndarray) -> np.ndarray:
    """Return one trajectory (time, factor) by scipy's implicit method at its default tolerances."""
    times = DT * np.arange(N_SAMPLES)
    found = solve_ivp(lambda _, x: production(x), (0, times[-1]), start, method="Radau", t_eval=times)
    return found.y.T


def run(n_trajectories: int = 4000, n_peer: int = 100) -> dict[str, Any]:
    """Return the measurements; ``n_peer`` trajectories are computed by both sides."""
    integrate(starts(5), dt=DT, n_samples=2)  # compilation belongs to neither side
    begin = time.process_time()
    drawn = starts(n_trajectories)
    middle = time.process_time()
    ours = integrate(drawn, dt=DT, n_samples=N_SAMPLES)
    end = time.process_time()
    chosen = np.linspace(0, n_trajectories - 1, n_peer).astype(int)
    theirs = np.stack([radau(drawn[index]) for index in chosen])
    peer_s = (time.process_time() - end) * n_trajectories / n_peer
    difference = np.abs(ours[chosen] - theirs) / SCALE
    same = ((ours[chosen, -1] / SCALE >= ON) == (theirs[:, -1] / SCALE >= ON)).all()
    return {
        "n_trajectories": n_trajectories,
        "n_peer": n_peer,
        "draw_s": middle - begin,
        "ours_s": end - middle,
        "peer_s": peer_s,
        "ratio": peer_s / (end - middle),
        "same_pattern": bool(same),
        "largest_difference": float(difference.max()),
        "half_on": int(((ours[:, -1] / SCALE >= ON).sum(1) == 15).sum()),
    }


def table(result: dict[str, Any]) -> str:
    """Return the measurements as text."""
    r = result
    return (
        f"{r['n_trajectories']} trajectories: Runge-Kutta {r['ours_s']:.3f} s (+ {r['draw_s']:.3f} s drawing starts), "
        f"Radau one at a time {r['peer_s']:.0f} s ({r['n_peer']} measured): {r['ratio']:.0f}x\n"
        f"same on/off pattern in all {r['n_peer']}: {r['same_pattern']}; largest difference "
        f"{r['largest_difference']:.1e} of a + b; {r['half_on']} end with 15 of 30 on"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="compute every trajectory by Radau too")
    options = parser.parse_args()
    print(table(run(n_peer=4000 if options.all else 100)))


if __name__ == "__main__":
    main()
