"""The map of commands: quick, complete, and teaching by example."""

import os
import shlex
import subprocess
import sys

import click
import pytest

from dynascope.cli.main import COMMANDS, cli, run

HEAVY = ("torch", "sklearn", "matplotlib", "numpy", "h5py", "scipy", "numba")


def python(*arguments, **options):
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, env=environment, **options
    )


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from dynascope.cli.main import run; run(['--help']);"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    answer = python("-c", code)
    assert answer.stderr.strip() == "[]"
    assert all(name in answer.stdout for name in COMMANDS)


def test_the_module_is_the_command():
    answer = python("-m", "dynascope.cli", "--version")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.startswith("dynascope, version")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_an_example(name, capfd):
    assert run([name, "--help"]) == 0
    text = capfd.readouterr().out
    assert "Example" in text
    assert f"dynascope {name}" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_of_a_help_parse(name):
    group = click.Context(cli)
    text = cli.get_command(group, name).help.partition("Example")[2]
    lines = [line.strip() for line in text.splitlines() if line.strip().startswith("dynascope ")]
    assert lines
    for line in lines:
        _, chosen, *words = shlex.split(line.partition("&&")[0].partition(">>")[0])
        assert chosen == name
        cli.get_command(group, chosen).make_context(chosen, words)


def test_choices_are_those_of_the_analyses():
    from dynascope.analysis.decoding import classifiers
    from dynascope.analysis.psth import assignment
    from dynascope.analysis.similarity_measures import MEASURES
    from dynascope.cli import decode, similarity, stage_options

    assert set(decode.CLASSIFIERS) == set(classifiers.CLASSIFIERS)
    assert set(similarity.MEASURES) == {"cka", *MEASURES}
    assert stage_options.MODES == assignment.MODES


@pytest.mark.parametrize("name", COMMANDS)
def test_the_map_says_what_the_command_is(name):
    command = cli.get_command(click.Context(cli), name)
    assert isinstance(command, click.Command)
    assert command.name == name


def test_no_arguments_shows_the_map_with_exit_code_2(capfd):
    assert run([]) == 2
    assert "Commands:" in capfd.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_lines(shell, capfd):
    assert run(["completion", shell]) == 0
    assert f"_DYNASCOPE_COMPLETE={shell}_source" in capfd.readouterr().out


def test_completion_completes_command_names():
    from click.shell_completion import BashComplete

    found = BashComplete(cli, {}, "dynascope", "_DYNASCOPE_COMPLETE").get_completions([], "fix")
    assert [item.value for item in found] == ["fixedpoints"]


def test_a_bug_leaves_a_log_and_exit_code_70(monkeypatch, capfd):
    def broken(*_, **__):
        raise ZeroDivisionError("a slip of ours")

    monkeypatch.setattr(cli, "main", broken)
    assert run(["info", "x"]) == 70
    line = capfd.readouterr().err.strip()
    assert line.count("\n") == 0
    log = line.rpartition(" ")[2]
    with open(log) as file:
        assert "ZeroDivisionError: a slip of ours" in file.read()
    os.unlink(log)


def test_too_little_memory_is_no_bug(monkeypatch, capfd):
    def greedy(*_, **__):
        raise MemoryError("Unable to allocate 7 TiB")

    monkeypatch.setattr(cli, "main", greedy)
    assert run(["info", "x"]) == 1
    assert capfd.readouterr().err == "dynascope: not enough memory (Unable to allocate 7 TiB)\n"


def test_interruption_is_130(monkeypatch, capfd):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "main", interrupted)
    assert run(["info", "x"]) == 130
