"""The plain training loop, written as one would on paper: the reference for trainers/loop.py."""

import numpy as np
import torch

from dynascope.trainers import randomness
from dynascope.trainers.model import Model
from dynascope.trainers.task import Batch


def train_plainly(settings, member=0):
    """Train one network by autograd over ``step``, Adam, and a full evaluation after every epoch.

    Returns the losses after each epoch, the weights of the lowest one, and why training stopped.
    """
    config, family = settings.training, settings.get_family()
    task = family.task(settings.task_name, settings.task)
    dtype = getattr(torch, config.dtype)
    draws = [randomness.generator(settings.seed, "weights", member)]
    model = family.model(settings.model, generators=draws, dtype=dtype)
    trials = task.draw(config.n_trials, randomness.generator(settings.seed, "trials", member))
    batch = Batch.of([trials], dtype=dtype)
    order = randomness.generator(settings.seed, "order", member)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate)

    def loss_on(rows):
        outputs = Model.run(model, *model.prepared(batch.inputs[0, rows], None, None)).outputs
        return (outputs - batch.targets[0, rows]).square().mean()

    losses, best, kept, reference = [], np.inf, None, np.inf
    for epoch in range(config.epochs):
        optimizer.param_groups[0]["lr"] = config.learning_rate_at(epoch)
        n = config.n_trials
        shuffled = np.arange(n) if config.batch_size >= n else order.permutation(n)
        for first in range(0, n, config.batch_size):
            optimizer.zero_grad()
            loss_on(shuffled[first : first + config.batch_size]).backward()
            optimizer.step()
        with torch.no_grad():
            losses.append(float(loss_on(np.arange(n))))
        if losses[-1] < best:
            best, kept = losses[-1], model.arrays()
        if losses[-1] < config.stop_loss:
            return losses, kept, "loss"
        if epoch % (config.epochs // 10) == 0:
            if epoch > 0 and reference - best < 1e-4:
                return losses, kept, "plateau"
            reference = best
    return losses, kept, "epochs"
