"""One BLAS thread for a training: the cores are for trainings side by side.

On products as small as these a second thread gains a tenth on a quiet machine; on a busy one the
threads wait for each other at every product.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController

Function = TypeVar("Function", bound=Callable[..., Any])

one_blas_thread: Callable[[Function], Function] = ThreadpoolController().wrap(
    limits=1, user_api="blas"
)

# Up to this many multiplications, M x I x K, OpenBLAS reads the matrices where they are. Beyond, it
# copies them first, which takes as long as the product itself where K is as small as 10.
SMALL_PRODUCT = 1_000_000
