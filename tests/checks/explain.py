"""A failure's first lines: the function, what was expected, what was returned, the likely cause."""

from dataclasses import dataclass
from typing import Any

from _pytest._code.code import TerminalRepr
from _pytest._io import TerminalWriter

from lab.assignment import CODE_TASKS
from tests.checks import compatibility
from tests.checks.mistake import TIMED_OUT, Mistake, in_words
from tests.checks.points import Check
from tests.checks.student import StudentFiles

# What an exception in a student's function usually means, by a part of its message.
LIKELY = (
    ("NameError", "this name is not known here: use an argument, or what is kept in self."),
    ("was removed in the NumPy", "NumPy 2 has another name for it; see the message."),
    ("module 'numpy' has no", "NumPy 2 has no such name any more; see its migration guide."),
    ("is not installed here", "the assignment is written with NumPy alone."),
    ("cannot be imported here", "the assignment is written with NumPy alone."),
    ("unexpected keyword", "keep the names of the arguments as they were handed out."),
    ("required positional", "more arguments than were handed out? give the others a default."),
    ("setting an array element", "an array where one number belongs."),
    ("only 0-dimensional", "an array where one number belongs."),
    ("MemoryError", "an N x N array? N is 20,000 images here: keep (N, 1) and (N, K)."),
    (
        "out of bounds for uint8",
        "images and labels are uint8, from 0 to 255; .astype(float) first.",
    ),
    ("index 255 is out", "0 - 1 is 255 in uint8, the type of the labels; label k is at index k."),
    ("index 10 is out", "an array of 10 has the indices 0 to 9; label k is at index k."),
    ("boolean negative", "True and False have no minus; .astype(float) first."),
    ("method'", "parentheses are missing: call it, `f()`."),
    ("dtype('O')", "something is None (a `return` is missing), or a method without its `()`."),
    ("same_kind", "an in-place operation (/=, -=, +=) keeps the type; write X = X / ..., for one."),
    ("'NoneType' object cannot be interpreted as an integer", "a size is None: it is not set yet."),
    ("NoneType", "something is None: a `return` is missing, or `grad` is used before it is set."),
    ("786", "X has its bias input already: 784 pixels and the bias are its 785 columns."),
    ("broadcast", "shapes that do not fit: print them. keepdims=True keeps the axis of a sum."),
    (
        "same number of dimensions",
        "joined arrays need as many axes; a column beside (N, 784) is (N, 1).",
    ),
    ("along dimension 0", "what is joined beside X has one row for each of the N images, too."),
    ("concatenation axis", "axis=1 joins columns beside columns, axis=0 rows below rows."),
    ("matmul", "the order of the two factors, or a missing .T."),
    ("not aligned", "the order of the two factors, or a missing .T."),
    ("only integer scalar", "an array where one number is needed."),
    ("is out of bounds for axis", "the indices of N rows run from 0 to N - 1."),
    ("'list' object has no attribute 'values'", "val_losses is a list, the oldest first."),
    (
        "Trainer' object has no attribute",
        "w, grad, forward and backward are those of self.model; learning_rate is the trainer's.",
    ),
    ("no attribute 'learning_rate'", "learning_rate is the trainer's."),
    ("read-only", "the inputs are changed in place; make a copy."),
    ("empty sequence", "an empty list; are there validations before the last `patience` ones yet?"),
    (TIMED_OUT, "a loop that never ends, or one over every pixel; use whole arrays."),
)

# What a check says that cannot work with a result.
UNUSABLE = """\
  what it returned, or set in the model or the trainer, is of no use here
  Raised:   {}
  Likely:   another type or shape than its docstring states."""


@dataclass(frozen=True)
class Failure:
    """Why a check failed.

    Attributes:
        text: what a student reads first.
        summary: it in one line: what is wrong, and the likely cause.
        function: at fault.
        not_written: whether it raises NotImplementedError.
    """

    text: str = ""
    function: str = ""
    summary: str = ""
    not_written: bool = False


@dataclass(eq=False)
class Explained(TerminalRepr):
    """What pytest prints of a failure.

    Attributes:
        failure: its first lines.
        traceback: pytest's own, which follows them with --full-trace; else None.
    """

    failure: Failure
    traceback: Any = None

    def toterminal(self, tw: TerminalWriter) -> None:
        """Write all of it."""
        first, *others = self.failure.text.splitlines()
        tw.line(first, red=True, bold=True)
        for line in others:
            tw.line(line)
        if self.traceback is not None:
            tw.line("")
            self.traceback.toterminal(tw)


def explain(check: Check, error: BaseException, files: StudentFiles) -> Failure:
    """Explain to a student why a check failed, in plain ASCII."""
    if isinstance(error, NotImplementedError):
        function = _with_class(files.function(error), check) or check.function
        text = f"Task {check.task}: {function} is not written yet"
        return Failure(_ascii(text), function, not_written=True)
    function = files.name(_at_fault(check, error, files))
    body = str(error) if isinstance(error, Mistake) else _raised(error, files)
    if getattr(error, "handed_out", False):
        body += f"\n  {'Note:':<10}this was handed out complete, and has been changed."
    rows = [line.strip() for line in body.splitlines()]
    likely = [row.split(":", 1)[1].strip() for row in rows if row.startswith("Likely:")]
    return Failure(
        _ascii(f"{check.header(function)}\n{body}"),
        function,
        summary=_ascii(f"{function}: {'; '.join([rows[0], *likely])}"),
    )


def _at_fault(check: Check, error: BaseException, files: StudentFiles) -> str:
    function: str = getattr(error, "at_fault", check.function)
    raised_in = _with_class(files.function(error), check)
    return raised_in if compatibility.whole_of(raised_in) == function else function


def _with_class(function: str, check: Check) -> str:
    """Add the class that a function is in, which Python 3.10 does not know."""
    module, _, name = function.partition(".")
    known = [check.function, *(full for task in CODE_TASKS for full in task.functions)]
    same = (full for full in known if full.startswith(f"{module}.") and full.endswith(f".{name}"))
    return next(same, function)


def _raised(error: BaseException, files: StudentFiles) -> str:
    message = in_words(error)
    where = files.where(error, source=True)
    if not where:
        return UNUSABLE.format(message)
    text = f"  raised {message}\n  {'At:':<10}{where}"
    likely = next((mistake for part, mistake in LIKELY if part in message), "")
    return text + (f"\n  {'Likely:':<10}{likely}" if likely else "")


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()
