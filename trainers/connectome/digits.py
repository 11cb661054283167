"""The pictures that come with the tasks: handwritten digits, as images and as the codes of a small classifier."""

import contextlib
import functools
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ... import files
from ...errors import InputError
from ...results import Array
from .items import ItemBank

SOURCE = "handwritten digits (Alpaydin and Kaynak 1998, doi 10.24432/C50P49, CC BY 4.0; scikit-learn's copy)"
IMAGE_SIZE = 64
N_CODES = 50
_GREY_LEVELS = 16
_SEED = 0
_PASSES, _BATCH, _LEARNING_RATE, _DROPOUT = 45, 32, 2e-3, 0.5
# Part of the name of the file in the cache: another recipe, another file.
_RECIPE = "digits-codes-1"


def digit_images() -> ItemBank:
    """Return the 1797 images, (item, 64) grey values from 0 to 16."""
    images, labels = _load()
    return ItemBank(images, labels, SOURCE, {"images": "all"})


@functools.lru_cache(maxsize=1)
def digit_codes() -> ItemBank:
    """Return codes of the 899 images that the encoder has not seen: its last hidden layer, (item, 50), at least 0.

    The encoder is a classifier 64 → 128 → 50 → 10 with rectified hidden layers and dropout before the last, trained on
    the other half of the images, as many of each class. Training takes some seconds once; the codes are then kept in
    the user's cache directory (``$XDG_CACHE_HOME/dynascope``, else ``~/.cache/dynascope``) where that can be written.
    ``attrs`` holds the seed and the accuracy on these images.
    """
    path = cache_directory() / f"{_RECIPE}.npz"
    bank = _kept(path)
    if bank is None:
        bank = _encoded()
        # A cache that cannot be written is none: the codes are made again next time.
        with contextlib.suppress(InputError, OSError):
            _keep(bank, path)
    return bank


def cache_directory() -> Path:
    """Return where this package keeps what it can make again."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(given) if Path(given).is_absolute() else Path.home() / ".cache") / "dynascope"


def _keep(bank: ItemBank, path: Path) -> None:
    numbers = {name: bank.attrs[name] for name in ("seed", "held_out_accuracy")}
    files.make_directory(path.parent)
    with files.replacing(path) as temporary, temporary.open("wb") as out:
        np.savez(out, codes=bank.codes, labels=bank.labels, **numbers)


def _kept(path: Path) -> ItemBank | None:
    """Return the bank in the cache; None when there is none, or not this one."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            found = _bank(file["codes"], file["labels"], int(file["seed"]), float(file["held_out_accuracy"]))
    except Exception:  # noqa: BLE001  (whatever is wrong with a cache, its contents can be made again)
        return None
    return found if found.n_features == N_CODES else None


def _bank(codes: Array, labels: Array, seed: int, accuracy: float) -> ItemBank:
    attrs = {"seed": seed, "held_out_accuracy": accuracy, "images": "held out"}
    return ItemBank(codes, labels, f"codes of {SOURCE}", attrs)


def _load() -> tuple[Array, Array]:
    from sklearn.datasets import load_digits

    found: Any = load_digits()
    return found.data, found.target


def _encoded() -> ItemBank:
    """Train the encoder on one half of the images and return the codes of the other."""
    from sklearn.model_selection import train_test_split

    images, labels = _load()
    split = train_test_split(images / _GREY_LEVELS, labels, train_size=0.5, stratify=labels, random_state=_SEED)
    seen, held_out = (torch.tensor(part, dtype=torch.float32) for part in split[:2])
    encoder, classifier = _trained(seen, torch.tensor(split[2]))
    with torch.no_grad():
        codes = encoder(held_out)
        accuracy = (classifier(codes).argmax(-1).numpy() == split[3]).mean()
    return _bank(codes.numpy(), split[3], _SEED, float(accuracy))


def _trained(images: torch.Tensor, labels: torch.Tensor) -> tuple[nn.Module, nn.Module]:
    """Return encoder and classifier; the program's own random numbers and thread count stay as they were."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # layers this small gain nothing from more, and sums come in one order
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_SEED)
            encoder = nn.Sequential(nn.Linear(IMAGE_SIZE, 128), nn.ReLU(), nn.Linear(128, N_CODES), nn.ReLU())
            classifier = nn.Linear(N_CODES, 10)
            network = nn.Sequential(encoder, nn.Dropout(_DROPOUT), classifier)
            optimizer = torch.optim.Adam(network.parameters(), lr=_LEARNING_RATE)
            for _ in range(_PASSES):
                order = torch.randperm(len(images))
                for start in range(0, len(images), _BATCH):
                    batch = order[start : start + _BATCH]
                    loss = nn.functional.cross_entropy(network(images[batch]), labels[batch])
                    optimizer.zero_grad()
                    torch.autograd.backward(loss)
                    optimizer.step()
    finally:
        torch.set_num_threads(threads)
    return encoder, classifier
