"""One BLAS thread for a training: the cores are for trainings side by side.

On products as small as these a second thread gains a tenth on a quiet machine; on a busy one the
threads wait for each other at every product.
"""

from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec, TypeVar

from threadpoolctl import ThreadpoolController

# Up to this many multiplications, M x I x K, OpenBLAS reads the matrices where they are. Beyond, it
# copies them first, which takes as long as the product itself where K is as small as 10.
SMALL_PRODUCT = 1_000_000

P = ParamSpec("P")
Result = TypeVar("Result")

_libraries = cache(ThreadpoolController)  # made when it is first used, after NumPy is loaded


def one_blas_thread(function: Callable[P, Result]) -> Callable[P, Result]:
    """Decorate a function to compute its matrix products in one thread."""

    @wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> Result:
        with _libraries().limit(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return limited
