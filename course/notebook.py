"""The notebook for the report: each task's question, room for its answer, and its figure."""

from __future__ import annotations

from lab.assignment import L2, TASKS

QUESTIONS = {  # {name of a task: what the report answers, in Markdown}
    "1a": "Derive the gradient of the binary cross-entropy (equation 3) for logistic regression: "
    r"show that $\partial C^n / \partial w_i = -(y^n - \hat{y}^n)\, x_i^n$. Justify each step.",
    "1b": "Derive the gradient of the cross-entropy (equation 5) for softmax regression: show "
    r"that $\partial C^n / \partial w_{kj} = -x_j^n (y_k^n - \hat{y}_k^n)$.",
    "2a": "Code only: `task2a.py`. Run `python task2a.py` and report whether the gradient check "
    "passes.",
    "2b": "Show the training and the validation loss of logistic regression against the gradient "
    "step.",
    "2c": "Show the accuracy on the training and on the validation set against the gradient step.",
    "2d": "In which epoch does early stopping end the training? `task2.py` prints it.",
    "2e": "Show the validation accuracy with and without shuffling. Why does shuffling give fewer "
    "spikes?",
    "3a": "Code only: `task3a.py`. Run `python task3a.py` and report whether the gradient check "
    "passes.",
    "3b": "Show the training and the validation loss of softmax regression against the gradient "
    "step.",
    "3c": "Show the accuracy on the training and on the validation set against the gradient step.",
    "3d": "Do the curves of Task 3c show signs of overfitting? Say which.",
    "4a": "Find the gradient of the objective with L2 regularisation, "
    + {
        "sum": r"$J(w) = C(w) + \lambda \lVert w \rVert^2$",
        "half": r"$J(w) = C(w) + \frac{\lambda}{2} \lVert w \rVert^2$",
    }[L2]
    + ", for softmax regression.",
    "4b": r"Show the weights of each digit for $\lambda = 0$ and $\lambda = 1$. Why are the "
    r"weights for $\lambda = 1$ less noisy?",
    "4c": r"Show the validation accuracy against the gradient step for $\lambda$ = 1, 0.1, 0.01 "
    "and 0.001.",
    "4d": "The validation accuracy falls with every amount of regularisation here. Why?",
    "4e": r"Show the squared length of the trained weights, $\lVert w \rVert^2$, for each "
    r"$\lambda$. What do you observe?",
}

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
        "# Assignment report\n\nNames:\n\nRun the scripts, then this notebook, and export it as "
        "PDF. Hand in the code separately, as a zip."
    )
    cells = [new_markdown_cell(title, id="title"), new_code_cell(SHOW, id="show")]
    for task in TASKS:
        name, question = task.name, QUESTIONS[task.name]
        heading = f"## Task {name}: {task.title}"
        cells.append(new_markdown_cell(f"{heading}\n\n{question}", id=f"question-{name}"))
        if task.figure:
            code = f'show("{task.figure}", "{task.script}")'
            cells.append(new_code_cell(code, id=f"figure-{name}"))
        cells.append(new_markdown_cell("*Your answer:*", id=f"answer-{name}"))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.validate(notebook)
    text: str = nbformat.writes(notebook)
    return text + "\n"
