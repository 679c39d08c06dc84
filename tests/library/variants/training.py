"""Mistakes in the training loop and in the batches: Tasks 2d and 2e."""

from __future__ import annotations

from tests.library.variants.variant import CLASSIC, wrong

TRAIN, LOADER = "trainer.BaseTrainer.train", "utils.batch_loader"
STOP = "        return min(val_losses[-self.patience :]) >= min(val_losses[: -self.patience])"
BETTER = "        if val_loss < self.stop.best_loss:"
KEEP = "            self._best_w = self.model.w.copy()"
RESTORE = "                self.model.w[...] = self._best_w"
OFTEN = "steps_per_check = max(1, batches_per_epoch // self.checks_per_epoch)"
LOSS = 'self.train_history["loss"][step] = loss'
VAL = 'self.val_history["loss"][step] = val_loss'
SERVED = "self.X_train, self.Y_train, self.batch_size, self.shuffle_dataset, rng=self.rng"
SINCE = "since_best += 1"
LEAVE = "self.model.w = best_w\n                        return train_history, val_history"
DROP = "end = len(X) - len(X) % batch_size if drop_last else len(X)"
DRAW = "order = shuffled_order(len(X), np.random.default_rng() if rng is None else rng)"
TAKE = "block = X.take(rows, axis=0), Y.take(rows, axis=0)"
STARTS = "for start in range(0, len(X), batch_size):"
SERVE = "yield X[start : start + batch_size], Y[start : start + batch_size]"

WRONG = [
    *wrong(
        "2d",
        TRAIN,
        ("never stops", STOP, "        return False"),
        ("the first ten checks", STOP, "        return True"),
        ("worse than the one before", STOP, "        return val_losses[-1] > val_losses[-2]"),
        (
            "ten checks each worse than the one before",
            STOP,
            "        last = val_losses[-self.patience - 1 :]\n"
            "        return all(a <= b for a, b in zip(last, last[1:]))",
        ),
        (
            "than ten checks ago",
            STOP,
            "        return val_losses[-1] >= val_losses[-self.patience - 1]",
        ),
        (
            "ten worse in all",
            STOP,
            "        worse = [b >= a for a, b in zip(val_losses, val_losses[1:])]\n"
            "        return sum(worse) >= 10",
        ),
        (
            "counts epochs",
            STOP,
            "        return min(val_losses[-50:]) >= min(val_losses[:-50], default=np.inf)",
        ),
        ("equal is better", STOP, STOP.replace(">=", ">")),
        ("stops when it improves", STOP, STOP.replace(">=", "<")),
        ("any of the last ten", STOP, STOP.replace("min(val_losses[-", "max(val_losses[-", 1)),
        ("smallest change", STOP, STOP + " - 0.3"),
        ("no copy", KEEP, "            self._best_w = self.model.w"),
        ("not put back", RESTORE, "                pass"),
        ("the worst weights", BETTER, BETTER.replace("<", ">=")),
        ("the first weights", BETTER, "        if self._best_w is None:"),
    ),
    *wrong(
        "2d",
        TRAIN,
        ("losses by epoch", LOSS, LOSS.replace("step", "epoch")),
        ("steps from 1", LOSS, LOSS.replace("step", "step + 1")),
        ("no training loss", LOSS, "pass"),
        ("losses summed", LOSS, LOSS + ' + self.train_history["loss"].get(step - 1, 0)'),
        ("checks every step", OFTEN, "steps_per_check = 1"),
        ("checks once an epoch", OFTEN, OFTEN.replace(" // self.checks_per_epoch", "")),
        ("validation by number", VAL, VAL.replace("[step]", '[len(self.val_history["loss"])]')),
        also=("2b",),
    ),
    *wrong(
        "2d",
        TRAIN,
        ("one epoch only", "range(num_epochs)", "range(min(1, num_epochs))"),
    ),
    *wrong(
        "2d",
        TRAIN,
        ("an epoch more", "range(num_epochs)", "range(num_epochs + 1)"),
        also=("2b",),
    ),
    *wrong(
        "2d",
        TRAIN,
        ("nine checks", "since_best == 10", "since_best == 9"),
        ("eleven checks", "since_best == 10", "since_best == 11"),
        ("never counts anew", "best_loss, since_best = val_loss, 0", "best_loss = val_loss"),
        ("the best is forgotten", SINCE, SINCE + "\n                        best_loss = val_loss"),
        ("an alias", "copy.deepcopy(self.model.w)", "self.model.w"),
        ("not left behind when stopped", LEAVE, LEAVE.replace("self.model.w = best_w\n", "pass\n")),
        (
            "not left behind at the end",
            "        if best_w is not None:\n            self.model.w = best_w\n",
            "",
        ),
        ("breaks the inner loop", LEAVE, "break"),
        ("counts steps", "since_best += 1", "since_best += max(1, num_steps_per_val)"),
        base=CLASSIC,
    ),
    *wrong(
        "2d",
        TRAIN,
        (
            "the best training loss",
            "if val_loss < best_loss:",
            "val_loss = loss\n                    if val_loss < best_loss:",
        ),
        also=("2b",),
        base=CLASSIC,
    ),
    *wrong(
        "2d",
        TRAIN,
        (
            "nothing returned",
            "            self.model.w = best_w\n        return train_history, val_history",
            "            self.model.w = best_w",
        ),
        base=CLASSIC,
    ),
    *wrong(
        "2e",
        TRAIN,
        ("never shuffles", SERVED, SERVED.replace("self.shuffle_dataset", "False")),
        ("always shuffles", SERVED, SERVED.replace("self.shuffle_dataset", "True")),
        ("shuffles when not asked", SERVED, SERVED.replace("self.sh", "not self.sh")),
        also=("2d",),
    ),
    *wrong(
        "2c",
        TRAIN,
        (
            "accuracies exchanged",
            "val_loss, train_accuracy, val_accuracy = self",
            "val_loss, val_accuracy, train_accuracy = self",
        ),
        also=("2b", "2d", "3c"),
    ),
    *wrong(
        "2e",
        LOADER,
        ("no shuffling", DRAW, "order = np.arange(len(X))"),
        ("images only", TAKE, TAKE.replace("Y.take(rows, axis=0)", "Y[start : start + several]")),
        ("targets only", TAKE, TAKE.replace("X.take(rows, axis=0)", "X[start : start + several]")),
        ("two orders", TAKE, TAKE.replace("Y.take(rows", "Y.take(np.random.permutation(rows)")),
        ("the same order always", DRAW, "order = np.random.default_rng(0).permutation(len(X))"),
        ("seeds", DRAW, "np.random.seed(1)\n        order = np.random.permutation(len(X))"),
        ("with replacement", DRAW, "order = np.random.default_rng().integers(len(X), size=len(X))"),
        ("reversed", DRAW, "order = np.arange(len(X))[::-1]"),
        ("turned", DRAW, "order = np.roll(np.arange(len(X)), np.random.randint(1, len(X)))"),
        ("always", "    if shuffle:", "    if True:"),
        ("when not asked", "    if shuffle:", "    if not shuffle:"),
        ("in place", DRAW, DRAW + "\n        X[...], Y[...] = X[order], Y[order]"),
        (
            "whole batches",
            DRAW,
            "k = np.random.permutation(len(X) // batch_size)\n"
            "        order = (k[:, None] * batch_size + np.arange(batch_size)).ravel()\n"
            "        order = np.r_[order, np.arange(len(order), len(X))]",
        ),
        (
            "within each batch",
            DRAW,
            "order = np.arange(len(X))\n"
            "        for i in range(0, len(X), batch_size):\n"
            "            np.random.shuffle(order[i : i + batch_size])",
        ),
        (
            "after the rest is dropped",
            DRAW,
            "k = len(X) - len(X) % batch_size\n"
            "        order = np.r_[np.random.permutation(k), np.arange(k, len(X))]",
        ),
        ("always drops", DROP, "end = len(X) - len(X) % batch_size"),
        ("never drops", DROP, "end = len(X)"),
        ("never drops when shuffled", DROP, DROP.replace("drop_last", "drop_last and not shuffle")),
        ("drops when not asked", DROP, DROP.replace("if drop_last", "if not drop_last")),
        ("drops by default not", "drop_last: bool = True", "drop_last: bool = False"),
        ("one batch too few", DROP, DROP + "\n    end -= batch_size"),
        ("an empty batch", STARTS, STARTS.replace("len(X)", "len(X) + 1")),
        ("batches overlap", STARTS, STARTS.replace("batch_size", "batch_size - 1")),
        ("one example a batch", STARTS, STARTS.replace("0, len(X), batch_size", "len(X)")),
        ("images twice", SERVE, SERVE.replace("Y[", "X[")),
    ),
]
