"""Orthonormal bases: of given columns, and of the leading principal directions of samples."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError
from .. import validation
from ..validation import Array


@dataclass(frozen=True, eq=False)
class Leading:
    """Principal directions of centred samples: ``axes`` (unit, component), ``variance`` (component,) descending."""

    axes: Array
    variance: Array


def orthonormal_basis(name: str, columns: Any) -> Array:
    """Return an orthonormal basis (unit, k) of the span of ``columns``, refusing dependent columns."""
    found = np.asarray(validation.samples_matrix(name, columns, least=1)[...], dtype=np.float64)
    validation.finite(name, found)
    norms = np.linalg.norm(found, axis=0)
    # Columns of unit length: a small column is as good a direction as a large one.
    scaled = np.divide(found, norms, out=np.zeros_like(found), where=norms > 0)
    left, singular, _ = np.linalg.svd(scaled, full_matrices=False)
    rank = int((singular > max(found.shape) * np.finfo(np.float64).eps * singular[0]).sum())
    if rank < found.shape[1]:
        raise InputError(
            f"{name}: its {found.shape[1]} columns span {rank} dimensions; expected linearly independent "
            "columns: drop some, or take the leading left singular vectors as the basis"
        )
    return left


def same_units(name: str, basis: Array, reference_name: str, reference: Array) -> None:
    """Refuse a basis (unit, k) whose number of units differs from that of the reference."""
    if len(basis) != len(reference):
        raise InputError(
            f"{name}: has {len(basis)} rows (units), {reference_name} has {len(reference)}; expected the same"
        )


def leading(centred: Array) -> Leading:
    """Return the principal directions of centred samples (sample, unit), those that only rounding fills left out.

    Variances are sums of squares divided by the number of samples less one. The triangular factor of the samples is
    decomposed, never their covariance: nothing is squared, so small components keep their digits.
    """
    triangle = np.linalg.qr(centred, mode="r") if len(centred) > centred.shape[1] else centred
    _, singular, axes = np.linalg.svd(triangle, full_matrices=False)
    rank = int((singular > max(centred.shape) * np.finfo(np.float64).eps * singular[0]).sum())
    return Leading(with_sign(axes[:rank].T), singular[:rank] ** 2 / (len(centred) - 1))


def leading_of_covariance(covariance: Array, k: int) -> Leading:
    """Return the ``k`` leading eigenvectors of a covariance (…, unit, unit): axes (…, unit, k), signs arbitrary."""
    values, vectors = np.linalg.eigh(covariance)
    return Leading(vectors[..., ::-1][..., :k], values[..., ::-1][..., :k])


def with_sign(columns: Array) -> Array:
    """Return ``columns`` with signs such that the entry of largest magnitude, the first if tied, is positive."""
    largest = np.abs(columns).argmax(axis=0)
    signs = np.where(columns[largest, np.arange(columns.shape[1])] < 0, -1.0, 1.0)
    found: Array = columns * signs
    return found
