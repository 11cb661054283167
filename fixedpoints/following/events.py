"""Where something happens between two points of a branch: what it is, and exactly where.

Detected by a change of the number of growing directions (any eigenvalue that crosses), of the direction of the
parameter (folds) or of the sign of det [∂G/∂z; tangentᵀ] (crossing branches), each counted between neighbours. Found
by bisection to a thousandth of the step and then as the root of a polynomial through the critical quantity at eight
Chebyshev nodes around: near a crossing of branches solutions are ill-conditioned, and points at a distance say
better where it is than points nearby. (Test functions: Kuznetsov, Elements of Applied Bifurcation Theory, ch. 10.2.)
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.polynomial import chebyshev

from ..problem import Dynamics
from .curve import Point, described, kernel, kernel_tangent, point_at, solution_near
from .system import System

Array = npt.NDArray[Any]

FOLD, BRANCH_POINT, FLIP, NEIMARK_SACKER, HOPF, CORNER = (
    "fold",
    "branch point",
    "flip",
    "Neimark-Sacker",
    "Hopf",
    "corner",
)

# Of the step: how far bisection goes, and how far the nodes of the polynomial reach to both sides.
_BRACKET, _REACH, _NODES = 1e-3, 0.1, 8
# An eigenvalue this close to the circle (or the axis, as a share of the largest) counts as on it.
_CRITICAL = 1e-5
# Steps shorter than this are not halved further to resolve a jump: the map has a kink there.
SHORTEST_SMOOTH = 1e-5


@dataclasses.dataclass(frozen=True, eq=False)
class Special:
    """A located bifurcation: the point, its type and the eigenvalue that crosses.

    ``size`` is that of ∂G/∂z nearby, against which its singular values are zero; ``turning`` says that the parameter
    changes direction there, and ``n_null`` how many eigenvalues are neutral: how many variables bifurcate at once.
    """

    point: Point
    type: str
    eigenvalue: complex
    size: float
    turning: bool = False

    n_null: int = 1


@dataclasses.dataclass(frozen=True, eq=False)
class _Piece:
    """The solutions between two neighbours a and b as a function of u: 0 at a, 1 at b."""

    system: System
    a: Point
    b: Point
    length: float

    @classmethod
    def between(cls, system: System, a: Point, b: Point) -> "_Piece":
        return cls(system, a, b, float(a.tangent @ (b.z - a.z)))

    def at(self, u: float) -> Point | None:
        """Return the solution in the plane at the share ``u`` of the way, predicted by Hermite's cubic."""
        end = self.b.tangent / max(float(self.a.tangent @ self.b.tangent), 0.1)
        start, square, cube = self.a.tangent, u * u, u * u * u
        guess = (2 * cube - 3 * square + 1) * self.a.z + (3 * square - 2 * cube) * self.b.z
        guess = guess + self.length * ((cube - 2 * square + u) * start + (cube - square) * end)
        # In the plane exactly, so that u means the same whichever way the point was predicted.
        guess = guess + self.a.tangent * (u * self.length - float(self.a.tangent @ (guess - self.a.z)))
        return solution_near(self.system, guess, self.a.tangent, self.a.tangent)


@dataclasses.dataclass(frozen=True, eq=False)
class _Bracket:
    low: float
    high: float
    before: Point
    after: Point

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2

    @property
    def turns(self) -> bool:
        return self.before.heading * self.after.heading < 0

    @property
    def crosses(self) -> bool:
        return self.before.orientation * self.after.orientation < 0


def between(system: System, a: Point, b: Point) -> list[Special] | None:
    """Return what happens from a to b in its order; None if the points lie on different branches: halve the step."""
    if not a.differs(b):
        return []
    piece = _Piece.between(system, a, b)
    smooth = piece.length > SHORTEST_SMOOTH
    found: list[Special] = []
    for bracket in _isolated(piece, _Bracket(0.0, 1.0, a, b)):
        special = _located(piece, bracket)
        if special is None:
            if smooth:
                return None
            special = _corner(piece, bracket)
        found.append(special)
    return found


def _isolated(piece: _Piece, bracket: _Bracket) -> list[_Bracket]:
    """Return the parts of a bracket, a thousandth of the step wide, across which something changes."""
    if not bracket.before.differs(bracket.after):
        return []
    if bracket.high - bracket.low <= _BRACKET:
        return [bracket]
    # Off the middle: by symmetry the event itself may sit there.
    u = bracket.low + 0.4847 * (bracket.high - bracket.low)
    middle = piece.at(u)
    if middle is None:
        return [bracket]
    left = _Bracket(bracket.low, u, bracket.before, middle)
    right = _Bracket(u, bracket.high, middle, bracket.after)
    return _isolated(piece, left) + _isolated(piece, right)


def _located(piece: _Piece, bracket: _Bracket) -> Special | None:
    """Return the event in a bracket, None if no critical quantity vanishes there."""
    for reach in (_REACH, _REACH / 8, _REACH / 64):
        reached = _by_polynomial(piece, bracket, reach)
        if reached is not None:
            special = _identified(piece, bracket, *reached)
            if special is not None:
                return special
    return _by_bisection(piece, bracket)


def _by_polynomial(piece: _Piece, bracket: _Bracket, reach: float) -> tuple[float, Array, Array] | None:
    """Return u, z and dz/du at the root of the critical quantity near the bracket."""
    nodes = chebyshev.chebpts1(_NODES)
    points = [piece.at(bracket.middle + reach * float(node)) for node in nodes]
    known = [point for point in points if point is not None]
    if len(known) < _NODES:
        return None
    critical = _critical_quantity(piece.system, bracket)
    values = chebyshev.chebfit(nodes, np.array([critical(point) for point in known]), _NODES - 1)
    root = _root(values)
    if root is None or abs(root) * reach > 3 * (bracket.high - bracket.low):
        return None
    curve = chebyshev.chebfit(nodes, np.stack([point.z for point in known]), _NODES - 1)
    z, slope = chebyshev.chebval(root, curve), chebyshev.chebval(root, chebyshev.chebder(curve))
    return bracket.middle + reach * root, np.asarray(z), np.asarray(slope)


def _root(coefficients: Array) -> float | None:
    """Return the root of a Chebyshev series that Newton's method reaches from 0, None if there is none nearby."""
    slopes, root = chebyshev.chebder(coefficients), 0.0
    for _ in range(20):
        slope = float(chebyshev.chebval(root, slopes))
        if slope == 0:
            return None
        step = float(chebyshev.chebval(root, coefficients)) / slope
        root -= step
        if abs(root) > 1:
            return None
        if abs(step) < 1e-13:
            return root
    return None


def _critical_quantity(system: System, bracket: _Bracket) -> Callable[[Point], float]:
    """Return the function of a point that vanishes at the event and is smooth around it."""
    if bracket.turns and not bracket.crosses:
        return lambda point: float(point.tangent[-1])
    if bracket.before.n_unstable != bracket.after.n_unstable:
        reference = _nearest_to_neutral(bracket.before.multipliers, system.dynamics)

        def excess(point: Point) -> float:
            nearest = point.multipliers[np.abs(point.multipliers - reference).argmin()]
            return float(_excess(nearest, system.dynamics))

        return excess
    scale = float(np.linalg.slogdet(_bordered(bracket.before))[1])

    def determinant(point: Point) -> float:
        sign, size = np.linalg.slogdet(_bordered(point))
        return float(sign * np.exp(size - scale))

    return determinant


def _bordered(point: Point) -> Array:
    return np.vstack([point.derivative, point.tangent])


def _excess(values: Array, dynamics: Dynamics) -> Array:
    """Return |λ| − 1 of a map, Re λ of a flow: zero at a bifurcation and smooth around it."""
    return np.asarray(np.abs(values) - 1 if dynamics == "map" else np.real(values))


def _nearest_to_neutral(multipliers: Array, dynamics: Dynamics) -> complex:
    excess = np.abs(_excess(multipliers, dynamics))
    # Of a conjugate pair the one in the upper half plane, whichever rounding favours.
    near = multipliers[excess <= excess.min() * (1 + 1e-6) + 1e-12]
    return complex(near[np.argmax(near.imag)])


def _identified(piece: _Piece, bracket: _Bracket, u: float, z: Array, slope: Array) -> Special | None:
    """Return the event at the root of the polynomial, None if nothing critical is seen there."""
    system, size = piece.system, float(max(np.linalg.norm(piece.a.derivative), np.linalg.norm(piece.b.derivative)))
    derivative = system.derivative(z)
    if not np.isfinite(derivative).all():
        return None
    point = described(system, z, derivative, np.asarray(slope / np.linalg.norm(slope)))
    if bracket.turns and not bracket.crosses:
        polished = piece.at(u)
        if polished is None or abs(polished.tangent[-1]) > 1e-3:
            return None
        return Special(polished, FOLD, _nearest(polished.multipliers, _neutral(system)), size)
    if bracket.crosses or _is_real_crossing(piece, point):
        singular = np.linalg.svd(derivative, compute_uv=False)
        if singular[-1] > _CRITICAL * size:
            return None
        n_null = int(np.count_nonzero(np.abs(point.multipliers - _neutral(system)) <= _CRITICAL * _unit(piece)))
        eigenvalue = _nearest(point.multipliers, _neutral(system))
        return Special(point, BRANCH_POINT, eigenvalue, size, turning=bracket.turns, n_null=n_null)
    polished = piece.at(u) or point
    eigenvalue = _nearest_to_neutral(polished.multipliers, system.dynamics)
    if abs(_excess(np.asarray(eigenvalue), system.dynamics)) > _CRITICAL * _unit(piece):
        return None
    return Special(polished, _type_of(eigenvalue, system.dynamics), eigenvalue, size)


def _neutral(system: System) -> float:
    return 1.0 if system.dynamics == "map" else 0.0


def _nearest(values: Array, target: float) -> complex:
    return complex(values[np.abs(values - target).argmin()])


def _unit(piece: _Piece) -> float:
    """Return the size against which an eigenvalue of a map (1) or a flow (the fastest nearby) is small."""
    if piece.system.dynamics == "map":
        return 1.0
    return float(max(np.abs(piece.a.multipliers).max(), np.abs(piece.b.multipliers).max()))


def _is_real_crossing(piece: _Piece, point: Point) -> bool:
    eigenvalue = _nearest_to_neutral(point.multipliers, piece.system.dynamics)
    return abs(eigenvalue - _neutral(piece.system)) <= _CRITICAL * _unit(piece)


def _type_of(eigenvalue: complex, dynamics: Dynamics) -> str:
    if dynamics == "flow":
        return HOPF
    return FLIP if abs(eigenvalue.imag) < 1e-7 and eigenvalue.real < 0 else NEIMARK_SACKER


def _by_bisection(piece: _Piece, bracket: _Bracket) -> Special | None:
    """Return the event after bisecting as far as rounding allows; for quantities that are not smooth."""
    for _ in range(40):
        middle = piece.at(bracket.middle)
        if middle is None or bracket.high - bracket.low < 1e-10:
            break
        if bracket.before.differs(middle):
            bracket = dataclasses.replace(bracket, high=bracket.middle, after=middle)
        else:
            bracket = dataclasses.replace(bracket, low=bracket.middle, before=middle)
    chosen = bracket.before
    return _identified(piece, bracket, bracket.middle, chosen.z, chosen.tangent)


def _corner(piece: _Piece, bracket: _Bracket) -> Special:
    """Return a kink of the branch: a unit of a piecewise linear map switches and the eigenvalues jump."""
    point = bracket.before
    return Special(point, CORNER, _nearest_to_neutral(point.multipliers, piece.system.dynamics), 1.0)


def branches_through(system: System, special: Special) -> tuple[str, list[Array]]:
    """Return the type of a crossing of branches and the tangents of the other branches there.

    With one null vector the curve has two tangents there, the solutions of the algebraic bifurcation equation
    2 c₁₂ α β + c₂₂ β² = 0 in the kernel of ∂G/∂z, where c_ij = ψᵀ G_zz[vᵢ, vⱼ], ψ is the left null vector, v₁ the
    tangent of the branch at hand and v₂ at right angles to it (Keller 1977, section 4). If one of the two tangents
    has a component along the parameter below 1e-3 (scaled units) it is a pitchfork, otherwise transcritical. With
    more null vectors (several variables bifurcate at once) no tangent is returned.
    """
    point = special.point
    basis = kernel(point.derivative, special.size)
    if len(basis) != 2 or special.n_null > 1:
        return BRANCH_POINT, []
    first = kernel_tangent(point.derivative, point.tangent, special.size)
    second = basis[0] - first * float(first @ basis[0])
    other = basis[1] - first * float(first @ basis[1])
    second = second if np.linalg.norm(second) > np.linalg.norm(other) else other
    second = second / np.linalg.norm(second)
    left = np.linalg.svd(point.derivative)[0][:, -1]
    mixed = left @ _second(system, point.z, first) @ second
    own = left @ _second(system, point.z, second) @ second
    size = float(np.hypot(own, 2 * mixed))
    tangent = second if size == 0 else (-own * first + 2 * mixed * second) / size
    if tangent @ second < 0:
        tangent = -tangent
    slope = min(abs(float(tangent[-1])), abs(float(first[-1])))
    return ("pitchfork" if slope < 1e-3 else "transcritical"), [np.asarray(tangent)]


def _second(system: System, z: Array, direction: Array, width: float = 1e-4) -> Array:
    """Return the derivative of ∂G/∂z along a direction (N, N + 1) by a central difference."""
    ahead, behind = (system.derivative(z + sign * width * direction) for sign in (1, -1))
    return np.asarray((ahead - behind) / (2 * width))


def described_start(system: System, z: Array, along: Array) -> Point | None:
    """Return the point at which a branch begins, with the tangent of the curve nearest to ``along``."""
    derivative = system.derivative(z)
    if not np.isfinite(derivative).all():
        return None
    if len(kernel(derivative)) > 1 or not derivative.any():
        return described(system, z, derivative, kernel_tangent(derivative, along))
    made = point_at(system, z, along)
    if made is None or float(made.tangent @ along) > 0:
        return made
    return made.reversed()
