"""``dynascope periods`` on small archives made by hand."""

import json

import numpy as np
import pytest

from dynascope.analysis import PeriodActivity, PeriodComparison, compare_periods, period_activity
from dynascope.readers import Recording, write_archive

TIME = 0.05 * np.arange(30)
CUES = np.tile(np.arange(4), 6)
EPOCHS = {"fix": (0.0, 0.5), "cue": (0.5, 0.8), "delay": (0.8, 1.5)}
STEPS = ((0.2, 0.0), (0.5, 1.0), (0.9, 2.0), (1.0, 2.0))


def activity(seed, gain):
    rng = np.random.default_rng(seed)
    shape = np.cos((CUES[:, np.newaxis] - np.arange(6) % 4) * np.pi / 2)
    found = 4 + 0.3 * rng.standard_normal((24, 30, 6)) + gain * shape[:, np.newaxis] * (TIME >= 0.5)[:, np.newaxis]
    found[:, TIME >= 0.8, 5] = 4 + 0.3 * rng.standard_normal((24, 14))  # this one forgets the cue
    return found


def training(path, name, seed):
    found = {}
    for number, (performance, gain) in enumerate(STEPS):
        attrs = {"performance": performance, "trials_seen": 1280 * number, "rule": "odr"}
        found[f"{1280 * number}"] = Recording(
            activity(seed + number, gain), TIME, trials={"cue": CUES}, epochs=EPOCHS, attrs=attrs
        )
    return write_archive(path / f"{name}.h5", found)


def expected(seeds, **options):
    runs = [activity(10 * seed + number, gain) for seed in seeds for number, (_, gain) in enumerate(STEPS)]
    return period_activity(
        runs, time=TIME, labels=CUES, stages=["early", "mid", "mature", "mature"] * len(seeds),
        networks=np.repeat(seeds, 4), trials_seen=np.tile(1280 * np.arange(4), len(seeds)), epoch=(0.5, 0.8), **options,
    )  # fmt: skip


COMMON = ("--label", "cue", "--preferred", "cue")


def test_activity_in_an_epoch_by_stage(call, tmp_path):
    paths = [training(tmp_path, f"net{seed}", 10 * seed) for seed in range(3)]
    code, text, err = call("periods", *paths, *COMMON, "--measure", "delay", "--baseline", "fix", "-o", tmp_path / "p")
    assert (code, err.strip()) == (0, "12 checkpoints of 3 network(s)")
    found = PeriodActivity.load(tmp_path / "p.h5")
    other = expected([0, 1, 2], measure=(0.8, 1.5), baseline=(0.0, 0.5))
    np.testing.assert_allclose(found.values, other.values)
    np.testing.assert_allclose(found.difference_low, other.difference_low)
    np.testing.assert_allclose(found.mean, 5 / 6 * np.arange(3), atol=0.2)
    assert (found.period, found.drawn) == ("delay", "networks")
    assert text.strip() == found.summary()
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".h5") == ["p.png"]
    assert not (tmp_path / "p-pairs.h5").exists()


def test_published_selection_in_a_window_with_the_matrix_of_pairs(call, tmp_path):
    path = training(tmp_path, "one", 0)
    code, text, _ = call(
        "periods", path, *COMMON, "--measure", "1.0:1.25", "--mode", "published", "--population", "selective",
        "--responsive", "delay", "--normalize", "baseline", "--baseline", "fix", "--chosen", "all", "--test",
        "published", "--direction", "opposite", "--pairs", "--adjustment", "holm", "--json", "-o", tmp_path / "p",
    )  # fmt: skip
    assert code == 0
    values = json.loads(text)
    other = expected(
        [0], measure=(1.0, 1.25), mode="published", population="selective", responsive_epoch=(0.8, 1.5),
        normalize="baseline", baseline=(0.0, 0.5), chosen="all", test="published", direction="opposite",
    )  # fmt: skip
    np.testing.assert_allclose(PeriodActivity.load(tmp_path / "p.h5").mean, other.mean)
    assert values["periods"]["p_value"] == pytest.approx(other.p_value)
    pairs = PeriodComparison.load(tmp_path / "p-pairs.h5")
    assert pairs.names == ("0_0.20", "1280_0.50", "2560_0.90", "3840_1.00")
    again = compare_periods(other.of_checkpoints(), adjustment="holm")
    np.testing.assert_allclose(pairs.adjusted_p_values, again.adjusted_p_values)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--measure", "delai"], "unknown epoch 'delai': did you mean 'delay'"),
        (["--measure", "a:b"], "--measure a:b: expected an epoch, or START:STOP in seconds"),
        (["--measure", "delay", "--adjustment", "holm"], "--adjustment: needs --pairs"),
        (["--measure", "delay", "--normalize", "baseline"], "normalize='baseline' needs baseline"),
        (["--measure", "delay", "--recording", "0"], "all recordings of a network are looked at"),
        (["--measure", "5:6"], "measure"),
    ],
)
def test_bad_input_is_one_line_and_code_2(options, words, call, tmp_path):
    code, out, err = call("periods", training(tmp_path, "net", 0), *COMMON, "-o", tmp_path / "p", "--quiet", *options)
    assert (code, out) == (2, "")
    assert words in err
    assert err.strip().count("\n") == 0
