"""What the assignment asks for: its tasks, their points, and the functions a student writes."""

from __future__ import annotations

from dataclasses import dataclass

STUDENT_FILES = ("task2a.py", "task2.py", "task3a.py", "task3.py", "trainer.py", "utils.py")
ROOMS = ("digits", "lab")  # packages that the course provides beside those files


@dataclass(frozen=True)
class Task:
    """A task that is answered in code.

    Attributes:
        name: as the assignment numbers it.
        points: what it is worth.
        functions: what a student writes for it, each as module.function or module.Class.method.
    """

    name: str
    points: int
    functions: tuple[str, ...]


TASKS = (
    Task(
        "2a",
        12,
        (
            "task2a.pre_process_images",
            "task2a.cross_entropy_loss",
            "task2a.BinaryModel.forward",
            "task2a.BinaryModel.backward",
        ),
    ),
    Task("2b", 9, ("task2.LogisticTrainer.train_step",)),
    Task("2c", 4, ("task2.accuracy", "task2.calculate_accuracy")),
    Task("2d", 4, ("trainer.BaseTrainer.should_stop",)),
    Task("2e", 5, ("utils.shuffled_order",)),
    Task(
        "3a",
        14,
        (
            "task3a.one_hot_encode",
            "task3a.cross_entropy_loss",
            "task3a.SoftmaxModel.forward",
            "task3a.SoftmaxModel.backward",
        ),
    ),
    Task("3b", 3, ("task3.SoftmaxTrainer.train_step",)),
    Task("3c", 4, ("task3.accuracy", "task3.calculate_accuracy")),
    Task("4b", 7, ("task3a.SoftmaxModel.penalty_gradient",)),
)
