"""Classification of spoken digits: the user's copy of the Spiking Heidelberg Digits, or a synthetic stand-in."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ConfigurationError
from ...results import Array
from ..config import positive
from ..task import Trials, one_hot
from .event_files import count_recordings, file_digest, read_events
from .stand_in import draw_stand_in
from .tasks import PeakDecision

#: labels 0 to 9 are the digits in English, 10 to 19 in German
LANGUAGES = ("English", "German")


@dataclasses.dataclass(frozen=True)
class DigitsConfig:
    """Options of spoken digits.

    Attributes
    ----------
    train_file, test_file : the user's files, both or neither; empty is the synthetic stand-in, which is no speech
    train_digest, test_digest : filled in from the files, so that settings name what they were run on
    n_train, n_test, n_speakers, n_test_speakers : recordings of the stand-in and their speakers, who are all different
    corpus_seed : seed of the stand-in, which is the same for all networks of a run and all runs
    n_channels, n_classes : channels and labels
    n_steps, duration : steps of a trial, and the recorded time in seconds from which on events are left out
    bin_width : recorded time in seconds that a step stands for, filled in
    dt : step in seconds as the network takes it. Published networks take 1 ms for 14.1 ms of sound
    """

    train_file: str = ""
    test_file: str = ""
    train_digest: str = ""
    test_digest: str = ""
    n_train: int = positive(1024)
    n_test: int = positive(256)
    n_speakers: int = positive(10)
    n_test_speakers: int = positive(4)
    corpus_seed: int = positive(0, zero=True)
    n_channels: int = positive(700)
    n_classes: int = positive(20)
    n_steps: int = positive(100)
    duration: float = positive(1.4)
    bin_width: float | None = positive(None)
    dt: float = positive(1e-3)

    def __post_init__(self) -> None:
        for name, least, most in (("n_steps", 2, None), ("n_classes", 2, None), ("n_channels", 1, 2**16)):
            value = getattr(self, name)
            if value < least or (most is not None and value > most):
                bound = f"at least {least}" if most is None else f"from {least} to {most}"
                raise ConfigurationError(f"task.{name} = {value}: expected {bound}")
        if bool(self.train_file) != bool(self.test_file):
            given, missing = ("train", "test") if self.train_file else ("test", "train")
            raise ConfigurationError(f"task.{given}_file without task.{missing}_file: expected both, or neither")
        width = self.duration / (self.n_steps - 1)
        if self.bin_width not in (None, width):
            raise ConfigurationError(f"task.bin_width = {self.bin_width}: it is {width} here; leave it out")
        object.__setattr__(self, "bin_width", width)
        for part in ("train", "test"):
            self._fill_in_digest(part)

    def _fill_in_digest(self, part: str) -> None:
        path, known = getattr(self, f"{part}_file"), getattr(self, f"{part}_digest")
        found = file_digest(path) if path else ""
        if known not in ("", found):
            raise ConfigurationError(
                f"task.{part}_file: {path or 'the stand-in'} has the digest {found or 'of no file'}, expected {known}: "
                "the recordings are others than those this run began with"
            )
        object.__setattr__(self, f"{part}_digest", found)

    def sizes(self) -> tuple[int, int]:
        """Return how many recordings there are for training and for the test."""
        if self.train_file:
            return count_recordings(self.train_file), count_recordings(self.test_file)
        return self.n_train, self.n_test


@dataclasses.dataclass(frozen=True, eq=False)
class _Part:
    """Recordings for training or for the test: counts (recording, step, channel) and columns of length recording."""

    counts: Array
    columns: dict[str, Array]


@functools.lru_cache(maxsize=2)
def _read_part(config: DigitsConfig, part: str) -> _Part:
    """Return a part of the recordings; a second training or test part in memory would be large."""
    path = getattr(config, f"{part}_file")
    if path:
        events = read_events(path, n_channels=config.n_channels, n_classes=config.n_classes)
    else:
        first, count = {"train": (0, config.n_speakers), "test": (config.n_speakers, config.n_test_speakers)}[part]
        events = draw_stand_in(
            getattr(config, f"n_{part}"),
            range(first, first + count),
            name=part,
            seed=config.corpus_seed,
            n_channels=config.n_channels,
            n_classes=config.n_classes,
            duration=config.duration,
        )
    counts, late = events.binned(config.n_steps, config.duration, config.n_channels)
    columns: dict[str, Any] = {"recording": np.arange(len(events)), "label": events.labels}
    if config.n_classes == 10 * len(LANGUAGES):
        columns |= {"digit": events.labels % 10, "language": np.array(LANGUAGES)[events.labels // 10]}
    if events.speakers is not None:
        columns["speaker"] = events.speakers
    corpus = events.source or Path(path).name
    columns |= {name: np.full(len(events), value) for name, value in (("split", part), ("corpus", corpus))}
    return _Part(counts, {**columns, "late_events": late})


class SpokenDigits(PeakDecision):
    """Say which of 20 classes a recording is, the digits in English and in German.

    Inputs are counts of events, uint8 (trial, time, channel): see :meth:`Events.binned`. Columns: ``recording``, its
    place in the file, ``label``, ``digit``, ``language``, ``speaker``, ``split``, ``corpus`` (the name of the file, or
    "stand-in"), and ``late_events``, how many came too late to count. Chance is 0.05 and a loss of ln 20 = 3.0.

    Source: Harkin et al., Neuroscience 489:200 (2022), figure 8, which leaves out what does not fill a batch of 256:
    220 of 8 156 recordings for training, 216 of 2 264 for the test.
    """

    name = "digits"
    config_class = DigitsConfig
    config: DigitsConfig

    @property
    def n_inputs(self) -> int:
        """Channels."""
        return self.config.n_channels

    @property
    def n_outputs(self) -> int:
        """One readout per label."""
        return self.config.n_classes

    def draw(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Draw recordings for training, with replacement; those of the test are never drawn."""
        return self.trials("train", generator.integers(self.config.sizes()[0], size=n_trials))

    def training_set(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Return the first recordings for training, in the order of the file; the generator is left alone.

        Raises
        ------
        ConfigurationError
            If there are not so many.
        """
        return self._first("train", n_trials, "n_trials")

    def validation_set(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Return the first recordings for the test, as :meth:`training_set` does."""
        return self._first("test", n_trials, "validation_trials")

    def export_set(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Choose recordings for the test, in the order of the file: all of them if there are no more."""
        available = self.config.sizes()[1]
        return self.trials("test", np.sort(generator.permutation(available)[:n_trials]))

    def _first(self, part: str, n_trials: int, option: str) -> Trials:
        available = self.config.sizes()[part == "test"]
        if n_trials > available:
            raise ConfigurationError(f"training.{option} = {n_trials}: there are {available} {part} recordings")
        return self.trials(part, slice(n_trials))

    def trials(self, part: str, rows: Array | slice) -> Trials:
        """Return recordings of a part, ``train`` or ``test``, by their places in the file."""
        config, read = self.config, _read_part(self.config, part)
        columns = {name: column[rows] for name, column in read.columns.items()}
        return Trials(
            read.counts[rows],
            one_hot(columns["label"], config.n_steps, config.n_classes),
            columns=columns,
            epochs={"stimulus": (0.0, config.n_steps * config.dt)},
        )
