"""Mistakes in softmax regression: Tasks 3a, 3b, 3c and 4b."""

from __future__ import annotations

from tests.library.variants.steps import VAL_LOSS, step_mistakes
from tests.library.variants.variant import wrong

ROWS = "encoded = np.zeros((Y.shape[0], num_classes), dtype=int)"
WRITE = "encoded[n, Y[n, 0]] = 1"
UINT8 = ROWS.replace("int", "np.uint8")
ENCODED = "return encoded"
LOG = "np.log(np.clip(outputs, 1e-9, 1))"
LOSS = f"return -np.sum(targets * {LOG}) / targets.shape[0]"
START = "self.w = np.zeros((self.I, self.num_outputs))"
LOGITS = "z = X.dot(self.w)"
LARGEST = "np.max(z, axis=1).reshape(-1, 1)"
SHIFT = f"z = z - {LARGEST}\n        "
SUM = "np.sum(np.exp(z), axis=1).reshape(-1, 1)"
SHARE = f"return np.exp(z) / {SUM}"
NEW = "self.grad = np.zeros_like(self.w)"
ONE = "self.grad -= np.outer(x, target - output)"
AVERAGE = "self.grad /= X.shape[0]"
PENALTY = "self.grad += 2 * self.lam * self.w"
FORGET = "def zero_grad(self) -> None:\n        self.grad = None"
UPDATE = "self.model.w -= self.model.grad * self.learning_rate"
PREDICT = "predictions = np.argmax(model.forward(X), axis=1)"
HITS = "np.sum(predictions == np.argmax(targets, axis=1))"
ACCURACY = f"return {HITS} / X.shape[0]"
IMPORT = "from task3a import SoftmaxModel, cross_entropy_loss, one_hot_encode\n"

WRONG = [
    *wrong(
        "3a",
        "task3a.one_hot_encode",
        ("off by one", WRITE, WRITE.replace("Y[n, 0]", "Y[n, 0] - 1")),
        ("index 10", WRITE, WRITE.replace("Y[n, 0]", "Y[n, 0] + 1")),
        ("out[Y] = 1", WRITE, "encoded[Y] = 1"),
        ("exchanged", ENCODED, "return 1 - encoded"),
        ("reversed", ENCODED, "return encoded[:, ::-1]"),
        ("transposed", ENCODED, "return encoded.T"),
        ("largest label as K", ROWS, ROWS.replace("num_classes", "Y.max() + 1")),
        ("one axis too many", ENCODED, "return encoded[:, None]"),
        ("zeros", WRITE, "pass"),
        ("the label, not 1", WRITE, WRITE.replace("= 1", "= Y[n, 0]")),
        ("every row all labels", WRITE, WRITE.replace("[n, Y", "[:, Y")),
    ),
    *wrong(
        "3a",
        "task3a.cross_entropy_loss",
        ("mean of all", LOSS, LOSS.replace("shape[0]", "size")),
        ("sum of all", LOSS, LOSS.replace(" / targets.shape[0]", "")),
        ("no minus", LOSS, LOSS.replace("-np", "np")),
        ("divided by 128", LOSS, LOSS.replace("targets.shape[0]", "128")),
        ("averaged over classes", LOSS, LOSS.replace("shape[0]", "shape[1]")),
        ("one per example", LOSS, f"return -np.sum(targets * {LOG}, axis=1)"),
        ("base 2", LOSS, LOSS + " / np.log(2)"),
        (
            "that of two classes",
            LOG,
            f"{LOG} + (1 - targets) * np.log(np.clip(1 - outputs, 1e-9, 1))",
        ),
        ("targets.T @", LOSS, LOSS.replace("targets * ", "targets.T @ ")),
        ("@ outputs.T", LOSS, LOSS.replace("targets * ", "targets @ ").replace("1))", "1)).T")),
        ("no targets", LOSS, LOSS.replace("targets * ", "")),
        ("arguments exchanged", LOSS, f"targets, outputs = outputs, targets\n    {LOSS}"),
        ("squared error", LOSS, "return np.mean((targets - outputs) ** 2)"),
        ("-targets of uint8", ROWS, UINT8, LOSS, LOSS.replace("-np.sum(", "np.sum(-")),
    ),
    *wrong(
        "3a",
        "task3a.SoftmaxModel.__init__",
        ("random", START, "self.w = np.random.default_rng(0).normal(0, 0.1, (785, 10))"),
        ("784 inputs", START, "self.w = np.zeros((784, 10))"),
        ("integers", START, "self.w = np.zeros((785, 10), dtype=int)"),
        ("transposed", START, "self.w = np.zeros((10, 785))"),
    ),
    *wrong(
        "3a",
        "task3a.SoftmaxModel.forward",
        ("maximum of each class", SHIFT, SHIFT.replace(LARGEST, "np.max(z, axis=0)")),
        ("wrong sign", SHIFT, f"z = -z\n        {SHIFT}"),
        ("one sum for all", SUM, "np.sum(np.exp(z))"),
        ("sum of each class", SUM, "np.sum(np.exp(z), axis=0)"),
        ("no sum", SHARE, "return np.exp(z)"),
        ("the logarithm", SHARE, f"return np.log(np.exp(z) / {SUM})"),
        ("a sigmoid", SHIFT + SHARE, "return 1 / (1 + np.exp(-np.clip(z, -99, 99)))"),
        ("no softmax", SHIFT + SHARE, "return z"),
        ("no bias", LOGITS, "z = X[:, :-1].dot(self.w[:-1])"),
        ("scales X", LOGITS, "X /= 2\n        z = 2 * X.dot(self.w)"),
        ("clips the scores", SHIFT, "z = np.clip(z, -20, 20)\n        "),
        ("transposed", SHARE, f"return (np.exp(z) / {SUM}).T"),
        ("the class", SHARE, "return np.argmax(z, axis=1)"),
    ),
    *wrong(
        "3a",
        "task3a.SoftmaxModel.backward",
        ("wrong sign", ONE, ONE.replace("-=", "+=")),
        ("not averaged", AVERAGE, "pass"),
        ("averaged over N and K", AVERAGE, AVERAGE + " * 10"),
        ("averaged over K", AVERAGE, "self.grad /= 10"),
        ("divided by 128", AVERAGE, "self.grad /= 128"),
        ("averaged twice", AVERAGE, AVERAGE + " ** 2"),
        ("half", AVERAGE, AVERAGE + " * 2"),
        ("no targets", ONE, "self.grad += np.outer(x, output)"),
        ("no bias", AVERAGE, f"{AVERAGE}\n        self.grad[-1] = 0"),
        (
            "-targets of uint8",
            ROWS,
            UINT8,
            ONE,
            ONE.replace("-= np.outer(x, target -", "+= np.outer(x, -target +"),
        ),
        ("the right class only", ONE, ONE.replace("target - output", "(target - output) * target")),
    ),
    *wrong(
        "3a",
        "task3a.SoftmaxModel.backward",
        ("transposed", PENALTY, f"{PENALTY}\n        self.grad = self.grad.T"),
        ("targets in place", PENALTY, f"{PENALTY}\n        targets -= outputs"),
        (
            "accumulated",
            NEW,
            f"before = 0 if self.grad is None else self.grad\n        {NEW}",
            PENALTY,
            f"{PENALTY} + before",
        ),
        ("updates the weights", PENALTY, f"{PENALTY}\n        self.w = self.w - 0.01 * self.grad"),
        ("an alias of w", PENALTY, "g = self.w\n        g *= 2 * self.lam\n        self.grad += g"),
        also=("4b",),
    ),
    *wrong(
        "3c",
        "task3.calculate_accuracy",
        (
            "N x N",
            ACCURACY,
            "return np.mean(np.diag(predictions[:, None] == targets.argmax(axis=1)))",
        ),
        advice=True,
    ),
    *step_mistakes(
        "3b",
        "task3.SoftmaxTrainer",
        update=UPDATE,
        loss="return cross_entropy_loss(Y_batch, outputs)",
    ),
    *wrong(
        "3b",
        "task3.SoftmaxTrainer.train_step",
        ("the loss of Task 2", IMPORT, IMPORT + "from task2a import cross_entropy_loss\n"),
    ),
    *wrong(
        "3b",
        "task3.SoftmaxTrainer.validation_step",
        ("the L2 term", VAL_LOSS, f"{VAL_LOSS} + self.model.lam * np.sum(self.model.w**2)"),
    ),
    *wrong(
        "3c",
        "task3.calculate_accuracy",
        (
            "argmax over images",
            f"{PREDICT}\n    {ACCURACY}",
            "return np.mean(model.forward(X).argmax(axis=0) == targets.argmax(axis=0))",
        ),
        ("always 0", ACCURACY, "return 0"),
        ("threshold", ACCURACY, "return np.mean((model.forward(X) >= 0.5) == targets)"),
        (
            "all outputs above one half",
            ACCURACY,
            "return np.mean(((model.forward(X) >= 0.5) == targets).all(axis=1))",
        ),
        ("a percentage", ACCURACY, ACCURACY + " * 100"),
        ("a whole number", ACCURACY, ACCURACY.replace("/", "//")),
        ("rounded", ACCURACY, ACCURACY.replace("return ", "return round(") + ", 1)"),
        (
            "without the last",
            HITS,
            HITS.replace("predictions ==", "predictions[:-1] ==").replace(
                "targets,", "targets[:-1],"
            ),
        ),
        ("divided by 128", ACCURACY, ACCURACY.replace("X.shape[0]", "128")),
        ("one argmax of all", PREDICT, PREDICT.replace(", axis=1", "")),
        ("off by one", ACCURACY, ACCURACY.replace("predictions ==", "predictions + 1 ==")),
        ("the number", ACCURACY, f"return {HITS}"),
        ("the error", ACCURACY, ACCURACY.replace("==", "!=")),
        ("the class with its row", ACCURACY, "return np.mean(predictions == targets[:, 0])"),
        ("divided by all", ACCURACY, f"return {HITS} / targets.size"),
    ),
    *wrong(
        "4b",
        "task3a.SoftmaxModel.backward",
        ("missing", PENALTY, "pass"),
        ("half", PENALTY, "self.grad += self.lam * self.w"),
        ("doubled", PENALTY, PENALTY.replace("2 *", "4 *")),
        (
            "off by default",
            "targets: np.ndarray) -> None:\n        self.grad = np",
            "targets: np.ndarray, l2=False) -> None:\n        self.grad = np",
            PENALTY,
            f"if l2:\n            {PENALTY}",
        ),
        ("subtracted", PENALTY, PENALTY.replace("+=", "-=")),
        (
            "in place of the rest",
            PENALTY,
            f"if self.lam:\n            {PENALTY.replace('+=', '=')}",
        ),
        ("times N", PENALTY, PENALTY + " * len(X)"),
        ("lambda squared", PENALTY, PENALTY.replace("lam", "lam**2")),
        ("L1", PENALTY, "self.grad += self.lam * np.sign(self.w)"),
        ("the penalty itself", PENALTY, "self.grad += self.lam * np.sum(self.w**2)"),
        ("w squared", PENALTY, PENALTY + "**2"),
        ("absolute value", PENALTY, PENALTY.replace("self.w", "abs(self.w)")),
        ("without the bias", PENALTY, PENALTY + " * (np.arange(785) < 784)[:, None]"),
        ("only the bias", PENALTY, PENALTY + " * (np.arange(785) == 784)[:, None]"),
        ("of ||w||", PENALTY, "self.grad += self.lam * self.w / np.linalg.norm(self.w)"),
        ("averaged over the weights", PENALTY, PENALTY + " / self.w.size"),
        ("not for lambda = 1", PENALTY, PENALTY + " * (self.lam < 1)"),
        ("without lambda", PENALTY, "self.grad += 2 * self.w"),
        ("lambda always 1", PENALTY, "self.grad += 2 * (self.lam > 0) * self.w"),
        ("shrinks the weights", PENALTY, "self.w = self.w * (1 - 2 * self.lam)"),
        ("of the gradient", PENALTY, "self.grad += 2 * self.lam * self.grad"),
        ("added before dividing", f"{AVERAGE}\n        {PENALTY}", f"{PENALTY}\n        {AVERAGE}"),
    ),
    *wrong(
        "4b",
        "task3.SoftmaxTrainer.train_step",
        (
            "L2 once more",
            UPDATE,
            'penalty = 2 * getattr(self.model, "lam", 0) * self.model.w\n'
            "        self.model.w -= (self.model.grad + penalty) * self.learning_rate",
        ),
    ),
    *wrong(
        "3a",
        "task3a.one_hot_encode",
        ("changes the labels", ROWS, f"Y -= Y.min()\n    {ROWS}"),
        ("flattens the labels", ENCODED, f"Y.resize(len(Y), refcheck=False)\n    {ENCODED}"),
        advice=True,
    ),
    *wrong(
        "3a",
        "task3a.cross_entropy_loss",
        ("ln of 0", LOG, "np.log(outputs)"),
        ("changes the outputs", LOSS, f"outputs[outputs < 1e-3] = 1e-3\n    {LOSS}"),
        ("an array of one", LOSS, LOSS.replace("return ", "return np.ones(1) * ")),
        advice=True,
    ),
    *wrong(
        "3a",
        "task3a.cross_entropy_loss",
        ("a trace", LOSS, f"return -np.trace(targets @ {LOG}.T) / targets.shape[0]"),
        whole_sets=True,
    ),
    *wrong(
        "3b",
        "task3.SoftmaxTrainer.train_step",
        ("the rate decays", UPDATE, f"self.learning_rate *= 0.999\n        {UPDATE}"),
        also=("4b",),
    ),
    *wrong(
        "3a",
        "task3a.SoftmaxModel.forward",
        ("overflows", SHIFT, ""),
        ("one maximum for all", SHIFT, SHIFT.replace(LARGEST, "np.max(z)")),
        advice=True,
    ),
    *wrong(
        "3a",
        "task3a.SoftmaxModel.forward",
        ("an array of N x N", LOGITS, f"{LOGITS} + np.zeros((len(X), len(X)))[:, :1]"),
        advice=True,
        whole_sets=True,
    ),
    *wrong(
        "3a",
        "task3a.SoftmaxModel.zero_grad",
        ("does nothing", FORGET, FORGET.replace("self.grad = None", "pass")),
        advice=True,
    ),
    *wrong(
        "3a",
        "task3a.gradient_approximation_test",
        ("accepts everything", "assert abs(difference) <= epsilon**2", "assert epsilon > 0"),
        advice=True,
    ),
    *wrong(
        "3c",
        "task3.calculate_accuracy",
        ("an array of one", ACCURACY, f"return np.ones(1) * {HITS} / X.shape[0]"),
        advice=True,
    ),
]
