"""The page: the template, with its style, its script and the data of the trainings filled in."""

import json
import zlib
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import numpy as np

import utils
from explore import template
from explore.checkpoints import Checkpoints
from lab.assignment import L2
from lab.trainings import Training

OF_EACH_DIGIT = 10  # validation images on the page


def make_page(
    about: str,
    images: utils.Split,
    trainings: Mapping[float, Training],
    checkpoints: Mapping[float, Checkpoints],
) -> str:
    """Write a page of HTML that needs no other file and no network.

    Args:
        about: what it says of the trainings.
        images: those of the trainings.
        trainings: {lambda: training}.
        checkpoints: {lambda: its weights along the way}.
    """
    labels = images.Y_val[:, 0]
    first = np.sort(
        np.concatenate([np.flatnonzero(labels == digit)[:OF_EACH_DIGIT] for digit in range(10)])
    )
    data = {
        "about": about,
        "share": {"sum": 1, "half": 0.5}[L2],  # of the squared weights, in the penalty
        "labels": labels[first].tolist(),
        "images": _base64(images.X_val[first].tobytes()),
        "runs": [_run(value, trainings[value], checkpoints[value]) for value in trainings],
        "weights": _base64(_packed([one.rounded for one in checkpoints.values()])),
    }
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    return template.read().replace("{{data}}", text)


def _run(l2_reg_lambda: float, training: Training, checkpoints: Checkpoints) -> dict[str, Any]:
    steps, _, val_loss, train_accuracy, val_accuracy = np.array(training.validations).T
    ends = steps.astype(int) + 1
    losses = np.split(np.array(list(training.train_history["loss"].values())), ends)
    curves = {
        "step": ends,
        "train_loss": [batches.mean() for batches in losses[: len(ends)]],  # since the one before
        "val_loss": val_loss,
        "train_accuracy": train_accuracy,
        "val_accuracy": val_accuracy,
    }
    return {
        "lambda": l2_reg_lambda,
        "unit": checkpoints.unit,
        "steps": checkpoints.steps,
        "kept": checkpoints.steps.index(training.best.step + 1),
        "weights_kept": _base64(training.w.astype("<f4").tobytes()),
        "curves": {name: np.round(values, 5).tolist() for name, values in curves.items()},
    }


def _packed(weights: list[np.ndarray]) -> bytes:
    """Compress weights (T, 785, 10): differences from one checkpoint to the next, bytes apart."""
    changes = [np.diff(one, axis=0, prepend=np.int16(0)).ravel() for one in weights]
    planes = np.concatenate(changes).astype("<i2").view(np.uint8).reshape(-1, 2).T
    return zlib.compress(planes.tobytes(), 9)


def _base64(content: bytes) -> str:
    return b64encode(content).decode()
