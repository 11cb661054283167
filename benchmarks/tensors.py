"""Slice-TCA and CP beside the slicetca and tensorly packages at their defaults: CPU seconds of one thread, error.

Run ``python benchmarks/tensors.py``; ``run()`` returns the numbers. Where a peer is not installed its algorithm,
written out plainly below with the same defaults, stands in, and the table says so. slicetca stops before its 10 000
steps where its loss settles: soon on a tensor of unit variance, not at all on one that is larger.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy loads its BLAS

import argparse
import importlib.util
import warnings
from typing import Any

import numpy as np
import threadpoolctl
import torch
from timing import cpu_seconds

from dynascope.analysis.decompositions import cp, rank_cross_validation, rank_grid, slice_tca

SLICE_SHAPE, SLICE_RANKS = (64, 50, 32), (2, 1, 1)
CP_SHAPE, CP_RANK = (256, 100, 64), 5


def planted_slices(*, standardized: bool) -> np.ndarray:
    """Return a (2, 1, 1) slice-TCA tensor in unit noise, as it is or divided by its standard deviation."""
    rng = np.random.default_rng(0)
    tensor = rng.standard_normal(SLICE_SHAPE)
    for axis, rank in enumerate(SLICE_RANKS):
        others = [size for other, size in enumerate(SLICE_SHAPE) if other != axis]
        matrix = rng.standard_normal((SLICE_SHAPE[axis], rank)) @ rng.standard_normal((rank, int(np.prod(others))))
        tensor += np.moveaxis(matrix.reshape(SLICE_SHAPE[axis], *others), 0, axis)
    return tensor / tensor.std() if standardized else tensor


def planted_components(*, smooth: bool) -> np.ndarray:
    """Return a CP tensor (trial, time, unit) in noise of its own variance.

    Smooth: overlapping bumps in time, positive weights, as in recordings. Else all three factors are normal numbers.
    """
    rng = np.random.default_rng(0)
    factors = [rng.standard_normal((size, CP_RANK)) for size in CP_SHAPE]
    if smooth:
        distance = np.linspace(0, 1, CP_SHAPE[1])[:, np.newaxis] - np.linspace(0.2, 0.8, CP_RANK)
        factors = [np.abs(factors[0]), np.exp(-(distance**2) / 0.02), np.abs(factors[2])]
    signal = np.einsum("ir,jr,kr->ijk", *factors)
    return signal + signal.std() * rng.standard_normal(CP_SHAPE)


def installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def mean_square(tensor: np.ndarray, model: np.ndarray) -> float:
    return float(((tensor - model) ** 2).mean())


def slicetca_package(tensor: np.ndarray, max_iter: int) -> np.ndarray:
    import slicetca

    _, model = slicetca.decompose(tensor, list(SLICE_RANKS), max_iter=max_iter, progress_bar=False)
    return model.construct().detach().numpy()


def slicetca_plain(tensor: np.ndarray, max_iter: int) -> np.ndarray:
    """Slicetca's defaults written out: Adam at 5e-3 on a fresh fifth of the entries per step, seed 7."""
    torch.manual_seed(7)
    target, weight = torch.from_numpy(tensor), 1 / np.sqrt(sum(SLICE_RANKS))
    parts = []
    for axis, rank in enumerate(SLICE_RANKS):
        others = [size for other, size in enumerate(SLICE_SHAPE) if other != axis]
        for size in ([rank, SLICE_SHAPE[axis]], [rank, *others]):
            parts.append(torch.nn.Parameter((2 * torch.rand(size) - 1) * weight))
    optimizer = torch.optim.Adam(parts, lr=5e-3)
    losses: list[float] = []

    def construct() -> torch.Tensor:
        model = torch.zeros(SLICE_SHAPE)
        for axis in range(3):
            for vector, matrix in zip(parts[2 * axis], parts[2 * axis + 1], strict=True):
                model = model + torch.movedim(vector[:, None, None] * matrix, 0, axis)
        return model

    while len(losses) < max_iter and not (len(losses) > 100 and np.std(losses[-100:]) < 1e-5):
        error = (target - construct()) ** 2
        drawn = torch.rand(SLICE_SHAPE) < 0.2
        optimizer.zero_grad()
        ((error * drawn).sum() / drawn.sum()).backward()
        optimizer.step()
        losses.append(float(error.mean()))
    return construct().detach().numpy()


def tensorly_package(tensor: np.ndarray, init: str) -> np.ndarray:
    import tensorly
    from tensorly.decomposition import parafac

    return np.asarray(tensorly.cp_to_tensor(parafac(tensor, CP_RANK, init=init, random_state=0)))


def tensorly_plain(tensor: np.ndarray, init: str) -> np.ndarray:
    """Tensorly's parafac written out: singular vectors or uniform numbers, 100 sweeps or a change below 1e-8."""
    rng = np.random.default_rng(0)
    unfoldings = [np.moveaxis(tensor, axis, 0).reshape(tensor.shape[axis], -1) for axis in range(3)]
    if init == "svd":
        factors = [np.linalg.svd(unfolding, full_matrices=False)[0][:, :CP_RANK] for unfolding in unfoldings]
    else:
        factors = [rng.random((size, CP_RANK)) for size in tensor.shape]
    norm, errors = np.linalg.norm(tensor), [np.inf]
    for _ in range(100):
        for axis in range(3):
            first, second = (factor for other, factor in enumerate(factors) if other != axis)
            product = unfoldings[axis] @ np.einsum("ar,br->abr", first, second).reshape(-1, CP_RANK)
            factors[axis] = np.linalg.solve((first.T @ first) * (second.T @ second), product.T).T
        grams = np.prod([factor.T @ factor for factor in factors], axis=0)
        squared = norm**2 + grams.sum() - 2 * (product * factors[2]).sum()
        errors.append(float(np.sqrt(abs(squared))) / norm)
        if abs(errors[-2] - errors[-1]) < 1e-8:
            break
    return np.einsum("ir,jr,kr->ijk", *factors)


def slices(*, standardized: bool, max_iter: int, repeats: int) -> dict[str, Any]:
    """Slice-TCA of ranks (2, 1, 1): mean squared errors."""
    tensor = planted_slices(standardized=standardized)
    peer = slicetca_package if installed("slicetca") else slicetca_plain
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs, model = cpu_seconds(lambda: peer(tensor.astype(np.float32), max_iter), 1)
    ours, found = cpu_seconds(lambda: slice_tca(tensor, SLICE_RANKS), repeats)
    return {
        "peer": "slicetca" if peer is slicetca_package else "Adam as in slicetca",
        "ours_s": ours,
        "peer_s": theirs,
        "speedup": theirs / ours,
        "ours_error": mean_square(tensor, found.tensor),
        "peer_error": mean_square(tensor, model),
    }


def components(init: str, *, smooth: bool, repeats: int) -> dict[str, Any]:
    """CP of rank 5: relative errors."""
    tensor = planted_components(smooth=smooth)
    peer = tensorly_package if installed("tensorly") else tensorly_plain
    norm = np.linalg.norm(tensor)
    theirs, model = cpu_seconds(lambda: peer(tensor, init), max(1, repeats // 2))
    ours, found = cpu_seconds(lambda: cp(tensor, CP_RANK), repeats)
    return {
        "peer": f"{'tensorly' if peer is tensorly_package else 'ALS as in tensorly'}, {init} start",
        "ours_s": ours,
        "peer_s": theirs,
        "speedup": theirs / ours,
        "ours_error": float(np.linalg.norm(tensor - found.tensor) / norm),
        "peer_error": float(np.linalg.norm(tensor - model) / norm),
    }


def grid() -> dict[str, Any]:
    """One fold of a cross-validated grid of 63 slice-TCA models."""
    seconds, found = cpu_seconds(
        lambda: rank_cross_validation(planted_slices(standardized=True), "slice", rank_grid((3, 3, 3)), folds=1), 1
    )
    return {"ours_s": seconds, "models": len(found.ranks), "chosen": list(found.chosen_ranks)}


def run(*, max_iter: int = 10_000, repeats: int = 5) -> dict[str, dict[str, Any]]:
    """Return every measurement; ``max_iter`` shortens the peer's 10 000 steps for a quick look."""
    torch.set_num_threads(1)
    with threadpoolctl.threadpool_limits(1):
        return {
            "slice-TCA (2, 1, 1) of 64 × 50 × 32, unit noise": slices(
                standardized=False, max_iter=max_iter, repeats=repeats
            ),
            "slice-TCA (2, 1, 1) of 64 × 50 × 32, standardised": slices(
                standardized=True, max_iter=max_iter, repeats=repeats
            ),
            "CP rank 5 of 256 × 100 × 64, smooth": components("svd", smooth=True, repeats=repeats),
            "CP rank 5 of 256 × 100 × 64, smooth, random start": components("random", smooth=True, repeats=repeats),
            "CP rank 5 of 256 × 100 × 64, normal factors": components("svd", smooth=False, repeats=repeats),
            "grid": grid(),
        }


def table(found: dict[str, dict[str, Any]]) -> str:
    """Return the measurements as text."""
    lines = []
    for name, row in found.items():
        if name == "grid":
            chosen = ", ".join(map(str, row["chosen"]))
            lines.append(
                f"{row['models']} slice-TCA models cross-validated, one fold: {row['ours_s']:.2f} s ({chosen})"
            )
            continue
        lines += [
            f"{name}",
            f"  {'dynascope':<24} {row['ours_s']:9.4f} CPU s   error {row['ours_error']:.8f}",
            f"  {row['peer']:<24} {row['peer_s']:9.4f} CPU s   error {row['peer_error']:.8f}",
            f"  {row['speedup']:.0f} times faster",
        ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000, help="largest number of Adam steps of slicetca")
    options = parser.parse_args()
    print(table(run(max_iter=options.steps)))


if __name__ == "__main__":
    main()
