"""The package as a whole: its list of folders, its examples, its documents."""

import doctest
import importlib
import os
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import dynascope

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "benchmarks" / "README.md",
]


def modules():
    found = pkgutil.walk_packages(dynascope.__path__, "dynascope.")
    outside = ("dynascope.tests", "dynascope.benchmarks", "dynascope.build")
    return [info.name for info in found if not info.name.startswith(outside) and not info.name.endswith("__main__")]


def test_every_folder_of_code_is_packaged():
    listed = set(PROJECT["tool"]["setuptools"]["packages"])
    hidden = {"tests", "benchmarks", "build", "dist"}
    folders = [
        path.parent.relative_to(ROOT) for path in ROOT.rglob("__init__.py")
        if not any(part.startswith(".") or part in hidden for part in path.relative_to(ROOT).parts)
    ]  # fmt: skip
    assert {".".join(["dynascope", *folder.parts]) for folder in folders} == listed


@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings_run(name):
    outcome = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert outcome.failed == 0


def test_the_example_of_the_readme_runs(tmp_path):
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    code += (
        "\nimport xarray\nprint(xarray.open_dataset('mine.h5', group='recordings/session1', engine='h5netcdf').sizes)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "3 fixed points: 2 stable, 1 repeller" in answer.stdout


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        assert target.startswith("http") or (document.parent / target).exists(), target


def test_constraints_pin_every_requirement():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line]
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lines}
    wanted = [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["test"]]
    assert {re.split(r"[><=]", requirement)[0].lower() for requirement in wanted} <= pinned
    assert "torch==2.13.0" in lines


def test_nothing_can_execute_a_file():
    """No unpickling, no eval, torch.load of tensors only: files are data."""
    forbidden = re.compile(
        r"\bimport pickle\b|\bpickle\.|Unpickler|(?<!\.)\beval\(|(?<!\.)\bexec\("
        r"|torch\.load(?!\([^()]*weights_only=True)|allow_pickle=True|yaml"
    )
    for path in ROOT.rglob("*.py"):
        relative = path.relative_to(ROOT)
        if relative.parts[0] in ("tests", "build", "dist") or relative.parts[0].startswith("."):
            continue
        code = "\n".join(line for line in path.read_text().splitlines() if not line.lstrip().startswith("#"))
        assert not forbidden.search(code), relative
