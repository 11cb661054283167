"""The examples in the docstrings of selectivity and tuning run."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3] / "analysis"
MODULES = [
    f"{folder}.{path.stem}" for folder in ("selectivity", "tuning") for path in (ROOT / folder).glob("[a-z]*.py")
]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_docstring_examples(name):
    assert doctest.testmod(importlib.import_module(f"dynascope.analysis.{name}")).failed == 0
