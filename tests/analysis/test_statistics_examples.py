"""The examples of the shared statistics run, and every public name says what it is."""

import doctest
import importlib
from pathlib import Path

import pytest

from dynascope.analysis import statistics

FOLDER = Path(__file__).parents[2] / "analysis" / "statistics"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_docstring_examples(path):
    assert doctest.testmod(importlib.import_module(f"dynascope.analysis.statistics.{path.stem}")).failed == 0


def test_public_names_are_documented():
    assert all(getattr(statistics, name).__doc__ for name in statistics.__all__)
