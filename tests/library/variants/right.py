"""Right solutions: the submission "classic" and the root's, each with much written another way."""

from tests.library.variants import logistic, softmax, training
from tests.library.variants.variant import Variant

LOOPS = """import math
    total = 0.0
    for y, yhat in zip(targets[:, 0], outputs[:, 0]):
        yhat = min(max(float(yhat), 1e-12), 1 - 1e-12)
        total -= y * math.log(yhat) + (1 - y) * math.log(1 - yhat)
    return total / len(targets)"""
TWO_HALVES = """z = X @ self.w
        outputs = np.empty_like(z)
        positive = z >= 0
        outputs[positive] = 1 / (1 + np.exp(-z[positive]))
        e = np.exp(z[~positive])
        outputs[~positive] = e / (1 + e)
        return outputs"""
TERMS = "targets * log(outputs) + (1 - targets) * log(1 - outputs)"
TO_FLOAT32 = f"outputs = outputs.astype(np.float32)\nreturn -float(np.mean({TERMS}))"
IN_FLOAT32 = """losses = np.zeros(len(targets), np.float32)
for n, (y, yhat) in enumerate(zip(targets, outputs)):
    losses[n] = -(y * log(yhat)).sum()
return float(losses.mean())"""
BY_LISTS = """pairs = zip(model.forward(X).tolist(), targets.tolist())
    return sum(o.index(max(o)) == t.index(max(t)) for o, t in pairs) / len(targets)"""
LOOP = f"""{softmax.NEW}
        for x, output, target in zip(X, outputs, targets, strict=True):
            {softmax.ONE}
        {softmax.AVERAGE}"""
FORGET = logistic.FORGET
ZEROS = FORGET.replace("grad = None", "grad = np.zeros_like(self.w)")
FLAT = "return cross_entropy_loss(Y_batch.ravel(), outputs.ravel()).item()"
IN_HALVES = """X, Y = np.array_split(self.X_train, 2), np.array_split(self.Y_train, 2)
halves = [accuracy(y, self.model.forward(x)) for x, y in zip(X, Y)]
outputs = self.model.forward(self.X_val)
return cross_entropy_loss(self.Y_val, outputs), np.mean(halves), accuracy(self.Y_val, outputs)"""
LATEST = "return len(val_losses) - list(val_losses).index(min(val_losses)) > self.patience"

RIGHT = [
    Variant("at the root", bodies=(), whole_sets=True),
    Variant(
        "losses of float32, and others",
        bodies=(
            ("task2a.cross_entropy_loss", f"return -np.mean({TERMS})"),
            ("task3a.cross_entropy_loss", "return -(targets * log(outputs)).sum(axis=1).mean()"),
            ("task2a.BinaryModel.forward", "return 0.5 * (1 + np.tanh(X @ self.w / 2))"),
            ("task2a.BinaryModel.backward", "self.grad = -X.T @ (targets - outputs) / len(X)"),
            ("trainer.BaseTrainer.should_stop", LATEST),
            ("utils.shuffled_order", "return rng.permutation(np.arange(num_examples))[::-1]"),
        ),
    ),
    Variant(
        "losses computed in float32, accuracies in halves",
        bodies=(
            ("task2.LogisticTrainer.validation_step", IN_HALVES),
            ("task3.SoftmaxTrainer.validation_step", IN_HALVES),
            ("task2a.cross_entropy_loss", TO_FLOAT32),
            ("task3a.cross_entropy_loss", IN_FLOAT32),
        ),
    ),
    Variant(
        "float32, random.shuffle, the loss before the update in Task 2, after it in Task 3",
        (
            ("task2a", logistic.ZEROS, "np.zeros((self.I, 1), np.float32)"),
            ("task2a", "X.astype(float)", "X.astype(np.float32)"),
            ("task2a", logistic.SIGMOID, f"({logistic.SIGMOID}).astype(np.float32)"),
            ("task3a", softmax.ZEROS, "np.zeros((785, 10), np.float32)"),
            ("task2", logistic.RETURN, FLAT),
            ("task3", "(Y_batch, outputs)\n\n", "(Y_batch, self.model.forward(X_batch))\n\n"),
            ("utils", training.DRAW, "import random\n        random.shuffle(indices)"),
            ("trainer", training.LEAVE, training.LEAVE.replace("w = best", "w[...] = best")),
            ("trainer", "w = best_w\n        return", "w[...] = best_w\n        return"),
        ),
        whole_sets=True,
    ),
    Variant(
        "images and one-hot of uint8, the whole best model is kept",
        (
            ("task2a", "    X = X.astype", "    assert X.dtype == np.uint8\n    X = X.astype"),
            ("task2a", f"z = {logistic.CLIPPED}\n        return {logistic.SIGMOID}", TWO_HALVES),
            ("task2a", "eps = 1e-10", "eps = 1e-8"),
            ("task2", "self.model.w = self.model.w -", "self.model.w -="),
            ("task3", "self.model.w -=", "self.model.w = self.model.w -"),
            ("task3a", "dtype=int", "dtype=np.uint8"),
            ("task3a", softmax.LOSS, f"outputs[outputs < 1e-9] = 1e-9\n    {softmax.LOSS}"),
            ("task3a", softmax.SHARE, "return np.exp(z - np.log(np.exp(z).sum(axis=1)[:, None]))"),
            ("utils", training.DRAW, "indices = np.random.permutation(len(X))"),
            ("trainer", "if val_loss < best_loss", "if val_loss <= best_loss"),
            ("trainer", training.KEEP, "best_w = copy.deepcopy(self.model)"),
            ("trainer", training.LEAVE, training.LEAVE.replace("self.model.w", "self.model")),
            ("trainer", ".w = best_w\n        return", " = best_w\n        return"),
        ),
        whole_sets=True,
    ),
    Variant(
        "bias last, loops, tanh, einsum, lists, a sorted order, imports by name",
        (
            ("task2a", logistic.JOINED, f"np.hstack([X, {logistic.BIAS}])"),
            ("task2a", logistic.MEAN, LOOPS),
            ("task2a", logistic.SIGMOID, "0.5 + np.tanh(z / 2) / 2"),
            ("task2a", "self.grad = None\n\n    def f", "self.zero_grad()\n\n    def f"),
            ("task2a", FORGET, ZEROS),
            ("task3a", softmax.ENCODED, "return (Y == np.arange(num_classes)).astype(int)"),
            ("task3a", softmax.LOG, "np.log(outputs + 1e-8)"),
            ("task3a", LOOP, 'self.grad = np.einsum("ni,nk->ik", X, outputs - targets) / len(X)'),
            ("task3a", softmax.PENALTY, f"if self.lam > 0:\n            {softmax.PENALTY}"),
            ("task3a", "self.grad = None\n        self.lam", "self.zero_grad()\n        self.lam"),
            ("task3a", FORGET, ZEROS),
            ("task3", softmax.ACCURACY, BY_LISTS),
            ("utils", training.DRAW, "indices = np.random.random(len(X)).argsort()"),
            ("trainer", "import utils", "from utils import batch_loader as batches"),
            ("trainer", "utils.batch_loader", "batches"),
            ("trainer", "loss = self.train", 'print("step"); loss = self.train'),
        ),
    ),
]
