"""A tiny trained run and its archives, made once by the commands themselves."""

import pytest

from dynascope.cli.main import run

TINY = [
    "--set",
    "model.n_units=8",
    "--set",
    "task.n_steps=20",
    "--set",
    "training.n_trials=16",
    "--set",
    "training.epochs=8",
]


@pytest.fixture(scope="session")
def workshop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workshop")
    for kind in ("lowrank_rnn", "lowrank_tbrnn", "rnn"):
        arguments = [
            "train",
            "three_body",
            "flip_flop",
            "--set",
            f"model.kind={kind}",
            *TINY,
            "-o",
            f"{folder}/{kind}",
        ]
        assert run([*arguments, "--quiet"]) == 0
        assert (
            run(
                [
                    "export",
                    f"{folder}/{kind}",
                    "--network",
                    "0",
                    "--trials",
                    "12",
                    "-o",
                    f"{folder}/{kind}.h5",
                ]
            )
            == 0
        )
    return folder


@pytest.fixture
def call(capfd):
    """Run a command line; return its exit code, stdout and stderr."""

    def made(*arguments):
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return made
