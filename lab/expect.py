"""Argument checks where NumPy would silently compute nonsense; each names the likely fix."""

import numpy as np

FIXES = {  # of values outside [0, 1]
    "targets": "binary_prune_dataset makes labels 1 and 0, one_hot_encode makes them one-hot",
    "outputs": "pass what forward(X) returned, not the logits",
}


def expect_numbers(**arrays: np.ndarray) -> None:
    """Raise ValueError unless each is a NumPy array of numbers, not a list and not of text."""
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            fix = "is a `return` missing?" if array is None else f"np.array({name})."
            raise ValueError(
                f"{name}: expected a NumPy array, got {type(array).__name__}. Likely fix: {fix}"
            )
        if array.dtype.kind not in "biuf":
            dtype = "int" if name == "Y" else "float"
            raise ValueError(
                f"{name}: expected an array of numbers, got one of {array.dtype}. "
                f"Likely fix: {name}.astype({dtype})."
            )


def expect_same_shape(**arrays: np.ndarray) -> None:
    """Raise ValueError unless both have the same shape: NumPy would broadcast (N,) and (N, 1)."""
    expect_numbers(**arrays)
    (first, a), (second, b) = arrays.items()
    if np.shape(a) != np.shape(b):
        raise ValueError(
            f"{first} and {second}: expected the same shape, got {np.shape(a)} and {np.shape(b)}. "
            "Likely fix: labels (N,) become (N, 1) with Y.reshape(-1, 1), and (N, K) with "
            "one_hot_encode."
        )


def expect_same_length(**arrays: np.ndarray) -> None:
    """Raise ValueError unless the arrays hold equally many examples."""
    expect_numbers(**arrays)
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        got = ", ".join(f"{length} in {name}" for name, length in lengths.items())
        raise ValueError(
            f"{' and '.join(arrays)}: expected equally many examples, got {got}. "
            "Likely fix: take the images and the labels of the same data set."
        )


def expect_pixels(X: np.ndarray) -> None:
    """Raise ValueError unless X holds images (N, 784) of pixels in [0, 255], not normalised yet."""
    expect_numbers(X=X)
    shape = np.shape(X)
    if len(shape) != 2 or shape[1] != 784:
        raise ValueError(
            f"X: expected images of shape (N, 784), got {shape}. Likely fix: flatten them with "
            "X.reshape(-1, 784), and pre-process them once."
        )
    low, high = _range(X)
    if not (low >= 0 and high <= 255) or 0 < high <= 1:  # written so that nan fails too
        raise ValueError(
            f"X: expected pixels in [0, 255], got values in [{low:g}, {high:g}]. "
            "Likely fix: pass the pixels as they were loaded, not yet normalised."
        )


def expect_probabilities(**arrays: np.ndarray) -> None:
    """Raise ValueError if a value lies outside [0, 1]; nan passes, for the trainer to report."""
    for name, array in arrays.items():
        low, high = _range(array)
        if low < 0 or high > 1:
            raise ValueError(
                f"{name}: expected values in [0, 1], got values in [{low:g}, {high:g}]. "
                f"Likely fix: {FIXES[name]}."
            )


def expect_labels(Y: np.ndarray, num_classes: int) -> None:
    """Raise ValueError unless Y holds integers (N, 1) from 0 to num_classes - 1."""
    _expect_column(Y)
    if Y.dtype.kind not in "iu":
        raise ValueError(f"Y: expected integers, got {Y.dtype}. Likely fix: Y.astype(int).")
    low, high = _range(Y)
    if low < 0 or high >= num_classes:
        raise ValueError(
            f"Y: expected labels in [0, {num_classes - 1}], got labels in [{low:g}, {high:g}]. "
            "Likely fix: num_classes must exceed the largest label."
        )


def expect_two_classes(class1: int, class2: int, Y: np.ndarray) -> None:
    """Raise ValueError unless the classes differ and both are among the labels Y (N, 1)."""
    _expect_column(Y)
    if class1 == class2:
        raise ValueError(f"class1 and class2: expected two classes, got {class1} twice.")
    for name, value in (("class1", class1), ("class2", class2)):
        if value not in Y:
            raise ValueError(f"{name}: expected one of {np.unique(Y).tolist()}, got {value!r}.")


def expect_batch_size(batch_size: int, num_examples: int) -> None:
    """Raise ValueError unless batch_size is a whole number from 1 to num_examples."""
    expect_count("batch_size", batch_size, 1)
    if batch_size > num_examples:
        raise ValueError(
            f"batch_size: expected at most {num_examples}, the number of examples, got "
            f"{batch_size}. Likely fix: choose a smaller batch or a larger data set."
        )


def expect_count(name: str, value: int, low: int) -> None:
    """Raise ValueError unless `value` is a whole number of at least `low`."""
    if not (isinstance(value, (int, np.integer)) and value >= low):
        raise ValueError(f"{name}: expected a whole number of at least {low}, got {value!r}.")


def expect_in(interval: str, **numbers: float | np.ndarray) -> None:
    """Raise ValueError unless each number, or each of an array, is in an interval like "[0, 1)"."""
    low, high = map(float, interval[1:-1].split(","))
    for name, values in numbers.items():
        for value in np.ravel(values):
            is_number = isinstance(value, (int, float, np.number))
            at_low = interval.startswith("[") and value == low
            if not (is_number and (at_low or low < value < high)):  # neither is true of nan
                raise ValueError(f"{name}: expected a number in {interval}, got {value}.")


def expect_training_sets(
    X_train: np.ndarray, Y_train: np.ndarray, X_val: np.ndarray, Y_val: np.ndarray, batch_size: int
) -> None:
    """Raise ValueError unless inputs and targets match, and no set is too small."""
    expect_same_length(X_train=X_train, Y_train=Y_train)
    expect_same_length(X_val=X_val, Y_val=Y_val)
    expect_batch_size(batch_size, len(X_train))
    expect_count("len(X_val)", len(X_val), 1)


def expect_training_options(
    learning_rate: float, patience: int | None, validations_per_epoch: int, rng: object
) -> None:
    """Raise ValueError unless the options of a trainer are in range."""
    expect_in("[0, inf)", learning_rate=learning_rate)
    expect_count("validations_per_epoch", validations_per_epoch, 1)
    if patience is not None:
        expect_count("patience", patience, 1)
    if rng is not None and (isinstance(rng, type) or not hasattr(rng, "permutation")):
        raise ValueError(f"rng: expected a generator like np.random.default_rng(0), got {rng!r}.")


def _expect_column(Y: np.ndarray) -> None:
    expect_numbers(Y=Y)
    if np.ndim(Y) != 2 or np.shape(Y)[1] != 1:
        raise ValueError(
            f"Y: expected labels of shape (N, 1), got {np.shape(Y)}. Likely fix: Y.reshape(-1, 1)."
        )


def _range(array: np.ndarray) -> tuple[float, float]:
    array = np.asarray(array)
    return (array.min(), array.max()) if array.size else (0.0, 0.0)
