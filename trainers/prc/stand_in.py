"""A synthetic stand-in for recordings of spoken digits: NOT speech, and no published number can be compared with it.

It has the layout of the Spiking Heidelberg Digits, about as many events per channel, and what makes those hard: words
share their sounds, speakers differ, and the speakers of the test are not those of the training.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...results import Array
from .. import randomness
from .event_files import Events, write_events

#: what trials and files that hold such recordings are labelled with
SOURCE = "stand-in"

# A word is three sounds in a row; a sound is three bands of channels, each sliding from one place to another. Places
# and widths are shares of all channels, durations are shares of the trial.
_SOUNDS, _SOUNDS_PER_WORD, _BANDS = 10, 3, 3
_MOST_CLASSES = _SOUNDS**_SOUNDS_PER_WORD
_BAND_WIDTH = 0.02
_WORD_DURATION, _LONGEST_WORD = 0.45, 0.9
_ONSET = 0.03
#: events of a recording per channel, and the share of them that is background
_EVENTS_PER_CHANNEL, _BACKGROUND = 11.0, 0.15
# Standard deviations between speakers: of the place of everything, of each band's own place, of log tempo and loudness.
_SPEAKER_SHIFT, _SPEAKER_ACCENT, _SPEAKER_TEMPO, _SPEAKER_LOUDNESS = 0.03, 0.03, 0.15, 0.2
# Standard deviations between recordings: of log tempo, of the log duration of each sound, of the place of everything.
_TEMPO, _WARP, _SHIFT = 0.08, 0.25, 0.01
# Jitter of the time of an event, as a share of the trial.
_JITTER = 0.006
_BLOCK = 128


@dataclasses.dataclass(frozen=True)
class _Words:
    """What is said: ``sounds`` (class, position) and ``bands`` (sound, band, start or end), places of the bands."""

    sounds: Array
    bands: Array

    @classmethod
    def draw(cls, n_classes: int, seed: int) -> "_Words":
        """Draw words that all differ in their sounds or in the order of them."""
        generator = randomness.generator(seed, "words")
        every = np.stack(np.unravel_index(np.arange(_MOST_CLASSES), (_SOUNDS,) * _SOUNDS_PER_WORD), axis=1)
        chosen = generator.choice(len(every), n_classes, replace=False)
        starts = generator.uniform(0.05, 0.95, (_SOUNDS, _BANDS, 1))
        ends = np.clip(starts + generator.normal(0, 0.1, starts.shape), 0, 1)
        return cls(every[chosen], np.concatenate([starts, ends], axis=-1))


def draw_stand_in(
    n_recordings: int,
    speakers: Sequence[int],
    *,
    name: str,
    seed: int,
    n_channels: int = 700,
    n_classes: int = 20,
    duration: float = 1.4,
) -> Events:
    """Draw recordings: classes in equal shares (as far as they go) and in random order, each by one of the speakers.

    ``seed`` fixes the words and every speaker; ``name`` and ``seed`` fix the recordings. Times are float16 and units
    uint16, as published. About 0.1 s for a million events.

    Raises
    ------
    InputError
        If there are more classes than different words.
    """
    if n_classes > _MOST_CLASSES:
        raise InputError(f"stand-in: expected at most {_MOST_CLASSES} classes, found {n_classes}")
    words = _Words.draw(n_classes, seed)
    generator = randomness.generator(seed, f"stand-in {name}")
    labels = generator.permutation(np.arange(n_recordings) % n_classes)
    spoken_by = generator.choice(np.asarray(speakers), n_recordings)
    voices = {speaker: _Voice.draw(speaker, seed) for speaker in speakers}
    times, units, lengths = [], [], []
    for first in range(0, n_recordings, _BLOCK):
        rows = slice(first, first + _BLOCK)
        voice = [voices[speaker] for speaker in spoken_by[rows].tolist()]
        time, place, row = _spoken(words, labels[rows], voice, n_channels, generator)
        time = (duration * time).astype(np.float16)
        unit = np.floor(n_channels * place).astype(np.int64)
        kept = (time >= 0) & (time < duration) & (unit >= 0) & (unit < n_channels)
        times.append(time[kept])
        units.append(unit[kept].astype(np.uint16))
        lengths.append(np.bincount(row[kept], minlength=len(voice)))
    starts = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
    return Events(np.concatenate(times), np.concatenate(units), starts, labels, spoken_by, SOURCE)


def write_stand_in(
    path: str | Path,
    n_recordings: int,
    speakers: Sequence[int],
    *,
    name: str,
    seed: int = 0,
    n_channels: int = 700,
    n_classes: int = 20,
) -> Path:
    """Write recordings as :func:`draw_stand_in` draws them to a file that is laid out as the published ones."""
    drawn = draw_stand_in(n_recordings, speakers, name=name, seed=seed, n_channels=n_channels, n_classes=n_classes)
    return write_events(path, drawn)


@dataclasses.dataclass(frozen=True)
class _Voice:
    """What is particular to a speaker: shift and ``accent`` (sound, band) of places, factors of tempo and loudness."""

    shift: float
    accent: Array
    tempo: float
    loudness: float

    @classmethod
    def draw(cls, speaker: int, seed: int) -> "_Voice":
        """Draw a speaker, the same whoever else speaks."""
        generator = randomness.generator(seed, "speaker", speaker)
        return cls(
            generator.normal(0, _SPEAKER_SHIFT),
            generator.normal(0, _SPEAKER_ACCENT, (_SOUNDS, _BANDS)),
            np.exp(generator.normal(0, _SPEAKER_TEMPO)),
            np.exp(generator.normal(0, _SPEAKER_LOUDNESS)),
        )


def _spoken(
    words: _Words, labels: Array, voices: Sequence[_Voice], n_channels: int, generator: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Return time and place of events as shares of the trial and of the channels, and their recording, (event,) each.

    A few lie outside.
    """
    n = len(labels)
    accents = np.stack([voice.accent for voice in voices])
    tempo = np.array([voice.tempo for voice in voices]) * np.exp(generator.normal(0, _TEMPO, n))
    shift = np.array([voice.shift for voice in voices]) + generator.normal(0, _SHIFT, n)
    loudness = np.array([voice.loudness for voice in voices])
    length = np.minimum(_WORD_DURATION * tempo, _LONGEST_WORD)
    # Where each sound begins and the last one ends, (recording, position + 1).
    shares = np.exp(generator.normal(0, _WARP, (n, _SOUNDS_PER_WORD)))
    edges = np.pad(np.cumsum(shares / shares.sum(1, keepdims=True), axis=1), ((0, 0), (1, 0)))
    edges = _ONSET + length[:, np.newaxis] * edges

    row = np.repeat(np.arange(n), generator.poisson(_EVENTS_PER_CHANNEL * n_channels * loudness))
    time, place = generator.random((2, len(row)))
    said = np.flatnonzero(generator.random(len(row)) >= _BACKGROUND)  # the others stay where they are, anywhere
    at = row[said]
    position = generator.integers(_SOUNDS_PER_WORD, size=len(said))
    band = generator.integers(_BANDS, size=len(said))
    sound = words.sounds[labels[at], position]
    progress = time[said]
    begin, end = edges[at, position], edges[at, position + 1]
    time[said] = begin + progress * (end - begin) + generator.normal(0, _JITTER, len(said))
    low, high = words.bands[sound, band, 0], words.bands[sound, band, 1]
    centre = low + progress * (high - low) + accents[at, sound, band] + shift[at]
    place[said] = centre + generator.normal(0, _BAND_WIDTH, len(said))
    return time, place, row
