"""Data and batches, as the course hands them out."""

import numpy as np


def batch_loader(X, Y, batch_size, shuffle=False, drop_last=True):
    num_batches = len(X) // batch_size
    if not drop_last:
        num_batches = int(np.ceil(len(X) / batch_size))
    indices = list(range(len(X)))
    if shuffle:
        np.random.shuffle(indices)
    for i in range(num_batches):
        batch_indices = indices[i * batch_size : (i + 1) * batch_size]
        yield X[batch_indices], Y[batch_indices]


def binary_prune_dataset(class1, class2, X, Y):
    mask1, mask2 = class1 == Y, class2 == Y
    mask_total = np.bitwise_or(mask1, mask2)
    Y_binary = Y.copy()
    Y_binary[mask1] = 1
    Y_binary[mask2] = 0
    return X[mask_total], Y_binary[mask_total]
