"""Mistakes in the training loop and in the batches: Tasks 2d and 2e."""

from __future__ import annotations

from tests.library.variants.variant import wrong

TRAIN, LOADER = "trainer.BaseTrainer.train", "utils.batch_loader"
OFTEN = "num_steps_per_val = num_batches_per_epoch // 5"
LOSS = 'train_history["loss"][global_step] = loss'
VAL = 'val_history["loss"][global_step] = val_loss'
BETTER = "if val_loss < best_loss:"
KEEP = "best_w = copy.deepcopy(self.model.w)"
SINCE = "since_best += 1"
ELSE = f"                    else:\n                        {SINCE}\n"
STOP = "if since_best == 10:"
LEAVE = "self.model.w = best_w\n                        return train_history, val_history"
AT_THE_END = "        if best_w is not None:\n            self.model.w = best_w\n"
SERVED = "shuffle=self.shuffle_dataset"
FULL = "    if not drop_last:"
IF_SHUFFLE = "    if shuffle:"
DRAW = "np.random.shuffle(indices)"
TAKE = "batch_indices = indices[i * batch_size : (i + 1) * batch_size]"
SERVE = "yield X[batch_indices], Y[batch_indices]"
BATCHES = "range(num_batches)"

# Wrong rules to stop by, from the eleventh validation on.
RULES = {
    "never stops": "False",
    "the first ten validations": "True",
    "worse than the one before": "val_losses[-1] > val_losses[-2]",
    "ten in a row, each worse than the one before": (
        "all(a <= b for a, b in zip(val_losses[-11:], val_losses[-10:]))"
    ),
    "the first is never the best": (
        "len(val_losses) - 1 - (val_losses.index(min(val_losses)) or len(val_losses) - 1) >= 10"
    ),
    "worse than ten validations ago": "val_losses[-1] >= val_losses[-11]",
    "ten worse in all": "sum(b >= a for a, b in zip(val_losses, val_losses[1:])) >= 10",
    "counts epochs": "min(val_losses[-50:]) >= min(val_losses[:-50], default=val_losses[0] + 1)",
    "smallest change": "min(val_losses[-10:]) >= min(val_losses[:-10]) - 0.3",
}

# Wrong orders of an epoch.
ORDERS = {
    "no shuffling": "np.arange(num_examples)",
    "the same order always": "np.random.default_rng(0).permutation(num_examples)",
    "seeds": "np.random.seed(1) or np.random.permutation(num_examples)",
    "with replacement": "np.random.default_rng().integers(num_examples, size=num_examples)",
    "reversed": "np.arange(num_examples)[::-1]",
    "rotated": "np.roll(np.arange(num_examples), np.random.randint(1, num_examples))",
}

WRONG = [
    *wrong(
        "2d",
        TRAIN,
        *(
            (
                name,
                STOP,
                f'val_losses = [*val_history["loss"].values(), val_loss]\n{" " * 20}'
                f"if len(val_losses) > 10 and ({rule}):",
            )
            for name, rule in RULES.items()
        ),
        ("nine validations", STOP, STOP.replace("10", "9")),
        ("eleven validations", STOP, STOP.replace("10", "11")),
        ("twenty validations", STOP, STOP.replace("10", "20")),
        ("never counts anew", "best_loss, since_best = val_loss, 0", "best_loss = val_loss"),
        ("the best is forgotten", SINCE, SINCE + f"\n{' ' * 24}best_loss = val_loss"),
        (
            "counts steps",
            SINCE,
            "since_best += max(1, num_steps_per_val)",
            STOP,
            STOP.replace("==", ">="),
        ),
        ("breaks the inner loop", LEAVE, "break"),
        *((f"validates {n} times an epoch", OFTEN, OFTEN.replace("5", n)) for n in "24"),
        ("validates once an epoch", OFTEN, "num_steps_per_val = num_batches_per_epoch"),
        ("the best training loss", BETTER, f"val_loss = loss\n{' ' * 20}{BETTER}"),
        (
            "begins with 1",
            "best_loss, best_w, since_best = np.inf",
            "best_loss, best_w, since_best = 1",
        ),
        ("nothing returned", AT_THE_END + "        return", AT_THE_END + "       "),
        ("losses by epoch", LOSS, LOSS.replace("global_step", "_epoch")),
        ("no training loss", LOSS, "pass"),
        ("validates every step", OFTEN, "num_steps_per_val = 1"),
        ("validations by number", VAL, VAL.replace("global_step", 'len(val_history["loss"])')),
        ("each step counts twice", "global_step += 1", "global_step += 2"),
        (
            "accuracies exchanged",
            "val_loss, accuracy_train, accuracy_val = self",
            "val_loss, accuracy_val, accuracy_train = self",
        ),
    ),
    *wrong(
        "2e",
        LOADER,
        *(
            (name, DRAW, f"num_examples = len(X)\n        indices = list({order})")
            for name, order in ORDERS.items()
        ),
        ("two orders", SERVE, SERVE.replace("Y[batch", "Y[np.random.permutation(indices)][batch")),
        ("always", IF_SHUFFLE, "    if True:"),
        ("when not asked", IF_SHUFFLE, "    if not shuffle:"),
        (
            "whole batches",
            DRAW,
            "k = np.random.permutation(len(X) // batch_size)\n"
            "        whole = (k[:, None] * batch_size + np.arange(batch_size)).ravel()\n"
            "        indices = [*whole, *range(len(whole), len(X))]",
        ),
        (
            "within each batch",
            DRAW,
            "for i in range(0, len(X), batch_size):\n"
            "            batch = indices[i : i + batch_size]\n"
            "            indices[i : i + batch_size] = np.random.permutation(batch)",
        ),
        ("always drops", FULL, "    if False:"),
        ("never drops", FULL, "    if True:"),
        ("drops when not asked", FULL, "    if drop_last:"),
        ("does not drop by default", "drop_last=True", "drop_last=False"),
        ("one batch too few", BATCHES, "range(num_batches - 1)"),
        ("an empty batch", BATCHES, "range(num_batches + 1)"),
        ("batches overlap", TAKE, "batch_indices = indices[i * (batch_size - 1) :][:batch_size]"),
        ("one example a batch", TAKE, "batch_indices = indices[i : i + 1]"),
        ("images twice", SERVE, SERVE.replace("Y[", "X[")),
    ),
    *wrong(
        "2d",
        TRAIN,
        ("an alias", KEEP, "best_w = self.model.w"),
        ("the worst weights", f"{KEEP}\n{ELSE}", f"pass\n{ELSE}{' ' * 24}{KEEP}\n"),
        ("the first weights", KEEP, f"{KEEP} if best_w is None else best_w"),
        ("not put back", LEAVE, LEAVE.replace("self.model.w = best_w", "pass"), AT_THE_END, ""),
        ("not put back at the end", AT_THE_END, ""),
        ("one epoch more", "range(num_epochs)", "range(num_epochs + 1)"),
        advice=True,
    ),
    *wrong(
        "2e",
        TRAIN,
        ("never shuffles", SERVED, "shuffle=False"),
        ("always shuffles", SERVED, "shuffle=True"),
        advice=True,
    ),
    *wrong(
        "2e",
        LOADER,
        ("in place", DRAW, DRAW + "\n        X[...], Y[...] = X[indices], Y[indices]"),
        (
            "after the rest is dropped",
            DRAW,
            "k = len(X) - len(X) % batch_size\n        indices[:k] = np.random.permutation(k)",
        ),
        advice=True,
    ),
]
