"""Batches hold once what all their networks hear."""

import numpy as np
import torch

from dynascope.trainers.task import Batch, Trials

CORPUS = np.random.default_rng(0).integers(0, 3, (9, 4, 5)).astype(np.uint8)
ORDER = torch.tensor([[4, 0, 2], [1, 1, 5], [3, 2, 0]])


def batch_of(*inputs):
    targets = [np.full((len(one), 4, 1), float(member)) for member, one in enumerate(inputs)]
    trials = [Trials(one, target) for one, target in zip(inputs, targets, strict=True)]
    return Batch.of(trials, dtype=torch.float32)


def test_what_all_networks_hear_is_held_once():
    shared, stacked = batch_of(*[CORPUS[:6] for _ in range(3)]), batch_of(*[CORPUS[:6].copy() for _ in range(3)])
    assert shared.inputs.untyped_storage().nbytes() == CORPUS[:6].nbytes
    assert stacked.inputs.untyped_storage().nbytes() == 3 * CORPUS[:6].nbytes
    for made in (lambda batch: batch, lambda batch: batch.take(ORDER), lambda batch: batch.select_members([2, 0])):
        found, expected = made(shared), made(stacked)
        assert torch.equal(found.inputs, expected.inputs)
        assert torch.equal(found.targets, expected.targets)
    few = shared.select_members([2, 0])
    assert few.inputs.untyped_storage().data_ptr() == shared.inputs.untyped_storage().data_ptr()
    assert few.select_members([1]).targets[0, 0, 0, 0] == 0


def test_other_parts_of_a_corpus_are_not_taken_for_the_same():
    batch = batch_of(CORPUS[:6], CORPUS[1:7], CORPUS[:6])
    assert np.array_equal(batch.inputs.numpy(), np.stack([CORPUS[:6], CORPUS[1:7], CORPUS[:6]]))


def test_a_batch_does_not_share_the_memory_of_its_trials():
    for dtype in (np.uint8, np.float32):
        corpus = CORPUS.astype(dtype)
        batch_of(corpus).inputs.zero_()
        assert np.array_equal(corpus, CORPUS)
