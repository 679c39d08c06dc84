"""The assignment in one place: its files, tasks, points, functions to write and figures."""

from dataclasses import dataclass

FILES = ("task2a.py", "task2.py", "task3a.py", "task3.py", "trainer.py", "utils.py")  # handed in
PACKAGES = ("digits", "lab")  # packages that the course provides, so they are not handed in
L2 = "sum"  # R(w) is the "sum" of all squared weights, or "half" of it


@dataclass(frozen=True)
class Task:
    """One task of the assignment.

    Attributes:
        name: as the assignment numbers it.
        title: what it is about, in a few words.
        points: what it is worth; the points of a task with functions are earned by the checks.
        functions: what a student writes, as module.function or module.Class.method.
        figure: the file that its script draws for the report, or "".
        answered_in: the function whose code shows what the task asks for, or "".
        extends: functions of earlier tasks that this one changes.
    """

    name: str
    title: str
    points: int
    functions: tuple[str, ...] = ()
    figure: str = ""
    answered_in: str = ""
    extends: tuple[str, ...] = ()

    @property
    def script(self) -> str:
        """The script that draws the figure."""
        return "task2.py" if self.name.startswith("2") else "task3.py"


TASKS = (
    Task(
        "1a",
        "the gradient of logistic regression",
        7,
        answered_in="task2a.BinaryModel.backward",
    ),
    Task(
        "1b",
        "the gradient of softmax regression",
        9,
        answered_in="task3a.SoftmaxModel.backward",
    ),
    Task(
        "2a",
        "the pieces of logistic regression",
        12,
        (
            "task2a.pre_process_images",
            "task2a.cross_entropy_loss",
            "task2a.BinaryModel.forward",
            "task2a.BinaryModel.backward",
        ),
    ),
    Task(
        "2b",
        "the loss of logistic regression",
        9,
        ("task2.LogisticTrainer.train_step",),
        "task2b_binary_train_loss.png",
    ),
    Task(
        "2c",
        "the accuracy of logistic regression",
        4,
        ("task2.accuracy", "task2.calculate_accuracy"),
        "task2b_binary_train_accuracy.png",
    ),
    Task("2d", "early stopping", 4, ("trainer.BaseTrainer.should_stop",)),
    Task(
        "2e",
        "shuffling the data set",
        5,
        ("utils.shuffled_order",),
        "task2e_train_accuracy_shuffle_difference.png",
    ),
    Task(
        "3a",
        "the pieces of softmax regression",
        14,
        (
            "task3a.one_hot_encode",
            "task3a.cross_entropy_loss",
            "task3a.SoftmaxModel.forward",
            "task3a.SoftmaxModel.backward",
        ),
    ),
    Task(
        "3b",
        "the loss of softmax regression",
        3,
        ("task3.SoftmaxTrainer.train_step",),
        "task3b_softmax_train_loss.png",
    ),
    Task(
        "3c",
        "the accuracy of softmax regression",
        4,
        ("task3.accuracy", "task3.calculate_accuracy"),
        "task3b_softmax_train_accuracy.png",
    ),
    Task("3d", "overfitting", 3),
    Task(
        "4a",
        "the gradient with L2 regularisation",
        4,
        answered_in="task3a.SoftmaxModel.penalty_gradient",
    ),
    Task(
        "4b",
        "L2 regularisation and the weights",
        7,
        ("task3a.SoftmaxModel.penalty_gradient",),
        "task4b_softmax_weight.png",
        extends=("task3a.SoftmaxModel.backward",),
    ),
    Task("4c", "the strength of the penalty", 5, figure="task4c_l2_reg_accuracy.png"),
    Task("4d", "regularisation and accuracy", 5),
    Task("4e", "the length of the weights", 5, figure="task4d_l2_reg_norms.png"),
)
CODE_TASKS = tuple(task for task in TASKS if task.functions)  # those that the checks grade
POINTS = {task.name: task.points for task in CODE_TASKS}
# {function that a student writes: its task}
FUNCTIONS = {function: task.name for task in CODE_TASKS for function in task.functions}
FUNCTIONS |= {  # what answers a task is not handed out, even where it is not graded
    task.answered_in: task.name
    for task in TASKS
    if task.answered_in and task.answered_in not in FUNCTIONS
}
# The file names are those of the course; it numbers those of Tasks 2c, 3c and 4e as 2b, 3b and 4d.
FIGURES = {task.name: task.figure for task in TASKS if task.figure}
# Not asked for: the errors of Task 3's model on the validation set.
CONFUSION, MISTAKES = "task3_confusion.png", "task3_mistakes.png"
