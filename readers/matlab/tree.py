"""MATLAB's values as named arrays: structs become dotted names, lists of single values become columns.

Both formats give the same tree: a struct is a dict, a struct array a list of dicts, a cell array an object array, a
row of characters a str, several rows an array of str, numbers and truth values an array with MATLAB's axes.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..limits import Budget
from ..placing import Unusable


def flatten(variables: Mapping[str, Any], budget: Budget) -> dict[str, Any]:
    """Return name → array, cells of arrays, text or :class:`Unusable`, in the order of the file.

    Raises
    ------
    ArchiveError
        If there are more than a million: structs can hold one struct many times.
    """
    return {
        name: value for variable, content in variables.items() for name, value in _leaves(variable, content, budget)
    }


def _leaves(name: str, value: Any, budget: Budget) -> Iterator[tuple[str, Any]]:
    budget.meet(name)
    if isinstance(value, dict):
        if not value:
            yield name, Unusable("a struct without fields or elements")
        for field, content in value.items():
            yield from _leaves(f"{name}.{field}", content, budget)
    elif isinstance(value, list):
        fields = dict.fromkeys(field for element in value for field in element)
        for field in fields:
            contents = np.empty(len(value), object)
            contents[:] = [element.get(field, np.empty(0)) for element in value]
            yield from _leaves(f"{name}.{field}", contents, budget)
    elif isinstance(value, np.ndarray) and value.dtype == object:
        yield from _cells(name, value, budget)
    else:
        yield name, value


def _cells(name: str, cells: np.ndarray[Any, Any], budget: Budget) -> Iterator[tuple[str, Any]]:
    contents = list(cells.flat)
    if not contents:
        yield name, Unusable("an empty cell array")
    elif all(isinstance(content, str) for content in contents):
        yield name, np.array(contents, dtype=str).reshape(cells.shape)
    elif all(isinstance(content, dict) for content in contents):
        yield from _leaves(name, contents, budget)
    elif not all(isinstance(content, np.ndarray) and content.dtype.kind in "biuf" for content in contents):
        yield name, Unusable("a cell array of mixed contents")
    elif all(content.size == 1 for content in contents):
        yield name, np.array([content.reshape(())[()] for content in contents]).reshape(cells.shape)
    else:
        yield name, cells
