"""Variants of the solution at the root, whose text may change: whole bodies are replaced."""

from __future__ import annotations

from tests.library.variants.variant import Variant

STOP, ORDER = "trainer.BaseTrainer.should_stop", "utils.shuffled_order"
PENALTY = "task3a.SoftmaxModel.penalty_gradient"
BACKWARD = "task3a.SoftmaxModel.backward"
GRADIENT = "self.grad = X.T @ (outputs - targets) / len(X)"
ACCURACY = "return float(((model.forward(X) > 0.5) == targets).mean())"

WRONG = [  # in what the course's own starter does not have
    Variant(name, task=task, function=function, bodies=((function, body),))
    for task, function, name, body in (
        ("2c", "task2.calculate_accuracy", "> 0.5", ACCURACY),
        ("2c", "task2.accuracy", "a number", "return float(np.sum((outputs >= 0.5) == targets))"),
        ("3c", "task3.accuracy", "raises", "return None / len(targets)"),
        ("4b", PENALTY, "half", "return self.l2_reg_lambda * self.w"),
        ("4b", PENALTY, "nothing returned", "2 * self.l2_reg_lambda * self.w"),
        ("4b", BACKWARD, "subtracted", f"{GRADIENT} - self.penalty_gradient()"),
        ("2d", STOP, "never stops", "return False"),
        ("2d", STOP, "at the first rise", "return val_losses[-1] > min(val_losses)"),
        ("2d", STOP, "no guard", "return min(val_losses[-10:]) >= min(val_losses[:-10])"),
        ("2e", ORDER, "no shuffling", "return np.arange(num_examples)"),
        ("2e", ORDER, "nothing returned", "np.random.permutation(num_examples)"),
        ("2e", ORDER, "one too few", "return np.random.permutation(num_examples - 1)"),
    )
]

RIGHT = [
    Variant("as it is", bodies=(), whole_sets=True),
    Variant(
        "losses of float32",
        bodies=(
            (
                "task2a.cross_entropy_loss",
                "return -np.mean(targets * log(outputs) + (1 - targets) * log(1 - outputs))",
            ),
            ("task3a.cross_entropy_loss", "return -(targets * log(outputs)).sum(axis=1).mean()"),
        ),
    ),
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
