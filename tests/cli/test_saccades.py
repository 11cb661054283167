"""``dynascope saccades`` on small archives made by hand."""

import json

import numpy as np
import pytest

from dynascope.analysis import SaccadeErrors, saccade_errors
from dynascope.readers import Recording, write_archive

PERFORMANCE = (0.2, 0.5, 0.9, 1.0)


def errors(seed, number):
    return np.abs(np.random.default_rng((seed, number)).vonmises(0, 0.2 + 5 * number, 40))


def training(path, name, seed, rules=("gap",)):
    found = {}
    for rule in rules:
        for number, performance in enumerate(PERFORMANCE):
            own = errors(seed, number)
            columns = {
                "error": (own, "rad"), "cue_error": (np.pi - own, "rad"), "reaction_time": (own / 10, "s"),
                "correct": own < 1, "side": np.tile([0, 1], 20),
            }  # fmt: skip
            attrs = {"performance": performance, "trials_seen": 1280 * number, "rule": rule}
            activity = np.zeros((40, 3, 2), np.float32)
            found[f"{1280 * number}/{rule}"] = Recording(activity, 0.1 * np.arange(3), trials=columns, attrs=attrs)
    return write_archive(path / f"{name}.h5", found)


def expected(seeds, kept=slice(None), **options):
    runs = [errors(seed, number)[kept] for seed in seeds for number in range(4)]
    return saccade_errors(
        runs, ["early", "mid", "mature", "mature"] * len(seeds), networks=np.repeat(seeds, 4), **options
    )


def test_errors_of_several_networks_by_stage(call, tmp_path):
    paths = [training(tmp_path, f"net{seed}", seed, ("gap", "odr")) for seed in range(3)]
    code, text, err = call("saccades", *paths, "--rule", "gap", "--also", "reaction_time", "-o", tmp_path / "s")
    assert (code, err.strip()) == (0, "12 checkpoints of 3 network(s)")
    found = SaccadeErrors.load(tmp_path / "s.h5")
    other = expected([0, 1, 2])
    np.testing.assert_allclose(found.fraction, other.fraction)
    np.testing.assert_allclose(found.low[..., :3], other.low)
    assert (found.stages, found.measures[-1], found.relative_to) == (
        ("early", "mid", "mature"), "reaction_time", "target",
    )  # fmt: skip
    assert text.strip() == found.summary()
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")


def test_errors_to_the_cue_in_groups_of_chosen_trials(call, tmp_path):
    path = training(tmp_path, "net", 5)
    code, text, _ = call(
        "saccades", path, "--error", "cue_error", "--by", "side", "--where", "side=1", "--bins", "10", "--json",
        "-o", tmp_path / "s", "--format", "svg", "--stage-mode", "matched", "--quiet",
    )  # fmt: skip
    assert code == 0
    values = json.loads(text)
    assert (values["groups"], values["relative_to"], values["drawn"]) == (["1"], "cue", "checkpoints")
    assert (values["stages"], len(values["fraction"][0][0])) == (["mature"], 10)
    # Matched to 0.95: the checkpoints of performance 0.9 and 1.0, here as many trials of each.
    near = [np.pi - errors(5, number)[1::2] for number in (2, 3)]
    np.testing.assert_allclose(values["value"][-1][0][1], np.mean(near))
    assert (tmp_path / "s.svg").is_file()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--error", "eror"], "unknown trial column 'eror': did you mean 'error'"),
        (["--rule", "odr"], "of the rule 'odr' (found: gap)"),
        (["--recording", "0/gap"], "--recording 0/gap: all recordings of a network are looked at"),
        (["--epoch", "go"], "--epoch go: all recordings"),
        (["--checkpoints", "all"], "holds no checkpoints"),
    ],
)
def test_bad_input_is_one_line_and_code_2(options, words, call, tmp_path):
    code, out, err = call("saccades", training(tmp_path, "net", 0), "-o", tmp_path / "s", "--quiet", *options)
    assert (code, out) == (2, "")
    assert words in err
    assert err.strip().count("\n") == 0
