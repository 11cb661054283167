"""Memory of pictures, codes or images: compare the last one with the one n places earlier."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ...errors import ConfigurationError
from ...results import Array
from ..task import Trials
from .digits import IMAGE_SIZE, N_CODES, digit_codes, digit_images
from .items import ItemBank, read_item_bank
from .lags import NBackConfig, repeat_last
from .memory_task import MatchTask
from .tasks import numbered


@dataclasses.dataclass(frozen=True)
class PictureConfig(NBackConfig):
    """Options of the picture tasks, those of :class:`NBackConfig` with the pictures.

    Attributes
    ----------
    rescale : whether to bring the pictures to [0, 1]: each code by its own minimum and maximum; images by the
        largest value of all
    items : file with the pictures (see :func:`~dynascope.trainers.connectome.items.read_item_bank`); empty is the
        handwritten digits of scikit-learn
    items_digest : filled in from the file, so that settings name what they were run on
    """

    rescale: bool = True
    items: str = ""
    items_digest: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.items:
            return
        found = user_bank(self.items).digest
        if self.items_digest not in ("", found):
            raise ConfigurationError(
                f"task.items: {self.items} has the digest {found}, expected {self.items_digest}: the pictures are "
                "others than those this run began with"
            )
        object.__setattr__(self, "items_digest", found)


@functools.lru_cache(maxsize=4)
def user_bank(path: str) -> ItemBank:
    """Return the pictures in a user's file, read once."""
    return read_item_bank(path)


class PictureNBack(MatchTask):
    """Say whether the last of L picture codes is the one n places earlier.

    Inputs (trial, L + 2, 1 + K): the cue at step L, the codes at steps 0 … L − 1. The answer is scored at step L + 1.
    The last picture is of a class drawn uniformly; in a match the identical picture stands n places earlier too. All
    others are distinct pictures of other classes.
    """

    name = "pic_latent_mem"
    config_class = PictureConfig
    config: PictureConfig
    #: features of the pictures that come with the task
    default_features: ClassVar[int] = N_CODES

    @functools.cached_property
    def bank(self) -> ItemBank:
        """The pictures, as shown. Those that come with the task are made when they are first asked for."""
        found = user_bank(self.config.items) if self.config.items else self.default_bank()
        return self.rescaled(found) if self.config.rescale else found

    def default_bank(self) -> ItemBank:
        """Return the codes of handwritten digits."""
        return digit_codes()

    def rescaled(self, bank: ItemBank) -> ItemBank:
        """Return the codes, each brought to [0, 1] on its own."""
        return bank.rescaled_rows()

    @property
    def n_inputs(self) -> int:
        """Cue and features."""
        features = user_bank(self.config.items).n_features if self.config.items else self.default_features
        return 1 + features

    @property
    def windows(self) -> Mapping[str, slice]:
        """L steps of pictures, one of the cue, one of the answer."""
        length = self.config.trial_length
        return {
            "stimulus": slice(0, length),
            "cue": slice(length, length + 1),
            "response": slice(length + 1, length + 2),
        }

    def trials_of(self, matching: Array, generator: np.random.Generator) -> Trials:
        """Draw trials with columns ``match``, ``lag`` and, of every place, ``class_1`` …, ``item_1`` ….

        ``lag`` says how many places earlier the last picture stands too (0: nowhere); items are rows of the bank.
        """
        lags = self.config.draw_lags(matching, generator)
        last = self.bank.draw_balanced(len(matching), generator)
        others = self.draw_others(last, generator)
        items = repeat_last(np.column_stack([others, last]), lags)
        inputs = np.zeros((len(matching), self.n_steps, self.n_inputs), np.float32)
        inputs[:, self.windows["cue"], 0] = 1
        inputs[:, self.windows["stimulus"], 1:] = self.bank.codes[items]
        columns = {"match": matching, "lag": lags, **numbered("class", self.bank.labels[items])}
        columns |= numbered("item", items)
        return Trials(
            inputs, self.targets(matching), self.mask(len(matching)), columns=columns, epochs=self.seconds(self.windows)
        )

    def draw_others(self, last: Array, generator: np.random.Generator) -> Array:
        """Return the pictures before the last of each trial, (trial, L − 1): distinct, of other classes."""
        return self.bank.draw_outside_class(last, self.config.trial_length - 1, generator)


class PictureMemory(PictureNBack):
    """The same with raw images, flattened: handwritten digits of 8 × 8 pixels, or a user's file of images.

    The other pictures of a trial are of any class, as published; only the last one itself is not among them, so that
    a trial's lag is what its column says.
    """

    name = "pic_mem"
    default_features = IMAGE_SIZE

    def default_bank(self) -> ItemBank:
        """Return the images of handwritten digits."""
        return digit_images()

    def rescaled(self, bank: ItemBank) -> ItemBank:
        """Return the images divided by the largest value of all: 16 for the digits, 255 for images of 8 bits."""
        return bank.divided_by_largest()

    def draw_others(self, last: Array, generator: np.random.Generator) -> Array:
        """Return the pictures before the last of each trial, (trial, L − 1): distinct."""
        return self.bank.draw_outside_item(last, self.config.trial_length - 1, generator)
