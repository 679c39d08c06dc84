"""Mistakes in logistic regression, Tasks 2a, 2b and 2c: points, what is said, right and wrong."""

from functools import partial

from tests.library.variants.variant import wrong

pixels = partial(wrong, "2a", "task2a.pre_process_images")
loss = partial(wrong, "2a", "task2a.cross_entropy_loss")
new_model = partial(wrong, "2a", "task2a.BinaryModel.__init__")
forward = partial(wrong, "2a", "task2a.BinaryModel.forward")
backward = partial(wrong, "2a", "task2a.BinaryModel.backward")
zero_grad = partial(wrong, "2a", "task2a.BinaryModel.zero_grad")
gradient_test = partial(wrong, "2a", "task2a.gradient_approximation_test")
step = partial(wrong, "2b", "task2.LogisticTrainer.train_step")
validation = partial(wrong, "2b", "task2.LogisticTrainer.validation_step")
two_classes = partial(wrong, "2b", "utils.binary_prune_dataset")
accuracy = partial(wrong, "2c", "task2.calculate_accuracy")
its_part = partial(wrong, "2c", "task2.accuracy")

SCALED = "2 * X / 255 - 1"
FLOAT_SCALED = f"X.astype(float)\n    X = {SCALED}"
BIAS = "np.ones((X.shape[0], 1))"
JOINED = f"np.hstack([{BIAS}, X])"
TERMS = "targets * np.log(outputs + eps) + (1 - targets) * np.log(1 - outputs + eps)"
MEAN = "return -np.mean(ce)"
LOSS = f"{TERMS}\n    {MEAN}"
NEGATIVE = f"-{TERMS}\n    return np.mean(ce)".replace("+ (1", "- (1")
ZEROS = "np.zeros((self.I, 1))"
CLIPPED = "np.clip(X.dot(self.w), -500, 500)"
SIGMOID = "1 / (1 + np.exp(-z))"
N_X_N = f"{CLIPPED} + np.zeros((len(X), len(X)))[:, :1]"
WHERE = f"np.where(z > 0, {SIGMOID}, np.exp(z) / (1 + np.exp(z)))"
GRADIENT = "self.grad = -np.dot(X.T, targets - outputs) / X.shape[0]"
SHAPED = f"{GRADIENT}\n        assert self.grad.shape == self.w.shape"
KEPT = "(0 if self.grad is None else self.grad) - np.dot(X.T"
FORGET = "def zero_grad(self) -> None:\n        self.grad = None"

FORWARD = "outputs = self.model.forward(X_batch)"
BACKWARD = "self.model.backward(X_batch, outputs, Y_batch)"
STEP = "self.model.w - self.learning_rate * self.model.grad"
UPDATE = f"self.model.w = {STEP}"
RETURN = "return cross_entropy_loss(Y_batch, self.model.forward(X_batch))"
OWN_LOSS = """y = outputs
        return np.mean(-Y_batch * np.log(y) - (1 - Y_batch) * np.log(1 - y))"""
MOMENTUM = """self.v = 0.9 * getattr(self, "v", 0) + self.model.grad
        self.model.w -= self.learning_rate * self.v"""
AFTER = f"{FORWARD}\n{BACKWARD}\nself.model.w -= self.learning_rate * self.model.grad\n{RETURN}"
BEFORE = AFTER.replace("self.model.forward(X_batch))", "outputs)")
FIRST = BEFORE.replace("return ", 'self.first = getattr(self, "first", ') + ")\nreturn self.first"
ALL_LOSSES = "self.all = [*getattr(self, 'all', []), cross_entropy_loss(Y_batch, outputs)]"
TRAINS = "self.train_step(self.X_val, self.Y_val)"
NOT = "is not what it should be\n"
VAL_LOSS = "cross_entropy_loss(self.Y_val, self.model.forward(self.X_val))"

PREDICTED = "1 if output >= 0.5 else 0"
SHARE = "return correct / len(X)"
DECIDED = "p = (model.forward(X) >= 0.5).astype(np.uint8); return "
OF_ALL = "return model.forward(X).argmax() == targets.argmax()"
STRICTLY = "return float(((model.forward(X) > 0.5) == targets).mean())"
NOT_THE_FIRST = "return ((outputs >= 0.5) == targets)[1:].sum() / len(targets)"

WRONG = [
    pixels(1.5, "this is the range [0, 1]", SCALED, "X / 255"),
    pixels(1.5, "do not standardise", SCALED, "(X - X.mean()) / (X.std() + 1e-9)"),
    pixels(1.5, "rounded, clipped or compared", FLOAT_SCALED, "np.clip(X.astype(float), -1, 1)"),
    pixels(1.5, "truncated to integers", JOINED, f"{JOINED}.astype(int)"),
    pixels(1.5, "does not fit into uint8", "X.astype(float)", "X"),
    pixels(1.5, "`X - 127` wraps in uint8", FLOAT_SCALED, "(X - 127) / 128"),
    pixels(0.5, "0 and 255 are right", JOINED, JOINED.replace("X]", "np.round(X, 2)]")),
    pixels(0.5, "the largest pixel is 255, not 256", SCALED, "X / 128 - 1"),
    pixels(0.5, "0 becomes -1.004 and 255 becomes 1.004", SCALED, "(X - 127.5) / 127"),
    pixels(0.5, "not that of the images at hand", SCALED, "2 * X / (X.max() or 1) - 1"),
    pixels(3, "(/=, -=, +=) keeps the type", FLOAT_SCALED, "X.copy(); X /= 127.5; X -= 1"),
    pixels(3, "a column beside (N, 784) is (N, 1)", BIAS, "1"),
    pixels(1, "the 1 was appended before", BIAS, f"{BIAS} * 2 / 255 - 1"),
    pixels(2.5, ("0 becomes -1", "append a 1 for each image"), BIAS, "np.eye(X.shape[0], 1)"),
    pixels(1, "wrong shape; append one column", JOINED, "X"),
    pixels(1, "a row here", JOINED, "np.vstack([X, np.ones((1, X.shape[1]))])", whole_sets=True),
    pixels(2.5, "as of np.ones_like(X)", "return np.c_[X / 127.5 - 1, np.ones_like(X)]"),
    pixels(3, "np.append without axis=", "return np.append(X / 127.5 - 1, np.ones((len(X), 1)))"),
    pixels(3, ("is a `return` missing?", "another type or shape"), f"return {JOINED}", JOINED),
    pixels(3, "spelt `pre_process_images`", "def pre_process_images", "def preprocess_images"),
    pixels(0, "an in-place operation", FLOAT_SCALED, "np.asarray(X, float); X /= 127.5; X -= 1"),
    pixels(0, "append it after the pixels", "return np.c_[np.ones(len(X)), X / 127.5 - 1]"),
    loss(1, "this is the sum; equation 3 divides by N", MEAN, "return -np.sum(ce)"),
    loss(1, "divided by 128, whatever N is", MEAN, "return -np.sum(ce) / 128"),
    loss(1, ("the mean over the N examples", "take the mean over all"), MEAN, "return -ce"),
    loss(1, "`-targets` wraps in uint8, the type that utils returns: 1", LOSS, NEGATIVE),
    loss(1, "images and labels are uint8", LOSS, NEGATIVE.replace("-targets", "-1 * targets", 1)),
    loss(2.5, "(1 - y) ln(1 - yhat) is missing", TERMS, "targets * np.log(outputs + eps)"),
    loss(3, "the outputs for y = 0 have another", "np.log(1 - outputs", "np.log(outputs"),
    loss(2.5, "are exchanged", "eps = 1e-10", "eps = 1e-10; targets, outputs = outputs, targets"),
    loss(2.5, "the sum in its equation", "eps = 1e-10", "eps = 0.01"),
    loss(3, "is a `return` missing?", MEAN, "np.mean(ce)"),
    loss(3, "each target meets each output", "eps = 1e-10", "eps = 1e-10; targets = targets[:, 0]"),
    loss(0.5, "(N,) meets (N, 1)", MEAN, "return -np.mean(np.diag(ce + 0 * ce.T))"),
    loss(0, "ln(0) is -inf", "eps = 1e-10", "eps = 0"),
    loss(0, "an in-place operation", "ce = t", "np.clip(outputs, 0, 0.999, out=outputs); ce = t"),
    new_model(1, "nothing random", ZEROS, "np.random.default_rng(0).normal(0, 0.1, (self.I, 1))"),
    new_model(1, "wrong shape; 784 pixels", ZEROS, "np.zeros((784, 1))"),
    forward(1.5, "this is z = X w; the sigmoid is missing", SIGMOID, "z"),
    forward(1.5, "equation 1 needs parentheses", SIGMOID, "1 / 1 + np.exp(-z)"),
    forward(1.5, "every column of X counts", "X.dot(self.w)", "X[:, :-1].dot(self.w[:-1])"),
    forward(1.5, "clipped or rounded too much", SIGMOID, f"np.round({SIGMOID}, 2)"),
    forward(2.5, ("the wrong shape\n", "one output"), SIGMOID, "np.exp(z) / np.exp(z).sum(axis=1)"),
    forward(1, "it is transposed", SIGMOID, f"({SIGMOID}).T"),
    forward(3, "X has its bias input already", "X.dot(", "np.c_[X, np.ones(len(X))].dot("),
    forward(6, "a size is None", "self.I = 785", "self.I = None"),
    forward(0.5, "are those of arrays", SIGMOID, f"({SIGMOID}).tolist()", whole_sets=True),
    forward(0, "large weights; exp of a large number", CLIPPED, "X.dot(self.w)"),
    forward(0, "np.where computes both", CLIPPED, "X.dot(self.w)", SIGMOID, WHERE),
    forward(0, "(N,) meets (N, 1)", CLIPPED, N_X_N, whole_sets=True),
    backward(2.5, "a factor is left in here", "X.T, t", "X.T * (outputs - outputs**2).T, t"),
    backward(1, "it is N times too large", " / X.shape[0]\n", "\n"),
    backward(2.5, "equation 6 for each weight", GRADIENT, f"{GRADIENT}; self.grad[-1] = 0"),
    backward(3, "backward does not set grad", SHAPED, GRADIENT[12:]),
    backward(3, "not set or overwritten", GRADIENT, f"{GRADIENT}; self.grad = 0 * self.w"),
    backward(3, "or (N,) met (N, 1)", SHAPED, GRADIENT.replace("targets", "targets.flatten()")),
    backward(3, "order of the two factors", "(X.T, targets - outputs)", "(targets - outputs, X.T)"),
    backward(0.5, "accumulated over calls", "-np.dot(X.T", KEPT),
    backward(0.5, "update of the weights", GRADIENT, f"{GRADIENT}; self.w = self.w - self.grad"),
    backward(0.5, "; that of w", SHAPED, f"{GRADIENT}; self.grad = self.grad[:, 0]"),
    zero_grad(0, "the gradient is still there", FORGET, FORGET.replace("self.grad = None", "pass")),
    gradient_test(0, "it compares nothing", "assert abs(difference)", "assert 0 * difference"),
    step(2, "subtract the gradient", f"= {STEP}", f"= {STEP}".replace("-", "+")),
    step(2, "the learning rate is missing", "self.learning_rate * ", ""),
    step(2, "use self.learning_rate, not a number", "self.learning_rate", "0.05"),
    step(2, "multiplied by N", "- self", "- self.batch_size * self"),
    step(2, "it is 128 times learning_rate", "- self", "- 128 * self"),
    step(2, "learning rate is squared", "= self.model.w - self", "-= self.learning_rate * self"),
    step(2, "the gradient of this batch", "self.learning_rate *", "self.learning_rate**3 *"),
    step(2, "with nothing kept", UPDATE, MOMENTUM),
    step(2, "backward takes the outputs first", "h, outputs, Y_batch", "h, Y_batch, outputs"),
    step(6, "the size of the gradient is lost", "self.model.grad", "np.sign(self.model.grad)"),
    step(6.5, "the weights did not move", UPDATE, f"w = {STEP}"),
    step(9, "forward and backward are those of self.model", "self.model.grad", "self.grad"),
    step(2.5, ("not known here", "of the script"), "self.learning_rate", "learning_rate"),
    step(2.5, "targets first, then outputs", RETURN, "return cross_entropy_loss(outputs, Y_batch)"),
    step(2.5, "is a `return` missing?", RETURN, RETURN[7:]),
    step(2.5, "of the outputs before the step", RETURN, "return outputs"),
    step(2.5, "of no step before", FIRST),
    step(2, "this is the sum over the batch", RETURN, f"{RETURN} * len(X_batch)"),
    step(2, "`-Y_batch` wraps in uint8", RETURN, OWN_LOSS),
    step(0.5, "in training should be one number", RETURN, f"{ALL_LOSSES}\n        return self.all"),
    step(0, "the outputs that the gradient is computed from", AFTER),
    validation(0.5, "the loss of the training set", VAL_LOSS, VAL_LOSS.replace("_val", "_train")),
    validation(0.5, "exchanged", "accuracy_train, accuracy_val", "accuracy_val, accuracy_train"),
    validation(0.5, f"training accuracy {NOT}", "accuracy_train, ", "0 * accuracy_train, "),
    validation(0.5, f"validation accuracy {NOT}", "train, accuracy_val", "train, accuracy_train"),
    validation(0.5, "returns the wrong things\n", ", accuracy_train, accuracy_val", ""),
    validation(0.5, "changes the weights", "loss = c", f"{TRAINS}; loss = c"),
    two_classes(0, "the target is 1 for class1", "[mask1] = 1", "[mask1] = 0", "2] = 0", "2] = 1"),
    accuracy(0.5, "the prediction is 1 if yhat >= 0.5", "output >=", "output >"),
    accuracy(0.5, "accuracy itself is right", STRICTLY),
    accuracy(1.5, "this is a percentage", SHARE, f"{SHARE} * 100"),
    accuracy(1.5, "it is 0 or 1, as of //", SHARE, "return correct // len(X)"),
    accuracy(1.5, "divided by 128, whatever N is", SHARE, "return correct / 128"),
    accuracy(1.5, "each target meets each", SHARE, f"{DECIDED}np.mean(p[:, 0] == targets)"),
    accuracy(1.5, "added up in 8", SHARE, f"{DECIDED}(p == targets).sum(dtype=p.dtype) / len(p)"),
    accuracy(2, ("the mean over the", "wrong shape\n"), SHARE, f"{DECIDED}p == targets"),
    accuracy(4, "it is 0 even where every prediction is right", SHARE, "return 0"),
    accuracy(4, "np.argmax without an axis", SHARE, OF_ALL),
    accuracy(4, "np.argmax of the single output", PREDICTED, "np.argmax(output)"),
    accuracy(4, "compare predictions", PREDICTED, "output"),
    accuracy(4, "prediction - target wraps in uint8", SHARE, f"{DECIDED}1 - np.mean(p - targets)"),
    accuracy(4, "the recall", SHARE, f"{DECIDED}np.sum(p * targets) / np.sum(targets)"),
    accuracy(4, "the fraction of targets that are 1", SHARE, "return np.mean(targets == 1)"),
    accuracy(0, "N x N numbers", SHARE, f"{DECIDED}np.mean(np.diag(p == targets[:, 0]))"),
    accuracy(0, "take the mean over all entries", SHARE, "return np.array([correct / len(X)])"),
    its_part(1.5, "an image is left out", NOT_THE_FIRST),
]
