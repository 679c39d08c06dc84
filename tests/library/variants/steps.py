"""Mistakes in `train_step` and `validation_step`, the same in both tasks."""

from __future__ import annotations

from tests.library.variants.variant import Variant, wrong

FORWARD = "        outputs = self.model.forward(X_batch)\n"
BACKWARD = "        self.model.backward(X_batch, outputs, Y_batch)\n"
UPDATE = "        self.model.w -= self.learning_rate * self.model.grad\n"
LOSS = "        return cross_entropy_loss(Y_batch, outputs)\n"
VAL_LOSS = "            cross_entropy_loss(self.Y_val, outputs),\n"
TRAIN_ACCURACY = "            calculate_accuracy(self.X_train, self.Y_train, self.model),\n"
VAL_ACCURACY = "            accuracy(self.Y_val, outputs),\n"


def step_mistakes(task: str, trainer: str) -> list[Variant]:
    """List the mistakes in the two steps of a trainer, as "task2.LogisticTrainer"."""
    next_task = task[0] + "c"
    return [
        *wrong(
            task,
            f"{trainer}.train_step",
            ("uphill", UPDATE, UPDATE.replace("-=", "+=")),
            ("no learning rate", UPDATE, UPDATE.replace("self.learning_rate * ", "")),
            ("a rate of its own", UPDATE, UPDATE.replace("self.learning_rate", "0.05")),
            ("divided by N again", UPDATE, UPDATE.replace("grad", "grad / len(X_batch)")),
            ("weights replaced", UPDATE, UPDATE.replace("-=", "= -1 *")),
            ("a local w", UPDATE, UPDATE.replace("self.model.w -=", "w = self.model.w -")),
            ("no update", UPDATE, ""),
            ("updates twice", UPDATE, UPDATE + UPDATE),
            (
                "the sign only",
                UPDATE,
                UPDATE.replace("self.model.grad", "np.sign(self.model.grad)"),
            ),
            ("no backward", BACKWARD, ""),
            ("updates before backward", BACKWARD + UPDATE, UPDATE + BACKWARD),
            ("forgets the gradient", BACKWARD, BACKWARD + "        self.model.zero_grad()\n"),
            (
                "exchanged for backward",
                BACKWARD,
                BACKWARD.replace("outputs, Y_batch", "Y_batch, outputs"),
            ),
            ("exchanged for the loss", LOSS, LOSS.replace("Y_batch, outputs", "outputs, Y_batch")),
            ("nothing returned", LOSS, LOSS.replace("return ", "")),
            ("outputs returned", LOSS, "        return outputs\n"),
            ("a sum returned", LOSS, LOSS.replace("outputs)", "outputs) * len(X_batch)")),
            ("averaged again", LOSS, LOSS.replace("outputs)", "outputs) / len(X_batch)")),
            (
                "all images",
                FORWARD,
                "        X_batch, Y_batch = self.X_train, self.Y_train\n" + FORWARD,
            ),
            (
                "the validation set",
                FORWARD,
                "        X_batch, Y_batch = self.X_val, self.Y_val\n" + FORWARD,
            ),
            (
                "momentum",
                UPDATE,
                '        self.v = 0.9 * getattr(self, "v", 0) + self.model.grad\n'
                "        self.model.w -= self.learning_rate * self.v\n",
            ),
        ),
        *wrong(
            task,
            f"{trainer}.validation_step",
            (
                "training loss",
                VAL_LOSS,
                VAL_LOSS.replace("Y_val, outputs", "Y_train, self.model.forward(self.X_train)"),
            ),
        ),
        *wrong(
            task,
            f"{trainer}.validation_step",
            (
                "loss last",
                VAL_LOSS + TRAIN_ACCURACY + VAL_ACCURACY,
                TRAIN_ACCURACY + VAL_ACCURACY + VAL_LOSS,
            ),
            (
                "loss only",
                "        return (\n" + VAL_LOSS,
                "        return cross_entropy_loss(self.Y_val, outputs)\n        _ = (\n",
            ),
            also=(next_task,),
        ),
        *wrong(
            next_task,
            f"{trainer}.validation_step",
            ("accuracies exchanged", TRAIN_ACCURACY + VAL_ACCURACY, VAL_ACCURACY + TRAIN_ACCURACY),
            also=(task,),
        ),
        *wrong(
            next_task,
            f"{trainer}.validation_step",
            ("training twice", VAL_ACCURACY, TRAIN_ACCURACY),
        ),
    ]
