"""Mistakes in `train_step` and `validation_step`, the same in both tasks."""

from __future__ import annotations

from tests.library.variants.variant import Variant, wrong

FORWARD = "outputs = self.model.forward(X_batch)"
BACKWARD = "self.model.backward(X_batch, outputs, Y_batch)"
VAL_LOSS = "cross_entropy_loss(self.Y_val, self.model.forward(self.X_val))"
TRAINED_ON = "calculate_accuracy(self.X_train, self.Y_train, self.model)"
RESULTS = "return loss, accuracy_train, accuracy_val"


def step_mistakes(task: str, trainer: str, update: str, loss: str) -> list[Variant]:
    """List the mistakes in the two steps of a trainer.

    Args:
        task: "2b" or "3b".
        trainer: as "task2.LogisticTrainer".
        update: the line of `train_step` that updates the weights.
        loss: the line of `train_step` that returns the loss.
    """
    name = trainer.split(".")[1]
    step = "self.learning_rate * self.model.grad"
    return [
        *wrong(
            task,
            f"{trainer}.train_step",
            ("uphill", update, f"self.model.w += {step}"),
            ("no learning rate", update, "self.model.w -= self.model.grad"),
            ("a rate of its own", update, "self.model.w -= 0.05 * self.model.grad"),
            ("times the batch size", update, f"self.model.w -= self.batch_size * {step}"),
            ("times 128", update, f"self.model.w -= 128 * {step}"),
            ("the rate squared", update, f"self.model.w -= self.learning_rate * {step}"),
            ("the rate cubed", update, f"self.model.w -= self.learning_rate**2 * {step}"),
            (
                "divided by the rate",
                update,
                "self.model.w -= self.model.grad / self.learning_rate",
            ),
            ("divided by the training set", update, f"self.model.w -= {step} / len(self.X_train)"),
            ("its own grad", update, "self.model.w -= self.learning_rate * self.grad"),
            ("divided by N again", update, f"self.model.w -= {step} / len(X_batch)"),
            ("weights replaced", update, f"self.model.w = -{step}"),
            ("a local w", update, f"w = self.model.w - {step}"),
            ("the script's rate", update, "self.model.w -= learning_rate * self.model.grad"),
            (
                "the rate of its file",
                update,
                "self.model.w -= learning_rate * self.model.grad",
                f"class {name}(",
                f"learning_rate = 0.05\n\n\nclass {name}(",
            ),
            (
                "the gradient that backward does not return",
                BACKWARD,
                f"grad = {BACKWARD}",
                update,
                "self.model.w -= self.learning_rate * grad",
            ),
            ("updates twice", update, f"{update}\n        {update}"),
            (
                "the sign only",
                update,
                update.replace("self.model.grad", "np.sign(self.model.grad)"),
            ),
            ("no backward", BACKWARD, "pass"),
            ("exchanged for backward", BACKWARD, "self.model.backward(X_batch, Y_batch, outputs)"),
            ("exchanged for the loss", loss, "return cross_entropy_loss(outputs, Y_batch)"),
            ("nothing returned", loss, loss.replace("return ", "")),
            ("outputs returned", loss, "return outputs"),
            ("a sum returned", loss, f"{loss} * len(X_batch)"),
            ("averaged again", loss, f"{loss} / len(X_batch)"),
            (
                "all losses returned",
                loss,
                loss.replace("return ", "self.losses = [*getattr(self, 'losses', []), ")
                + "]\n        return self.losses",
            ),
            (
                "the validation set",
                FORWARD,
                f"X_batch, Y_batch = self.X_val, self.Y_val\n        {FORWARD}",
            ),
            (
                "momentum",
                update,
                'self.v = 0.9 * getattr(self, "v", 0) + self.model.grad\n'
                "        self.model.w -= self.learning_rate * self.v",
            ),
        ),
        *wrong(
            task,
            f"{trainer}.validation_step",
            ("training loss", VAL_LOSS, VAL_LOSS.replace("_val", "_train")),
            ("loss only", RESULTS, "return loss"),
            ("accuracies exchanged", RESULTS, "return loss, accuracy_val, accuracy_train"),
            (
                "trains",
                f"loss = {VAL_LOSS}",
                f"self.train_step(self.X_val, self.Y_val)\n        loss = {VAL_LOSS}",
            ),
            (
                "a part of the training set",
                TRAINED_ON,
                TRAINED_ON.replace("train,", "train[:1000],"),
            ),
            ("a part of the validation set", VAL_LOSS, VAL_LOSS.replace("_val", "_val[:100]")),
            ("training twice", RESULTS, "return loss, accuracy_train, accuracy_train"),
        ),
    ]
