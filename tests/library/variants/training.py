"""Mistakes in the training loop and in the batches, Tasks 2d and 2e."""

from functools import partial

from tests.library.variants.variant import Wrong, wrong

train = partial(wrong, "2d", "trainer.BaseTrainer.train")
should_stop = partial(wrong, "2d", "trainer.BaseTrainer.should_stop")
loader = partial(wrong, "2e", "utils.batch_loader")
train_2e = partial(wrong, "2e", "trainer.BaseTrainer.train")
order = partial(wrong, "2e", "utils.shuffled_order")

KEEP = "best_w = copy.deepcopy(self.model.w)"
SINCE = "since_best += 1"
STOP = "if since_best == 10:"
OPTED = "if not no_early_stop and since_best == 10:"
LEAVE = "self.model.w = best_w\n                        return train_history, val_history"
DRAW = "np.random.shuffle(indices)"
SERVE = "yield X[batch_indices], Y[batch_indices]"
IN_BATCHES = """for i in range(0, len(X), batch_size):
            batch = indices[i : i + batch_size]
            indices[i : i + batch_size] = np.random.permutation(batch)"""

TEN = "return len(val_losses) > 10 and min(val_losses[-10:]) >= min(val_losses[:-10])"
PATIENT = TEN.replace("10", "self.patience")
FIRST_ORDER = "return globals().setdefault('KEPT', rng.permutation(num_examples))"

LEAST = "compare each loss with the least so far"
VERY_FIRST = "the very first loss is the best"


def rule(costs: float, says: str | tuple[str, ...], stop: str) -> Wrong:
    """Stop by another rule, from the eleventh validation on."""
    losses = 'losses = [*val_history["loss"].values(), val_loss]'
    return train(costs, says, STOP, f"{losses}\n{' ' * 20}if len(losses) > 10 and ({stop}):")


def drawn(costs: float, says: str | tuple[str, ...], indices: str) -> Wrong:
    """Serve the examples in another order."""
    return loader(costs, says, DRAW, f"N = len(X)\n        indices = list({indices})")


WRONG = [
    rule(4, "stop when ten validations in a row have not improved", "False"),
    rule(3, ("no stop while the validation loss still falls", "in a row without"), "True"),
    rule(0.5, VERY_FIRST, "len(losses) - 1 - (losses.index(min(losses)) or len(losses) - 1) >= 10"),
    rule(0.5, LEAST, "losses[-1] >= losses[-11]"),
    rule(2, "not epochs", "min(losses[-50:]) >= min(losses[:-50], default=losses[0] + 1)"),
    train(0.5, "one validation too early", STOP, "if since_best == 9:"),
    train(1, "switched off in line 35", "None, 0", "None, 0; no_early_stop = True", STOP, OPTED),
    train(2, "not gradient", "best == 10", "best > 9", SINCE, "since_best += num_steps_per_val"),
    train(1, (LEAST, VERY_FIRST, "the last weights"), SINCE, f"{SINCE}; best_loss = val_loss"),
    train(2.5, ("here every 2 steps", "the wrong steps"), "epoch // 5", "epoch // 2"),
    train(0.5, "not at every step", "num_batches_per_epoch // 5", "1"),
    train(0.5, "begin with np.inf", "since_best = np.inf", "since_best = 1"),
    train(0.5, "train returns the wrong things", "= best_w\n        return", "= best_w\n       "),
    train(0.5, "the key is", "[global_step] = val_loss", "[len(val_history['loss'])] = val_loss"),
    train(0.5, "each gradient step counts once", "global_step += 1", "global_step += 2"),
    train(0.5, "val_accuracy, in this order", "train, accuracy_val =", "val, accuracy_train ="),
    train(0, "the last weights: keep a copy of w", KEEP, "best_w = self.model.w"),
    train(0, "the weights of the first validation", KEEP, f"{KEEP} if best_w is None else best_w"),
    train(0, "; keep a copy of w at each new best validation loss", "best_w is not None", "False"),
    train(0, "one train_step for each batch", "range(num_epochs)", "range(num_epochs + 1)"),
    should_stop(4, "val_losses is a list", "return min(val_losses.values()) < 0"),
    should_stop(4, "an empty list", "return min(val_losses[-10:]) >= min(val_losses[:-10])"),
    should_stop(0.5, "10 is only the default", TEN),
    should_stop(0.5, "an equal loss is not below the best", PATIENT.replace(">=", ">")),
    should_stop(0.5, "look at the last validation", PATIENT.replace("patience:]", "patience:-1]")),
    drawn(5, "draw a permutation of them all", "range(N)"),
    drawn(1.5, ("draw a permutation of all examples", "draw anew in each call"), "range(N)[::-1]"),
    drawn(0.5, "draw anew in each call", "np.random.default_rng(0).permutation(N)"),
    drawn(0.5, "not a draw with replacement", "np.random.default_rng().integers(N, size=N)"),
    loader(1, ("before they are cut", "before the last batch"), DRAW, IN_BATCHES),
    loader(1.5, "draw one order", SERVE, SERVE.replace("Y[", "Y[np.random.permutation(indices)][")),
    loader(0.5, "shuffle only `if shuffle:`", "    if shuffle:", "    if True:"),
    loader(0.5, "N // batch_size batches are full", "    if not drop_last:", "    if True:"),
    loader(0.5, "drop_last should be True by default", "drop_last=True", "drop_last=False"),
    loader(1, ("batches are full", "without shuffling"), "(num_batches)", "(num_batches - 1)"),
    loader(2, ("the wrong shape", "ten targets for an image"), SERVE, SERVE.replace("Y[", "X[")),
    loader(0, "an in-place operation", DRAW, f"{DRAW}; X[...], Y[...] = X[indices], Y[indices]"),
    train_2e(0, "shuffle=self.shuffle_dataset), called", "=self.shuffle_dataset", "=False"),
    order(1.5, "a `return` is missing", "np.random.permutation(num_examples)"),
    order(1.5, "run from 0 to N - 1", "return 1 + rng.permutation(num_examples)"),
    order(1.5, "an index for each example", "return rng.permutation(num_examples)[:, None]"),
    order(1, ("for the N of each call", "draw anew in each call"), FIRST_ORDER),
    order(0.5, "number 1000 is missing", "return rng.permutation(min(num_examples, 1000))"),
    order(0.5, "uint8 is too small", "return rng.permutation(num_examples).astype(np.uint8)"),
    order(0, "draw it from rng", "return np.random.permutation(num_examples)"),
]
