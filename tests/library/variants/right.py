"""Right solutions: the classic one, written in other ways."""

from __future__ import annotations

from tests.library.variants import logistic, softmax, training
from tests.library.variants.variant import Variant


def right(name: str, *edits: tuple[str, str, str], whole_sets: bool = False) -> Variant:
    return Variant(name, edits, whole_sets=whole_sets)


FLOAT32 = ".astype(np.float32)"
LOOPS = """total = 0.0
    for y, yhat in zip(targets[:, 0], outputs[:, 0]):
        yhat = min(max(float(yhat), 1e-12), 1 - 1e-12)
        total -= y * math.log(yhat) + (1 - y) * math.log(1 - yhat)
    return total / len(targets)"""
TWO_HALVES = """        z = X @ self.w
        outputs = np.empty_like(z)
        positive = z >= 0
        outputs[positive] = 1 / (1 + np.exp(-z[positive]))
        e = np.exp(z[~positive])
        outputs[~positive] = e / (1 + e)
        return outputs"""
LOOP = f"""{softmax.NEW}
        for x, output, target in zip(X, outputs, targets, strict=True):
            {softmax.ONE}
        {softmax.AVERAGE}"""
ZEROS = "self.grad = np.zeros_like(self.w)"
IN_PLACE = "self.model.w[...] = best_w"

RIGHT = [
    right("as it is", whole_sets=True),
    right(
        "images of uint8 alone",
        ("task2a", logistic.FLOAT, f"    assert X.dtype == np.uint8\n{logistic.FLOAT}"),
    ),
    right("bias last", ("task2a", logistic.GIVE, f"    return np.hstack([X, {logistic.BIAS}])")),
    right(
        "float32",
        ("task2a", logistic.START, logistic.START + FLOAT32),
        ("task2a", "X.astype(float)", "X.astype(np.float32)"),
        ("task2a", "1 / (1 + np.exp(-z))", "(1 / (1 + np.exp(-z)))" + FLOAT32),
        ("task3a", softmax.START, softmax.START + FLOAT32),
        whole_sets=True,
    ),
    right(
        "loss before the update in Task 2, after it in Task 3",
        ("task2", "(Y_batch, self.model.forward(X_batch))", "(Y_batch, outputs)"),
        ("task3", "(Y_batch, outputs)\n\n", "(Y_batch, self.model.forward(X_batch))\n\n"),
    ),
    right(
        "a loss of flat arrays, as a Python number",
        (
            "task2",
            "cross_entropy_loss(Y_batch, self.model.forward(X_batch))",
            "cross_entropy_loss(Y_batch.ravel(), self.model.forward(X_batch).ravel()).item()",
        ),
    ),
    right(
        "weights moved in place in Task 2, rebound in Task 3",
        ("task2", "self.model.w = self.model.w -", "self.model.w -="),
        ("task3", "self.model.w -=", "self.model.w = self.model.w -"),
    ),
    right(
        "loops",
        ("task2a", "import numpy as np\n", "import math\n\nimport numpy as np\n"),
        ("task2a", logistic.LOSS, LOOPS),
    ),
    right("sigmoid in two halves", ("task2a", logistic.LOGITS + logistic.SIGMOID, TWO_HALVES)),
    right("sigmoid by tanh", ("task2a", "1 / (1 + np.exp(-z))", "0.5 + np.tanh(z / 2) / 2")),
    right(
        "a larger epsilon in the logarithm",
        ("task2a", "eps = 1e-10", "eps = 1e-8"),
        ("task3a", softmax.LOG, "np.log(outputs + 1e-8)"),
    ),
    right(
        "one-hot by comparison",
        ("task3a", softmax.ENCODED, "return (Y == np.arange(num_classes)).astype(int)"),
    ),
    right(
        "one-hot as uint8",
        ("task3a", softmax.ENCODED, "return (Y == np.arange(num_classes)).astype(np.uint8)"),
        whole_sets=True,
    ),
    right(
        "logsumexp",
        (
            "task3a",
            softmax.SHARE,
            "return np.exp(z - np.log(np.exp(z).sum(axis=1, keepdims=True)))",
        ),
    ),
    right(
        "gradient by einsum",
        ("task3a", LOOP, 'self.grad = np.einsum("ni,nk->ik", X, outputs - targets) / len(X)'),
    ),
    right(
        "grad of zeros at first",
        ("task2a", logistic.FORGET, logistic.FORGET.replace("self.grad = None", ZEROS)),
        ("task3a", softmax.FORGET, softmax.FORGET.replace("self.grad = None", ZEROS)),
        (
            "task2a",
            "        self.grad = None\n\n    def forward",
            "        self.zero_grad()\n\n    def forward",
        ),
        (
            "task3a",
            "        self.grad = None\n        self.lam",
            "        self.zero_grad()\n        self.lam",
        ),
    ),
    right(
        "no penalty where lambda is 0",
        ("task3a", softmax.PENALTY, f"if self.lam > 0:\n            {softmax.PENALTY}"),
    ),
    right(
        "random.shuffle",
        ("utils", "import numpy as np\n", "import random\n\nimport numpy as np\n"),
        ("utils", training.DRAW, "random.shuffle(indices)"),
    ),
    right(
        "np.random.permutation", ("utils", training.DRAW, "indices = np.random.permutation(len(X))")
    ),
    right(
        "sorted by random numbers",
        ("utils", training.DRAW, "indices = np.random.random(len(X)).argsort()"),
    ),
    right(
        "weights put back in place",
        ("trainer", training.LEAVE, training.LEAVE.replace("self.model.w = best_w", IN_PLACE)),
        (
            "trainer",
            training.AT_THE_END,
            training.AT_THE_END.replace("self.model.w = best_w", IN_PLACE),
        ),
    ),
    right(
        "accuracy by lists",
        (
            "task3",
            softmax.ACCURACY,
            "pairs = zip(model.forward(X).tolist(), targets.tolist())\n"
            "    return sum(o.index(max(o)) == t.index(max(t)) for o, t in pairs) / len(targets)",
        ),
    ),
    right(
        "the whole best model is kept",
        ("trainer", training.KEEP, "best_w = copy.deepcopy(self.model)"),
        ("trainer", training.LEAVE, training.LEAVE.replace("self.model.w", "self.model")),
        ("trainer", training.AT_THE_END, training.AT_THE_END.replace("self.model.w", "self.model")),
    ),
    right(
        "prints and imports by name",
        ("trainer", "import utils", "from utils import batch_loader as batches"),
        ("trainer", "utils.batch_loader", "batches"),
        (
            "trainer",
            "loss = self.train_step",
            'print("step", global_step)\n                loss = self.train_step',
        ),
    ),
    right(
        "a loss that is as good as the best counts as an improvement",
        ("trainer", training.BETTER, training.BETTER.replace("<", "<=")),
    ),
    right(
        "a tiny epsilon in place",
        ("task3a", softmax.LOSS, f"outputs[outputs < 1e-9] = 1e-9\n    {softmax.LOSS}"),
    ),
]
