"""How is a function of a state called at all points of a Space, without a trajectory?"""

from pypet_ng.execution.parallel import ParallelExecution
from pypet_ng.execution.results import ParallelResult, Result, SequentialResult
from pypet_ng.execution.sequential import SequentialExecution
from pypet_ng.execution.stored import StoredResult

__all__ = [
    "ParallelExecution",
    "ParallelResult",
    "Result",
    "SequentialExecution",
    "SequentialResult",
    "StoredResult",
]
