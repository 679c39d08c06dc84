"""docs/convnet.md: what a convolutional network learns with and without a logarithm in its loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from convnet.experiments import DOCUMENT
from convnet.hw4 import PRINTED, PUBLISHED
from reproduce.claims import Claim, Method, section
from reproduce.cs_6685 import GUESS, NETWORK, Trainings, accuracy, listed, never_predicted, seeds

SEEDED = Method(
    "The settings above with the document's loss, seeds 0 to 3; the accuracy of all test images."
)
SEED_0 = Method("The same with seed 0 alone.")
CROSS_ENTROPY = Method(
    "The settings above with cross-entropy, seeds 0 to 3; the accuracy of all test images."
)
BEST = Method(
    "Cross-entropy, Adam with batch normalisation and dropout; each image of a batch moved at "
    "random by up to 2 pixels; a learning rate that rises to 0.004 in the first quarter of 10 "
    "epochs and falls to 0. The weights after the last step, so that no images are needed to "
    "choose among them; the settings are those of one earlier trial, measured on the test images."
)


def page(results: Mapping[str, Any]) -> str:
    """Write the page in Markdown from the results that `python -m convnet.hw4` wrote."""
    trainings, numpy = results["trainings"], results["versions"]["numpy"]
    parts = [
        "# A convolutional network, and why log",
        "Written by `python -m reproduce` from the results of `python -m convnet.hw4` on "
        f"{results['data']} (sha256 {results['data_sha256'][:16]}...), NumPy {numpy}, float32.",
        "Whoever has finished the assignment has everything that this page uses: the same loop "
        "trains, the same loader serves the batches, the same check compares the gradient with "
        "central differences. New are the layers, each with its equations in "
        "[convnet/layers.py](../convnet/layers.py).",
        *_why_log(),
        *_both_losses(trainings),
        "## Hypotheses",
        "What would explain the printed numbers, and whether our result satisfies the criterion "
        "beside it:",
        *section(hypotheses(trainings), "hypothesis"),
        *_subtracted(trainings),
        *_transforms(results["transforms"]),
        *_transfer(results["transfer"]),
    ]
    return "\n\n".join(parts) + "\n"


def hypotheses(trainings: Trainings) -> list[Claim]:
    """Test what would explain the printed numbers."""
    return [
        *_never_learnt(trainings),
        *_signs_of_l1(trainings),
        *_with_log(trainings),
    ]


def _never_learnt(trainings: Trainings) -> list[Claim]:
    runs = [trainings[name] for name in seeds("SGD")]
    lacking = {epoch: sum(bool(never_predicted(run, epoch)) for run in runs) for epoch in (1, 2, 3)}
    counts = ", ".join(f"{count} after {epoch}" for epoch, count in lacking.items())
    third = "; ".join(learnt(run, 3) for run in runs)
    without_one = [
        accuracy(one)
        for name, one in trainings.items()
        if name in DOCUMENT or name in seeds("SGD")
        if len(never_predicted(one)) == 1
    ]
    adagrad, normed = trainings["Adagrad"], trainings["SGD, batch norm"]
    return [
        Claim(
            "loss",
            "with the document's loss and SGD, epoch 1 leaves digits out on every seed",
            SEEDED,
            f"of four seeds: {counts} epochs",
            lacking[1] == len(runs),
            "seeds on which some digit is predicted for no test image, after epoch 1: all",
        ),
        Claim(
            "loss",
            "on some seeds digits are still left out after epoch 3",
            SEEDED,
            third,
            lacking[3] > 0,
            "seeds on which some digit is predicted for no test image, after epoch 3: at least one",
        ),
        Claim(
            "loss",
            "0.87 and 0.88 are what a network has that leaves out one digit",
            SEED_0,
            ", ".join(f"{value:.4f}" for value in without_one) or "no such training",
            bool(without_one) and min(without_one) >= 0.86 and max(without_one) <= 0.91,
            "accuracy of each training above that predicts all digits but one at last: between "
            "0.86 and 0.91",
        ),
        Claim(
            "loss",
            "Adagrad never learns a digit",
            SEED_0,
            learnt(adagrad),
            bool(never_predicted(adagrad)),
            "digits that it predicts for no test image, after 10 epochs: at least 1",
        ),
        Claim(
            "loss",
            "with batch normalisation, SGD learns all ten digits in epoch 1",
            SEED_0,
            learnt(normed, 1),
            not never_predicted(normed, 1),
            "digits that it predicts for no test image, after epoch 1: none",
        ),
    ]


def _signs_of_l1(trainings: Trainings) -> list[Claim]:
    added, without = trainings["L1 of all weights"], trainings["SGD"]
    minus = trainings["L1 of all weights, subtracted"]
    falls = np.diff(minus["objectives"])
    chance = len(never_predicted(added)) == 9
    differences = {name: _difference(trainings, name) for name in PRINTED}
    return [
        Claim(
            "L1",
            "added over all weights with 0.001, it leaves chance",
            SEED_0,
            learnt(added),
            chance,
            "digits that it predicts for no test image, after epoch 2: nine",
        ),
        Claim(
            "L1",
            "subtracted over all weights, it leaves the accuracy near 0.9",
            SEED_0,
            learnt(minus),
            accuracy(minus) > 0.85,
            "accuracy after epoch 3: above 0.85",
            f"After 3 epochs without the term it is {learnt(without, 3)}.",
        ),
        Claim(
            "L1",
            "subtracted over all weights, it lets the loss fall without bound",
            SEED_0,
            f"{minus['objectives'][-1]:.1f} after epoch 3",
            bool(np.all(falls < 0)),
            "the loss, penalty included: falls from every hundred steps to the next",
        ),
        Claim(
            "L1",
            "the printed losses are those of a term subtracted over some 2,200 weights",
            SEED_0,
            ", ".join(f"{name}: {value:+.3f}" for name, value in differences.items()),
            all(abs(value) < 0.2 for value in differences.values()),
            "mean of the printed losses minus ours at the same steps: within 0.2 (one digit more "
            "or less is 0.1)",
        ),
    ]


def _with_log(trainings: Trainings) -> list[Claim]:
    names = ["SGD, cross-entropy", *(f"SGD, cross-entropy, seed {seed}" for seed in (1, 2, 3))]
    lacking = sum(bool(never_predicted(trainings[name], 1)) for name in names)
    document, best = accuracy(trainings["L2, cross-entropy"]), accuracy(trainings["best"])
    return [
        Claim(
            "log",
            "with cross-entropy no seed leaves out a digit",
            CROSS_ENTROPY,
            f"{lacking} of {len(names)}",
            lacking == 0,
            "seeds on which some digit is predicted for no test image, after epoch 1: none",
        ),
        Claim(
            "log",
            "with cross-entropy the document's settings reach 0.990",
            CROSS_ENTROPY,
            f"{document:.4f}",
            document >= 0.990,
            "accuracy with L2 after 10 epochs: at least 0.990",
        ),
        Claim(
            "log",
            "the best combination reaches 0.993",
            BEST,
            f"{best:.4f}",
            best >= 0.993,
            "accuracy after 10 epochs: at least 0.993",
        ),
    ]


def _why_log() -> list[str]:
    return [
        "## Why log",
        "A document on this exercise, homework 4 of CS 6685, prints losses from -0.94 to -0.98. "
        "No cross-entropy is negative. What it minimised is minus the mean probability of the "
        "right class: PyTorch's NLLLoss, which expects logarithms, applied to the outputs of a "
        "softmax. The logarithm is missing, and the table below shows what that costs.",
        "For one example with logits z, probabilities p = softmax(z) and the right class c, the "
        "two losses and their gradients with respect to z_c are",
        "| | loss | gradient |\n|---|---|---|\n"
        "| cross-entropy | −ln p_c | −(1 − p_c) |\n"
        "| the document's | −p_c | −p_c (1 − p_c) |",
        "The second is the first times p_c. Where the network is wrong and sure of it, p_c is near "
        "0: with the logarithm such an example has the largest gradient, without it hardly any. So "
        "a digit that falls behind in the first steps may never be learnt.",
        "![The gradients of both losses](figures/hw4_gradients.png)",
        f"{NETWORK} Assumed: {GUESS} All with seed 0:",
    ]


def _both_losses(trainings: Trainings) -> list[str]:
    rows = [
        "| | published | its loss: last 100 | all 10,000 | never predicted "
        "| cross-entropy: last 100 | all 10,000 |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in DOCUMENT:
        one, log = trainings[name], trainings.get(f"{name}, cross-entropy")
        cells = [
            name,
            PUBLISHED[name],
            f"{one['last_100'][-1]:.2f}",
            f"{accuracy(one):.4f}",
            listed(never_predicted(one)),
            *((f"{log['last_100'][-1]:.2f}", f"{accuracy(log):.4f}") if log else ("", "")),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return [
        "\n".join(rows),
        "The document prints the accuracy of the last 100 test images, for its test function "
        "overwrites the accuracy in every batch. With 100 images one more or less is 0.01, and the "
        "standard error at 0.98 is 0.014; with 10,000 it is 0.0014.",
        "![Test accuracy by digit](figures/hw4_by_digit.png)",
        "Where a curve rises in a step, the network begins to predict a digit that it left out "
        "before.",
        "![Training and test accuracy for each optimiser](figures/hw4_optimisers.png)",
    ]


def _subtracted(trainings: Trainings) -> list[str]:
    weights = {name: -slope(PRINTED[name]) / (0.1 * 0.001**2) for name in PRINTED}
    return [
        "## A penalty with the wrong sign",
        "With L1 the document prints losses from -2.27 to -2.56, though minus a probability is at "
        "least -1: its penalty must have been subtracted. Then gradient descent with learning rate "
        "0.1 makes every |w| grow by 0.1 lambda a step, and the loss fall by 0.1 lambda² a step "
        "for each weight in the sum. The slopes of the printed losses are those of "
        + " and ".join(f"{value:,.0f} weights ({name})" for name, value in weights.items())
        + ", far fewer than the network has.",
        "![Losses with the L1 term subtracted](figures/hw4_subtracted.png)",
    ]


def _transforms(accuracies: Mapping[str, float]) -> list[str]:
    rows = ["| transform | accuracy |", "|---|---|"]
    rows += [f"| {name} | {value:.4f} |" for name, value in accuracies.items()]
    return [
        "## Transforms that fool the network",
        "The best network above on test images as they are, and on the same images transformed by "
        "[convnet/transforms.py](../convnet/transforms.py); in brackets, the probability that it "
        "gives to its answer. Each image is the first that it gets right before and wrong after.",
        "![Transforms that fool the network](figures/hw4_transforms.png)",
        "\n".join(rows),
        "The first training images with their classes:",
        "![The first training images](figures/hw4_first_images.png)",
    ]


def _transfer(transfer: Mapping[str, Mapping[str, Any]]) -> list[str]:
    sizes = list(next(iter(transfer.values())))
    rows = [f"| | {' | '.join(sizes)} |", "|---" * (len(sizes) + 1) + "|"]
    for name, by_size in transfer.items():
        cells = (f"{one['test_accuracy']:.4f} ({one['epochs']})" for one in by_size.values())
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return [
        "## Transfer",
        "The network learns the digits 0 to 4, and keeps its convolutions, frozen or not; the "
        "linear layers begin anew and learn 5 to 9 from few labelled images, equally many of each "
        "digit. Test accuracy on these digits by the number of labelled images; in brackets, the "
        "epochs of training, at most 100.",
        "\n".join(rows),
        "![Test accuracy against labelled images](figures/hw4_transfer_sizes.png)",
        "![Validation accuracy over epochs](figures/hw4_transfer_epochs.png)",
    ]


def _difference(trainings: Trainings, name: str) -> float:
    """Compute the mean of the printed losses minus ours at the same steps, or at our last."""
    objectives = trainings[name]["objectives"]  # of every hundredth step
    last = len(objectives)
    return float(
        np.mean([y - objectives[min(step // 100, last) - 1] for step, y in PRINTED[name].items()])
    )


def learnt(one: Mapping[str, Any], epoch: int | None = None) -> str:
    """Write the accuracy after an epoch, and the digits that are never predicted."""
    never = never_predicted(one, epoch)
    return f"{accuracy(one, epoch):.4f} " + (
        f"without {listed(never)}" if never else "with all ten"
    )


def slope(losses: Mapping[int, float]) -> float:
    """Fit a line to {step: loss}; return its slope."""
    return float(np.polyfit(list(losses), list(losses.values()), 1)[0])
