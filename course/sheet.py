"""The assignment as students read it: starter/ASSIGNMENT.md, with what lab/assignment.py states."""

from __future__ import annotations

import re

from course.desk import STARTER
from lab.assignment import FUNCTIONS, L2, TASKS, Task

SHEET = "ASSIGNMENT.md"
PENALTY = {
    "sum": r"R(w) = \lVert w \rVert^2 = \sum_{i,k} w_{ik}^2",
    "half": r"R(w) = \frac{1}{2} \lVert w \rVert^2 = \frac{1}{2} \sum_{i,k} w_{ik}^2",
}
SECTION = re.compile(r"^### @(\w+)@\n(.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL)


def assignment() -> str:
    """Return the text of the assignment, with the sections of its tasks alone."""
    tasks = {task.name: task for task in TASKS}
    code = sum(task.points for task in TASKS if task.functions)
    total = sum(task.points for task in TASKS)

    def section(match: re.Match[str]) -> str:
        task = tasks.get(match[1])
        return f"### {heading(task)}\n\n{_facts(task)}\n{match[2]}" if task else ""

    return (
        SECTION.sub(section, _template())
        .replace("@CODE@", str(code))
        .replace("@REPORT@", str(total - code))
    )


def question(task: str) -> str:
    """Return what the report answers for a task."""
    return dict(SECTION.findall(_template()))[task].split("**Report:** ")[1].strip()


def heading(task: Task) -> str:
    """Return the heading of a task: "Task 1a: the gradient of logistic regression"."""
    return f"Task {task.name}: {task.title}"


def functions(task: Task) -> str:
    """List the functions that a student writes for a task, in Markdown."""
    own = (f"`{function}`" for function, name in FUNCTIONS.items() if name == task.name)
    earlier = (f"its call in `{function}`" for function in task.extends)
    return ", ".join([*own, *earlier])


def _facts(task: Task) -> str:
    facts = [f"{task.points} points."]
    if written := functions(task):
        facts.append(f"To write: {written}.")
    if task.figure:
        facts.append(f"Figure: `figures/{task.figure}`, by `{task.script}`.")
    return " ".join(facts)


def _template() -> str:
    return (STARTER / SHEET).read_text(encoding="utf-8").replace("@R@", PENALTY[L2])
