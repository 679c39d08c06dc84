"""Mistakes in softmax regression, Tasks 3a, 3b, 3c and 4b; those of both tasks are in logistic."""

from functools import partial

from tests.library.variants.logistic import AFTER, ALL_LOSSES, FORGET, FORWARD
from tests.library.variants.variant import wrong

one_hot = partial(wrong, "3a", "task3a.one_hot_encode")
loss = partial(wrong, "3a", "task3a.cross_entropy_loss")
new_model = partial(wrong, "3a", "task3a.SoftmaxModel.__init__")
forward = partial(wrong, "3a", "task3a.SoftmaxModel.forward")
backward = partial(wrong, "3a", "task3a.SoftmaxModel.backward")
zero_grad = partial(wrong, "3a", "task3a.SoftmaxModel.zero_grad")
gradient_test = partial(wrong, "3a", "task3a.gradient_approximation_test")
step = partial(wrong, "3b", "task3.SoftmaxTrainer.train_step")
validation = partial(wrong, "3b", "task3.SoftmaxTrainer.validation_step")
accuracy = partial(wrong, "3c", "task3.calculate_accuracy")
its_part = partial(wrong, "3c", "task3.accuracy")
penalty = partial(wrong, "4b", "task3a.SoftmaxModel.backward")
penalty_gradient = partial(wrong, "4b", "task3a.SoftmaxModel.penalty_gradient")
penalty_step = partial(wrong, "4b", "task3.SoftmaxTrainer.train_step")

ROWS = "encoded = np.zeros((Y.shape[0], num_classes), dtype=int)"
WRITE = "encoded[n, Y[n, 0]] = 1"
ENCODED = "return encoded"
UINT8 = ("dtype=int", "dtype=np.uint8")
LOG = "np.log(np.clip(outputs, 1e-9, 1))"
LOSS = f"return -np.sum(targets * {LOG}) / targets.shape[0]"
ZEROS = "np.zeros((self.I, self.num_outputs))"
LOGITS = "z = X.dot(self.w)"
LARGEST = "np.max(z, axis=1).reshape(-1, 1)"
OF_TWO_CLASSES = f"{LOG} + (1 - targets) * np.log(np.clip(1 - outputs, 1e-9, 1))"
SHIFT = f"z = z - {LARGEST}\n        "
SUM = "np.sum(np.exp(z), axis=1).reshape(-1, 1)"
SHARE = f"return np.exp(z) / {SUM}"
N_X_N = f"{LOGITS} + np.zeros((len(X), len(X)))[:, :1]"
NEW = "self.grad = np.zeros_like(self.w)"
ONE = "self.grad -= np.outer(x, target - output)"
AVERAGE = "self.grad /= X.shape[0]"
PENALTY = "self.grad += 2 * self.lam * self.w"
INSTEAD = "if self.lam: self.grad = 2 * self.lam * self.w"

UPDATE = "self.model.w -= self.model.grad * self.learning_rate"
IMPORT = "from task3a import SoftmaxModel, cross_entropy_loss, one_hot_encode\n"
RETURN = "return cross_entropy_loss(Y_batch, outputs)"
LOSS_OF_2 = "import cross_entropy_loss\n"
VALIDATION = "X_batch, Y_batch = self.X_val, self.Y_val"
TWICE = "(2 * getattr(self.model, 'lam', 0) * self.model.w + self.model.grad)"
L2 = "getattr(self.model, 'lam', 0) * np.sum(self.model.w**2)"
PREDICTED = "np.argmax(model.forward(X), axis=1)"
LABELS = "np.argmax(targets, axis=1)"
CORRECT = f"np.sum(predictions == {LABELS})"
ACCURACY = f"return {CORRECT} / X.shape[0]"
ANY = "return float(np.mean(np.isin(outputs.argmax(axis=1), targets.argmax(axis=1))))"
GRADIENT = "self.grad = X.T @ (outputs - targets) / len(X)"

IN_PLACE = ("(/=, -=, +=) keeps the type", "an in-place operation")
ALONE = "the loss of this batch alone"

WRONG = [
    one_hot(2.5, "0 - 1 is 255 in uint8", WRITE, "encoded[n, Y[n, 0] - 1] = 1"),
    one_hot(2.5, "a label is the number of a row here", WRITE, "encoded[Y] = 1"),
    one_hot(2.5, "every row has the labels of all rows", WRITE, "encoded[:, Y[n, 0]] = 1"),
    one_hot(3, ("no 1 is set", "is the same everywhere"), WRITE, "pass"),
    one_hot(0.5, "use num_classes, not the largest label", "num_classes)", "Y.max() + 1)"),
    one_hot(0.5, "; (N, 1) labels become (N, num_classes)", ENCODED, "return encoded[:, None]"),
    one_hot(0.5, "numbers of rows in the type of Y", WRITE, "encoded[n % 256, Y[n, 0]] = 1"),
    one_hot(0, "an in-place operation", ROWS, f"Y -= Y.min(); {ROWS}"),
    one_hot(0, "make a copy, or a view", ENCODED, f"Y.resize(len(Y), refcheck=False); {ENCODED}"),
    loss(1, "divided by N * K", LOSS, LOSS.replace("shape[0]", "size")),
    loss(1, ("the mean over the N", "over all"), f"{LOG}) / targets.shape[0]", f"{LOG}, axis=1)"),
    loss(1, "the type that one_hot_encode returns", *UINT8, "-np.sum(targets", "np.sum(-targets"),
    loss(3, "the loss of two classes", LOG, OF_TWO_CLASSES),
    loss(3.5, "the logarithms of all classes count here", "(targets *", "(targets.T @"),
    loss(0.5, "N x N numbers", f"sum(targets * {LOG}", f"trace(targets @ {LOG}.T", whole_sets=True),
    loss(0, "ln(0) is -inf", LOG, "np.log(outputs)"),
    loss(0, "an in-place operation", LOSS, f"outputs[outputs < 1e-3] = 1e-3\n    {LOSS}"),
    new_model(1, "the integers of np.zeros(..., dtype=int)", ZEROS, "np.zeros((785, 10), int)"),
    forward(2, "of each image: axis=1", LARGEST, "np.max(z, axis=0)"),
    forward(2.5, "the sum is over the classes of one image", SUM, "np.sum(np.exp(z), axis=0)"),
    forward(1.5, ("it is transposed", "the wrong shape\n"), SHARE, f"{SHARE[:6]} ({SHARE[7:]}).T"),
    forward(3.5, ("wrong shape\n", "ten outputs for"), SHARE, "return np.argmax(z, axis=1)"),
    forward(0.5, "an in-place operation", LOGITS, "X /= 2\n        z = 2 * X.dot(self.w)"),
    forward(0.5, "of each row from that row", SHIFT, "z = np.clip(z, -20, 20)\n        "),
    forward(0, "lower all scores of an image by their largest", SHIFT, ""),
    forward(0, "exp of the others underflows to 0", LARGEST, "np.max(z)"),
    forward(0, "(N,) meets (N, 1)", LOGITS, N_X_N, whole_sets=True),
    backward(1, "K times too small", AVERAGE, f"{AVERAGE} * 10"),
    backward(1, "targets.astype(float)", *UINT8, ONE, "self.grad += np.outer(x, -target + output)"),
    backward(3, "only row 784, that of the bias", AVERAGE, f"{AVERAGE}; self.grad[-1] = 0"),
    backward(3, "only the right class", "target - output)", "(target - output) * target)"),
    backward(0.5, "it is transposed", PENALTY, f"{PENALTY}; self.grad = self.grad.T"),
    backward(0.5, "also by another name", PENALTY, "g = self.w; g *= 2 * self.lam; self.grad += g"),
    backward(1.5, IN_PLACE, PENALTY, f"{PENALTY}; targets -= outputs", also=("4b",)),
    zero_grad(0, "the gradient is still there", FORGET, FORGET.replace("self.grad = None", "pass")),
    gradient_test(0, "it compares nothing", "assert abs(difference)", "assert 0 * difference"),
    step(0.5, "subtract the gradient", "self.model.w -=", "self.model.w +="),
    step(1, ("not known here", "of the script"), "* self.learning_rate", "* learning_rate"),
    step(1, (ALONE, "the validation loss is not"), IMPORT, f"{IMPORT}from task2a {LOSS_OF_2}"),
    step(2, (ALONE, "gradient of this batch"), FORWARD, f"{VALIDATION}; {FORWARD}"),
    step(0.5, "in training should be one number", RETURN, f"{ALL_LOSSES}\n        return self.all"),
    step(0, "the outputs that the gradient is computed from", AFTER),
    validation(0.5, "leave out the L2 term", "return loss", f"return loss + {L2}"),
    accuracy(1, "however small", PREDICTED, "(model.forward(X) >= 0.5) @ np.arange(10)"),
    accuracy(1, "an image is left out", f"== {LABELS}", f"== [-1, *{LABELS}[1:]]"),
    accuracy(2, "np.argmax without an axis", PREDICTED, "np.argmax(model.forward(X))"),
    accuracy(4, "the classes are off by one", "predictions ==", "predictions + 1 =="),
    accuracy(0, "N x N numbers", CORRECT, f"np.trace(predictions[:, None] == {LABELS})"),
    accuracy(0, "take the mean over all", CORRECT, f"np.ones(1) * {CORRECT}"),
    its_part(4, "something is None", "return None / len(targets)"),
    its_part(1, "of its own image, not of any", ANY),
    penalty(7, "the L2 term is missing; it", PENALTY, "pass"),
    penalty(3.5, "missing, or does not", PENALTY, f"{PENALTY} * (np.arange(785) == 784)[:, None]"),
    penalty(0.5, "the bias is left out", PENALTY, f"{PENALTY} * (np.arange(785) < 784)[:, None]"),
    penalty(1.5, "the sign is opposite", PENALTY, PENALTY.replace("+=", "-=")),
    penalty(1.5, "counted once per example", PENALTY, f"{PENALTY} * len(X)"),
    penalty(1, "lambda comes in squared", PENALTY, PENALTY.replace("lam", "lam**2")),
    penalty(1, "the term is the same for every lambda", "2 * self.lam *", "2 * (self.lam > 0) *"),
    penalty(3, "the L2 term is there, the same", PENALTY, "self.grad += 2 * self.w"),
    penalty(3.5, "the gradient of L1", PENALTY, "self.grad += self.lam * np.sign(self.w)"),
    penalty(3.5, "differentiate equation 27", PENALTY, "self.grad += 2 * self.lam * self.grad"),
    penalty(4.5, ("takes the place", "not add 0.1"), PENALTY, INSTEAD),
    penalty(1.5, "of the weights belongs in", PENALTY, "self.w = self.w * (1 - 2 * self.lam)"),
    penalty(2, "backward does not add penalty_gradient()", GRADIENT),
    penalty(7, "parentheses are missing", f"{GRADIENT} + self.penalty_gradient", also=("3a",)),
    penalty_gradient(7, "is a `return` missing?", "2 * self.l2_reg_lambda * self.w"),
    penalty_gradient(5.5, "is lambda rounded", "return 2 * int(self.l2_reg_lambda) * self.w"),
    penalty_gradient(1.5, "change self", "self.w *= 2 * self.l2_reg_lambda; return self.w"),
    penalty_step(0.5, "it is added twice", "self.model.grad *", f"{TWICE} *"),
    penalty_step(0.5, "lambda has no effect", f"self.model.l2_reg_lambda = 0\n{AFTER}"),
]
