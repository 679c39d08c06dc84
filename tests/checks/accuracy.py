"""What the checks of the accuracy in task2.py and in task3.py have in common."""

import inspect
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.checks.mistake import (
    Mistake,
    Relation,
    at_fault,
    cause,
    close,
    expect_close,
    expect_multiple,
    expect_number,
    total_of,
    untouched,
)
from tests.checks.models import expect_no_square_of_N
from tests.checks.standins import inputs_for, textbook_model
from tests.checks.student import StudentFiles

__tracebackhide__ = True

LOSS = ["targets", "outputs"]
WHOLE = "it is 0 or 1, as of //, int(), round() or np.all; divide by /, and round nothing."
MANY = 4_000  # and more examples: too many to count in 8 bits or in float16
Accuracy = Callable[[np.ndarray, np.ndarray], Any]  # of outputs and targets


def judge_accuracies(
    files: StudentFiles, module: str, Model: str, judge: Callable[[Accuracy], None]
) -> None:
    """Run a check on `accuracy(targets, outputs)`, where the files have it, and on the other."""
    accuracy: Any = getattr(files.load(module), "accuracy", None)
    has_own = callable(accuracy) and list(inspect.signature(accuracy).parameters) == LOSS
    if has_own:
        with at_fault(f"{module}.accuracy"):
            judge(lambda outputs, targets: accuracy(targets.copy(), outputs.copy()))
    model = textbook_model(files, Model)

    def of_model(outputs: np.ndarray, targets: np.ndarray) -> Any:
        X, Y = inputs_for(model, outputs), targets.copy()
        with untouched(X=X, targets=Y):
            return files.require(f"{module}.calculate_accuracy")(X, Y, model)

    try:
        judge(of_model)
    except Mistake as mistake:
        if has_own:
            right = "accuracy itself is right: call it with the targets, then the model's outputs."
            mistake.rows["Likely"] = right
        raise


def expect_no_square(files: StudentFiles, module: str, Model: str, examples: "Examples") -> None:
    """Raise Mistake if `calculate_accuracy` has N x N numbers in use."""
    model = textbook_model(files, Model)
    accuracy = files.require(f"{module}.calculate_accuracy")
    few = inputs_for(model, examples.outputs), examples.targets
    expect_no_square_of_N(lambda X, Y: accuracy(X, Y, model), *few)


@dataclass(frozen=True)
class Examples:
    """Outputs whose accuracy is known, and what wrong accuracies of them are.

    Attributes:
        outputs: what the model returns (N, K).
        decisions: the targets (N, K) that these outputs are right for.
        targets: other ones.
        hits: how many of them are right.
        relations: wrong accuracies of the targets, of the decisions, of the first decision alone
            and, if it is another one, of outputs that are the decisions; and their causes.
    """

    outputs: np.ndarray
    decisions: np.ndarray
    targets: np.ndarray
    hits: int
    relations: Sequence[Relation]

    def expect_fraction(self, accuracy: Accuracy, likely: str) -> None:
        """Raise Mistake, with its likely cause, unless the accuracy is the fraction of hits."""
        N = len(self.targets)
        times = MANY // N + 1
        for repeated in (1, times):
            outputs, targets = (np.tile(a, (repeated, 1)) for a in (self.outputs, self.targets))
            got = accuracy(outputs, targets)
            number = expect_number("the accuracy", got, "the mean over the examples is missing.")
            name = f"the accuracy of {self.hits * repeated} right predictions out of {N * repeated}"
            in_bytes = self.hits * times % 256 / (N * times)
            known = [(in_bytes, "the right predictions are added up in 8 bits, which end at 255.")]
            expect_close(name, number, self.hits / N, known, self.cause(accuracy, likely))

    def expect_counting(self, accuracy: Accuracy, likely: str) -> None:
        """Raise Mistake unless right predictions count, all the same, and wrong ones do not.

        Each is shown four times: how those of a whole set are put together is another check's.
        """
        got = []
        for n in range(len(self.decisions)):
            shown = self.decisions[[n] * 4]
            wrong = 1 - shown if shown.shape[1] == 1 else np.roll(shown, 1, axis=1)
            numbers = (accuracy(self.outputs[[n] * 4], labels) for labels in (shown, wrong))
            got += [total_of("the accuracy", number) for number in numbers]
        name = "the accuracies of images with the right and with a wrong label by turns"
        right = [1, 0] * len(self.decisions)
        expect_multiple(name, got, right, likely=self.cause(accuracy, likely))

    def expect_shares(
        self,
        accuracy: Accuracy,
        outputs: np.ndarray,
        targets: Sequence[np.ndarray],
        shares: Sequence[float],
        likely: str,
    ) -> None:
        """Raise Mistake unless accuracies of other outputs, of any scale, are in these proportions.

        Right predictions have to count (see expect_counting).
        """
        self.expect_counting(accuracy, likely)
        known = (accuracy(self.outputs, labels) for labels in (self.targets, self.decisions))
        some, all_right = (total_of("the accuracy", number) for number in known)
        if not close(np.array(some * len(self.targets)), np.array(self.hits * all_right)):
            return  # another mistake, which costs the points of its own check
        got = np.ravel([accuracy(outputs, labels) for labels in targets])
        name = "the accuracies over the largest"
        expect_close(name, got / (got.max() or 1), shares, likely=self.cause(accuracy, likely))

    def cause(self, accuracy: Accuracy, likely: str) -> Callable[[], str]:
        """Return the search for the cause of a wrong accuracy, which ends with the likely one."""
        return lambda: self._known_cause(accuracy) or likely

    def _known_cause(self, accuracy: Accuracy) -> str:
        sets = [(self.outputs, self.targets), (self.outputs, self.decisions)]
        sets.append((self.outputs[:1], self.decisions[:1]))
        sets.append((self.decisions.astype(float), self.decisions))
        with suppress(Exception):
            got = np.array([float(accuracy(*pair)) for pair in sets])
            return cause(got, self.known(got[2]))
        return ""

    def known(self, one: float) -> list[Relation]:
        """List all wrong accuracies and their causes.

        Args:
            one: the accuracy of one right prediction; a fixed divisor is seen in it.
        """
        N, K = self.targets.shape
        right, number = np.array([self.hits / N, 1, 1, 1]), np.array([self.hits, N, 1, N])
        known: list[Relation] = [
            (number, "this is the number of right predictions; divide by N."),
            (100 * right, "this is a percentage; return the fraction, from 0 to 1."),
            (1 - right, "this is the fraction of wrong predictions."),
            (right // 1, WHOLE),
            *((np.round(right, d), "it is rounded; round nothing.") for d in (1, 2, 3)),
            ((number - 1) / [N, N, 1, N], "an image is left out: the first, or the last."),
            (0 * right, "it is 0 even where every prediction is right."),
            # where a decision is made, outputs of exactly 0 and 1 change nothing
            *(((*wrong, wrong[1])[:4], mistake) for wrong, mistake in self.relations),
        ]
        if K > 1:
            known.append((right / K, "divided by N * K; divide by N."))
        if 0 < one < 1:
            known.append((number * one, f"divided by {1 / one:g}, whatever N is; divide by N."))
        return known
