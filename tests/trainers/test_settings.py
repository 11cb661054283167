"""Settings: what is accepted, what is refused and in which words."""

import pytest

from dynascope.errors import ConfigurationError
from dynascope.trainers import config
from dynascope.trainers.settings import Settings
from dynascope.trainers.sweeps.grid import read_grid

REFUSED = [
    ("three_bodies", "flip_flop", {}, "unknown model family 'three_bodies': did you mean 'three_body'"),
    ("three_body", "flipflop", {}, "did you mean 'flip_flop'"),
    ("three_body", "flip_flop", {"modle": {}}, "unknown table 'modle': did you mean 'model'"),
    (
        "three_body",
        "flip_flop",
        {"model": {"ranks": 2}},
        r"unknown option in \[model\] 'ranks': did you mean 'rank'",
    ),
    ("three_body", "flip_flop", {"model": {"rank": 0}}, "model.rank = 0: expected a number above 0"),
    ("three_body", "flip_flop", {"model": {"rank": 31}}, "model.rank = 31: expected at most n_units = 30"),
    ("three_body", "flip_flop", {"model": {"rank": 1.5}}, "model.rank = 1.5: expected a whole number"),
    ("three_body", "flip_flop", {"model": {"rank": True}}, "model.rank = True: expected a whole number"),
    (
        "three_body",
        "flip_flop",
        {"model": {"alpha": float("nan")}},
        "model.alpha = nan: expected a finite number",
    ),
    (
        "three_body",
        "flip_flop",
        {"model": {"alpha": 1.5}},
        r"model.alpha = 1.5: expected a number in \(0, 1\]",
    ),
    ("three_body", "flip_flop", {"model": {"kind": "lowrank_tbrn"}}, "did you mean 'lowrank_tbrnn'"),
    ("three_body", "flip_flop", {"model": {"hard_orth": True}}, "hard_orth works on kind lowrank_tbrnn"),
    (
        "three_body",
        "flip_flop",
        {"model": {"readout": "identity", "n_units": 1, "kind": "rnn"}, "task": {"n_bits": 2}},
        "expected n_units of at least 2, found 1",
    ),
    ("three_body", "flip_flop", {"task": {"n_steps": 0}}, "task.n_steps = 0: expected a number above 0"),
    (
        "three_body",
        "flip_flop",
        {"training": {"rule": "bpt"}},
        "unknown learning rule of family three_body 'bpt': did you mean 'bptt'",
    ),
    (
        "three_body",
        "flip_flop",
        {"training": {"epochs": -1}},
        "training.epochs = -1: expected a number at least 0",
    ),
    ("three_body", "flip_flop", {"training": 3}, "'training': expected a table of options, found 3"),
]


@pytest.mark.parametrize(("family", "task", "tables", "words"), REFUSED)
def test_impossible_settings_are_refused(family, task, tables, words):
    with pytest.raises(ConfigurationError, match=words):
        Settings.resolve(family, task, tables)


def test_defaults_are_those_of_the_published_teachers():
    made = Settings.resolve("three-body", "flip-flop", {"task": {"n-bits": 3}})
    assert made.model["rank"] == 3
    assert (made.model["n_inputs"], made.model["n_outputs"]) == (3, 3)
    training = made.training
    assert (training.learning_rate, training.learning_rate_end, training.epochs) == (1e-2, 1e-3, 20_000)
    assert training.learning_rate_at(10_000) == pytest.approx(5.5e-3)
    assert Settings.resolve("three_body", "sine").model["output_bias"] is True


def test_identity_follows_the_settings_and_survives_the_round_trip():
    first = Settings.resolve("three_body", "flip_flop", seed=1)
    assert Settings.from_mapping(first.as_mapping()).identity == first.identity
    assert Settings.resolve("three_body", "flip_flop", seed=2).identity != first.identity


def test_rules_have_options_of_their_own():
    tables = {"training": {"rule": "mdgl"}, "rule": {"modulatory_gain": 20.0}}
    settings = Settings.resolve("spiking", "evidence", tables)
    assert settings.rule["modulatory_gain"] == 20.0
    assert settings.get_family().rule("mdgl", settings.rule).options.modulatory_gain == 20.0
    assert Settings.from_mapping(settings.as_mapping()) == settings
    assert settings.identity != Settings.resolve("spiking", "evidence", {"training": {"rule": "mdgl"}}).identity
    with pytest.raises(ConfigurationError, match=r"unknown option in \[rule\] 'modulatory_gian'.*modulatory_gain"):
        Settings.resolve("spiking", "evidence", {"rule": {"modulatory_gian": 2}})
    with pytest.raises(ConfigurationError, match=r"unknown option in \[rule\] 'form'"):
        Settings.resolve("three_body", "flip_flop", {"rule": {"form": "online"}})


def test_a_grid_can_vary_the_options_of_a_rule():
    grid = {
        "family": "spiking",
        "task_name": "evidence",
        "training": {"rule": "mdgl"},
        "grid": {"rule.modulatory_gain": [1, 20]},
    }
    assert [task.payload["settings"]["rule"]["modulatory_gain"] for task in read_grid(grid)] == [1.0, 20.0]


def test_later_layers_override_earlier_ones():
    tables = config.merged(
        {"model": {"rank": 1, "n-units": 5}}, config.parse_assignments(["model.rank=2", "model.kind=tbrnn"])
    )
    assert tables == {"model": {"rank": 2, "n_units": 5, "kind": "tbrnn"}}


@pytest.mark.parametrize("text", ["rank=2", "model.rank", "model.=2", "=3"])
def test_malformed_assignments_are_refused(text):
    with pytest.raises(ConfigurationError, match=r"expected TABLE.KEY=VALUE"):
        config.parse_assignments([text])


def test_unreadable_files_are_refused(tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text("model = [")
    with pytest.raises(ConfigurationError, match=r"bad.toml: not a TOML file"):
        config.read_toml(bad)
    with pytest.raises(ConfigurationError, match="cannot read this configuration"):
        config.read_toml(tmp_path / "absent.toml")
