"""The layers of a network, each with its forward and backward equations.

A layer computes Y from X and its parameters. Given G = dL/dY, the gradient of the loss with
respect to its output, `parameter_gradients` sets those of its parameters and `input_gradient`
returns dL/dX.

Rows are (N, I), as everywhere in this project. Images are (H, W, C, N), examples last: then a
window of one row of the image, with all its channels and examples, is a contiguous matrix.
"""

from itertools import product

import numpy as np
from numpy.lib.stride_tricks import as_strided

from lab.expect import expect_count, expect_in


class Parameter:
    """An array that a network reads from its flat vector of weights, and its gradient."""

    def __init__(self, value: np.ndarray) -> None:
        self.value = value
        self.grad = np.zeros_like(value)


class Layer:
    """A function of an input and of parameters.

    training: dropout and batch norm behave by it. frozen: it is evaluated only, and does not learn.
    """

    training = False
    frozen = False

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Compute the output Y, and keep what the gradients need."""
        raise NotImplementedError

    def parameter_gradients(self, G: np.ndarray) -> None:
        """Set the gradients of the parameters, given G = dL/dY."""

    def input_gradient(self, G: np.ndarray) -> np.ndarray:
        """Compute dL/dX, given G = dL/dY."""
        raise NotImplementedError

    def parameters(self) -> dict[str, Parameter]:
        """Return {name: parameter}."""
        return {name: p for name, p in vars(self).items() if isinstance(p, Parameter)}

    @property
    def learns(self) -> bool:
        """Whether it has parameters and is not frozen."""
        return not self.frozen and bool(self.parameters())

    def expect_shape(self, X: np.ndarray, *shape: int | str) -> None:
        """Raise ValueError unless X has this shape, whose letters stand for any number."""
        if X.ndim != len(shape) or any(
            isinstance(size, int) and size != actual
            for size, actual in zip(shape, X.shape, strict=True)
        ):
            raise ValueError(
                f"{type(self).__name__}: expected inputs ({', '.join(map(str, shape))}), got "
                f"{X.shape}. Likely fix: match the sizes of this layer and of the one before it."
            )


class Images(Layer):
    """Rows (N, HWC) or images (N, H, W, C) as images (H, W, C, N); (N, H, W) will do if C = 1."""

    def __init__(self, height: int, width: int, channels: int) -> None:
        self.size = (height, width, channels)

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Put the examples last."""
        H, W, C = self.size
        if X.shape[1:] not in ((H * W * C,), self.size) and (*X.shape[1:], 1) != self.size:
            raise ValueError(
                f"X: expected inputs (N, {H * W * C}) or (N, {H}, {W}, {C}), got {X.shape}. "
                "Likely fix: leave out the bias input that pre_process_images appends, X[:, :-1]."
            )
        self.shape = X.shape
        return X.reshape(len(X), H * W * C).T.reshape(H, W, C, len(X))

    def input_gradient(self, G: np.ndarray) -> np.ndarray:
        """Put the examples first."""
        return np.moveaxis(G, -1, 0).reshape(self.shape)


class Flatten(Layer):
    """Images (H, W, C, N) as rows (N, HWC)."""

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Put the examples first."""
        self.expect_shape(X, "H", "W", "C", "N")
        H, W, C, N = self.shape = X.shape
        return X.reshape(H * W * C, N).T

    def input_gradient(self, G: np.ndarray) -> np.ndarray:
        """Put the examples last."""
        return G.T.reshape(self.shape)


class Linear(Layer):
    """Y = X W + b, with X (N, I), W (I, K), b (K).

    dL/dW = X^T G, dL/db = sum_n G_n, dL/dX = G W^T.
    """

    def __init__(self, inputs: int, outputs: int, rng: np.random.Generator) -> None:
        self.weight = Parameter(initial((inputs, outputs), inputs, rng))
        self.bias = Parameter(initial((outputs,), inputs, rng))

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Compute X W + b."""
        self.expect_shape(X, "N", len(self.weight.value))
        self.X = X
        return X @ self.weight.value + self.bias.value

    def parameter_gradients(self, G: np.ndarray) -> None:
        """Set dL/dW and dL/db."""
        np.matmul(self.X.T, G, out=self.weight.grad)
        np.sum(G, axis=0, out=self.bias.grad)

    def input_gradient(self, G: np.ndarray) -> np.ndarray:
        """Compute G W^T."""
        return G @ self.weight.value.T


class Conv2d(Layer):
    """Y[h, w, f] = sum_ijc W[f, i, j, c] X[h + i - p, w + j - p, c] + b[f], X zero outside.

    W (F, k, k, C), b (F); p: (k - 1) / 2 for padding "same", 0 for "valid".
    dL/dW[f, i, j, c] = sum_hwn G[h, w, f] X[h + i - p, w + j - p, c];
    dL/db[f] = sum_hwn G[h, w, f];
    dL/dX is the convolution of G with W turned by 180 degrees, f and c exchanged.
    """

    def __init__(
        self,
        channels: int,
        filters: int,
        size: int,
        rng: np.random.Generator,
        padding: str = "same",
    ) -> None:
        self.padding = margin(size, padding)
        fan_in = channels * size**2
        self.weight = Parameter(initial((filters, size, size, channels), fan_in, rng))
        self.bias = Parameter(initial((filters,), fan_in, rng))

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Compute W * X + b."""
        self.expect_shape(X, "H", "W", self.weight.value.shape[-1], "N")
        self.X = padded(X, self.padding)
        return convolution(self.X, self.weight.value, self.bias.value[:, None])

    def parameter_gradients(self, G: np.ndarray) -> None:
        """Set dL/dW and dL/db, one row of the kernels at a time."""
        F, size, _, C = self.weight.value.shape
        rows = windows(self.X, size)
        # a faster product than that with a view
        transposed = np.ascontiguousarray(G.swapaxes(2, 3))
        for i in range(size):
            total = sum((rows[h + i] @ row).sum(axis=0) for h, row in enumerate(transposed))
            self.weight.grad[:, i] = total.T.reshape(F, size, C)
        np.sum(G, axis=(0, 1, 3), out=self.bias.grad)

    def input_gradient(self, G: np.ndarray) -> np.ndarray:
        """Compute the convolution of G with the turned kernels."""
        _, size, _, _ = self.weight.value.shape
        turned = self.weight.value[:, ::-1, ::-1].transpose(3, 1, 2, 0)  # (C, k, k, F)
        return convolution(padded(G, size - 1 - self.padding), turned)


def margin(size: int, padding: str) -> int:
    """Return p, the rows and columns of zeros around an image, for kernels of a size."""
    if padding not in ("same", "valid"):
        raise ValueError(f'padding: expected "same" or "valid", got {padding!r}.')
    if padding == "same" and size % 2 == 0:
        raise ValueError(
            f'size: expected an odd number with padding "same", got {size}. '
            f'Likely fix: {size + 1}, or padding "valid".'
        )
    return size // 2 if padding == "same" else 0


def padded(X: np.ndarray, p: int) -> np.ndarray:
    """Put p rows and columns of zeros around images (H, W, C, N)."""
    H, W, C, N = X.shape
    result = np.zeros((H + 2 * p, W + 2 * p, C, N), X.dtype)
    result[p : p + H, p : p + W] = X
    return result


def windows(X: np.ndarray, size: int) -> np.ndarray:
    """View the windows of each row of images (H, W, C, N) as matrices, (H, W - k + 1, kC, N)."""
    H, W, C, N = X.shape
    return as_strided(X, (H, W - size + 1, size * C, N), X.strides, writeable=False)


def convolution(X: np.ndarray, W: np.ndarray, b: np.ndarray | float = 0.0) -> np.ndarray:
    """Compute sum_ijc W[f, i, j, c] X[h + i, w + j, c] + b[f].

    Each row of Y is one product for each row i of the kernels, and stays in the processor's cache.
    """
    F, size, _, _ = W.shape
    if min(X.shape[:2]) < size:
        raise ValueError(
            f"Conv2d: expected images of at least {size} x {size} pixels, got {X.shape[0]} x "
            f'{X.shape[1]}. Likely fix: a smaller kernel, or padding "same".'
        )
    rows = windows(X, size)
    kernels = [W[:, i].reshape(F, -1) for i in range(size)]
    Y = np.empty((len(X) - size + 1, rows.shape[1], F, X.shape[3]), X.dtype)
    for h, Y_row in enumerate(Y):
        np.add(kernels[0] @ rows[h], b, out=Y_row)
        for i in range(1, size):
            Y_row += kernels[i] @ rows[h + i]
    return Y


class MaxPool2d(Layer):
    """The largest of each k x k pixels: Y[h, w] = max_ij X[kh + i, kw + j].

    dL/dX[kh + i, kw + j] = G[h, w] where the maximum is, at the first if there are several, else 0.
    """

    def __init__(self, size: int = 2) -> None:
        expect_count("size", size, 1)
        self.size = size

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Compute the maxima."""
        self.expect_shape(X, "H", "W", "C", "N")
        if X.shape[0] % self.size or X.shape[1] % self.size:
            raise ValueError(
                f"MaxPool2d: expected a height and a width divisible by {self.size}, got "
                f"{X.shape[0]} x {X.shape[1]}. Likely fix: crop or pad the images."
            )
        self.X, self.Y = X, X[:: self.size, :: self.size].copy()
        for pixels in self.shifted(X):
            np.maximum(self.Y, pixels, out=self.Y)
        return self.Y

    def input_gradient(self, G: np.ndarray) -> np.ndarray:
        """Hand each gradient to the pixel that was the maximum."""
        gradient, rest = np.empty_like(self.X), G.copy()
        for pixels, share in zip(self.shifted(self.X), self.shifted(gradient), strict=True):
            np.multiply(rest, pixels == self.Y, out=share)
            rest -= share
        return gradient

    def shifted(self, X: np.ndarray) -> list[np.ndarray]:
        """View each pixel of the k x k as an image of its own."""
        k = self.size
        return [X[i::k, j::k] for i, j in product(range(k), repeat=2)]


class ReLU(Layer):
    """Y = max(X, 0); dL/dX = G where X > 0, else 0."""

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Compute max(X, 0)."""
        self.Y = np.maximum(X, 0)
        return self.Y

    def input_gradient(self, G: np.ndarray) -> np.ndarray:
        """Compute G where X > 0."""
        return G * (self.Y > 0)


class Dropout(Layer):
    """Y = M X / (1 - p) in training, with M = 0 at random with probability p, else 1; Y = X else.

    dL/dX = M G / (1 - p), or G.
    """

    def __init__(self, p: float, rng: np.random.Generator) -> None:
        expect_in("[0, 1)", p=p)
        self.p, self.rng = p, rng

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Compute M X / (1 - p) in training, X else."""
        self.scale: np.ndarray | int = 1
        if self.training:
            kept = self.rng.random(X.shape, np.float32) >= self.p
            self.scale = kept.astype(X.dtype) / X.dtype.type(1 - self.p)
        return X * self.scale

    def input_gradient(self, G: np.ndarray) -> np.ndarray:
        """Compute the gradient through the same mask."""
        return G * self.scale


class BatchNorm(Layer):
    """Y = a Z + b with Z = (X - m) / s and s^2 = v + 1e-5, for each channel.

    In training, m and v are the mean and the variance of the M values of a channel in the batch;
    their running means, with weight 0.1 for the newest (of v M / (M - 1)), serve in evaluation.
    dL/da = sum G Z, dL/db = sum G;
    dL/dX = a / s (G - dL/db / M - Z dL/da / M) in training, a / s G in evaluation, where m and v
    are parameters: dL/dm = -a / s dL/db, dL/dv = -a / (2 s^2) dL/da.
    """

    def __init__(self, *layout: int | str) -> None:
        self.layout = layout
        self.axes = tuple(i for i, size in enumerate(layout) if isinstance(size, str))
        for size in layout:
            if not isinstance(size, str):
                expect_count("channels", size, 1)
        ones = np.ones([1 if isinstance(size, str) else size for size in layout], np.float32)
        self.scale, self.shift = Parameter(1 * ones), Parameter(0 * ones)
        self.mean, self.variance = Parameter(0 * ones), Parameter(1 * ones)

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Normalise each channel."""
        self.expect_shape(X, *self.layout)
        mean, variance = self.mean.value, self.variance.value
        if self.training:
            mean, variance = self.observe(X)
        self.s = np.sqrt(variance + 1e-5)
        self.Z = (X - mean) / self.s
        return self.scale.value * self.Z + self.shift.value

    def observe(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute the mean and the variance of a batch; move the running means towards them."""
        self.M = X.size // self.mean.value.size
        if self.M < 2:
            raise ValueError("BatchNorm: expected at least 2 examples in training, got 1.")
        mean, variance = (f(X, axis=self.axes, keepdims=True) for f in (np.mean, np.var))
        self.mean.value += 0.1 * (mean - self.mean.value)
        self.variance.value += 0.1 * (variance * self.M / (self.M - 1) - self.variance.value)
        return mean, variance

    def parameter_gradients(self, G: np.ndarray) -> None:
        """Set the gradients of a and b, and of m and v: 0 in training."""
        np.sum(G * self.Z, axis=self.axes, keepdims=True, out=self.scale.grad)
        np.sum(G, axis=self.axes, keepdims=True, out=self.shift.grad)
        factor = 0 if self.training else -self.scale.value / self.s
        self.mean.grad[...] = factor * self.shift.grad
        self.variance.grad[...] = factor * self.scale.grad / (2 * self.s)

    def input_gradient(self, G: np.ndarray) -> np.ndarray:
        """Compute the gradient, in training also through the mean and the variance."""
        if self.training:
            G = G - (self.shift.grad + self.Z * self.scale.grad) / self.M
        return G * (self.scale.value / self.s)


class BatchNorm1d(BatchNorm):
    """Batch norm of rows (N, C)."""

    def __init__(self, channels: int) -> None:
        super().__init__("N", channels)


class BatchNorm2d(BatchNorm):
    """Batch norm of images (H, W, C, N)."""

    def __init__(self, channels: int) -> None:
        super().__init__("H", "W", channels, "N")


def initial(shape: tuple[int, ...], fan_in: int, rng: np.random.Generator) -> np.ndarray:
    """Draw initial weights, uniform in +-1/sqrt(fan_in), as PyTorch does by default."""
    for size in shape:
        expect_count("size", size, 1)
    bound = 1 / np.sqrt(fan_in)
    return rng.uniform(-bound, bound, shape).astype(np.float32)
