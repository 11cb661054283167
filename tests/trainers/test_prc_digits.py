"""Spoken digits: binning, the user's files and damaged ones, the stand-in, and the task."""

import h5py
import numpy as np
import pytest
from making import rng

from dynascope.errors import ConfigurationError, InputError
from dynascope.trainers.config import as_mapping, build
from dynascope.trainers.loop import TrainingLoop, train
from dynascope.trainers.prc import SpokenDigits
from dynascope.trainers.prc.event_files import Events, count_recordings, read_events, write_events
from dynascope.trainers.prc.stand_in import draw_stand_in, write_stand_in
from dynascope.trainers.settings import Settings

SMALL = {"n_train": 60, "n_test": 25, "n_channels": 30, "n_speakers": 3, "n_test_speakers": 2}


def events(recordings, labels=None, speakers=None):
    """Events of recordings that are each a pair (times, units)."""
    times = np.concatenate([np.asarray(times, np.float64) for times, _ in recordings])
    units = np.concatenate([np.asarray(units, np.int64) for _, units in recordings])
    starts = np.cumsum([0, *(len(one[0]) for one in recordings)])
    labels = np.arange(len(recordings)) if labels is None else np.asarray(labels)
    return Events(times, units, starts, labels, speakers)


def some_events(n=150, n_channels=6, seed=0, latest=1.6):
    """Random recordings, some without events and some with late ones, in no order of time."""
    draws = rng(seed)
    sizes = draws.integers(0, 40, n)
    recordings = [(draws.uniform(0, latest, size), draws.integers(n_channels, size=size)) for size in sizes]
    return events(recordings, draws.integers(20, size=n), draws.integers(12, size=n))


def make(**options):
    return SpokenDigits(build(SpokenDigits.config_class, options, where="task"))


# --- Binning ----------------------------------------------------------------------------------------------------------


def test_published_edges_by_hand():
    """Edges are 1.4 / 99 = 14.14 ms apart; an event on an edge belongs to the step that begins there."""
    width = 1.4 / 99
    steps = {0.0: 1, 0.0141: 1, 0.0142: 2, width: 2, 50 * width + 1e-9: 51, 0.7: 50, 1.38: 98, 1.3999: 99}
    counts, late = events([(list(steps), [3] * len(steps))]).binned(100, 1.4, 5)
    wanted = np.zeros((1, 100, 5), np.uint8)
    for step in steps.values():
        wanted[0, step, 3] += 1
    assert np.array_equal(counts, wanted)
    assert counts.dtype == np.uint8
    assert late.tolist() == [0]


def test_few_edges_by_hand():
    """Edges 0, 0.5 and 1 s: steps 1 and 2; what comes at 1 s or later is left out and counted."""
    recordings = [([0.9, 0.0, 0.5, 0.49, 0.1], [0, 1, 1, 1, 1]), ([], []), ([1.0, 0.2, 7.0], [0, 0, 1])]
    counts, late = events(recordings).binned(3, 1.0, 2)
    assert counts[0].tolist() == [[0, 0], [0, 3], [1, 1]]
    assert counts[1].tolist() == [[0, 0], [0, 0], [0, 0]]
    assert counts[2].tolist() == [[0, 0], [1, 0], [0, 0]]
    assert late.tolist() == [0, 0, 2]


def test_binning_equals_a_plain_loop():
    given = some_events()
    counts, late = given.binned(12, 1.4, 6)
    wanted = np.zeros((150, 13, 6), int)
    edges = np.linspace(0, 1.4, 12)
    for row in range(150):
        for event in range(given.starts[row], given.starts[row + 1]):
            wanted[row, np.digitize(given.times[event], edges), given.units[event]] += 1
    assert np.array_equal(counts, wanted[:, :12])
    assert np.array_equal(late, wanted[:, 12].sum(1))
    assert late.sum() > 0


def test_a_byte_holds_at_most_255_events():
    full = ([0.2] * 255, [1] * 255)
    assert events([full]).binned(3, 1.0, 2)[0].max() == 255
    with pytest.raises(InputError, match=r"recording 1: found 256 events of channel 1 in step 1, expected at most 255"):
        events([full, ([0.2] * 256, [1] * 256)]).binned(3, 1.0, 2)


# --- Files ------------------------------------------------------------------------------------------------------------


def test_a_file_of_the_published_layout_comes_back(tmp_path):
    given = some_events(40)
    path = write_events(tmp_path / "shd.h5", given)
    found = read_events(path, n_channels=6, n_classes=20)
    assert count_recordings(path) == len(found) == 40
    assert found.times.dtype == np.float16
    assert np.array_equal(found.times, given.times.astype(np.float16))
    for name in ("units", "starts", "labels", "speakers"):
        assert np.array_equal(getattr(found, name), getattr(given, name)), name


@pytest.mark.parametrize("kinds", [("f8", "i8"), ("f4", "i2"), ("f2", "u1"), ("i4", "u4")])
def test_numbers_of_other_types_are_read(tmp_path, kinds):
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        for name, kind, values in zip(("times", "units"), kinds, ([2, 1], [3, 0]), strict=True):
            stored = file.create_dataset(f"spikes/{name}", (2,), h5py.vlen_dtype(np.dtype(kind)))
            stored[1] = np.array(values, kind)
        file["labels"] = np.array([7, 3], np.int8)
    found = read_events(path, n_channels=4, n_classes=8)
    assert found.times.tolist() == [2, 1]
    assert found.units.tolist() == [3, 0]
    assert found.starts.tolist() == [0, 0, 2]
    assert found.speakers is None


def rewritten(path, name, values, dtype=None):
    """Put other values in the place of a dataset."""
    with h5py.File(path, "a") as file:
        del file[name]
        if values is None:
            return
        if dtype is None:
            file[name] = values
            return
        stored = file.create_dataset(name, (len(values),), h5py.vlen_dtype(dtype))
        for row, one in enumerate(values):
            stored[row] = np.asarray(one, dtype)


@pytest.mark.parametrize(
    ("name", "values", "dtype", "message"),
    [
        ("labels", None, None, "found no labels"),
        ("spikes/times", None, None, "found no spikes/times"),
        ("spikes/units", None, None, "found no spikes/units"),
        ("labels", [0, 1, 8], None, "/labels: found 8 at recording 2, expected numbers from 0 to 7"),
        ("labels", [0, -1, 2], None, "/labels: found -1 at recording 1"),
        ("labels", [0.0, 1.0, 2.0], None, "values of type float64, expected whole numbers"),
        ("labels", [0, 1], None, "/spikes/times: found 3 recordings, expected 2, as many as labels"),
        ("labels", [[0], [1], [2]], None, "one entry per recording"),
        ("labels", np.zeros(0, int), None, "at least one"),
        ("extra/speaker", [1, 2], None, "extra/speaker: found 2 entries, expected 3"),
        ("extra/speaker", [1, -2, 2], None, "found -2 at recording 1, expected at least 0"),
        ("spikes/times", [[0.1], [0.2, 0.3], [0.1]], "f8", "recording 0: found other numbers of times and units"),
        ("spikes/times", [[0.1, 0.2], [0.3], [0.1]], "f8", "recording 1: found other numbers of times and units"),
        ("spikes/times", [[0.1, 0.1], [], [-0.1]], "f8", "recording 2: found a time that is negative"),
        ("spikes/times", [[0.1, np.nan], [], [0.1]], "f8", "recording 0: found a time that is negative or no number"),
        ("spikes/times", [[0.1, np.inf], [], [0.1]], "f8", "recording 0: found a time that is negative or no number"),
        (
            "spikes/units",
            [[0, 1], [], [4]],
            "i4",
            "recording 2: found a unit that is no channel, expected units from 0 to 3",
        ),
        ("spikes/units", [[0, -1], [], [3]], "i4", "recording 0: found a unit that is no channel"),
        (
            "spikes/units",
            [[0.0, 1.0], [], [3.0]],
            "f4",
            "/spikes/units: found values of type float32, expected an array of whole numbers",
        ),
        ("spikes/times", [[0.1, 0.2], [0.3, 0.1], [0.1, 0.1]], None, "expected one entry per recording"),
        ("spikes/times", [0.1, 0.2, 0.3], None, "expected an array of numbers per recording"),
        ("spikes/times", ["a", "b", "c"], None, "expected an array of numbers per recording"),
        ("spikes/times", [[0.1, 0.2], [], [0.1]], ">f4", "values of type >f4, .* in this machine's byte order"),
    ],
)
def test_other_contents_are_refused(tmp_path, name, values, dtype, message):
    path = tmp_path / "shd.h5"
    write_events(path, events([([0.2, 0.1], [0, 1]), ([], []), ([0.3], [3])], speakers=np.array([1, 1, 2])))
    rewritten(path, name, values, dtype)
    with pytest.raises(InputError, match=message) as error:
        read_events(path, n_channels=4, n_classes=8)
    assert str(path) in str(error.value)


def test_missing_and_damaged_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="not found; expected an HDF5 file"):
        read_events(tmp_path / "none.h5", n_channels=4, n_classes=8)
    (tmp_path / "text.h5").write_text("spikes")
    with pytest.raises(InputError, match=r"text\.h5"):
        read_events(tmp_path / "text.h5", n_channels=4, n_classes=8)
    whole = write_events(tmp_path / "whole.h5", some_events()).read_bytes()
    for length in (len(whole) // 4, len(whole) // 2, len(whole) - 100):
        (tmp_path / "cut.h5").write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"cut\.h5"):
            read_events(tmp_path / "cut.h5", n_channels=6, n_classes=20)


def test_links_out_of_the_file_are_not_followed(tmp_path):
    write_events(tmp_path / "secret.h5", some_events(3))
    path = write_events(tmp_path / "shd.h5", some_events(3))
    with h5py.File(path, "a") as file:
        del file["spikes/times"]
        file["spikes/times"] = h5py.ExternalLink("secret.h5", "/spikes/times")
    with pytest.raises(InputError, match="an external link"):
        read_events(path, n_channels=6, n_classes=20)


def test_one_array_that_stands_for_many_is_counted_as_often(tmp_path, monkeypatch):
    """Many recordings may refer to the same bytes: the budget counts what arrives in memory."""
    from dynascope.readers import guest

    path = write_events(tmp_path / "shd.h5", events([([0.1] * 4000, [0] * 4000)] * 40, np.zeros(40, int)))
    opened = guest.Guest.__init__

    def poor(self, path):
        opened(self, path, 200_000)

    monkeypatch.setattr(guest.Guest, "__init__", poor)
    with pytest.raises(InputError, match="more than 200000 bytes"):
        read_events(path, n_channels=6, n_classes=20)


# --- The stand-in -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def corpus():
    """The training and the test part of the default stand-in, and their counts."""
    task = make()
    return task, task.training_set(1024, rng()), task.validation_set(256, rng())


def test_stand_in_is_about_as_dense_as_the_published_recordings(corpus):
    """About 8 000 events on 700 channels, nearly all of them alone in their step."""
    _, training, _ = corpus
    sizes = training.inputs.sum((1, 2), dtype=int)
    assert sizes.mean() == pytest.approx(7700, rel=0.1)
    assert sizes.std() / sizes.mean() > 0.1
    assert 0.05 < (training.inputs > 0).mean() < 0.12
    assert not training.inputs[:, 0].any()
    assert training.columns["late_events"].sum() == 0
    counts = np.bincount(training.columns["label"], minlength=20)
    assert counts.min() >= 51
    assert counts.max() <= 52


def coarse(trials, n_times=10, n_places=70):
    """Square roots of the counts in coarser bins, (trial, feature)."""
    inputs = trials.inputs.reshape(len(trials), n_times, 100 // n_times, n_places, -1)
    return np.sqrt(inputs.sum((2, 4), dtype=float)).reshape(len(trials), -1)


def test_stand_in_is_learnable_but_not_trivial(corpus):
    """A linear readout is far above chance, not perfect, and better on speakers that it has heard."""
    from sklearn.linear_model import RidgeClassifier

    _, training, test = corpus
    features, label = coarse(training), training.columns["label"]
    readout = RidgeClassifier(10.0).fit(features[:768], label[:768])
    heard = readout.score(features[768:], label[768:])
    unheard = readout.score(coarse(test), test.columns["label"])
    assert 0.4 < unheard < heard < 0.9
    assert readout.score(features[:768], label[:768]) > 0.95


def test_stand_in_says_what_it_is_and_its_test_speakers_are_new(corpus):
    _, training, test = corpus
    assert set(training.columns["corpus"]) == set(test.columns["corpus"]) == {"stand-in"}
    assert set(training.columns["speaker"]) == set(range(10))
    assert set(test.columns["speaker"]) == set(range(10, 14))
    assert set(training.columns["split"]) == {"train"}
    assert set(test.columns["split"]) == {"test"}


def test_stand_in_is_fixed_by_its_seed():
    options = {"name": "train", "n_channels": 30}
    one, same = (draw_stand_in(30, range(3), seed=1, **options) for _ in range(2))
    assert np.array_equal(one.times, same.times)
    assert np.array_equal(one.units, same.units)
    assert np.array_equal(one.labels, same.labels)
    other = draw_stand_in(30, range(3), seed=2, **options)
    assert not np.array_equal(one.labels, other.labels)
    assert len(one.times) != len(draw_stand_in(30, range(3), seed=1, name="test", n_channels=30).times)


def test_stand_in_file_gives_the_trials_that_memory_gives(tmp_path):
    parts = {"train": (60, range(3)), "test": (25, range(3, 5))}
    paths = {
        f"{name}_file": str(write_stand_in(tmp_path / f"{name}.h5", *part, name=name, n_channels=30))
        for name, part in parts.items()
    }
    made, read = make(**SMALL), make(**paths, n_channels=30)
    for name, size in (("training_set", 60), ("validation_set", 25)):
        wanted, found = (getattr(task, name)(size, rng()) for task in (made, read))
        assert np.array_equal(wanted.inputs, found.inputs)
        assert set(found.columns["corpus"]) == {"stand-in"}  # the file says so itself
        for column in wanted.columns:
            assert np.array_equal(wanted.columns[column], found.columns[column]), column


def test_more_classes_than_words_are_refused():
    with pytest.raises(InputError, match="at most 1000 classes, found 1001"):
        draw_stand_in(5, range(2), name="train", seed=0, n_classes=1001)


# --- The task ---------------------------------------------------------------------------------------------------------


def user_files(folder, n_train=12, n_test=7):
    """Two small files as a user may have them."""
    found = {}
    for seed, (name, size) in enumerate({"train": n_train, "test": n_test}.items()):
        found[f"{name}_file"] = str(write_events(folder / f"shd_{name}.h5", some_events(size, seed=seed)))
    return found


def test_recordings_come_in_the_order_of_the_file(tmp_path):
    files = user_files(tmp_path)
    task = make(**files, n_channels=6)
    given = read_events(files["train_file"], n_channels=6, n_classes=20)
    counts, late = given.binned(100, 1.4, 6)
    trials = task.training_set(9, rng())
    assert np.array_equal(trials.inputs, counts[:9])
    columns = trials.columns
    assert columns["recording"].tolist() == list(range(9))
    assert np.array_equal(columns["label"], given.labels[:9])
    assert np.array_equal(columns["speaker"], given.speakers[:9])
    assert np.array_equal(columns["late_events"], late[:9])
    assert late[:9].any()
    assert set(columns["corpus"]) == {"shd_train.h5"}
    assert np.array_equal(trials.targets[:, 50].argmax(-1), columns["label"])
    assert trials.epochs == {"stimulus": (0.0, pytest.approx(0.1))}
    assert (task.n_inputs, task.n_outputs, task.dt) == (6, 20, 1e-3)


def test_labels_are_ten_digits_in_two_languages():
    task = make(**{**SMALL, "n_train": 40})
    columns = task.training_set(40, rng()).columns
    assert sorted(columns["label"]) == sorted([*range(20), *range(20)])
    for label, digit, language in zip(columns["label"], columns["digit"], columns["language"], strict=True):
        assert digit == label % 10
        assert language == ("English" if label < 10 else "German")
    assert "digit" not in make(**SMALL, n_classes=5).training_set(4, rng()).columns


def test_test_recordings_are_never_drawn_for_training():
    task = make(**SMALL)
    assert set(task.draw(50, rng()).columns["split"]) == {"train"}
    assert set(task.draw(500, rng()).columns["recording"]) == set(range(60))
    assert not np.array_equal(task.draw(50, rng(1)).inputs, task.draw(50, rng(2)).inputs)


def test_archives_show_test_recordings_each_once():
    task = make(**SMALL)
    shown = task.export_set(10, rng(5)).columns
    assert set(shown["split"]) == {"test"}
    assert len(set(shown["recording"])) == 10
    assert sorted(shown["recording"]) == shown["recording"].tolist()
    assert shown["recording"].tolist() == task.export_set(10, rng(5)).columns["recording"].tolist()
    assert task.export_set(10, rng(6)).columns["recording"].tolist() != shown["recording"].tolist()
    assert task.export_set(128, rng()).columns["recording"].tolist() == list(range(25))


def test_more_recordings_than_there_are_are_refused():
    task = make(**SMALL)
    with pytest.raises(ConfigurationError, match=r"training\.n_trials = 61: there are 60 train recordings"):
        task.training_set(61, rng())
    with pytest.raises(ConfigurationError, match=r"training\.validation_trials = 26: there are 25 test recordings"):
        task.validation_set(26, rng())


def test_settings_follow_the_recordings_and_name_the_files(tmp_path):
    settings = Settings.resolve("prc", "digits", {"task": {**user_files(tmp_path), "n_channels": 6}})
    assert (settings.training.n_trials, settings.training.validation_trials) == (12, 7)
    assert (settings.training.batch_size, settings.training.optimizer) == (256, "adamax")
    assert (settings.training.epochs, settings.training.log) == (200, "during")
    assert (settings.model["n_units"], settings.model["n_inputs"], settings.model["n_outputs"]) == (200, 6, 20)
    assert len(settings.task["train_digest"]) == len(settings.task["test_digest"]) == 64
    assert settings.task["bin_width"] == pytest.approx(0.0141414, rel=1e-5)
    assert Settings.from_mapping(settings.as_mapping()).get_task().config == settings.get_task().config
    own = {"task": SMALL, "training": {"n_trials": 20, "validation_trials": 0}}
    assert Settings.resolve("prc", "digits", own).training.n_trials == 20
    assert Settings.resolve("prc", "digits").training.n_trials == 1024


def test_files_that_have_changed_are_refused(tmp_path):
    files = user_files(tmp_path)
    kept = as_mapping(make(**files).config)
    write_events(files["test_file"], some_events(7, seed=9))
    with pytest.raises(ConfigurationError, match=r"task\.test_file: .*shd_test\.h5 has the digest .* expected"):
        make(**kept)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train_file": "shd_train.h5"}, r"task\.train_file without task\.test_file"),
        ({"test_file": "shd_test.h5"}, r"task\.test_file without task\.train_file"),
        ({"train_file": "none.h5", "test_file": "none.h5"}, "none.h5: not found"),
        ({"train_digest": "ab"}, "the stand-in has the digest of no file, expected ab"),
        ({"n_steps": 1}, "at least 2"),
        ({"n_classes": 1}, "at least 2"),
        ({"n_channels": 70000}, "from 1 to 65536"),
        ({"bin_width": 0.01}, "leave it out"),
        ({"duration": 0.0}, "above 0"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        make(**options)


def test_all_networks_hear_the_same_and_learn():
    tables = {
        "task": {**SMALL, "n_train": 100, "n_classes": 4},
        "model": {"kind": "no_bap", "n_units": 20},
        "training": {"epochs": 12, "batch_size": 25, "learning_rate": 0.005},
    }
    settings = Settings.resolve("prc", "digits", tables, seed=1, members=2)
    loop = TrainingLoop(settings)
    inputs = loop.source.trials.inputs
    assert np.array_equal(inputs[0], inputs[1])
    assert np.array_equal(loop.validation.inputs[0], loop.validation.inputs[1])
    found = train(settings)
    assert (found.log["loss"][-1] < found.log["loss"][0] / 2).all()
    assert (found.log["performance"][-1] > 0.8).all()
    assert {"ties", "validation_ties", "validation_performance"} <= set(found.log)
