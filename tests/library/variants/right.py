"""Right solutions written another way."""

from __future__ import annotations

from tests.library.variants import logistic, softmax, steps, training
from tests.library.variants.variant import CLASSIC, Variant


def right(name: str, *edits: tuple[str, str, str]) -> Variant:
    return Variant(name, edits)


LOSS_AFTER = (
    steps.LOSS,
    "        return cross_entropy_loss(Y_batch, self.model.forward(X_batch))\n",
)
REBOUND = (steps.UPDATE, steps.UPDATE.replace("-=", "= self.model.w -"))
BIAS_FIRST = logistic.GIVE, "    return np.roll(inputs, 1, axis=1)"
LOOPS = """    total = 0.0
    for y, yhat in zip(targets[:, 0], outputs[:, 0]):
        yhat = min(max(float(yhat), 1e-12), 1 - 1e-12)
        total -= y * math.log(yhat) + (1 - y) * math.log(1 - yhat)
    return total / len(targets)"""
STABLE = """        outputs = np.empty_like(logits)
        positive = logits >= 0
        outputs[positive] = 1 / (1 + np.exp(-logits[positive]))
        e = np.exp(logits[~positive])
        outputs[~positive] = e / (1 + e)
        return outputs"""

RIGHT = [
    Variant("as it is", ()),
    Variant("classic", (), base=CLASSIC),
    right("bias first", ("task2a", *BIAS_FIRST)),
    right(
        "float64",
        ("task2a", logistic.START, "self.w = np.zeros((785, 1))"),
        ("task3a", softmax.START, "self.w = np.zeros((785, 10))"),
        ("task2a", "dtype=np.float32)\n    inputs", "dtype=np.float64)\n    inputs"),
    ),
    Variant(
        "classic in float32",
        (
            ("task2a", "np.zeros((self.I, 1))", "np.zeros((self.I, 1), dtype=np.float32)"),
            ("task2a", "X.astype(float)", "X.astype(np.float32)"),
            ("task2a", "1 / (1 + np.exp(-z))", "(1 / (1 + np.exp(-z))).astype(np.float32)"),
            (
                "task3a",
                "np.zeros((self.I, self.num_outputs))",
                "np.zeros((self.I, self.num_outputs), dtype=np.float32)",
            ),
        ),
        base=CLASSIC,
    ),
    right("loss after the update", ("task2", *LOSS_AFTER), ("task3", *LOSS_AFTER)),
    right("weights rebound", ("task2", *REBOUND), ("task3", *REBOUND)),
    right(
        "loops",
        ("task2a", "import utils\n", "import math\n\nimport utils\n"),
        ("task2a", logistic.LOSS, LOOPS),
    ),
    right("sigmoid in two halves", ("task2a", logistic.SIGMOID, STABLE)),
    right(
        "sigmoid by tanh",
        ("task2a", logistic.SIGMOID, "        return 0.5 + np.tanh(logits / 2) / 2"),
    ),
    right(
        "epsilon in the logarithm",
        (
            "task2a",
            logistic.TERMS,
            logistic.TERMS.replace("np.maximum(outputs, tiny)", "outputs + 1e-8").replace(
                "np.maximum(1 - outputs, tiny)", "1 - outputs + 1e-8"
            ),
        ),
        (
            "task3a",
            softmax.TERMS,
            softmax.TERMS.replace("np.maximum(outputs, tiny)", "outputs + 1e-8"),
        ),
    ),
    right(
        "integer one-hot",
        ("task3a", softmax.ONE_HOT, "    return (Y == np.arange(num_classes)).astype(int)"),
    ),
    right(
        "boolean one-hot as uint8",
        ("task3a", softmax.ONE_HOT, "    return (Y == np.arange(num_classes)).astype(np.uint8)"),
    ),
    right(
        "logsumexp",
        (
            "task3a",
            softmax.SHARE,
            "        z = logits - logits.max(axis=1, keepdims=True)\n"
            "        return np.exp(z - np.log(np.exp(z).sum(axis=1, keepdims=True)))",
        ),
    ),
    right(
        "gradient by einsum",
        (
            "task3a",
            softmax.GRADIENT,
            '        self.grad = np.einsum("ni,nk->ik", X, outputs - targets) / len(X)',
        ),
    ),
    right(
        "grad None at first",
        ("task2a", logistic.FORGET, "        self.grad = None"),
        ("task3a", softmax.FORGET, "        self.grad = None"),
    ),
    right("always adds the penalty", ("task3a", "if self.l2_reg_lambda > 0:", "if True:")),
    right(
        "random.shuffle",
        ("utils", "import numpy as np\n", "import random\n\nimport numpy as np\n"),
        ("utils", training.DRAW, "order = list(range(len(X)))\n        random.shuffle(order)"),
    ),
    right(
        "np.random.permutation", ("utils", training.DRAW, "order = np.random.permutation(len(X))")
    ),
    right(
        "sorted by random numbers",
        ("utils", training.DRAW, "order = np.random.random(len(X)).argsort()"),
    ),
    right(
        "views kept, weights put back by rebinding",
        ("trainer", training.RESTORE, "                self.model.w = self._best_w.copy()"),
    ),
    right(
        "argmax of scores by sort",
        (
            "task3",
            softmax.ACCURACY,
            "    pairs = zip(outputs.tolist(), targets.tolist())\n"
            "    return sum(o.index(max(o)) == t.index(max(t)) for o, t in pairs) / len(targets)",
        ),
    ),
    Variant(
        "classic: the whole best model is kept",
        (
            (
                "trainer",
                "best_w = copy.deepcopy(self.model.w)",
                "best_w = copy.deepcopy(self.model)",
            ),
            ("trainer", training.LEAVE, training.LEAVE.replace("self.model.w", "self.model")),
            (
                "trainer",
                "        if best_w is not None:\n            self.model.w = best_w",
                "        if best_w is not None:\n            self.model = best_w",
            ),
        ),
        base=CLASSIC,
    ),
    Variant(
        "classic: prints and imports by name",
        (
            ("trainer", "import utils", "from utils import batch_loader as batches"),
            ("trainer", "utils.batch_loader", "batches"),
            (
                "trainer",
                "loss = self.train_step",
                'print("step", global_step)\n                loss = self.train_step',
            ),
        ),
        base=CLASSIC,
    ),
]
