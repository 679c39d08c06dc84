"""Data and batches, as the course hands them out."""

import matplotlib.pyplot as plt
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


def load_binary_dataset(class1, class2):
    X_train, Y_train, X_val, Y_val = load_full_mnist()
    X_train, Y_train = binary_prune_dataset(class1, class2, X_train, Y_train[:, 0])
    X_val, Y_val = binary_prune_dataset(class1, class2, X_val, Y_val[:, 0])
    return X_train, Y_train.reshape(-1, 1), X_val, Y_val.reshape(-1, 1)


def load_full_mnist():
    import mnist

    X_train, Y_train = mnist.train_images().reshape(-1, 784), mnist.train_labels()
    X_val, Y_val = mnist.test_images().reshape(-1, 784), mnist.test_labels()
    return X_train[:20000], Y_train.reshape(-1, 1)[:20000], X_val, Y_val.reshape(-1, 1)


def plot_loss(loss_dict, label=None, npoints_to_average=1, plot_variance=True):
    plt.plot(list(loss_dict.keys()), list(loss_dict.values()), label=label)
