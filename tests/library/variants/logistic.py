"""Mistakes in logistic regression: Tasks 2a, 2b and 2c."""

from __future__ import annotations

from tests.library.variants.steps import step_mistakes
from tests.library.variants.variant import wrong

FLOAT = "    X = X.astype(float)\n"
SCALE = "    X = 2 * X / 255 - 1\n"
BIAS = "np.ones((X.shape[0], 1))"
GIVE = f"    return np.hstack([{BIAS}, X])"
TERMS = "    ce = targets * np.log(outputs + eps) + (1 - targets) * np.log(1 - outputs + eps)\n"
LOSS = "return -np.mean(ce)"
NEGATIVE = TERMS.replace("targets *", "-targets *", 1).replace("+ (1", "- (1")
MINUS_ONE_TIMES = NEGATIVE.replace("-targets", "-1 * targets")
START = "self.w = np.zeros((self.I, 1))"
LOGITS = "        z = np.clip(X.dot(self.w), -500, 500)\n"
SIGMOID = "        return 1 / (1 + np.exp(-z))"
WHERE = """        z = X.dot(self.w)
        return np.where(z > 0, 1 / (1 + np.exp(-z)), np.exp(z) / (1 + np.exp(z)))"""
GRADIENT = "self.grad = -np.dot(X.T, targets - outputs) / X.shape[0]"
SHAPED = GRADIENT + "\n        assert self.grad.shape == self.w.shape"
FORGET = "def zero_grad(self) -> None:\n        self.grad = None"
STEP_LOSS = "return cross_entropy_loss(Y_batch, self.model.forward(X_batch))"
NEGATIVE_STEP_LOSS = """y = self.model.forward(X_batch)
        return np.mean(-Y_batch * np.log(y) - (1 - Y_batch) * np.log(1 - y))"""
PREDICT = "prediction = 1 if output >= 0.5 else 0"
HIT = "        if prediction == target[0]:\n            correct += 1\n"
ACCURACY = "return correct / len(X)"
ONE_OF_ALL = "return np.mean(np.diag((model.forward(X) >= 0.5) == targets[:, 0]))"
DECIDE = "p = (model.forward(X) >= 0.5).astype(np.uint8)"

WRONG = [
    *wrong(
        "2a",
        "task2a.pre_process_images",
        ("range 0 to 1", SCALE, "    X = X / 255\n"),
        ("rounded to 0.01", GIVE, f"    X = np.round(X, 2)\n{GIVE}"),
        ("divided by 128", SCALE, "    X = X / 128 - 1\n"),
        ("not divided", SCALE, "    X = X - 127.5\n"),
        ("white and black exchanged", SCALE, "    X = 1 - X / 127.5\n"),
        (
            "the bias is normalised",
            SCALE + GIVE,
            f"    X = np.hstack([{BIAS}, X])\n    return 2 * X / 255 - 1",
        ),
        ("the bias is 0", BIAS, "np.zeros((X.shape[0], 1))"),
        ("the bias is for one image", BIAS, "np.eye(X.shape[0], 1)"),
        ("no bias", GIVE, "    return X"),
        ("two bias columns", BIAS, "np.ones((X.shape[0], 2))"),
        ("range of the images", SCALE, "    X = 2 * X / (X.max() or 1) - 1\n"),
        ("standardised", SCALE, "    X = (X - X.mean()) / (X.std() + 1e-9)\n"),
        ("changes X", FLOAT + SCALE, "    X[...] = X / 127.5 - 1\n"),
        ("X -= in place", FLOAT, "    X -= X.dtype.type(1)\n" + FLOAT),
        ("uint8 overflows", FLOAT, ""),
        ("X - 127 in uint8", FLOAT + SCALE, "    X = (X - 127) / 128\n"),
        ("divided by 127", SCALE, "    X = (X - 127.5) / 127\n"),
        ("divided in place", FLOAT + SCALE, "    X /= 127.5\n    X -= 1\n"),
        ("clipped", FLOAT + SCALE, "    X = np.clip(X.astype(float), -1, 1)\n"),
        ("the bias is a 1", BIAS, "1"),
        ("the bias is for 100 images", BIAS, "np.ones((100, 1))"),
        (
            "an array of integers",
            GIVE,
            "    out = np.ones((X.shape[0], 785), np.uint8)\n    out[:, 1:] = X\n    return out",
        ),
        ("divided by //", SCALE, "    X = X // 127.5 - 1\n"),
        ("integers", GIVE, GIVE + ".astype(int)"),
        ("pixels reversed", GIVE, GIVE.replace(", X]", ", X[:, ::-1]]")),
        ("nothing returned", GIVE, GIVE.replace("return ", "")),
    ),
    *wrong(
        "2a",
        "task2a.pre_process_images",
        ("the bias as a row", GIVE, "    return np.vstack([X, np.ones((1, X.shape[1]))])"),
        whole_sets=True,
    ),
    *wrong(
        "2a",
        "task2a.cross_entropy_loss",
        ("sum", LOSS, "return -np.sum(ce)"),
        ("no minus", LOSS, "return np.mean(ce)"),
        ("averaged twice", LOSS, LOSS + " / len(targets)"),
        ("one per example", LOSS, "return -ce"),
        ("base 2", LOSS, LOSS + " / np.log(2)"),
        ("an array of N x N", LOSS, "return -np.mean(np.diag(ce + 0 * ce.T))"),
        ("squared error", LOSS, "return np.mean((targets - outputs) ** 2)"),
        ("only y ln(yhat)", TERMS, "    ce = targets * np.log(outputs + eps)\n"),
        ("only the second term", TERMS, "    ce = (1 - targets) * np.log(1 - outputs + eps)\n"),
        ("ln(yhat) twice", "np.log(1 - outputs", "np.log(outputs"),
        ("minus between the terms", "+ (1 - targets)", "- (1 - targets)"),
        ("arguments exchanged", TERMS, "    targets, outputs = outputs, targets\n" + TERMS),
        ("a large epsilon", "eps = 1e-10", "eps = 0.01"),
        ("pairs of all examples", "ce = targets *", "ce = targets.T *"),
        ("nothing returned", LOSS, "np.mean(ce)"),
        ("-targets", f"{TERMS}    {LOSS}", f"{NEGATIVE}    return np.mean(ce)"),
        ("divided by 128", LOSS, "return -np.sum(ce) / 128"),
        ("flat targets", TERMS, "    targets = targets.flatten()\n" + TERMS),
        ("-1 * targets", f"{TERMS}    {LOSS}", f"{MINUS_ONE_TIMES}    return np.mean(ce)"),
    ),
    *wrong(
        "2a",
        "task2a.BinaryModel.__init__",
        ("random", START, "self.w = np.random.default_rng(0).normal(0, 0.1, (self.I, 1))"),
        ("784 inputs", START, "self.w = np.zeros((784, 1))"),
        ("one row", START, "self.w = np.zeros((1, self.I))"),
    ),
    *wrong(
        "2a",
        "task2a.BinaryModel.forward",
        ("no sigmoid", SIGMOID, "        return z"),
        ("no parentheses", SIGMOID, "        return 1 / 1 + np.exp(-z)"),
        ("no parentheses of e^z", SIGMOID, "        return np.exp(z) / 1 + np.exp(z)"),
        ("a size of None", "self.I = 785", "self.I = None"),
        ("tanh", SIGMOID, "        return np.tanh(z)"),
        ("wrong sign", SIGMOID, SIGMOID.replace("-z", "z")),
        ("a decision", SIGMOID, "        return (z >= 0) * 1.0"),
        ("a softmax", SIGMOID, "        return np.exp(z) / np.exp(z).sum(axis=1)"),
        ("clipped", LOGITS, LOGITS.replace("500", "1")),
        ("no bias", "X.dot(self.w)", "X[:, :-1].dot(self.w[:-1])"),
        ("one more bias", "X.dot(self.w)", "np.c_[X, np.ones(len(X))].dot(self.w)"),
        ("rounded", SIGMOID, "        return np.round(1 / (1 + np.exp(-z)), 2)"),
        ("no second axis", SIGMOID, "        return (1 / (1 + np.exp(-z)))[:, 0]"),
        ("a row", SIGMOID, "        return (1 / (1 + np.exp(-z))).T"),
        ("scales X", LOGITS, "        X /= 2\n" + LOGITS.replace("X.dot", "2 * X.dot")),
        ("nothing returned", SIGMOID, SIGMOID.replace("return ", "")),
    ),
    *wrong(
        "2a",
        "task2a.BinaryModel.backward",
        (
            "the sigmoid's derivative left in",
            GRADIENT,
            GRADIENT.replace("targets - outputs", "(targets - outputs) * outputs * (1 - outputs)"),
        ),
        ("wrong sign", GRADIENT, GRADIENT.replace("-np", "np")),
        ("not averaged", GRADIENT, GRADIENT.replace(" / X.shape[0]", "")),
        ("averaged twice", GRADIENT, GRADIENT + "**2"),
        ("averaged over the inputs", GRADIENT, GRADIENT.replace("shape[0]", "shape[1]")),
        ("half", GRADIENT, GRADIENT + " / 2"),
        ("divided by 128", GRADIENT, GRADIENT.replace("X.shape[0]", "128")),
        ("a bare grad", SHAPED, f"self.grad\n        {GRADIENT[12:]}"),
        ("flat targets", SHAPED, GRADIENT.replace("targets", "targets.flatten()")),
        (
            "accumulated",
            GRADIENT,
            GRADIENT.replace("= -np", "= (0 if self.grad is None else self.grad) - np"),
        ),
        ("accumulated, from None", GRADIENT, GRADIENT.replace("=", "+=")),
        (
            "0.9 of the last gradient",
            GRADIENT,
            GRADIENT.replace("= -np", "= (0 if self.grad is None else 0.9 * self.grad) - np"),
        ),
        ("updates the weights", GRADIENT, GRADIENT + "\n        self.w = self.w - self.grad"),
        (
            "its own outputs, and an update",
            GRADIENT,
            GRADIENT.replace("outputs", "self.forward(X)")
            + "\n        self.w = self.w - self.grad",
        ),
        ("overwritten", GRADIENT, GRADIENT + "\n        self.grad = 0 * self.w"),
        (
            "outputs in place",
            GRADIENT,
            "outputs -= targets\n        self.grad = np.dot(X.T, outputs) / X.shape[0]",
        ),
        ("transposed", SHAPED, GRADIENT + "\n        self.grad = self.grad.T"),
        ("flat", SHAPED, GRADIENT + "\n        self.grad = self.grad[:, 0]"),
        ("no bias", GRADIENT, GRADIENT + "\n        self.grad[-1] = 0"),
        ("returned, not set", GRADIENT, GRADIENT.replace("self.grad =", "return")),
        ("-targets", GRADIENT, "self.grad = np.dot(X.T, -targets + outputs) / X.shape[0]"),
        ("factors exchanged", GRADIENT, "self.grad = np.dot(outputs - targets, X.T) / X.shape[0]"),
    ),
    *wrong(
        "2a",
        "task2a.pre_process_images",
        ("misspelt", "def pre_process_images", "def preprocess_images"),
        also=("2b", "2c", "3a", "3b", "3c", "4b"),  # all of them import task2a
    ),
    *wrong(
        "2c",
        "task2.calculate_accuracy",
        ("N x N", ACCURACY, ONE_OF_ALL),
        advice=True,
    ),
    *step_mistakes(
        "2b",
        "task2.LogisticTrainer",
        update="self.model.w = self.model.w - self.learning_rate * self.model.grad",
        loss=STEP_LOSS,
    ),
    *wrong(
        "2b",
        "task2.LogisticTrainer.train_step",
        ("-Y_batch", STEP_LOSS, NEGATIVE_STEP_LOSS),
    ),
    *wrong(
        "2c",
        "task2.calculate_accuracy",
        ("> 0.5", PREDICT, PREDICT.replace(">=", ">")),
        ("a percentage", ACCURACY, ACCURACY + " * 100"),
        ("always 0", ACCURACY, "return 0"),
        (
            "argmax of all",
            ACCURACY,
            "return float(model.forward(X).argmax() == targets.argmax())",
        ),
        ("a whole number", ACCURACY, ACCURACY.replace("/", "//")),
        ("divided by 128", ACCURACY, ACCURACY.replace("len(X)", "128")),
        ("recall", ACCURACY, f"{DECIDE}\n    return np.sum(p * targets) / np.sum(targets)"),
        ("flat predictions", ACCURACY, f"{DECIDE}\n    return np.mean(p.flatten() == targets)"),
        ("a difference in uint8", ACCURACY, f"{DECIDE}\n    return 1 - np.mean(p - targets)"),
        (
            "a sum in uint8",
            ACCURACY,
            f"{DECIDE}\n    return np.sum(p == targets, dtype=np.uint8) / len(X)",
        ),
        ("the number", ACCURACY, "return correct"),
        ("the error", HIT, HIT.replace("==", "!=")),
        ("every pair", HIT, "        correct += np.mean(prediction == targets)\n"),
        ("outputs, not predictions", PREDICT, "prediction = output"),
        ("ones only", HIT, HIT.replace("target[0]", "target[0] == 1")),
        ("one per example", ACCURACY, "return (model.forward(X) >= 0.5) == targets"),
        ("argmax", PREDICT, "prediction = np.argmax(output)"),
        ("the share of ones", ACCURACY, "return np.mean(targets == 1)"),
        ("precision", ACCURACY, "return np.mean(targets[model.forward(X) >= 0.5])"),
    ),
    *wrong(
        "2a",
        "task2a.pre_process_images",
        (
            "an alias of X",
            FLOAT + SCALE,
            "    X = np.asarray(X, float)\n    X /= 127.5\n    X -= 1\n",
        ),
        advice=True,
    ),
    *wrong(
        "2a",
        "task2a.cross_entropy_loss",
        ("an array of one", LOSS, "return -np.mean(ce, axis=0)"),
        ("ln of 0", "eps = 1e-10", "eps = 0"),
        ("clips in place", TERMS, "    np.clip(outputs, 1e-9, 0.999, out=outputs)\n" + TERMS),
        advice=True,
    ),
    *wrong(
        "2a",
        "task2a.BinaryModel.forward",
        ("overflows", LOGITS, "        z = X.dot(self.w)\n"),
        ("np.where overflows", LOGITS + SIGMOID, WHERE),
        advice=True,
    ),
    *wrong(
        "2a",
        "task2a.BinaryModel.forward",
        ("a list", SIGMOID, SIGMOID.replace("1 / ", "(1 / ") + ").tolist()"),
        whole_sets=True,
    ),
    *wrong(
        "2a",
        "task2a.BinaryModel.forward",
        (
            "an array of N x N",
            LOGITS,
            LOGITS + "        z = z + np.zeros((len(X), len(X)))[:, :1]\n",
        ),
        advice=True,
        whole_sets=True,
    ),
    *wrong(
        "2a",
        "task2a.BinaryModel.zero_grad",
        ("does nothing", FORGET, FORGET.replace("self.grad = None", "pass")),
        advice=True,
    ),
    *wrong(
        "2a",
        "task2a.gradient_approximation_test",
        ("accepts everything", "assert abs(difference) <= epsilon**2", "assert epsilon > 0"),
        advice=True,
    ),
    *wrong(
        "2b",
        "utils.binary_prune_dataset",
        (
            "1 for the second class",
            "Y_binary[mask1] = 1\n    Y_binary[mask2] = 0",
            "Y_binary[mask1] = 0\n    Y_binary[mask2] = 1",
        ),
        advice=True,
    ),
    *wrong(
        "2c",
        "task2.calculate_accuracy",
        ("an array of one", ACCURACY, "return np.array([correct / len(X)])"),
        advice=True,
    ),
]
