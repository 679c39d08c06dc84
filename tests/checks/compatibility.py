"""Compatibility: rules by which what was written for another year or another NumPy is judged, too.

The checks call the interface that is handed out. A rule takes something of a submission and returns
it adapted to that interface, or as it is where there is nothing to adapt. Its docstring says what
it allows, and it names a submission of tests/library/submissions/ that loses points without it,
and a task in which it loses them.
"""

import __future__

import ast
import codecs
import inspect
import io
import math
import re
import sys
import tokenize
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache, partial, wraps
from importlib import import_module
from importlib.machinery import FileFinder, SourceFileLoader
from importlib.util import decode_source
from itertools import takewhile
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, TypeGuard, TypeVar

import numpy as np
import pytest

from lab.assignment import FILES
from tests.checks.mistake import TIMED_OUT, Mistake

__tracebackhide__ = True

Rule = TypeVar("Rule", bound=Callable[..., Any])
RULES: dict[str, tuple[str, str]] = {}  # {rule: (a submission that needs it, in this task)}

# The arguments of what the checks call, in the order in which they are handed out.
SETS = ("X_train", "Y_train", "X_val", "Y_val")
TRAINER = ("model", "learning_rate", "batch_size", "shuffle_dataset", *SETS)
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "pre_process_images": ("X",),
    "one_hot_encode": ("Y", "num_classes"),
    "cross_entropy_loss": ("targets", "outputs"),
    "gradient_approximation_test": ("model", "X", "Y"),
    "calculate_accuracy": ("X", "targets", "model"),
    "accuracy": ("targets", "outputs"),
    "shuffled_order": ("num_examples", "rng"),
    "batch_loader": ("X", "Y", "batch_size", "shuffle", "drop_last", "rng"),
    "BinaryModel": (),
    "SoftmaxModel": ("l2_reg_lambda",),
    "forward": ("X",),
    "backward": ("X", "outputs", "targets"),
    "BaseTrainer": TRAINER,
    "LogisticTrainer": TRAINER,
    "SoftmaxTrainer": TRAINER,
    "train": ("num_epochs",),
    "train_step": ("X_batch", "Y_batch"),
    "validation_step": (),
}


ANOTHER_YEARS = {"l2_reg_lambda": 0.0, "epoch": 0}
MODELS = {"BinaryModel": 1, "SoftmaxModel": 10}  # {model: its outputs}


def rule(submission: str, task: str) -> Callable[[Rule], Rule]:
    """List a function among the rules, with a submission that loses points in `task` without it."""

    def listed(function: Rule) -> Rule:
        RULES[function.__name__] = submission, task
        return function

    return listed


# How the checks call a student's functions, classes and methods


def adapted(found: Any, name: str) -> Any:
    """Let a function, a method or a class of a student's be called as it was handed out.

    Args:
        found: of the submission.
        name: a key of ARGUMENTS; what has another name is returned as it is.
    """
    if name not in ARGUMENTS or not callable(found):
        return found

    @wraps(found, updated=())
    def called(*args: Any, **options: Any) -> Any:
        args = tuple(arg.own if isinstance(arg, AdaptedInstance) else arg for arg in args)
        args, options = by_name(sizes_of_a_model((args, options), found, name), found, name)
        others = [other for other in _parameters(found)[len(args) :] if other.name not in options]
        result = found(*args, **options, **_given(found, others, name))
        return (
            AdaptedInstance(early_stopping_set_by_main(result))
            if isinstance(found, type)
            else result
        )

    return called


class AdaptedInstance:
    """A model or a trainer of a student's, whose methods are called as they were handed out."""

    own: Any

    def __init__(self, own: Any) -> None:
        object.__setattr__(self, "own", own)

    def __getattr__(self, name: str) -> Any:
        found = adapted(getattr(self.own, name), name)
        return backward_after_forward(found, self) if name == "backward" else found

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an array, or what stands in for a method of the student's."""
        if name in ARGUMENTS:
            value = without_further_arguments(value, name)
            value = with_further_results(value, name, type(self.own))
        setattr(self.own, name, value)


@rule("outputs_first", "2a")
def by_name(
    given: tuple[tuple[Any, ...], dict[str, Any]], function: Callable[..., Any], name: str
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments in another order, where they have the names that were handed out.

    Args:
        given: what is passed by position, and what by keyword.
        function: the student's.
        name: a key of ARGUMENTS.
    """
    args, options = given
    stated = ARGUMENTS[name][: len(args)]
    if not {*stated, *options} <= {parameter.name for parameter in _parameters(function)}:
        return given
    return (), dict(zip(stated, args, strict=True)) | options


# What an argument of a model is for, by its name.
ROLES = {
    "lambda": r"l2|reg|lam|decay|penal",
    "outputs": r"(?<!drop)out|class|^k$|^c$",
    "inputs": r"(^|_)in(_|p|$)|feat|dim|size|pixel|^[dinm]$",
}


@rule("arguments_of_their_own", "2a")
def sizes_of_a_model(
    given: tuple[tuple[Any, ...], dict[str, Any]], Model: Callable[..., Any], name: str
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A model that is told its sizes: by the names of its arguments, else in their order.

    The size of the inputs may be 785, 784, or a shape: the first that makes `w` what it has to be.
    """
    args, options = given
    if name not in MODELS or is_made_as_handed_out(Model, *args, **options):
        return given
    K, strength = MODELS[name], args[0] if args else 0.0
    asked = {parameter.name: _role(parameter.name) for parameter in _parameters(Model)}
    shape = [(785, K)] * bool(re.search("shape|dims|sizes", str([*asked])))  # of the weights
    made = []
    for inputs in (785, 784, *shape, (7, 785), np.zeros((7, 785))):  # the last two: of images
        values = {"inputs": inputs, "outputs": K, "lambda": strength}
        own = {name: values.pop(role) for name, role in asked.items() if role in values}
        for parameter in _parameters(Model):
            if not asked[parameter.name] and parameter.default is parameter.empty:
                own[parameter.name] = values.pop(next(iter(values), ""), 1)
        made.append(own | options)
        with suppress(Exception):
            if np.shape(Model(**made[-1]).w) == (785, K):
                return (), made[-1]
    return (), made[0]


def is_made_as_handed_out(Model: Callable[..., Any], *args: Any, **options: Any) -> bool:
    """Return whether a model takes these arguments, and lambda, if it is given, as the first."""
    parameters = _parameters(Model)
    names = [parameter.name for parameter in parameters]
    fits, years = False, {name: 0 for name in ANOTHER_YEARS if name in names[len(args) :]}
    with suppress(TypeError):
        inspect.signature(Model).bind(*args, **options | years)
        first = _role(names[0]) if args and names else "lambda"
        fits = first == "lambda" or (not first and not any(map(_is_lambda, parameters[1:])))
    return fits


def _is_lambda(parameter: inspect.Parameter) -> bool:
    """Return whether an argument is lambda, and no option as `use_l2=False`."""
    return _role(parameter.name) == "lambda" and not isinstance(
        parameter.default, bool | str | None
    )


def _role(name: str) -> str:
    return next((role for role, part in ROLES.items() if re.search(part, name.lower())), "")


@lru_cache(maxsize=64)
def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """List the arguments of a student's function, without *args and **kwargs."""
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [parameter for parameter in parameters if parameter.kind not in several]


def _given(
    function: Callable[..., Any], others: Sequence[inspect.Parameter], name: str
) -> dict[str, Any]:
    """Find values for arguments of a student's own.

    Raises:
        Mistake: if there is no value for one.
    """
    given = {}
    for parameter in others:
        value = early_stopping_argument(parameter.default, parameter.name)
        value = argument_of_another_year(value, parameter.name)
        if value is parameter.empty and parameter.name not in ARGUMENTS[name]:
            own = ", ".join(own.name for own in _parameters(function))
            raise Mistake(
                f"{name}() asks for an argument `{parameter.name}` of its own",
                f"({', '.join(ARGUMENTS[name])})",
                f"({own})",
                likely=f"give {parameter.name} a default value: the assignment calls it without.",
            )
        if value is not parameter.default:
            given[parameter.name] = value
    return given


@rule("cached_outputs", "2d")
def early_stopping_argument(value: Any, name: str) -> Any:
    """An argument with which early stopping is off, unless it is given: True, or ten."""
    about_it = "stop" in name.lower() or "patience" in name.lower()
    if not about_it or not any(value is off for off in (inspect.Parameter.empty, None, False)):
        return value
    return True if value is False else 10  # which is true, too


@rule("logging_trainer", "3b")
def argument_of_another_year(value: Any, name: str) -> Any:
    """An argument that another year's starter has, too."""
    return ANOTHER_YEARS.get(name, value) if value is inspect.Parameter.empty else value


@rule("imports_of_an_editor", "2d")
def early_stopping_set_by_main(trainer: Any) -> Any:
    """An attribute that switches early stopping on, and that main sets."""
    kept = getattr(trainer, "__dict__", {})  # which a class with __slots__ does not have
    attributes = {name: value for name, value in kept.items() if value is False}
    options = [name for name in attributes if early_stopping_argument(False, name)]
    nodes = _nodes(type(trainer)) if options else ()
    stored = [
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    ]
    for name in options:
        if stored.count(name) == 1:  # what changes is no option
            setattr(trainer, name, True)
    return trainer


@rule("cached_outputs", "4b")
def backward_after_forward(
    backward: Callable[..., Any], model: AdaptedInstance
) -> Callable[..., Any]:
    """A `backward` that uses what `forward` keeps."""

    @wraps(backward)
    def called(X: np.ndarray, *others: Any, **options: Any) -> Any:
        try:
            return backward(X, *others, **options)
        except (AttributeError, TypeError):
            model.forward(X.copy())
            return backward(X, *others, **options)

    return called


# What a student's code expects of what stands in for other tasks


@rule("one_image_at_a_time", "2d")
def without_further_arguments(stand_in: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A call with more arguments than were handed out, as of `train_step` with the epoch."""
    names = ARGUMENTS[name]

    def called(*args: Any, **options: Any) -> Any:
        options = {key: value for key, value in options.items() if key in names}
        return stand_in(*args[: len(names)], **options)

    return called


@rule("outputs_first", "2b")
def in_their_order(
    stand_in: Callable[..., Any], original: Callable[..., Any], name: str
) -> Callable[..., Any]:
    """A function of the student's with the arguments in another order, and calls of it."""
    if not {*ARGUMENTS[name]} <= {parameter.name for parameter in _parameters(original)}:
        return stand_in

    def called(*args: Any, **options: Any) -> Any:
        given = inspect.signature(original).bind(*args, **options)
        given.apply_defaults()
        return stand_in(*(given.arguments[argument] for argument in ARGUMENTS[name]))

    return called


@rule("watches_the_accuracy", "2d")
def with_further_results(
    stand_in: Callable[..., Any], name: str, Trainer: type
) -> Callable[..., Any]:
    """A `train` that takes more values from its steps than these are to return."""
    taken = [
        len(node.targets[0].elts)
        for node in _nodes(Trainer)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Tuple)
        and isinstance(node.value, ast.Call)
        and getattr(node.value.func, "attr", "") == name
    ]

    def called(*args: Any, **options: Any) -> Any:
        result = stand_in(*args, **options)
        results = result if isinstance(result, tuple) else (result,)
        results += (0.0,) * (max(taken, default=1) - len(results))
        return results if len(results) > 1 else results[0]

    return called


@rule("watches_the_accuracy", "2b")
def loss_alone(returned: Any) -> Any:
    """A `train_step` that returns the accuracy, too."""
    return returned[0] if isinstance(returned, tuple) and returned else returned


@rule("object_oriented", "2d")
def with_steps(BaseTrainer: Any) -> Any:
    """A BaseTrainer whose steps are abstract, or which has __slots__."""
    Base = BaseTrainer.__wrapped__
    steps = {"train_step": None, "validation_step": None, "__module__": Base.__module__}
    return adapted(type(Base.__name__, (Base,), steps), "BaseTrainer")


def is_of_this_course(BaseTrainer: Any) -> bool:
    """Return whether a trainer is the one handed out; it states what other years leave open."""
    own = BaseTrainer.__wrapped__
    return hasattr(own, "should_stop") and "patience" in {p.name for p in _parameters(own)}


@rule("imports_of_an_editor", "2d")
def steps_between_validations(right: int, validated: Sequence[int]) -> int:
    """A `train` with more than five validations in an epoch.

    Args:
        right: the number of steps from one to the next in the assignment.
        validated: the number of steps before each validation.
    """
    return min([right, *map(int, np.diff(validated[:2]))])


@rule("object_oriented", "3b")
def with_own_methods(Model: Any, Own: Any) -> Any:
    """A trainer that uses other methods of its author's model, of the class `Own`."""
    return type("Model", (Model, Own.__wrapped__), {})


@rule("one_validation_late", "3b")
def with_own_attributes(model: Any, own: Any) -> Any:
    """A trainer that reads other attributes of its author's model, `own`."""
    for name, value in vars(own.own).items():
        if name not in vars(model):
            setattr(model, name, value)
    return model


@rule("opposite_signs", "2b")
def with_own_backward(model: Any, own: Any) -> Any:
    """A step that makes up for what its author's `backward` does, as for an opposite sign."""

    def called(X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> None:
        own.w, model.seen = model.w, outputs
        own.backward(X, outputs, targets)
        model.grad = own.grad

    model.backward = called
    return model


@rule("opposite_signs", "4b")
def with_the_sign_of_the_gradient(
    term: np.ndarray, gradient: np.ndarray, right: np.ndarray
) -> np.ndarray:
    """An L2 term of the opposite sign, in a gradient that is so as a whole."""
    return -term if np.sum(gradient * right) < 0 else term


@rule("imports_of_an_editor", "3b")
def with_gradient_returned(model: Any) -> Any:
    """A `train_step` that uses the gradient as its author's `backward` returns it."""
    backward = model.backward

    def called(*args: Any, **options: Any) -> np.ndarray:
        backward(*args, **options)
        return np.asarray(model.grad)

    model.backward = called
    return model


@rule("script_variables", "3b")
def with_script_variables(
    trainer: Any, arguments: Sequence[Any], monkeypatch: pytest.MonkeyPatch, its_own: bool
) -> Any:
    """Steps that read variables of the script, as in 2021 and 2022."""
    Trainer = type(trainer.own)
    has = _stored_by_the_script(Path(inspect.getfile(Trainer)).read_bytes()) if its_own else set()
    values = dict(zip(TRAINER, arguments, strict=True))
    for name, value in under_own_names(values, Trainer).items():
        if name in has or not its_own:
            monkeypatch.setattr(sys.modules[Trainer.__module__], name, value, raising=False)
    return trainer


@rule("stops_with_the_epoch", "2b")
def under_own_names(values: dict[str, Any], Trainer: type) -> dict[str, Any]:
    """A script whose variables have names of their own where it makes its trainer."""
    named = dict(values)
    for node in _nodes(Trainer):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == Trainer.__name__:
            arguments = list(zip(TRAINER, node.args, strict=False))
            arguments += [(str(keyword.arg), keyword.value) for keyword in node.keywords]
            for argument, value in arguments:
                if isinstance(value, ast.Name) and argument in values:
                    named[value.id] = values[argument]
    return named


def _nodes(cls: type) -> Sequence[ast.AST]:
    """Parse the file that a student's class is in, and list all nodes."""
    return _parsed(Path(inspect.getfile(cls)).read_bytes())


@lru_cache(maxsize=8)
def _stored_by_the_script(source: bytes) -> set[str]:
    functions = [n for n in _parsed(source) if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    inner = {part for function in functions for part in ast.walk(function)}
    return {node.id for node in _parsed(source) if _is_stored(node) and node not in inner}


@lru_cache(maxsize=8)
def _parsed(source: bytes) -> Sequence[ast.AST]:
    return [*ast.walk(parsed(decode_source(source), "", lambda line, note: None))]


# Where a student writes what the checks look for


@rule("starter_2023", "2e")
def whole_of(function: str) -> str:
    """The function that has, in the course's own starter, the code of a function of ours."""
    parts = {
        "trainer.BaseTrainer.should_stop": "trainer.BaseTrainer.train",
        "utils.shuffled_order": "utils.batch_loader",
        "task2.accuracy": "task2.calculate_accuracy",
        "task3.accuracy": "task3.calculate_accuracy",
        "task3a.SoftmaxModel.penalty_gradient": "task3a.SoftmaxModel.backward",
    }
    return parts.get(function, function)


@rule("one_validation_late", "4b")
def penalty_in_train_step(places: list[Any]) -> list[Any]:
    """The L2 term is added in `train_step`."""
    return [*places, *(replace(place, where="train_step") for place in places)]


@rule("penalty_off_by_default", "4b")
def penalty_by_an_option(places: list[Any]) -> list[Any]:
    """The L2 term is added if an option of `backward` or of the model asks for it."""
    others, off = [], "an option that is off"
    for place in places:
        Own = place.Model.__wrapped__
        of_backward, of_model = (
            {p.name: True for p in _parameters(f) if p.default is False or p.default is None}
            for f in (Own.backward, Own)
        )
        others.append(replace(place, where=off, options=of_backward))
        if of_model:
            Model = partial(place.Model, **of_model)
            others.append(replace(place, where=off, options=of_backward, Model=Model))
    return [*places, *others]


@rule("model_in_task4a", "4b")
def with_models_of_their_own(models: Iterable[Any], files: Any) -> Iterator[Any]:
    """The L2 term is in a model of the student's own, in a file of its own."""
    yield from models
    for path in sorted(files.folder.glob("*.py")):
        text = path.read_text(encoding="utf-8", errors="replace")
        if path.name in FILES or "def backward(" not in text:
            continue
        for cls in list(vars(files.find(path.stem) or object).values()):
            is_model = isinstance(cls, type) and hasattr(cls, "backward")
            if is_model and cls.__module__ not in ("task2a", "task3a"):
                yield adapted(cls, "SoftmaxModel")


# How a student's files are imported


def finder(folder: Path, report: Callable[[str], None]) -> FileFinder:
    """Make a finder of the modules in a folder, which adapts them when it imports them."""
    return FileFinder(str(folder), (partial(Loader, report=report), [".py"]))  # type: ignore[arg-type]


GUARD = 'what runs the script belongs under `if __name__ == "__main__":`.'
MOST_BROKEN = 5  # functions and statements; a file with more is no Python
DEFINITION = re.compile(r"(?P<indent>\s*)(async\s+)?(?P<kind>def|class)\s+(?P<name>\w+)")
CLASS = re.compile(r"(?P<class>\s*class\s+[^\W\d]\w*)\s*(\((?P<bases>[^)#:]*))?")


class Loader(SourceFileLoader):
    """Imports one file, its source adapted, statement by statement."""

    def __init__(self, name: str, file: str, report: Callable[[str], None]) -> None:
        super().__init__(name, file)
        self.file, self.note = Path(file), report
        self.has_failed = False  # in what runs outside of functions
        self.switches_on, self.switched_off = False, 0  # a line that switches early stopping off

    def report(self, line: int, text: str) -> None:
        """Note something about a line of the file."""
        self.note(f"{self.file.name}, line {line}: {text}")

    def exec_module(self, module: ModuleType) -> None:
        """Run the file; what fails may be left out (see the rules)."""
        data = self.get_data(self.path)
        if self.file.name == "__init__.py":  # of a package
            return super().exec_module(module)
        tree = parsed(checked_text(self.file.name, data), self.path, self.report)
        future = compile(tree, self.path, "exec").co_flags & __future__.annotations.compiler_flag
        tree = early_stopping_switched_on(removed_numpy_names(tree, self), self)
        tree = imports_of_several_names(arrays_of_one_element(tree))
        vars(module)["__with_numbers__"] = partial(with_numbers, self)
        vars(module)["__removed__"] = SimpleNamespace(**{n: v for n, (_, v) in REMOVED.items()})
        Missing.importing += 1
        try:
            for node in ast.fix_missing_locations(tree).body:
                code = compile(ast.Module([node], []), self.path, "exec", future, True)
                if _calls_main(node):  # it would train
                    self.report(node.lineno, f"main is not run when imported; {GUARD}")
                    continue
                try:
                    exec(code, vars(module))
                except KeyboardInterrupt:
                    raise
                except BaseException as error:  # also sys.exit, and the end of a time limit
                    left = failed_import(error, node, module, self)
                    left = code_outside_of_functions(left, node, self)
                    if left is not None:
                        raise
        finally:
            Missing.importing -= 1


def checked_text(name: str, data: bytes) -> str:
    """Decode a file; raise Mistake if it is not in UTF-8, or in the encoding that it declares."""
    is_marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    form = "UTF-16" if is_marked else "no UTF-8 text" if b"\0" in data else ""
    try:
        if not form:
            plain = data.decode("ascii", "replace").encode("ascii", "replace")
            data.decode(tokenize.detect_encoding(io.BytesIO(plain).readline)[0])
            return decode_source(data)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        form = f"not {error.encoding.upper()}: byte {data[error.start]:#x} in line {line}"
    raise Mistake(f"{name} is {form}", likely="save it as UTF-8.")


def parsed(text: str, path: str, report: Callable[[int, str], None]) -> ast.Module:
    """Parse a file of a student's."""
    try:
        compile(text, path, "exec")
    except SyntaxError:
        text = broken_parts_left_out(text, path, report)
    return ast.parse(text, path)


@rule("broken_lines", "3b")
def broken_parts_left_out(text: str, path: str, report: Callable[[int, str], None]) -> str:
    """Lines that are no Python: their statement is left out, or a call of their function fails."""
    lines = text.split("\n")
    notes: dict[int, str] = {}
    while len(notes) <= MOST_BROKEN:
        try:
            compile("\n".join(lines), path, "exec")
        except SyntaxError as error:
            at, what = _leave_out(lines, error)
            notes[at + 1] = f"SyntaxError: {error.msg}; {what}."
        else:
            for line, note in notes.items():
                report(line, note)
            return "\n".join(lines)
    return text


def _leave_out(lines: list[str], error: SyntaxError) -> tuple[int, str]:
    """Empty or mend broken lines; return the index of the first, and what became of them."""
    at = min(error.lineno or 1, len(lines)) - 1
    named = re.search(r"on line (\d+)", error.msg)  # where the cause is, not where it shows
    if named and not _is_out_of_place(lines, at):
        at = int(named[1]) - 1
    start, inner, definition = at, _indent(lines[at]), DEFINITION.match(lines[at])
    alone = error.msg == "unexpected indent"  # after a line that is out of place
    while alone and start and not lines[start := start - 1].strip():
        pass
    if alone and definition:
        at, inner, definition = start, 0, None
    while inner and not definition and start:
        start -= 1
        if lines[start].strip() and _indent(lines[start]) < inner:
            inner, definition = _indent(lines[start]), DEFINITION.match(lines[start])
    if not definition or definition["kind"] == "class":
        start, definition = at, None
        if header := CLASS.match(lines[at]):
            bases = ", ".join(re.findall(r"[\w.=]+", header["bases"] or ""))
            mended = f"{header['class']}({bases}):"
            if mended != lines[at]:
                lines[at] = mended
                return at, f"read as `{mended.strip()}`"
    block = definition or (not alone and _opens(lines, at, error.msg))
    after = range(at + 1, len(lines)) if block else ()
    inside = (
        _indent(lines[n]) > _indent(lines[start]) or lines[n].strip()[:1] in ("", *"#)]}")
        for n in after
    )
    end = at + 1 + sum(takewhile(bool, inside))
    lines[start:end] = [""] * (end - start)
    if not definition:
        return at, "the statement is left out"
    indent, name = definition["indent"], definition["name"]
    lines[at] = f"{indent} raise SyntaxError({error.msg!r})"
    lines[start] = f"{indent}def {name}(*_, **__):{lines[start].lstrip()}"
    return at, f"{name} is left out"


def _opens(lines: list[str], at: int, fault: str = "") -> bool:
    """Return whether the lines below a line are of its block or its bracket."""
    line = lines[at].split("#")[0].rstrip()
    below = DEFINITION.match(next(filter(str.strip, lines[at + 1 :]), ""))
    if line.endswith(":") or fault == "expected ':'":
        return not below or bool(DEFINITION.match(line))  # else it is a remark above a method
    return sum(map(line.count, "([{")) > sum(map(line.count, ")]}"))


def _is_out_of_place(lines: list[str], at: int) -> bool:
    """Return whether a line is no Python and the code around it is indented more."""
    below = next(filter(str.strip, lines[at + 1 :]), "")
    with suppress(SyntaxError):
        return not ast.parse(lines[at].strip())
    return _indent(below) > _indent(lines[at]) and not _opens(lines, at)


def _indent(line: str) -> int:
    return len(line.expandtabs()) - len(line.expandtabs().lstrip())


@rule("packages_not_installed", "2a")
def imports_of_several_names(tree: ast.Module) -> ast.Module:
    """An import of several names, of which one fails: each is imported by itself."""
    body: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            body += [type(node)(**vars(node) | {"names": [alias]}) for alias in node.names]
        else:
            body.append(node)
    return ast.Module(body, [])


@rule("imports_of_an_editor", "2e")
def failed_import(
    error: BaseException, node: ast.stmt, module: ModuleType, loader: Loader
) -> BaseException | None:
    """An import of something that is not here: only its use fails."""
    if not isinstance(node, ast.Import | ast.ImportFrom):
        return error
    alias, origin = node.names[0], getattr(node, "module", None)
    full = f"{origin}.{alias.name}" if origin else alias.name
    package = full.split(".")[0]
    bound = alias.asname or (alias.name if isinstance(node, ast.ImportFrom) else package)
    if names := of_the_six_files({}, full, bound, getattr(node, "level", 0)):
        vars(module).update(names)
        where = "." if getattr(node, "level", 0) else package
        loader.note(f"imports from `{where}` mean the six files here; import from these.")
        return None
    own, is_handed_in = loader.file.with_name(package), f"{package}.py" in FILES
    is_there = own.exists() or own.with_suffix(".py").exists()
    if package in ("trainer", loader.file.stem) or (is_there and not is_handed_in):
        return error  # there is no trainer without its base class
    gone = isinstance(error, ModuleNotFoundError) and error.name == package
    why = f"{package} is not installed here" if gone else f"{full} cannot be imported here"
    if is_handed_in:
        why = f"{full if package in sys.modules else f'{package}.py'} cannot be imported"
    missing = Missing(full, why), "only its use fails"
    found, advice = name_from_numpy(missing, alias.name, package if origin else "")
    vars(module).setdefault(bound, found)
    loader.report(node.lineno, f"{why}; {advice}.")
    return None


@rule("broken_lines", "3b")
def of_the_six_files(names: dict[str, Any], full: str, bound: str, dots: int) -> dict[str, Any]:
    """An import by way of a package, as `from assignment1.trainer import BaseTrainer`, or a dot."""
    *package, file, last = ("", *full.split("."))
    if f"{last}.py" in FILES and (dots or file):
        module = import_module(last)
        return {
            bound: SimpleNamespace(**{last: module}) if full.startswith(f"{bound}.") else module
        }
    if f"{file}.py" in FILES and (dots or any(package)):
        found = vars(import_module(file))
        public = {name: value for name, value in found.items() if name[:1] != "_"}
        return public if last == "*" else {bound: found[last]} if last in found else names
    return names


@rule("names_numpy_lost", "2a")
def name_from_numpy(missing: tuple[Any, str], name: str, package: str) -> tuple[Any, str]:
    """A name imported from where NumPy or SciPy no longer has it, but NumPy has it elsewhere."""
    if package not in ("numpy", "scipy"):
        return missing
    spelling, found = REMOVED.get(name, (f"np.{name}", getattr(np, name, None)))
    return missing if found is None else (found, f"write {spelling}")


NEVER = re.compile(r"0|-[\d.]+|(float\(|np\.|math\.).{0,2}inf.{0,2}")  # a patience without an end


def with_early_stopping(module: ModuleType, is_on: bool) -> int:
    """Run a student's file again, with early stopping switched on, or as it is written.

    Returns the line that switches it off, or 0.
    """
    loader: Any = module.__loader__
    loader.switches_on, loader.switched_off = is_on, 0
    loader.exec_module(module)
    return loader.switched_off


@rule("arguments_of_their_own", "2d")
def early_stopping_switched_on(tree: ast.Module, loader: Loader) -> ast.Module:
    """A constant, of a function, a class or the file, that switches early stopping off."""
    stored = [_stored(node) for node in ast.walk(tree)]
    for node in ast.walk(tree) if loader.switches_on else ():
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        name = _stored(node.targets[0] if isinstance(node, ast.Assign) else node.target)
        text = ast.unparse(node.value)
        off = {"None": None, "False": False}.get(text, None if NEVER.fullmatch(text) else text)
        on = early_stopping_argument(off, name)
        if re.match("no_|dis|without", name.lower()):
            on = False if text == "True" and "stop" in name.lower() else off
        if on is not off and stored.count(name) == 1:  # what changes is no constant
            loader.switched_off, node.value = node.lineno, ast.Constant(on)
    return tree


def _stored(node: ast.AST) -> str:
    """Return the name of a variable or an attribute that is set, or ""."""
    is_set = isinstance(getattr(node, "ctx", None), ast.Store)
    return getattr(node, "attr", getattr(node, "id", "")) if is_set else ""


def _is_stored(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


class MissingPackageError(ImportError):
    """Something whose import failed is used."""


class Missing:
    """Stands for something that cannot be imported, or a part of it: its use is an error.

    A file is imported all the same if it has a decorator or a base class of these, or calls one:
    `sns.set_theme()` only changes how plots look.
    """

    importing = 0  # how many files are being imported, one by another

    def __init__(self, name: str, why: str) -> None:
        self._name, self._why = name, why

    def __getattr__(self, attribute: str) -> "Missing":
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return Missing(f"{self._name}.{attribute}", self._why)

    def __call__(self, *args: Any, **_: Any) -> Any:
        if not Missing.importing:
            raise MissingPackageError(f"{self._name}: {self._why}")
        return args[0] if len(args) == 1 and callable(args[0]) else self

    def __mro_entries__(self, _: object) -> tuple[type, ...]:
        return ()


def is_missing(value: Any, name: str) -> bool:
    """Return whether a value stands for something that cannot be imported, by its full name."""
    return type(value) is Missing and value._name == name


@rule("code_at_module_level", "3c")
def code_outside_of_functions(
    error: BaseException | None, node: ast.stmt, loader: Loader
) -> BaseException | None:
    """Code that fails, or ends Python, when it is imported; the functions are still there."""
    defines = ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom
    if error is None or isinstance(node, defines):
        return error
    kind = "it took too long" if TIMED_OUT in str(error) else type(error).__name__
    if isinstance(error, ImportError | OSError):
        loader.report(node.lineno, f"{kind} when imported; left out.")  # a backend, a plot style
    elif not loader.has_failed:
        loader.report(node.lineno, f"{kind} when imported; {GUARD}")
        loader.has_failed = True
    return None


def _calls_main(node: ast.stmt) -> bool:
    names = [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
    return isinstance(node, ast.Expr | ast.Raise) and "main" in names


# {name that NumPy no longer has: (today's spelling, what it is)}
REMOVED: dict[str, tuple[str, Any]] = {
    **dict.fromkeys(("Inf", "Infinity", "infty", "PINF"), ("np.inf", np.inf)),
    "NINF": ("-np.inf", -np.inf),
    **dict.fromkeys(("NaN", "NAN"), ("np.nan", np.nan)),
    **{kind.__name__: (kind.__name__, kind) for kind in (float, int, bool, complex, object, str)},
    "float_": ("np.float64", np.float64),
    "product": ("np.prod", np.prod),
    "cumproduct": ("np.cumprod", np.cumprod),
    "alltrue": ("np.all", np.all),
    "sometrue": ("np.any", np.any),
    "round_": ("np.round", np.round),
    "row_stack": ("np.vstack", np.vstack),
    "in1d": ("np.isin", np.isin),
    "trapz": ("np.trapezoid", getattr(np, "trapezoid", None)),
    "asfarray": ("np.asarray", lambda a, dtype=float: np.asarray(a, dtype)),
    "asscalar": (".item()", lambda a: np.asarray(a).item()),
    "mat": ("np.asmatrix", np.asmatrix),
    "math": ("import math", math),
}


@rule("old_numpy", "2a")
def removed_numpy_names(tree: ast.Module, loader: Loader) -> ast.Module:
    """Names that NumPy no longer has, as np.float."""
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    for node in sorted(attributes, key=lambda node: (node.lineno, node.col_offset)):
        of_numpy = isinstance(node.value, ast.Name) and node.value.id in ("np", "numpy")
        if of_numpy and node.attr in REMOVED and not hasattr(np, node.attr):
            spelling, _ = REMOVED[node.attr]
            loader.report(node.lineno, f"NumPy no longer has np.{node.attr}; write {spelling}.")
            node.value = ast.Name("__removed__", ast.Load())
    return tree


@rule("one_element_arrays", "2c")
def arrays_of_one_element(tree: ast.Module) -> ast.Module:
    """Arrays of one element where NumPy now wants a number: int(z), map(int, z), y[n] = z."""
    wrapped: ast.Module = _OfNumbers().visit(tree)
    return wrapped


class _OfNumbers(ast.NodeTransformer):
    functions = ("int", "float", *dir(math))

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name in self.functions and not node.keywords:
            node.func = _wrapped(node.func, node)
        if name in ("map", "apply_along_axis") and node.args:
            node.args[0] = _wrapped(node.args[0], node)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        text = isinstance(node.left, ast.Constant) and isinstance(node.left.value, str)
        if not (text and isinstance(node.op, ast.Mod)):
            return node
        form = ast.Attribute(node.left, "__mod__", ast.Load())
        return ast.copy_location(ast.Call(_wrapped(form, node), [node.right], []), node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.Subscript:
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Store):
            node.value = _wrapped(node.value, node)
        return node


def with_numbers(loader: Loader, thing: Any, line: int) -> Any:
    """Let a function of numbers, or the entries of an array, take arrays of one element."""

    def called(function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except (TypeError, ValueError):
            result = function(*map(_element, arguments))
        loader.report(line, "NumPy 2.4 makes no number of an array of one element; use .item().")
        return result

    if isinstance(thing, np.ndarray):
        return _Entries(thing, partial(called, thing.__setitem__))
    number = thing is int or thing is float or getattr(thing, "__module__", "") == "math"
    text = isinstance(getattr(thing, "__self__", None), str)
    return partial(called, thing) if number or text else thing


class _Entries:
    """An array, as the target of an assignment."""

    def __init__(self, array: np.ndarray, put: Callable[[Any, Any], None]) -> None:
        self._array, self._put = array, put

    def __getitem__(self, index: Any) -> Any:
        return self._array[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self._put(index, value)


def _element(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_element, value))
    return value.item() if isinstance(value, np.ndarray) and value.size == 1 else value


def _wrapped(thing: ast.expr, at: ast.expr) -> ast.expr:
    """Write __with_numbers__(thing, the line)."""
    name = ast.Name("__with_numbers__", ast.Load())
    return ast.copy_location(ast.Call(name, [thing, ast.Constant(at.lineno)], []), at)
