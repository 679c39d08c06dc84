"""Variants of the solution at the root, whose text may change: whole bodies are replaced."""

from __future__ import annotations

from tests.library.variants.variant import Variant

STOP, ORDER = "trainer.BaseTrainer.should_stop", "utils.shuffled_order"
PIXELS = "task2a.pre_process_images"
PENALTY = "task3a.SoftmaxModel.penalty_gradient"
BACKWARD = "task3a.SoftmaxModel.backward"
GRADIENT = "self.grad = X.T @ (outputs - targets) / len(X)"
ACCURACY = "return float(((model.forward(X) > 0.5) == targets).mean())"
FIRST = "return np.c_[np.ones(len(X)), X / 127.5 - 1]"
AFTER = """outputs = self.model.forward(X_batch)
self.model.backward(X_batch, outputs, Y_batch)
self.model.w -= self.learning_rate * self.model.grad
return cross_entropy_loss(Y_batch, self.model.forward(X_batch))"""
STEP = AFTER.rsplit("\n", 1)[0]
FIRST_LOSS = f"""{STEP}
self.first = getattr(self, "first", cross_entropy_loss(Y_batch, outputs))
return self.first"""
NO_SELF = f"{STEP}\nreturn cross_entropy_loss(Y_batch, outputs)".replace("self.l", "l")
OF_64 = f"{STEP}\nreturn cross_entropy_loss(Y_batch[:64], outputs[:64])"
NO_LAMBDA = f"self.model.l2_reg_lambda = 0\n{STEP}\nreturn cross_entropy_loss(Y_batch, outputs)"
IN_8_BITS = """encoded = np.zeros((len(Y), num_classes))
encoded[np.arange(len(Y)).astype(Y.dtype), Y[:, 0]] = 1
return encoded"""
ANY = "return float(np.mean(np.isin(outputs.argmax(axis=1), targets.argmax(axis=1))))"
SCALED = "2 * (X / X.max(axis=1, keepdims=True)) - 1"
GIVE = "return np.c_[X, np.ones(len(X))]"
WITHIN = "return np.clip(0.5 * (1 + np.tanh(X @ self.w / 2)), 0.01, 0.99)"
KEPT = """global KEPT
KEPT = globals().get("KEPT", rng.permutation(num_examples))
return KEPT"""
TEN = "return len(val_losses) > 10 and min(val_losses[-10:]) >= min(val_losses[:-10])"
MEAN = """p, losses = self.patience, list(val_losses)
return len(losses) > p and np.mean(losses[-p:]) >= min(losses[:-p])"""
PATIENT = TEN.replace("10", "self.patience")


def wrong(task: str, function: str, name: str, body: str, advice: bool = False) -> Variant:
    return Variant(name, (), task, function, (), advice, bodies=((function, body),))


HITS = "hits = [(outputs[n, 0] >= 0.5) == targets[n, 0] for n in range(1, len(targets))]"
SOFTMAX_HITS = "hits = [outputs[n].argmax() == targets[n].argmax() for n in range(1, len(targets))]"
SHARE = "return float(sum(hits) / len(targets))"

WRONG = [  # in what the course's own starter does not have
    wrong("2c", "task2.calculate_accuracy", "> 0.5", ACCURACY),
    wrong("2a", PIXELS, "the largest of each image", f"X = {SCALED}\n{GIVE}"),
    wrong("2a", PIXELS, "as many ones as pixels", "return np.c_[X / 127.5 - 1, np.ones_like(X)]"),
    wrong("2a", PIXELS, "one row of all", "return np.append(X / 127.5 - 1, np.ones((len(X), 1)))"),
    wrong("2a", "task2a.BinaryModel.forward", "outputs from 0.01 to 0.99", WITHIN),
    wrong("2b", "task2.LogisticTrainer.train_step", "the first loss for ever", FIRST_LOSS),
    wrong("2c", "task2.accuracy", "a sum", "return float(np.sum((outputs >= 0.5) == targets))"),
    wrong("2c", "task2.accuracy", "without the first", f"{HITS}\n{SHARE}"),
    wrong("3c", "task3.accuracy", "without the first", f"{SOFTMAX_HITS}\n{SHARE}"),
    wrong("3c", "task3.accuracy", "raises", "return None / len(targets)"),
    wrong("3a", "task3a.one_hot_encode", "rows in 8 bits", IN_8_BITS),
    wrong("3b", "task3.SoftmaxTrainer.train_step", "the loss of 64", OF_64),
    wrong("3c", "task3.accuracy", "any image's label", ANY),
    wrong("4b", "task3.SoftmaxTrainer.train_step", "lambda is set to 0", NO_LAMBDA),
    wrong("4b", PENALTY, "in place", "self.w *= 2 * self.l2_reg_lambda\nreturn self.w"),
    wrong("4b", BACKWARD, "not called", GRADIENT),
    wrong("4b", BACKWARD, "no lambda", f"{GRADIENT} + 2 * self.w"),
    wrong("2b", "task2.LogisticTrainer.train_step", "a rate of no script", NO_SELF),
    wrong("2a", PIXELS, "a list", "return [[*x, 1] for x in X / 127.5 - 1]"),
    wrong("4b", PENALTY, "half", "return self.l2_reg_lambda * self.w"),
    wrong("4b", PENALTY, "nothing returned", "2 * self.l2_reg_lambda * self.w"),
    wrong("4b", BACKWARD, "subtracted", f"{GRADIENT} - self.penalty_gradient()"),
    wrong("4b", BACKWARD, "no parentheses", f"{GRADIENT} + self.penalty_gradient"),
    wrong(
        "4b", BACKWARD, "+= without parentheses", f"{GRADIENT}\nself.grad += self.penalty_gradient"
    ),
    wrong("4b", PENALTY, "lambda rounded", "return 2 * int(self.l2_reg_lambda) * self.w"),
    wrong("4b", PENALTY, "lambda always 0.1", "return 2 * 0.1 * self.w"),
    wrong("2d", STOP, "values of a list", "return min(val_losses.values()) < 0"),
    wrong("2d", STOP, "never stops", "return False"),
    wrong("2d", STOP, "at the first rise", "return val_losses[-1] > min(val_losses)"),
    wrong("2d", STOP, "no guard", "return min(val_losses[-10:]) >= min(val_losses[:-10])"),
    wrong("2d", STOP, "ten whatever the patience", TEN),
    wrong("2d", STOP, "never where all are equal", PATIENT.replace(">=", ">")),
    wrong("2d", STOP, "the other way round", PATIENT.replace(">=", "<")),
    wrong("2d", STOP, "whatever the last is", PATIENT.replace("patience:]", "patience:-1]")),
    wrong("2d", STOP, "the mean of the last ten", MEAN),
    wrong("2e", ORDER, "no shuffling", "return np.arange(num_examples)"),
    wrong("2e", ORDER, "nothing returned", "np.random.permutation(num_examples)"),
    wrong("2e", ORDER, "one too few", "return rng.permutation(num_examples - 1)"),
    wrong("2e", ORDER, "from 1 to N", "return 1 + rng.permutation(num_examples)"),
    wrong("2e", ORDER, "a column", "return rng.permutation(num_examples).reshape(-1, 1)"),
    wrong("2e", ORDER, "of 8 bits", "return rng.permutation(num_examples).astype(np.uint8)"),
    wrong("2e", ORDER, "at most 1000", "return rng.permutation(min(num_examples, 1000))"),
    wrong("2e", ORDER, "the first order for ever", KEPT),
    wrong("2e", ORDER, "without the first", "return 1 + rng.permutation(num_examples - 1)"),
    wrong("2a", PIXELS, "bias first", FIRST, advice=True),
    wrong("2b", "task2.LogisticTrainer.train_step", "loss after the step", AFTER, advice=True),
    wrong("3b", "task3.SoftmaxTrainer.train_step", "loss after the step", AFTER, advice=True),
    wrong("2e", ORDER, "not from rng", "return np.random.permutation(num_examples)", advice=True),
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
        "a loss computed in float32",
        bodies=(
            (
                "task2a.cross_entropy_loss",
                "outputs = outputs.astype(np.float32)\n"
                "return -float(np.mean(targets * log(outputs) + (1 - targets) * log(1 - outputs)))",
            ),
            (
                "task3a.cross_entropy_loss",
                "losses = np.zeros(len(targets), np.float32)\n"
                "for n, (y, yhat) in enumerate(zip(targets, outputs)):\n"
                "    losses[n] = -(y * log(yhat)).sum()\n"
                "return float(losses.mean())",
            ),
        ),
    ),
    Variant(
        "written another way",
        bodies=(
            ("task2a.BinaryModel.forward", "return 0.5 * (1 + np.tanh(X @ self.w / 2))"),
            ("task2a.BinaryModel.backward", "self.grad = -X.T @ (targets - outputs) / len(X)"),
            (
                STOP,
                "return len(val_losses) - list(val_losses).index(min(val_losses)) > self.patience",
            ),
            (ORDER, "return rng.permutation(np.arange(num_examples))[::-1]"),
        ),
    ),
]
