"""Tensors whose ranks are known, and the plain versions that the quick ones must equal."""

import math

import numpy as np


def planted_cp(shape, rank, *, noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    factors = [rng.standard_normal((size, rank)) for size in shape]
    return np.einsum("ir,jr,kr->ijk", *factors) + noise * rng.standard_normal(shape), factors


def planted_slices(shape, ranks, *, noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    tensor = noise * rng.standard_normal(shape)
    for axis, rank in enumerate(ranks):
        others = [size for other, size in enumerate(shape) if other != axis]
        matrix = rng.standard_normal((shape[axis], rank)) @ rng.standard_normal((rank, math.prod(others)))
        tensor += np.moveaxis(matrix.reshape(shape[axis], *others), 0, axis)
    return tensor


def random_mask(shape, share=0.1, seed=0):
    return np.random.default_rng(seed).random(shape) >= share


def plain_als(tensor, rank, *, max_sweeps=100, tolerance=1e-8):
    """CP by the textbook: SVD start, three least-squares solves per sweep; the errors after each sweep."""
    unfoldings = [np.moveaxis(tensor, axis, 0).reshape(tensor.shape[axis], -1) for axis in range(3)]
    a, b, c = (np.linalg.svd(unfolding, full_matrices=False)[0][:, :rank] for unfolding in unfoldings)
    errors = []
    for _ in range(max_sweeps):
        a = np.linalg.lstsq(np.einsum("jr,kr->jkr", b, c).reshape(-1, rank), unfoldings[0].T, rcond=None)[0].T
        b = np.linalg.lstsq(np.einsum("ir,kr->ikr", a, c).reshape(-1, rank), unfoldings[1].T, rcond=None)[0].T
        c = np.linalg.lstsq(np.einsum("ir,jr->ijr", a, b).reshape(-1, rank), unfoldings[2].T, rcond=None)[0].T
        errors.append(np.linalg.norm(tensor - np.einsum("ir,jr,kr->ijk", a, b, c)) / np.linalg.norm(tensor))
        if len(errors) > 1 and abs(errors[-2] - errors[-1]) < tolerance:
            break
    return np.einsum("ir,jr,kr->ijk", a, b, c), errors
