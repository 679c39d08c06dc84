"""The notebook for the report: each task's question, room for its answer, and its figure."""

from __future__ import annotations

from course.sheet import heading, question
from lab.assignment import TASKS

SHOW = '''from pathlib import Path

from IPython.display import Image, display


def show(figure, script):
    """Show a figure, or say which script draws it."""
    path = Path("figures") / figure
    if path.is_file():
        display(Image(filename=path))
    else:
        print(f"{path} does not exist yet: run `python {script}` first.")
'''


def make_notebook() -> str:
    """Return the text of the .ipynb file, the same each time.

    Raises:
        ModuleNotFoundError: if nbformat is not installed.
    """
    import nbformat
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    title = (
        "# Assignment report\n\nNames:\n\nRun the scripts, then this notebook. README.md says how "
        "to make a PDF of it. Hand in the code separately, as a zip."
    )
    cells = [new_markdown_cell(title, id="title"), new_code_cell(SHOW, id="show")]
    for task in TASKS:
        name = task.name
        asked = f"## {heading(task)}\n\n{question(name)}"
        cells.append(new_markdown_cell(asked, id=f"question-{name}"))
        if task.figure:
            code = f'show("{task.figure}", "{task.script}")'
            cells.append(new_code_cell(code, id=f"figure-{name}"))
        cells.append(new_markdown_cell("*Your answer:*", id=f"answer-{name}"))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.validate(notebook)
    text: str = nbformat.writes(notebook)
    return text + "\n"
