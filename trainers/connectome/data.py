"""Connectomes: which area projects to which, and how strongly; packaged ones and those in a user's directory."""

import dataclasses
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...results import Array
from .names_list import read_names_list
from .sources import PACKAGED, SOURCES, why_not_packaged

PACKAGED_DIRECTORY = Path(__file__).parent / "data"


@dataclasses.dataclass(frozen=True, eq=False)
class Connectome:
    """Weights between the areas of a brain.

    Parameters
    ----------
    name : of the connectome
    weights : (area, area_post) float64, not negative; ``weights[i, j]`` is the connection from area i to area j
    names : of the areas, all different
    densities : (area,) neurons per mm³, NaN where unknown; None without any
    source : where the numbers were read
    citation : whom to cite for them, empty when unknown

    Raises
    ------
    InputError
        If the weights are no square matrix of finite numbers of at least 0, or names or densities do not fit it.
    """

    name: str
    weights: Array
    names: tuple[str, ...]
    densities: Array | None = None
    source: str = ""
    citation: str = ""

    def __post_init__(self) -> None:
        weights = check_weights(self.weights, f"connectome '{self.name}'")
        object.__setattr__(self, "weights", weights)
        n_areas = len(weights)
        if len(self.names) != n_areas or len(set(self.names)) != n_areas:
            different = len(set(self.names))
            raise InputError(
                f"connectome '{self.name}': expected {n_areas} different names, found {len(self.names)} "
                f"({different} of them different)"
            )
        if self.densities is None:
            return
        densities = np.asarray(self.densities)
        if densities.shape != (n_areas,) or densities.dtype.kind not in "fiu":
            raise InputError(
                f"connectome '{self.name}': expected densities of shape ({n_areas},), "
                f"found {densities.dtype} of shape {densities.shape}"
            )
        object.__setattr__(self, "densities", densities.astype(float))

    @property
    def n_areas(self) -> int:
        """Number of areas."""
        return len(self.weights)


def check_weights(weights: Array, where: str) -> Array:
    """Return weights between areas as float64, row-major.

    Raises
    ------
    InputError
        If they are no square matrix of finite numbers of at least 0; ``where`` begins the message.
    """
    weights = np.asarray(weights)
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or not len(weights):
        raise InputError(f"{where}: expected a square matrix (area, area), found shape {weights.shape}")
    if weights.dtype.kind not in "fiub":
        raise InputError(f"{where}: expected real numbers, found {weights.dtype}")
    if not np.isfinite(weights).all():
        raise InputError(f"{where}: found {np.count_nonzero(~np.isfinite(weights))} weights that are not finite")
    if (weights < 0).any():
        raise InputError(f"{where}: expected weights of at least 0, found {weights.min():g}")
    return np.ascontiguousarray(weights, dtype=float)


def load_connectome(name: str, directory: str | Path | None = None, *, transpose: bool = False) -> Connectome:
    """Return a packaged connectome, or one from a directory.

    Rows are the sources of connections, except in Mouse_Gamanut_Normalized, whose file holds them the other way round;
    it is returned as stored, as the published study used it, unless ``transpose`` is set.

    Parameters
    ----------
    name
        One of :data:`~.sources.SOURCES`, or any name with a ``directory``.
    directory
        Where ``<name>.npz`` lies (arrays ``C``, ``names`` and optionally ``density``, as packaged), or the original's
        ``C_<name>.npy`` with ``Names_<name>.lst`` (or published names, or else numbers, in its place) and optionally
        ``ND_<name>.npy``. Python objects in them are never loaded.
    transpose
        Return the matrix with rows and columns exchanged.

    Raises
    ------
    InputError
        If there is no such connectome (the message says where to get it), or a file is damaged or does not fit.
    """
    place = PACKAGED_DIRECTORY if directory is None else Path(directory)
    if directory is None and name not in PACKAGED:
        raise InputError(why_not_packaged(name))
    packed, plain = place / f"{name}.npz", place / f"C_{name}.npy"
    if packed.is_file():
        weights, names, densities = _read_packed(packed)
    elif plain.is_file():
        weights, names, densities = _read_original(place, name)
    else:
        raise InputError(f"{place}: expected C_{name}.npy or {name}.npz there, found neither")
    known = SOURCES.get(name)
    return Connectome(
        name=name,
        weights=weights.T if transpose and weights.ndim == 2 else weights,
        names=names,
        densities=densities,
        source=f"packaged with dynascope, {packed.name}" if directory is None else str(place.resolve()),
        citation=known.citation if known else "",
    )


def _read_packed(path: Path) -> tuple[Array, tuple[str, ...], Array | None]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            weights, names = arrays["C"], arrays["names"]
            densities = arrays.get("density")
    except Exception as error:  # NumPy meets damaged bytes with exceptions of many kinds
        raise InputError(f"{path}: expected arrays C and names: {error}") from error
    if names.dtype.kind != "U" or names.ndim != 1:
        raise InputError(f"{path}: expected names as text (area,), found {names.dtype} of shape {names.shape}")
    return weights, tuple(str(area) for area in names), densities


def _read_original(place: Path, name: str) -> tuple[Array, tuple[str, ...], Array | None]:
    weights = _array(place / f"C_{name}.npy")
    listed, density = place / f"Names_{name}.lst", place / f"ND_{name}.npy"
    if listed.is_file():
        names = read_names_list(listed)
    elif name in SOURCES and SOURCES[name].names:
        names = SOURCES[name].names
    else:
        names = tuple(f"area {index}" for index in range(len(weights) if weights.ndim else 0))
    return weights, names, _array(density) if density.is_file() else None


def _array(path: Path) -> Array:
    try:
        # Mapped first: a header that promises more than the file holds is refused before memory is taken.
        return np.array(np.lib.format.open_memmap(path, mode="r"))
    except Exception as error:  # see above
        raise InputError(f"{path}: not a NumPy array of numbers: {error}") from error
