"""The proof of the checks: each wrong variant is caught where it is wrong, no right one is."""

from __future__ import annotations

import pytest

from lab.assignment import POINTS
from tests.library.proof import Results, run_all
from tests.library.variants import logistic, right, root, softmax, training
from tests.library.variants.variant import Variant

pytestmark = pytest.mark.proof

WRONG = [*logistic.WRONG, *training.WRONG, *softmax.WRONG, *root.WRONG]
RIGHT = [*right.RIGHT, *root.RIGHT]

DIAGNOSES = {
    "2a backward wrong sign": "the sign is opposite",
    "2a backward the sigmoid's derivative left in": "a factor is left in here that cancels",
    "2a backward accumulated, from None": "`grad` is used before it is set",
    "3a forward sum of each class": "the sum is over the classes of one image",
    "3a backward not averaged": "N times too large",
    "3a backward averaged over N and K": "K times too small",
    "3a backward averaged twice": "averaged twice",
    "3a backward half": "half of it",
    "3a backward no bias": "only row 784, that of the bias",
    "3a backward transposed": "it is transposed",
    "3a backward accumulated": "accumulated over calls",
    "3a backward updates the weights": "backward changed the weights",
    "4b backward missing": "the L2 term is missing",
    "4b backward half": "half of what it should be",
    "4b backward doubled": "the L2 term is added twice",
    "4b backward subtracted": "the sign is opposite",
    "4b backward added before dividing": "the L2 term is divided by N",
    "4b backward lambda squared": "lambda comes in squared",
    "4b backward without the bias": "the bias is left out",
    "2b train_step uphill": "subtract the gradient",
    "2c calculate_accuracy > 0.5": "the prediction is 1 if yhat >= 0.5",
    "2d train nine validations": "one validation too early",
    "2d train eleven validations": "one validation too late",
    "2d train an alias": "keep a copy of w",
    "2e batch_loader two orders": "draw one order, and take both X and Y in that order",
    "2a forward wrong sign": "the sign of the exponent",
    "at the root: 2d should_stop at the first rise": "ten validations in a row without improvement",
    "at the root: 2d should_stop the other way round": "while the validation loss still falls",
    "at the root: 2d should_stop ten whatever the patience": "10 is only the default",
    "at the root: 2d should_stop never where all are equal": "an equal loss is not below the best",
    "2a forward no parentheses of e^z": "1 + e^z, needs parentheses",
    "2a forward a size of None": "a size is None",
    "2c calculate_accuracy always 0": "it is 0 even where every prediction is right",
    "2c calculate_accuracy argmax of all": "np.argmax without an axis",
    "3c calculate_accuracy always 0": "it is 0 even where every prediction is right",
    "at the root: 2b train_step a rate of no script": "name 'learning_rate' is not defined",
    "at the root: 4b backward not called": "backward does not add penalty_gradient()",
    "at the root: 4b backward no lambda": "the same for every lambda",
    "2d train begins with 1": "begin with np.inf",
    "2d train each step counts twice": "each gradient step counts once",
    "2d train validates every step": "not at every step",
    "2d train validations by number": "the key is the gradient step",
    "2c calculate_accuracy N x N": "N x N numbers in use at once",
    "3c calculate_accuracy N x N": "N x N numbers in use at once",
    "3a cross_entropy_loss a trace": "N x N numbers in use at once",
    "2d train validates 2 times an epoch": "here every 2 steps, not every 5",
    "2d train validates 4 times an epoch": "here every 4 steps, not every 5",
    "2d train counts steps": "not gradient steps",
    "2d train counts epochs": "five in each epoch, not epochs",
    "at the root: 2e shuffled_order without the first": "number 0 is missing",
    "2b train_step a rate of its own": "use self.learning_rate, not a number of your own",
    "2b train_step all losses returned": "train_step returns in training should be one",
    "2b train_step the script's rate": "a variable of the script is missing where",
    "2a pre_process_images the bias is normalised": "the 1 was appended before",
    "2a pre_process_images uint8 overflows": "2 * X does not fit into uint8",
    "2a pre_process_images range of the images": "not that of the images at hand",
    "2b train_step the rate squared": "the learning rate is squared",
    "2b train_step averaged again": "divided by N again",
    "2c calculate_accuracy the share of ones": "this is the fraction of targets that are 1",
    "2c calculate_accuracy every pair": "each target meets each prediction",
    "2d train the first is never the best": "here the very first loss is the best",
    "2e batch_loader no shuffling": "draw a permutation of them all",
    "4b backward off by default": "an option that is off",
    "2a cross_entropy_loss one per example": "the mean over the N examples is missing",
    "3b train_step exchanged for the loss": "targets first, then outputs",
    "2d train breaks the inner loop": "a `break` leaves only the inner loop",
    "at the root: 2e shuffled_order nothing returned": "a `return` is missing",
    "2a pre_process_images range 0 to 1": "this is the range [0, 1]",
    "2a pre_process_images divided by 128": "the largest pixel is 255, not 256",
    "2a pre_process_images white and black exchanged": "the sign is opposite",
    "2a cross_entropy_loss sum": "this is the sum; equation 3 divides by N",
    "2a cross_entropy_loss averaged twice": "divided by N twice",
    "2a cross_entropy_loss only the second term": "y ln(yhat) is missing",
    "2a forward tanh": "this is tanh",
    "2b train_step no learning rate": "the learning rate is missing",
    "3a one_hot_encode exchanged": "zeros and ones are exchanged",
    "3a cross_entropy_loss mean of all": "divided by N * K",
    "3a forward a sigmoid": "this is the sigmoid",
    "3b train_step a sum returned": "this is the sum over the batch",
    "3c calculate_accuracy threshold": "this compares each of the N * K outputs",
    "4b backward absolute value": "the sign of w is lost",
    "2b train_step exchanged for backward": "backward takes the outputs first, then the targets",
    "2b train_step times the batch size": "multiplied by N",
    "2b train_step times 128": "it is 128 times learning_rate",
    "2a cross_entropy_loss -targets": "`-targets` wraps in uint8, the type that utils returns: 1",
    "2a cross_entropy_loss -1 * targets": "images and labels are uint8, from 0 to 255",
    "2b train_step -Y_batch": "`-Y_batch` wraps in uint8",
    "2a backward -targets": "`-targets` wraps in uint8",
    "3a cross_entropy_loss -targets of uint8": "the type that one_hot_encode returns: 1",
    "3a backward -targets of uint8": "it is right for targets.astype(float), and wrong in",
    "2a pre_process_images the bias is a 1": "a column beside (N, 784) is (N, 1)",
    "2a pre_process_images an array of integers": "these are whole numbers",
    "2a forward no parentheses": "needs parentheses",
    "3a cross_entropy_loss @ outputs.T": "the targets of each image meet the outputs of each",
    "4b backward in place of the rest": "takes the place of the gradient of C",
    "2a pre_process_images X - 127 in uint8": "`X - 127` wraps in uint8: ",
    "2a pre_process_images divided by 127": "0 becomes -1.004 and 255 becomes 1.004",
    "2a pre_process_images divided in place": "(/=, -=, +=) keeps the type",
    "2a pre_process_images divided by //": "// drops the fraction",
    "2a pre_process_images the bias as a row": "the bias is a row here",
    "2a cross_entropy_loss arguments exchanged": "targets and outputs are exchanged",
    "2a cross_entropy_loss divided by 128": "divided by 128, whatever N is",
    "2a cross_entropy_loss flat targets": "each target meets each output",
    "2a forward np.where overflows": "np.where computes both of its branches",
    "2a backward divided by 128": "divided by 128, whatever N is",
    "2a backward a bare grad": "backward does not set grad",
    "2a backward flat targets": "or (N,) met (N, 1)",
    "2c calculate_accuracy a whole number": "it is 0 or 1, as of //",
    "2c calculate_accuracy argmax": "np.argmax of the single output of an image is always 0",
    "2c calculate_accuracy divided by 128": "divided by 128, whatever N is",
    "2c calculate_accuracy recall": "this is the recall",
    "2c calculate_accuracy flat predictions": "each target meets each prediction",
    "2c calculate_accuracy a difference in uint8": "prediction - target wraps in uint8",
    "2c calculate_accuracy a sum in uint8": "added up in 8 bits",
    "3a one_hot_encode off by one": "label k is at index k",
    "3a one_hot_encode index 10": "label k is at index k",
    "3a one_hot_encode out[Y] = 1": "a label is the number of a row here",
    "3a cross_entropy_loss that of two classes": "this is the loss of two classes",
    "3a cross_entropy_loss arguments exchanged": "targets and outputs are exchanged",
    "3a cross_entropy_loss divided by 128": "divided by 128, whatever N is",
    "3a forward maximum of each class": "subtract the largest score of each image",
    "3a forward overflows": "lower all scores of an image by their largest",
    "3a forward one maximum for all": "exp of the others underflows to 0",
    "3a backward divided by 128": "divided by 128, whatever N is",
    "3a backward an alias of w": "change self.w itself, also by another name",
    "3c calculate_accuracy rounded": "it is rounded",
    "3c calculate_accuracy without the last": "an image is left out",
    "3c calculate_accuracy argmax over images": "find the class of each image",
    "3c calculate_accuracy a whole number": "it is 0 or 1, as of //",
    "3c calculate_accuracy divided by 128": "divided by 128, whatever N is",
    "3c calculate_accuracy one argmax of all": "np.argmax without an axis",
    "3c calculate_accuracy off by one": "the classes are off by one",
    "2a pre_process_images clipped": "rounded, clipped or compared",
    "2a pre_process_images the bias is for 100 images": "one row for each of the N images",
    "2a cross_entropy_loss minus between the terms": "the two terms have opposite signs",
    "2a forward no bias": "every column of X counts",
    "2a forward one more bias": "X has its bias input already",
    "2a backward 0.9 of the last gradient": "something of the last call is kept",
    "2a backward its own outputs, and an update": "the update of the weights belongs in train_step",
    "2a backward overwritten": "not set or overwritten",
    "2b train_step divided by the rate": "divided by the learning rate; multiply by it",
    "2b train_step divided by the training set": "divided by len(self.X_train)",
    "2b train_step its own grad": "w, grad, forward and backward are those of self.model",
    "at the root: 2c accuracy without the first": "an image is left out",
    "at the root: 3c accuracy without the first": "an image is left out",
    "at the root: 4b backward no parentheses": "parentheses are missing",
    "at the root: 4b backward += without parentheses": "a method without its `()`",
    "at the root: 4b penalty_gradient lambda rounded": "is lambda rounded",
    "at the root: 2d should_stop values of a list": "val_losses is a list",
    "at the root: 2a pre_process_images the largest of each image": "the fixed range 0 to 255",
    "at the root: 2a pre_process_images as many ones as pixels": "as of np.ones_like(X)",
    "at the root: 2a pre_process_images one row of all": "np.append without axis=",
    "at the root: 2a forward outputs from 0.01 to 0.99": "clipped or rounded too much",
    "at the root: 2b train_step the first loss for ever": "of no step before",
    "at the root: 2d should_stop whatever the last is": "look at the last validation, too",
    "at the root: 2e shuffled_order from 1 to N": "run from 0 to N - 1",
    "at the root: 2e shuffled_order a column": "one axis: an index for each example",
    "at the root: 2e shuffled_order of 8 bits": "an index of type uint8 is too small",
    "at the root: 2e shuffled_order at most 1000": "number 1000 is missing",
    "at the root: 2e shuffled_order the first order for ever": "for the N of each call",
    "at the root: 3a one_hot_encode rows in 8 bits": "numbers of rows in the type of Y, 8 bits",
    "at the root: 3b train_step the loss of 64": "of all its examples",
    "at the root: 3c accuracy any image's label": "of its own image, not of any",
    "2b validation_step trains": "validation_step changes the weights",
    "3b validation_step the L2 term": "leave out the L2 term",
    "at the root: 4b train_step lambda is set to 0": "lambda has no effect in train_step",
}

COSTS = {  # points of its task
    f"{task} train_step {mistake}": points
    for task, points in {"2b": 2, "3b": 0.5}.items()
    for mistake in ("no learning rate", "times the batch size", "times 128", "uphill")
} | {
    "2a pre_process_images divided by 128": 0.5,
    "2b validation_step training loss": 0.5,
    "2d train begins with 1": 0.5,
    "at the root: 2a pre_process_images a list": 0.5,
    "at the root: 2b train_step a rate of no script": 2.5,
    "at the root: 4b penalty_gradient in place": 1.5,
    "at the root: 4b backward not called": 2,
    "at the root: 4b backward no lambda": 3,
    "2d train breaks the inner loop": 1,
    "2d train each step counts twice": 0.5,
    "2d train the first is never the best": 0.5,
    "at the root: 2e shuffled_order from 1 to N": 1.5,
    "at the root: 2e shuffled_order nothing returned": 1.5,
    "3a cross_entropy_loss a trace": 0.5,
}

OTHERS = {  # which it is not
    "at the root: 2a pre_process_images as many ones as pixels": "(5, 784)\n",
    "at the root: 2a forward outputs from 0.01 to 0.99": "overflows",
    "at the root: 2e shuffled_order the first order for ever": "utils.batch_loader",
    "at the root: 3c accuracy any image's label": "however small that is",
    "at the root: 4b train_step lambda is set to 0": "adds nothing",
    "2b train_step exchanged for backward": "uphill",
    "at the root: 2d should_stop the other way round": "gradient steps",
    "at the root: 2d should_stop at the first rise": "gradient steps",
    "at the root: 2e shuffled_order without the first": "batches are full",
    "at the root: 2e shuffled_order one too few": "before the last batch is dropped",
    "2a pre_process_images range of the images": "uint8",
    "2a cross_entropy_loss an array of one": "is missing",
    "2b train_step a rate of its own": "squared",
    "2b train_step averaged again": "targets first",
    "2c calculate_accuracy the share of ones": "each target meets each prediction",
    "2d train the first is never the best": "stop when ten validations in a row",
    "2e batch_loader no shuffling": "trainer.BaseTrainer",
    "4b backward off by default": "missing",
    "2a forward a list": "cross_entropy_loss",
    "3a cross_entropy_loss a trace": "Advice on",
    "3b train_step the rate decays": "Task 4b",
    "2a pre_process_images rounded to 0.01": "0 becomes -1",
    "2a pre_process_images the bias as a row": "task2a.BinaryModel",
    "2d train validates 2 times an epoch": "with other weights",
    "2d train validates 4 times an epoch": "begin with np.inf",
    "at the root: 2d should_stop the mean of the last ten": "look at the last",
    "2d train validates every step": "the key is the gradient step",
    "2a forward a size of None": "a `return` is missing",
    "2c calculate_accuracy always 0": "compare predictions",
    "2c calculate_accuracy argmax of all": "compare predictions",
    "3c calculate_accuracy always 0": "compare the class",
    "2d train twenty validations": "gradient steps",
    "at the root: 4b backward no lambda": "the L2 term is missing",
    "at the root: 4b penalty_gradient in place": "train_step",
    "2a forward overflows": "np.where",
    "2a cross_entropy_loss a large epsilon": "whatever N is",
    "2c calculate_accuracy flat predictions": "yhat >= 0.5",
    "3a cross_entropy_loss targets.T @": "the targets are missing",
    "3a one_hot_encode out[Y] = 1": "num_classes",
    "3a cross_entropy_loss that of two classes": "N * K",
    "3a forward one maximum for all": "overflows",
    "3a backward an alias of w": "train_step",
    "2a forward rounded": "every column",
    "2b train_step the rate cubed": "times learning_rate",
    "at the root: 2c accuracy without the first": "yhat >= 0.5",
    "at the root: 3c accuracy without the first": "largest output",
    "at the root: 4b penalty_gradient lambda always 0.1": "number of classes",
}


def lost(results: Results) -> set[str]:
    """List the tasks that lost points, of those that were checked."""
    tasks = results["extra_data"]["tasks"]
    return {task for task, found in tasks.items() if found["score"] != POINTS[task]}


@pytest.fixture(scope="module")
def results() -> dict[Variant, Results]:
    """The results of the checks for every variant."""
    return run_all([*WRONG, *RIGHT])


@pytest.fixture(scope="module")
def outputs(results: dict[Variant, Results]) -> dict[str, list[str]]:
    """What each check says of a variant, by the variant's name."""
    return {str(v): [test["output"] for test in found["tests"]] for v, found in results.items()}


@pytest.mark.parametrize("variant", WRONG, ids=str)
def test_a_mistake_costs_points_of_its_own_task_or_is_advice_and_is_named(
    variant: Variant, results: dict[Variant, Results]
) -> None:
    failed = [
        test["output"].splitlines()[0]
        for test in results[variant]["tests"]
        if test["extra_data"]["outcome"] == "failed" and test["tags"] == [variant.task]
    ]
    header = f"{'Advice on ' if variant.advice else ''}Task {variant.task}: {variant.function}"
    assert header in [line.split(" (")[0] for line in failed]
    assert lost(results[variant]) <= {variant.task, *variant.also}
    assert (variant.task in lost(results[variant])) != variant.advice


@pytest.mark.parametrize(("mistake", "diagnosis"), DIAGNOSES.items())
def test_a_known_mistake_is_diagnosed(
    mistake: str, diagnosis: str, outputs: dict[str, list[str]]
) -> None:
    assert diagnosis in "\n".join(outputs[mistake])


@pytest.mark.parametrize(("mistake", "points"), COSTS.items())
def test_a_mistake_costs_no_more_than_it_is_worth(
    mistake: str, points: float, results: dict[Variant, Results]
) -> None:
    (found,) = (found for variant, found in results.items() if str(variant) == mistake)
    task = mistake.removeprefix("at the root: ").split()[0]
    assert found["extra_data"]["tasks"][task]["score"] == POINTS[task] - points


@pytest.mark.parametrize(("mistake", "other"), OTHERS.items())
def test_a_mistake_is_not_taken_for_another(
    mistake: str, other: str, outputs: dict[str, list[str]]
) -> None:
    assert other not in "\n".join(outputs[mistake])


@pytest.mark.parametrize("variant", RIGHT, ids=str)
def test_a_right_solution_gets_all_points(
    variant: Variant, results: dict[Variant, Results]
) -> None:
    found = results[variant]
    assert [test["output"] for test in found["tests"] if test["status"] == "failed"] == []
    assert found["score"] == found["max_score"] == 62


def test_every_check_fails_for_some_mistake(results: dict[Variant, Results]) -> None:
    def names(outcome: str, variants: list[Variant]) -> set[tuple[str, str]]:
        return {
            (test["tags"][0], test["name"])
            for variant in variants
            for test in results[variant]["tests"]
            if test["extra_data"]["outcome"] == outcome
        }

    assert names("passed", RIGHT) - names("failed", WRONG) == set()
