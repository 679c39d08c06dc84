"""The notebook for the report: each task's question, room for its answer, and its figure."""

from __future__ import annotations

from typing import NamedTuple


class Question(NamedTuple):
    """What the report asks in one task.

    Attributes:
        task: its name, as the assignment numbers it.
        text: the question, in Markdown.
        figures: the files in figures/ that belong to it.
        script: what writes them.
    """

    task: str
    text: str
    figures: tuple[str, ...] = ()
    script: str = ""


QUESTIONS = (
    Question(
        "1a",
        "Derive the gradient of the binary cross-entropy (equation 3) for logistic regression: "
        r"show that $\partial C^n / \partial w_i = -(y^n - \hat{y}^n)\, x_i^n$. Justify each step.",
    ),
    Question(
        "1b",
        "Derive the gradient of the cross-entropy (equation 5) for softmax regression: show that "
        r"$\partial C^n / \partial w_{kj} = -x_j^n (y_k^n - \hat{y}_k^n)$.",
    ),
    Question(
        "2a",
        "Code only: `task2a.py`. Run `python task2a.py` and say that the gradient check passes.",
    ),
    Question(
        "2b",
        "Show the training and the validation loss of logistic regression against the gradient "
        "step.",
        ("task2b_binary_train_loss.png",),
        "task2.py",
    ),
    Question(
        "2c",
        "Show the accuracy on the training and on the validation set against the gradient step.",
        ("task2b_binary_train_accuracy.png",),
        "task2.py",
    ),
    Question("2d", "In which epoch does early stopping end the training? `task2.py` prints it."),
    Question(
        "2e",
        "Show the validation accuracy with and without shuffling. Why has it fewer spikes with it?",
        ("task2e_train_accuracy_shuffle_difference.png",),
        "task2.py",
    ),
    Question(
        "3a",
        "Code only: `task3a.py`. Run `python task3a.py` and say that the gradient check passes.",
    ),
    Question(
        "3b",
        "Show the training and the validation loss of softmax regression against the gradient "
        "step.",
        ("task3b_softmax_train_loss.png",),
        "task3.py",
    ),
    Question(
        "3c",
        "Show the accuracy on the training and on the validation set against the gradient step.",
        ("task3b_softmax_train_accuracy.png",),
        "task3.py",
    ),
    Question("3d", "Do the curves of Task 3c show signs of overfitting? Say what you see in them."),
    Question(
        "4a",
        "Find the gradient of the objective with L2 regularisation, "
        r"$J(w) = C(w) + \lambda \lVert w \rVert^2$, for softmax regression.",
    ),
    Question(
        "4b",
        r"Show the weights of each digit for $\lambda = 0$ and $\lambda = 1$. Why are those of "
        r"$\lambda = 1$ less noisy?",
        ("task4b_softmax_weight.png",),
        "task3.py",
    ),
    Question(
        "4c",
        r"Show the validation accuracy against the gradient step for $\lambda$ = 1, 0.1, 0.01 and "
        "0.001.",
        ("task4c_l2_reg_accuracy.png",),
        "task3.py",
    ),
    Question("4d", "Any regularisation lowers the validation accuracy here. What is the reason?"),
    Question(
        "4e",
        r"Show the squared length of the trained weights, $\lVert w \rVert^2$, for each $\lambda$. "
        "What do you observe?",
        ("task4d_l2_reg_norms.png",),
        "task3.py",
    ),
)

SHOW = '''from pathlib import Path

from IPython.display import Image, display


def show(figure, script):
    """Show a figure that a script has written, or say how to get it."""
    path = Path("figures") / figure
    if path.is_file():
        display(Image(filename=path))
    else:
        print(f"{path} is not there yet: run `python {script}` first.")
'''


def make_notebook() -> str:
    """Return the notebook as the text of an .ipynb file, the same each time.

    Raises:
        ModuleNotFoundError: if nbformat is not installed.
    """
    import nbformat
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    title = (
        "# Assignment report\n\nNames:\n\nRun the scripts, then this notebook, then export it as "
        "PDF. The code is handed in apart, as a zip."
    )
    cells = [new_markdown_cell(title, id="title"), new_code_cell(SHOW, id="show")]
    for task, question, figures, script in QUESTIONS:
        cells.append(new_markdown_cell(f"## Task {task}\n\n{question}", id=f"question-{task}"))
        for number, figure in enumerate(figures):
            code = f'show("{figure}", "{script}")'
            cells.append(new_code_cell(code, id=f"figure-{task}-{number}"))
        cells.append(new_markdown_cell("*Your answer:*", id=f"answer-{task}"))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.validate(notebook)
    text: str = nbformat.writes(notebook)
    return text + "\n"
