"""The demo, with little training: every command runs, and the page stands on its own."""

import html
import json
import re

import pytest

from dynascope.cli.main import run
from dynascope.reproductions import demo
from dynascope.reproductions.report import Page


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("demo")
    assert run(["demo", "-o", str(made), "--epochs", "60", "--quiet"]) == 0
    return made


def test_the_page_needs_nothing_from_outside(folder):
    page = (folder / "index.html").read_text()
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert page.count("data:image/png;base64,") == 3 + len(demo.NETWORKS)


def test_the_page_shows_every_command_and_they_are_the_ones_that_ran(folder):
    page = html.unescape((folder / "index.html").read_text())
    made = demo.steps(folder, epochs=60)
    assert all(step.command in page for step in made)
    assert {step.arguments[0] for step in made} == {"train", "export", "fixedpoints", "cka"}


def test_every_archive_and_result_is_there(folder):
    names = {path.name for path in folder.iterdir()}
    assert {f"{network.name}.h5" for network in demo.NETWORKS} <= names
    results = {path.name for path in (folder / "results").iterdir()}
    assert {f"fixed_points-{network.name}.{kind}" for network in demo.NETWORKS for kind in ("h5", "png")} <= results
    assert {"cka.h5", "cka.png", "task.png", "training.png"} <= results


def test_running_it_again_repeats_no_training_and_prints_one_object(folder, capfd):
    states = {path: path.stat().st_mtime_ns for path in folder.glob("runs/*/state.h5")}
    capfd.readouterr()
    assert run(["demo", "-o", str(folder), "--epochs", "60", "--quiet", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["page"] == str(folder / "index.html")
    assert states == {path: path.stat().st_mtime_ns for path in folder.glob("runs/*/state.h5")}


def test_text_is_escaped(tmp_path):
    page = Page("<script>", "a & b")
    page.table(["<x>"], [["1 < 2"]])
    text = page.write(tmp_path / "p.html").read_text()
    assert "<script>" not in text
    assert "1 &lt; 2" in text
