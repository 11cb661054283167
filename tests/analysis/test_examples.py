"""The examples of the documentation run, and results survive being saved."""

import doctest
import importlib
from pathlib import Path

import numpy as np
import pytest

from dynascope import analysis

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", sorted((ROOT / "analysis").glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_docstring_examples(path):
    assert doctest.testmod(importlib.import_module(f"dynascope.analysis.{path.stem}")).failed == 0


PAGES = {
    "analysis": 16,
    "decoding": 10,
    "dpca": 13,
    "maturation": 38,
    "psth": 15,
    "selectivity": 24,
    "similarity": 18,
    "statistics": 17,
    "subspaces": 14,
}


@pytest.mark.parametrize("page", PAGES)
def test_examples_of_a_page(page):
    # The fences that close code blocks would count as expected output.
    text = (ROOT / "docs" / f"{page}.md").read_text().replace("```", "")
    examples = doctest.DocTestParser().get_doctest(text, {}, f"{page}.md", None, None)
    assert len(examples.examples) == PAGES[page]
    assert doctest.DocTestRunner().run(examples).failed == 0


def results():
    rng = np.random.default_rng(0)
    x, cube = rng.standard_normal((30, 4)), rng.standard_normal((1, 12, 3))
    yield analysis.similarity_matrix([x, x**2], ["a", "b"])
    yield analysis.cca(x, x[:, :2] ** 3)
    yield analysis.recovery({"states": (cube, 0 * cube), "rates": (cube, np.tanh(cube))})


@pytest.mark.parametrize("result", list(results()), ids=lambda result: result.kind)
def test_results_survive_being_saved(result, tmp_path):
    loaded = type(result).load(result.save(tmp_path / "result.h5"))
    assert loaded.summary() == result.summary()
    assert loaded.to_dict() == result.to_dict()
