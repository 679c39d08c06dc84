"""The training loop, as a student of the course would write it."""

import copy

import numpy as np

import utils


class BaseTrainer:
    def __init__(
        self, model, learning_rate, batch_size, shuffle_dataset, X_train, Y_train, X_val, Y_val
    ):
        self.X_train = X_train
        self.Y_train = Y_train
        self.X_val = X_val
        self.Y_val = Y_val
        self.learning_rate = learning_rate
        self.model = model
        self.batch_size = batch_size
        self.shuffle_dataset = shuffle_dataset

    def validation_step(self):
        pass

    def train_step(self, X_batch, Y_batch):
        pass

    def train(self, num_epochs):
        num_batches_per_epoch = self.X_train.shape[0] // self.batch_size
        num_steps_per_val = num_batches_per_epoch // 5
        train_history = {"loss": {}, "accuracy": {}}
        val_history = {"loss": {}, "accuracy": {}}
        global_step = 0
        best_loss, best_w, since_best = np.inf, None, 0
        for _epoch in range(num_epochs):
            loader = utils.batch_loader(
                self.X_train, self.Y_train, self.batch_size, shuffle=self.shuffle_dataset
            )
            for X_batch, Y_batch in iter(loader):
                loss = self.train_step(X_batch, Y_batch)
                train_history["loss"][global_step] = loss
                if global_step % num_steps_per_val == 0:
                    val_loss, accuracy_train, accuracy_val = self.validation_step()
                    if val_loss < best_loss:
                        best_loss, since_best = val_loss, 0
                        best_w = copy.deepcopy(self.model.w)
                    else:
                        since_best += 1
                    if since_best == 10:
                        self.model.w = best_w
                        return train_history, val_history
                    train_history["accuracy"][global_step] = accuracy_train
                    val_history["loss"][global_step] = val_loss
                    val_history["accuracy"][global_step] = accuracy_val
                global_step += 1
        if best_w is not None:
            self.model.w = best_w
        return train_history, val_history
