"""Where the scale of each dimension goes, so that every group opens as one consistent set of arrays."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping

from ..errors import InputError
from .nodes import enclosing, joined, parent


@dataclasses.dataclass(frozen=True)
class Use:
    """One axis of one dataset: the dimension that it names and its length."""

    path: str
    axis: int
    dim: str
    length: int


def nearest(use: Use, scales: Collection[str]) -> str | None:
    """Return the path of the scale that ``use`` sees: in the group of its dataset or the nearest above."""
    paths = (joined(group, use.dim) for group in enclosing(parent(use.path)))
    return next((path for path in paths if path in scales), None)


def place(
    uses: Iterable[Use],
    explicit: Mapping[str, int],
    owners: Collection[tuple[str, str]],
    taken: Collection[str],
) -> dict[str, int]:
    """Return the path and length of each index scale that must be made.

    A dimension that a group owns has its scale there. Any other has it in the outermost group where every use
    below agrees in length and the name is free, and lower down otherwise.

    Parameters
    ----------
    uses
        Every axis of every dataset.
    explicit
        The datasets that are scales themselves: path to length.
    owners
        Pairs (group, dimension).
    taken
        The paths of all groups and datasets.

    Raises
    ------
    InputError
        If two lengths of one dimension meet in one group, or its name is taken there.
    """
    made: dict[str, Use] = {}
    unowned: dict[str, list[Use]] = {}
    for use in uses:
        scale = nearest(use, explicit)
        owner = next((group for group in enclosing(parent(use.path)) if (group, use.dim) in owners), None)
        if scale is not None:
            _same_length(use, explicit[scale], scale)
        elif owner is None:
            unowned.setdefault(use.dim, []).append(use)
        else:
            _make(joined(owner, use.dim), use, made, taken)
    for found in unowned.values():
        _place_outermost("/", found, made, taken)
    return {path: use.length for path, use in made.items()}


def _place_outermost(group: str, uses: list[Use], made: dict[str, Use], taken: Collection[str]) -> None:
    path = joined(group, uses[0].dim)
    if len({use.length for use in uses}) == 1 and path not in taken:
        _make(path, uses[0], made, taken)
        return
    below: dict[str, list[Use]] = {}
    for use in uses:
        if parent(use.path) == group:
            _make(path, use, made, taken)
        else:
            child = joined(group, use.path.removeprefix(group).lstrip("/").partition("/")[0])
            below.setdefault(child, []).append(use)
    for child, found in below.items():
        if path not in made or any(use.length != made[path].length for use in found):
            _place_outermost(child, found, made, taken)


def _make(path: str, use: Use, made: dict[str, Use], taken: Collection[str]) -> None:
    if path in taken:
        raise InputError(f"{use.path}: axis {use.axis} is called {use.dim!r}, which is the name of {path}; rename one")
    other = made.setdefault(path, use)
    _same_length(use, other.length, other.path)


def _same_length(use: Use, length: int, other: str) -> None:
    if use.length != length:
        raise InputError(
            f"{use.path}: axis {use.axis}, {use.dim!r}, has length {use.length}, expected {length} as in {other}"
        )
