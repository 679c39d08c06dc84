"""Variants of the solution at the root, whose text may change: whole bodies are replaced."""

from __future__ import annotations

from tests.library.variants.variant import Variant

STOP, ORDER = "trainer.BaseTrainer.should_stop", "utils.shuffled_order"
UPHILL = """
outputs = self.model.forward(X_batch)
self.model.backward(X_batch, outputs, Y_batch)
self.model.w += self.learning_rate * self.model.grad
return cross_entropy_loss(Y_batch, outputs)
"""


def wrong(task: str, function: str, name: str, body: str) -> Variant:
    return Variant(name, task=task, function=function, bodies=((function, body),))


WRONG = [
    wrong("2a", "task2a.BinaryModel.forward", "wrong sign", "return 1 / (1 + np.exp(X @ self.w))"),
    wrong(
        "2a",
        "task2a.BinaryModel.backward",
        "wrong sign",
        "self.grad = X.T @ (targets - outputs) / len(X)",
    ),
    wrong("2b", "task2.LogisticTrainer.train_step", "uphill", UPHILL),
    wrong(
        "2c",
        "task2.calculate_accuracy",
        "> 0.5",
        "return float(((model.forward(X) > 0.5) == targets).mean())",
    ),
    wrong("2d", STOP, "never stops", "return False"),
    wrong("2d", STOP, "at the first rise", "return val_losses[-1] > min(val_losses)"),
    wrong("2d", STOP, "no guard", "return min(val_losses[-10:]) >= min(val_losses[:-10])"),
    wrong("2e", ORDER, "no shuffling", "return np.arange(num_examples)"),
    wrong("2e", ORDER, "nothing returned", "np.random.permutation(num_examples)"),
    wrong("2e", ORDER, "one too few", "return np.random.permutation(num_examples - 1)"),
    wrong(
        "3a",
        "task3a.SoftmaxModel.forward",
        "one sum for all",
        "return np.exp(X @ self.w) / np.exp(X @ self.w).sum()",
    ),
    wrong("3b", "task3.SoftmaxTrainer.train_step", "uphill", UPHILL),
    wrong(
        "3c",
        "task3.calculate_accuracy",
        "threshold",
        "return float(((model.forward(X) >= 0.5) == targets).mean())",
    ),
    wrong(
        "4b",
        "task3a.SoftmaxModel.backward",
        "missing",
        "self.grad = X.T @ (outputs - targets) / len(X)",
    ),
]

RIGHT = [
    Variant("as it is", bodies=(), whole_sets=True),
    Variant(
        "written another way",
        bodies=(
            ("task2a.BinaryModel.forward", "return 0.5 * (1 + np.tanh(X @ self.w / 2))"),
            ("task2a.BinaryModel.backward", "self.grad = -X.T @ (targets - outputs) / len(X)"),
            (STOP, "return len(val_losses) - list(val_losses).index(min(val_losses)) > 10"),
            (ORDER, "return np.random.random(num_examples).argsort()"),
        ),
    ),
]
