"""Training, fixed points and CKA in one run: `make bench`. Both sides of every ratio are measured here, in turn.

The tables go to stdout; benchmarks/README.md holds those of the last release with the machine they are from, and those
of the other files here, each of which is a program of its own.
"""

import os
import platform
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy loads its BLAS

import cka
import fixed_points
import numpy as np
import torch
import training

from dynascope.readers import open_archive
from dynascope.trainers import Settings, export_network, load_model, train


def trained_flip_flop() -> tuple[fixed_points.Step, np.ndarray]:
    """Return the zero-input step and the recorded states of a trained 3-bit flip-flop network of 30 units."""
    options = {"training": {"epochs": 6000, "learning_rate": 0.03}, "task": {"n_bits": 3}}
    trained = train(Settings.resolve("three_body", "flip_flop", options))
    with (
        tempfile.TemporaryDirectory() as folder,
        open_archive(export_network(trained, Path(folder) / "network.h5")) as archive,
    ):
        assert archive.model is not None
        model = load_model(archive.model)
        states = np.asarray(archive.recording().states["x"], float)

    def step(state: torch.Tensor) -> torch.Tensor:
        return model.to(state.dtype).step(state, state.new_zeros(len(state), 3))

    return step, states


def help_seconds() -> tuple[float, float]:
    """Return the CPU seconds of `dynascope --help` and of importing torch, in fresh processes."""

    def measured(code: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    helps = [measured("from dynascope.cli.main import run; run(['--help'])") for _ in range(5)]
    return float(np.median(helps)), measured("import torch")


def main() -> None:
    """Print the tables."""
    torch.set_num_threads(1)
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, NumPy {np.__version__}, {platform.machine()}\n"
    )
    sys.argv = sys.argv[:1]
    training.main()
    print("\nfind_fixed_points, trained 3-bit flip-flop")
    print(fixed_points.table(fixed_points.run(*trained_flip_flop())))
    print("\nCKA")
    cka.main()
    shown, heavy = help_seconds()
    print(f"\ndynascope --help: {shown:.3f} CPU s (import torch alone: {heavy:.2f})")


if __name__ == "__main__":
    main()
