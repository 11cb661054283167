"""The modes of a Jacobian: right and left eigenvectors, and how far they can be trusted.

A repeated eigenvalue is either semisimple (as many eigenvectors as its multiplicity: any basis of its eigenspace
will do, and an orthonormal one is taken) or defective (too few: no basis of eigenvectors exists). Eigenvectors
that the QR algorithm returns do not tell the two apart: those of the N − r zero eigenvalues of a low-rank
network come out almost parallel although the eigenspace is complete. The singular values of J − λI do.
"""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import eig
from scipy.optimize import linear_sum_assignment
from scipy.sparse.csgraph import connected_components

Array = npt.NDArray[Any]

_EPS = float(np.finfo(float).eps)
# An eigenvalue of condition κ is known to about N ε ‖J‖ κ; neighbours within this many times that may coincide.
_SLACK = 16.0
# Eigenvalues farther apart than this share of ‖J‖ are never taken for copies of one semisimple eigenvalue.
_WIDEST = 1e-6
# Components whose moduli differ by less than this share tie for the largest; the first one sets the phase.
_TIE = 1e-6


@dataclasses.dataclass(frozen=True, eq=False)
class Modes:
    """Eigenvectors of one Jacobian, in the order of the eigenvalues that :func:`modes` was given.

    Attributes
    ----------
    right : ndarray, shape (unit, eigenvalue), complex
        Columns of norm 1; the component of largest modulus (the first of equal ones) is real and positive.
    left : ndarray, shape (eigenvalue, unit), complex
        Rows with ``left @ right`` = I. If the Jacobian is defective no such rows exist: then rows of norm 1
        with y J = λ y.
    condition : ndarray, shape (eigenvalue,)
        Norm of the spectral projector, 1 / |yᴴ x| for a simple eigenvalue with unit vectors y, x: a change of
        J by δ moves the eigenvalue by up to condition · ‖δ‖. 1 for normal J, very large or inf if defective.
    eigenvector_condition : float
        ‖right‖₂ ‖right⁻¹‖₂; 1 for normal J, inf if defective.
    defective : bool
        To working precision there is no basis of eigenvectors.
    """

    right: Array
    left: Array
    condition: Array
    eigenvector_condition: float
    defective: bool


def modes(jacobian: Array, values: Array) -> Modes:
    """Return right and left eigenvectors of ``jacobian`` (unit, unit) for its eigenvalues ``values`` (unit,).

    ``values`` come from :func:`~dynascope.fixedpoints.stability.eigenvalues` and set the order. About 40 N³
    floating-point operations, and as many again for each repeated eigenvalue.

    Examples
    --------
    >>> found = modes(np.array([[0.5, 1.0], [0.0, 0.25]]), np.array([0.5, 0.25]))
    >>> found.left.real.round(3) + 0.0, found.defective
    (array([[ 1.   ,  4.   ],
           [ 0.   , -4.123]]), False)
    >>> modes(np.array([[0.5, 1.0], [0.0, 0.5]]), np.array([0.5, 0.5])).defective
    True
    """
    found, left, right = eig(jacobian, left=True, right=True)
    # Values computed with and without vectors differ in round-off, so that sorting both may not pair them.
    pairs = linear_sum_assignment(np.abs(values[:, None] - found[None, :]))[1]
    found, left, right = found[pairs], left[:, pairs].astype(complex), right[:, pairs].astype(complex)
    condition = _inverse(np.abs(np.sum(left.conj() * right, axis=0)))
    resolved = np.ones(len(found), dtype=bool)
    labels = _clusters(jacobian, found, condition)
    groups = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    for members in groups:
        if len(members) > 1:
            basis = _eigenspace(jacobian, found[members])
            resolved[members] = basis is not None
            if basis is not None:
                right[:, members] = basis
                condition[members] = 1.0
    resolved &= ~_touching(jacobian, found, condition, labels)
    right = _phased(right)
    if not resolved.all():
        return Modes(right, left.conj().T, condition, float("inf"), defective=True)
    inverse = np.linalg.inv(right)
    # The columns of a group are orthonormal, so that its projector has the norm of its rows of the inverse.
    for members in groups:
        condition[members] = np.linalg.norm(inverse[members], 2)
    return Modes(right, inverse, condition, float(np.linalg.cond(right)), defective=False)


def _inverse(values: Array) -> Array:
    return np.asarray(np.divide(1.0, values, out=np.full(len(values), np.inf), where=values > 0))


def _uncertainty(jacobian: Array, condition: Array) -> Array:
    """Return how far each eigenvalue may be off, (eigenvalue,): first-order perturbation by round-off."""
    size = float(np.linalg.norm(jacobian))
    return np.asarray(_SLACK * len(jacobian) * _EPS * size * condition)


def _clusters(jacobian: Array, values: Array, condition: Array) -> Array:
    """Return the number of the group of eigenvalues, equal to working precision, that each belongs to."""
    reach = np.minimum(_uncertainty(jacobian, condition), _WIDEST * np.linalg.norm(jacobian))
    close = np.abs(values[:, None] - values[None, :]) <= np.maximum(reach[:, None], reach[None, :])
    return np.asarray(connected_components(close, directed=False)[1])


def _eigenspace(jacobian: Array, values: Array) -> Array | None:
    """Return an orthonormal basis (unit, m) of the eigenspace of m equal eigenvalues, None if it is smaller."""
    centre, spread = values.mean(), float(np.abs(values - values.mean()).max())
    if abs(centre.imag) <= spread + _EPS * abs(centre):
        centre = centre.real
    _, singular, rows = np.linalg.svd(jacobian - centre * np.eye(len(jacobian)))
    if singular[-len(values)] > spread + _SLACK * len(jacobian) * _EPS * np.linalg.norm(jacobian):
        return None
    return np.asarray(rows[-len(values) :].conj().T)


def _touching(jacobian: Array, values: Array, condition: Array, labels: Array) -> Array:
    """Return which eigenvalues cannot be told from one of another group: large Jordan blocks end here."""
    apart = np.abs(values[:, None] - values[None, :])
    apart[labels[:, None] == labels[None, :]] = np.inf
    return np.asarray(apart.min(axis=1) <= _uncertainty(jacobian, condition))


def _phased(right: Array) -> Array:
    """Return the columns with norm 1 and their component of largest modulus real and positive."""
    size = np.abs(right)
    first = (size >= (1 - _TIE) * size.max(axis=0)).argmax(axis=0)
    columns = np.arange(right.shape[1])
    phase = right[first, columns] / size[first, columns]
    turned = right / (phase * np.linalg.norm(right, axis=0))
    turned[first, columns] = turned[first, columns].real
    return np.asarray(turned)
