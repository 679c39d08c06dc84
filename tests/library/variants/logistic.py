"""Mistakes in logistic regression: Tasks 2a, 2b and 2c."""

from __future__ import annotations

from tests.library.variants.steps import step_mistakes
from tests.library.variants.variant import CLASSIC, wrong

NORMALISE = """    inputs[:, :-1] = X
    inputs[:, :-1] /= 127.5
    inputs[:, :-1] -= 1
"""
GIVE = "    return inputs"
TERMS = """    log_likelihood = targets * np.log(np.maximum(outputs, tiny))
    log_likelihood += (1 - targets) * np.log(np.maximum(1 - outputs, tiny))
"""
FIRST, SECOND = TERMS.splitlines()
LOSS = "    return -float(log_likelihood.mean())"
START = "self.w = np.zeros((785, 1), dtype=np.float32)"
LOGITS = "        logits = X @ self.w"
SIGMOID = """        e = np.exp(-np.abs(logits))
        # 1 / (1 + exp(-z)) = exp(z) / (1 + exp(z)): of the two, the one that never overflows
        return np.where(logits >= 0, 1, e) / (1 + e)"""
GRADIENT = "        self.grad = X.T @ (outputs - targets) / len(X)"
FORGET = "        self.grad = np.zeros_like(self.w)"
CHECK = "    check_gradient(model, X, Y)"
ACCURACY = "    return float(np.mean((outputs >= 0.5) == targets))"

WRONG = [
    *wrong(
        "2a",
        "task2a.pre_process_images",
        ("range 0 to 1", NORMALISE, "    inputs[:, :-1] = X / 255\n"),
        ("range 0 to 2", NORMALISE, "    inputs[:, :-1] = X / 127.5\n"),
        ("range -1 to 0", NORMALISE, "    inputs[:, :-1] = X / 255 - 1\n"),
        ("range -0.5 to 0.5", NORMALISE, "    inputs[:, :-1] = X / 255 - 0.5\n"),
        ("divided by 128", NORMALISE, "    inputs[:, :-1] = X / 128 - 1\n"),
        ("not divided", NORMALISE, "    inputs[:, :-1] = X - 127.5\n"),
        ("white and black exchanged", NORMALISE, "    inputs[:, :-1] = 1 - X / 127.5\n"),
        ("the bias is normalised", NORMALISE, NORMALISE.replace("[:, :-1] /=", " /=")),
        ("the bias is 0", NORMALISE, NORMALISE + "    inputs[:, -1] = 0\n"),
        ("the bias is for one image", NORMALISE, NORMALISE + "    inputs[1:, -1] = 0\n"),
        ("no bias", GIVE, "    return inputs[:, :-1]"),
        ("two bias columns", GIVE, "    return np.c_[inputs, inputs[:, -1]]"),
        ("one more row", GIVE, "    return np.r_[inputs, inputs[:1]]"),
        ("range of the images", NORMALISE, "    inputs[:, :-1] = 2 * X / (X.max() or 1) - 1\n"),
        ("standardised", NORMALISE, "    inputs[:, :-1] = (X - X.mean()) / (X.std() + 1e-9)\n"),
        ("changes X", NORMALISE, "    X[...] = X / 127.5 - 1\n    inputs[:, :-1] = X\n"),
        (
            "an alias of X",
            NORMALISE,
            "    X = np.asarray(X, float)\n    X /= 127.5\n    X -= 1\n    inputs[:, :-1] = X\n",
        ),
        ("X -= in place", NORMALISE, "    X -= X.dtype.type(1)\n" + NORMALISE),
        ("uint8 overflows", NORMALISE, "    inputs[:, :-1] = X * X.dtype.type(2) / 255 - 1\n"),
        ("integers", GIVE, "    return inputs.astype(int)"),
        ("pixels reversed", NORMALISE, NORMALISE.replace("= X", "= X[:, ::-1]")),
        ("nothing returned", GIVE, "    inputs.copy()"),
    ),
    *wrong(
        "2a",
        "task2a.cross_entropy_loss",
        ("sum", LOSS, LOSS.replace("mean", "sum")),
        ("no minus", LOSS, LOSS.replace("-float", "float")),
        ("averaged twice", LOSS, LOSS + " / len(targets)"),
        ("half", LOSS, LOSS + " / 2"),
        ("one per example", LOSS, "    return -log_likelihood"),
        ("an array of one", LOSS, "    return -log_likelihood.mean(axis=0)"),
        ("base 2", LOSS, LOSS + " / np.log(2)"),
        ("base 10", LOSS, LOSS + " / np.log(10)"),
        ("squared error", LOSS, "    return float(np.mean((targets - outputs) ** 2))"),
        ("only y ln(yhat)", TERMS, FIRST + "\n"),
        ("only the second term", TERMS, SECOND.replace("+=", "=") + "\n"),
        ("ln(yhat) twice", "np.maximum(1 - outputs", "np.maximum(outputs"),
        ("minus between the terms", "log_likelihood +=", "log_likelihood -="),
        ("arguments exchanged", TERMS, "    targets, outputs = outputs, targets\n" + TERMS),
        ("ln of 0", TERMS, TERMS.replace("tiny", "0")),
        ("a large epsilon", TERMS, TERMS.replace("outputs, tiny", "outputs + 0.01, tiny")),
        ("clips in place", TERMS, "    np.clip(outputs, 1e-9, 0.999, out=outputs)\n" + TERMS),
        ("pairs of all examples", TERMS, TERMS.replace("targets *", "targets.T *")),
        ("nothing returned", LOSS, "    log_likelihood.mean()"),
    ),
    *wrong(
        "2a",
        "task2a.BinaryModel.__init__",
        ("random", START, "self.w = np.random.default_rng(0).normal(0, 0.1, (785, 1))"),
        ("ones", START, "self.w = np.ones((785, 1))"),
        ("784 inputs", START, "self.w = np.zeros((784, 1))"),
        ("one axis", START, "self.w = np.zeros(785)"),
        ("one row", START, "self.w = np.zeros((1, 785))"),
        also=("2b",),
    ),
    *wrong(
        "2a",
        "task2a.BinaryModel.forward",
        ("no sigmoid", SIGMOID, "        return logits"),
        ("tanh", SIGMOID, "        return np.tanh(logits)"),
        ("wrong sign", SIGMOID, "        return 1 / (1 + np.exp(np.clip(logits, -500, 500)))"),
        ("a decision", SIGMOID, "        return (logits >= 0) * 1.0"),
        ("a softmax", SIGMOID, "        e = np.exp(logits)\n        return e / e.sum(axis=1)"),
        ("1 / (1 + exp(-z)) overflows", SIGMOID, "        return 1 / (1 + np.exp(-logits))"),
        (
            "exp(z) / (1 + exp(z)) overflows",
            SIGMOID,
            "        return np.exp(logits) / (1 + np.exp(logits))",
        ),
        ("clipped", SIGMOID, "        return 1 / (1 + np.exp(-np.clip(logits, -1, 1)))"),
        ("no bias", LOGITS, "        logits = X[:, :-1] @ self.w[:-1]"),
        ("no second axis", LOGITS, "        logits = (X @ self.w)[:, 0]"),
        ("a row", LOGITS, "        logits = (X @ self.w).T"),
        ("rounded", SIGMOID, SIGMOID.replace("return ", "return 1.0 * ") + " // 0.001 * 0.001"),
        ("scales X", LOGITS, "        X /= 2\n        logits = 2 * X @ self.w"),
        ("nothing returned", SIGMOID, "        np.exp(-np.abs(logits))"),
    ),
    *wrong(
        "2a",
        "task2a.BinaryModel.backward",
        ("wrong sign", GRADIENT, GRADIENT.replace("outputs - targets", "targets - outputs")),
        ("not averaged", GRADIENT, GRADIENT.replace(" / len(X)", "")),
        ("averaged twice", GRADIENT, GRADIENT + "**2"),
        ("averaged over the inputs", GRADIENT, GRADIENT.replace("len(X)", "X.shape[1]")),
        ("half", GRADIENT, GRADIENT + " / 2"),
        ("doubled", GRADIENT, GRADIENT + " * 2"),
        (
            "the sigmoid's derivative left in",
            GRADIENT,
            GRADIENT.replace("targets)", "targets) * outputs * (1 - outputs)")
            .replace("@ (", "@ ((", 1)
            .replace(" / len", ") / len"),
        ),
        ("accumulated", GRADIENT, GRADIENT.replace("=", "+=")),
        ("updates the weights", GRADIENT, GRADIENT + "\n        self.w = self.w - self.grad"),
        (
            "outputs in place",
            GRADIENT,
            "        outputs -= targets\n        targets = 0\n" + GRADIENT,
        ),
        ("transposed", GRADIENT, GRADIENT + "\n        self.grad = self.grad.T"),
        ("flat", GRADIENT, GRADIENT + "\n        self.grad = self.grad[:, 0]"),
        ("no bias", GRADIENT, GRADIENT + "\n        self.grad[-1] = 0"),
        (
            "the mean for every weight",
            GRADIENT,
            GRADIENT + "\n        self.grad[:] = self.grad.mean()",
        ),
        ("returned, not set", GRADIENT, GRADIENT.replace("self.grad =", "return")),
        ("set to another name", GRADIENT, GRADIENT.replace("self.grad", "self.gradient")),
        ("outputs rounded", GRADIENT, GRADIENT.replace("outputs", "np.round(outputs)")),
        ("factors exchanged", GRADIENT, "        self.grad = (outputs - targets) @ X.T / len(X)"),
    ),
    *wrong(
        "2a",
        "task2a.BinaryModel.zero_grad",
        ("does nothing", FORGET, '        self.grad = getattr(self, "grad", None)'),
        ("forgets the weights", FORGET, FORGET + "\n        self.w = np.zeros_like(self.w)"),
    ),
    *wrong("2a", "task2a.gradient_approximation_test", ("accepts all", CHECK, "    return None")),
    *wrong(
        "2a",
        "task2a.BinaryModel.backward",
        ("accumulated, from None", "self.grad = -np", "self.grad += -np"),
        ("wrong sign, classic", "= -np.dot", "= np.dot"),
        base=CLASSIC,
    ),
    *wrong(
        "2a",
        "task2a.pre_process_images",
        ("misspelt", "def pre_process_images", "def preprocess_images"),
        also=("2b", "2c", "3a", "3b", "3c", "4b"),  # all of them import task2a
        base=CLASSIC,
    ),
    *wrong(
        "2b",
        "utils.binary_prune_dataset",
        ("1 for the second class", "Y[kept] == class1", "Y[kept] == class2"),
    ),
    *step_mistakes("2b", "task2.LogisticTrainer"),
    *wrong(
        "2c",
        "task2.calculate_accuracy",
        ("> 0.5", ACCURACY, ACCURACY.replace(">=", ">")),
        (
            "rounded half to even",
            ACCURACY,
            ACCURACY.replace("(outputs >= 0.5)", "np.round(outputs)"),
        ),
        ("per cent", ACCURACY, ACCURACY + " * 100"),
        ("the number", ACCURACY, ACCURACY.replace("mean", "sum")),
        ("the error", ACCURACY, ACCURACY.replace("==", "!=")),
        ("every pair", ACCURACY, ACCURACY.replace("== targets", "== targets.T")),
        ("outputs, not predictions", ACCURACY, ACCURACY.replace("(outputs >= 0.5)", "outputs")),
        ("ones only", ACCURACY, "    return float(np.mean((outputs >= 0.5) * targets))"),
        ("one per example", ACCURACY, "    return (outputs >= 0.5) == targets"),
        ("threshold 0", ACCURACY, ACCURACY.replace("0.5", "0")),
        (
            "argmax",
            ACCURACY,
            ACCURACY.replace("(outputs >= 0.5)", "outputs.argmax(axis=1)[:, None]"),
        ),
        ("precision", ACCURACY, "    return float(np.mean(targets[outputs >= 0.5]))"),
    ),
]
