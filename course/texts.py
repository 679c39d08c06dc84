"""The texts of the handout: README.md, ASSIGNMENT.md and the notebook, from lab/assignment.py."""

import platform
import re

import numpy as np

from course.checks import STARTER
from lab.assignment import FUNCTIONS, L2, TASKS, Task

README, ASSIGNMENT, NOTEBOOK = "README.md", "ASSIGNMENT.md", "AssignmentReport.ipynb"
PENALTY = {
    "sum": r"R(w) = \lVert w \rVert^2 = \sum_{i,k} w_{ik}^2",
    "half": r"R(w) = \frac{1}{2} \lVert w \rVert^2 = \frac{1}{2} \sum_{i,k} w_{ik}^2",
}
SECTION = re.compile(r"^### @(\w+)@\n(.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL)
SHOW = '''from pathlib import Path

from lab.results import show_in_notebook


def show(figure, script, text):
    """Show a figure, with a text for those who do not see it, or say which script draws it."""
    path = Path("figures") / figure
    if path.is_file():
        show_in_notebook(path, text)
    else:
        print(f"{path} does not exist yet: run `python {script}` first.")
'''


def readme() -> str:
    """Return the README for students: starter/README.md with the table of tasks."""
    rows = [
        f"| {task.name} | {task.points if task.functions else 'report'} | {written} |"
        for task in TASKS
        if (written := _functions(task))
    ]
    versions = f"Python {platform.python_version()} and NumPy {np.__version__}"
    return (
        _template(README)
        .replace("@TASKS@", "\n".join(rows))
        .replace("@VERSIONS@", versions)
        .replace("@NUMBER@", str(len(FUNCTIONS)))
    )


def assignment() -> str:
    """Return the text of the assignment: starter/ASSIGNMENT.md with the sections of its tasks."""
    tasks = {task.name: task for task in TASKS}
    code = sum(task.points for task in TASKS if task.functions)
    total = sum(task.points for task in TASKS)

    def section(match: re.Match[str]) -> str:
        task = tasks.get(match[1])
        return f"### {_heading(task)}\n\n{_facts(task)}\n{match[2]}" if task else ""

    return (
        SECTION.sub(section, _template(ASSIGNMENT))
        .replace("@CODE@", str(code))
        .replace("@REPORT@", str(total - code))
    )


def notebook() -> str:
    """Return the text of the .ipynb file: each task's question, room for its answer, its figure.

    Raises:
        ModuleNotFoundError: if nbformat is not installed.
    """
    import nbformat
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    title = (
        "# Assignment report\n\nNames:\n\nRun the scripts, then this notebook. README.md says how "
        "to make a PDF of it. Hand in the code separately, as a zip."
    )
    sections = dict(SECTION.findall(_template(ASSIGNMENT)))
    cells = [new_markdown_cell(title, id="title"), new_code_cell(SHOW, id="show")]
    for task in TASKS:
        name = task.name
        question = sections[name].split("**Report:** ")[1].strip()
        text = f"## {_heading(task)}\n\n{question}"
        cells.append(new_markdown_cell(text, id=f"question-{name}"))
        if task.figure:
            code = f'show("{task.figure}", "{task.script}", "{_heading(task)}")'
            cells.append(new_code_cell(code, id=f"figure-{name}"))
        cells.append(new_markdown_cell("*Your answer:*", id=f"answer-{name}"))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    written = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.validate(written)
    return f"{nbformat.writes(written)}\n"


def _template(name: str) -> str:
    return (STARTER / name).read_text(encoding="utf-8").replace("@R@", PENALTY[L2])


def _heading(task: Task) -> str:
    return f"Task {task.name}: {task.title}"


def _functions(task: Task) -> str:
    """List the functions that a student writes for a task, in Markdown."""
    own = (f"`{function}`" for function, name in FUNCTIONS.items() if name == task.name)
    earlier = (f"its call in `{function}`" for function in task.extends)
    return ", ".join([*own, *earlier])


def _facts(task: Task) -> str:
    facts = [f"{task.points} points."]
    if written := _functions(task):
        facts.append(f"To write: {written}.")
    if task.figure:
        facts.append(f"Figure: `figures/{task.figure}`, by `{task.script}`.")
    return " ".join(facts)
