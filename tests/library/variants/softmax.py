"""Mistakes in softmax regression: Tasks 3a, 3b, 3c and 4b."""

from __future__ import annotations

from tests.library.variants.steps import UPDATE, step_mistakes
from tests.library.variants.variant import CLASSIC, Variant, wrong

ONE_HOT = "    return np.eye(num_classes, dtype=np.float32)[Y[:, 0]]"
TERMS = "    log_likelihood = targets * np.log(np.maximum(outputs, tiny))\n"
LOSS = "    return -float(log_likelihood.sum() / len(targets))"
START = "self.w = np.zeros((785, 10), dtype=np.float32)"
LOGITS = "logits = np.asfortranarray(X @ self.w)"
LARGEST = "logits.max(axis=1, keepdims=True)"
EXP = f"        e = np.exp(logits - {LARGEST})  # at most 1: never overflows\n"
SUM = "e.sum(axis=1, keepdims=True)"
SHARE = f"        return e / {SUM}"
GRADIENT = "        self.grad = X.T @ (outputs - targets) / len(X)"
FORGET = "        self.grad = np.zeros_like(self.w)"
IF_PENALTY = "        if self.l2_reg_lambda > 0:\n            self.grad += self.penalty_gradient()"
PENALTY = "        return 2 * self.l2_reg_lambda * self.w"
CHECK = "    check_gradient(model, X, Y)"
ACCURACY = "    return float(np.mean(outputs.argmax(axis=1) == targets.argmax(axis=1)))"
IMPORT = "from task3a import SoftmaxModel, cross_entropy_loss, one_hot_encode\n"

WRONG = [
    *wrong(
        "3a",
        "task3a.one_hot_encode",
        ("off by one", ONE_HOT, ONE_HOT.replace("Y[:, 0]", "Y[:, 0] - 1")),
        ("exchanged", ONE_HOT, ONE_HOT.replace("np.eye(num", "1 - np.eye(num")),
        ("reversed", ONE_HOT, ONE_HOT + "[:, ::-1]"),
        ("transposed", ONE_HOT, ONE_HOT + ".T"),
        ("always ten classes", ONE_HOT, ONE_HOT.replace("num_classes", "10")),
        ("largest label as K", ONE_HOT, ONE_HOT.replace("num_classes", "int(Y.max()) + 1")),
        ("one axis too many", ONE_HOT, ONE_HOT.replace("Y[:, 0]", "Y")),
        ("zeros", ONE_HOT, "    return np.zeros((len(Y), num_classes))"),
        ("the label, not 1", ONE_HOT, ONE_HOT + " * Y"),
        (
            "every row all labels",
            ONE_HOT,
            "    rows = np.zeros((len(Y), num_classes))\n    rows[:, Y[:, 0]] = 1\n    return rows",
        ),
        ("changes the labels", ONE_HOT, "    Y -= Y.min()\n" + ONE_HOT),
        ("flattens the labels", ONE_HOT, ONE_HOT.replace("Y[:, 0]", "Y.resize(len(Y)) or Y")),
    ),
    *wrong(
        "3a",
        "task3a.cross_entropy_loss",
        ("mean of all", LOSS, LOSS.replace("len(targets)", "targets.size")),
        ("sum of all", LOSS, LOSS.replace(" / len(targets)", "")),
        ("no minus", LOSS, LOSS.replace("-float", "float")),
        (
            "averaged over classes",
            LOSS,
            "    return -float(log_likelihood.sum() / outputs.shape[1])",
        ),
        ("one per example", LOSS, "    return -log_likelihood.sum(axis=1)"),
        ("base 2", LOSS, LOSS + " / np.log(2)"),
        ("base 10", LOSS, LOSS + " / np.log(10)"),
        (
            "that of two classes",
            TERMS,
            TERMS + "    log_likelihood += (1 - targets) * np.log(np.maximum(1 - outputs, tiny))\n",
        ),
        ("no targets", TERMS, TERMS.replace("targets *", "1 *")),
        ("arguments exchanged", TERMS, "    targets, outputs = outputs, targets\n" + TERMS),
        ("ln of 0", TERMS, TERMS.replace("tiny", "0")),
        ("no logarithm", TERMS, "    log_likelihood = targets * outputs\n"),
        ("squared error", LOSS, "    return float(np.mean((targets - outputs) ** 2))"),
        ("changes the outputs", TERMS, "    outputs[outputs < 1e-9] = 1e-9\n" + TERMS),
    ),
    *wrong(
        "3a",
        "task3a.SoftmaxModel.__init__",
        ("random", START, "self.w = np.random.default_rng(0).normal(0, 0.1, (785, 10))"),
        ("784 inputs", START, "self.w = np.zeros((784, 10))"),
        ("integers", START, "self.w = np.zeros((785, 10), dtype=int)"),
        ("one output", START, "self.w = np.zeros((785, 1))"),
        ("transposed", START, "self.w = np.zeros((10, 785))"),
        also=("3b",),
    ),
    *wrong(
        "3a",
        "task3a.SoftmaxModel.forward",
        ("overflows", EXP, "        e = np.exp(logits)\n"),
        ("one maximum for all", EXP, EXP.replace(LARGEST, "logits.max()")),
        ("maximum of each class", EXP, EXP.replace(LARGEST, "logits.max(axis=0)")),
        ("mean instead of maximum", EXP, EXP.replace("max", "mean")),
        ("wrong sign", EXP, "        logits = -logits\n" + EXP),
        ("one sum for all", SHARE, "        return e / e.sum()"),
        ("sum of each class", SHARE, SHARE.replace(SUM, "e.sum(axis=0)")),
        ("no sum", SHARE, "        return e"),
        ("mean instead of sum", SHARE, SHARE.replace("sum", "mean")),
        ("the logarithm", SHARE, f"        return np.log(e / {SUM})"),
        ("a sigmoid", SHARE, "        return 1 / (1 + np.exp(-np.clip(logits, -99, 99)))"),
        ("no softmax", SHARE, "        return logits"),
        ("no bias", LOGITS, "logits = X[:, :-1] @ self.w[:-1]"),
        ("scales X", LOGITS, "X /= 2\n        logits = 2 * X @ self.w"),
        ("clips the scores", EXP, "        e = np.exp(np.clip(logits, -20, 20))\n"),
        ("transposed", SHARE, f"        return (e / {SUM}).T"),
        ("the class", SHARE, "        return e.argmax(axis=1)"),
        ("epsilon in the sum", SHARE, SHARE + " * 0.99"),
    ),
    *wrong(
        "3a",
        "task3a.SoftmaxModel.backward",
        ("wrong sign", GRADIENT, GRADIENT.replace("outputs - targets", "targets - outputs")),
        ("not averaged", GRADIENT, GRADIENT.replace(" / len(X)", "")),
        ("averaged over N and K", GRADIENT, GRADIENT + " / 10"),
        ("averaged over K", GRADIENT, GRADIENT.replace("len(X)", "10")),
        ("averaged twice", GRADIENT, GRADIENT + "**2"),
        ("half", GRADIENT, GRADIENT + " / 2"),
        ("doubled", GRADIENT, GRADIENT + " * 2"),
        ("no targets", GRADIENT, GRADIENT.replace("(outputs - targets)", "outputs")),
        ("no bias", GRADIENT, GRADIENT + "\n        self.grad[-1] = 0"),
        (
            "the right class only",
            GRADIENT,
            GRADIENT.replace("targets)", "targets) * targets", 1)
            .replace("@ (", "@ ((", 1)
            .replace(" / len", ") / len"),
        ),
    ),
    *wrong(
        "3a",
        "task3a.SoftmaxModel.backward",
        ("transposed", GRADIENT, "        self.grad = (outputs - targets).T @ X / len(X)"),
        ("targets in place", GRADIENT, GRADIENT + "\n        targets -= outputs"),
        ("accumulated", GRADIENT, GRADIENT.replace("=", "+=")),
        (
            "updates the weights",
            GRADIENT,
            GRADIENT + "\n        self.w = self.w - 0.01 * self.grad",
        ),
        also=("4b",),
    ),
    *wrong(
        "3a",
        "task3a.SoftmaxModel.zero_grad",
        ("does nothing", FORGET, '        self.grad = getattr(self, "grad", None)'),
    ),
    *wrong("3a", "task3a.gradient_approximation_test", ("accepts all", CHECK, "    return None")),
    *step_mistakes("3b", "task3.SoftmaxTrainer"),
    *[
        Variant(
            "the loss of Task 2",
            (("task3", IMPORT, IMPORT + "from task2a import cross_entropy_loss  # noqa\n"),),
            "3b",
            "task3.SoftmaxTrainer.train_step",
        )
    ],
    *wrong(
        "3c",
        "task3.calculate_accuracy",
        ("argmax over images", ACCURACY, ACCURACY.replace("axis=1", "axis=0")),
        ("threshold", ACCURACY, "    return float(np.mean((outputs >= 0.5) == targets))"),
        (
            "all outputs above one half",
            ACCURACY,
            "    return float(np.mean(((outputs >= 0.5) == targets).all(axis=1)))",
        ),
        ("per cent", ACCURACY, ACCURACY + " * 100"),
        ("the number", ACCURACY, ACCURACY.replace("mean", "sum")),
        ("the error", ACCURACY, ACCURACY.replace("==", "!=")),
        (
            "the class with its row",
            ACCURACY,
            "    return float(np.mean(outputs.argmax(axis=1) == targets[:, 0]))",
        ),
        ("divided by all", ACCURACY, ACCURACY + " / outputs.shape[1]"),
        ("argmin", ACCURACY, ACCURACY.replace("outputs.argmax", "outputs.argmin")),
        ("one argmax for all", ACCURACY, "    return float(outputs.argmax() == targets.argmax())"),
    ),
    *wrong(
        "4b",
        "task3a.SoftmaxModel.backward",
        ("missing", IF_PENALTY, "        pass"),
        ("half", PENALTY, PENALTY.replace("2 *", "1 *")),
        ("doubled", PENALTY, PENALTY.replace("2 *", "4 *")),
        ("subtracted", IF_PENALTY, IF_PENALTY.replace("+=", "-=")),
        ("over N", IF_PENALTY, IF_PENALTY + " / len(X)"),
        ("half, over N", IF_PENALTY, IF_PENALTY + " / len(X) / 2"),
        ("times N", IF_PENALTY, IF_PENALTY + " * len(X)"),
        ("lambda squared", PENALTY, PENALTY.replace("lambda", "lambda**2")),
        ("L1", PENALTY, PENALTY.replace("2 *", "1 *").replace("self.w", "np.sign(self.w)")),
        ("the penalty itself", IF_PENALTY, IF_PENALTY.replace("penalty_gradient", "penalty")),
        ("w squared", PENALTY, PENALTY + "**2"),
        ("absolute value", PENALTY, PENALTY.replace("self.w", "abs(self.w)")),
        ("without the bias", PENALTY, PENALTY + " * (np.arange(785) < 784)[:, None]"),
        ("only the bias", PENALTY, PENALTY + " * (np.arange(785) == 784)[:, None]"),
        ("of ||w||", PENALTY, PENALTY.replace("2 *", "1 *") + " / np.linalg.norm(self.w)"),
        ("averaged over the weights", PENALTY, PENALTY + " / self.w.size"),
        ("only for lambda = 1", IF_PENALTY, IF_PENALTY.replace("> 0", "== 1")),
        ("not for lambda = 1", IF_PENALTY, IF_PENALTY.replace("> 0", "< 1")),
        ("lambda always 1", PENALTY, "        return 2 * self.w"),
        (
            "shrinks the weights",
            IF_PENALTY,
            "        self.w = self.w * (1 - 2 * self.l2_reg_lambda)",
        ),
        ("of the gradient", PENALTY, PENALTY.replace("self.w", "self.grad")),
    ),
    *wrong(
        "4b",
        "task3.SoftmaxTrainer.train_step",
        (
            "L2 once more",
            UPDATE,
            UPDATE.replace("self.model.grad", "self.model.penalty_gradient()") + UPDATE,
        ),
    ),
    *wrong(
        "4b",
        "task3a.SoftmaxModel.backward",
        ("without lambda", "2 * self.lam * self.w", "2 * self.w"),
        also=("3a",),
        base=CLASSIC,
    ),
    *wrong(
        "4b",
        "task3a.SoftmaxModel.backward",
        ("no 2", "2 * self.lam * self.w", "self.lam * self.w"),
        (
            "added before dividing",
            "        self.grad /= X.shape[0]\n        self.grad += 2 * self.lam * self.w",
            "        self.grad += 2 * self.lam * self.w\n        self.grad /= X.shape[0]",
        ),
        base=CLASSIC,
    ),
]
