"""
How a job ended, as it will be written.
"""

from dataclasses import dataclass

from . import figures, wire
from .failure import Failure
from .items import Item


@dataclass(frozen=True, slots=True)
class Outcome:
    """Done; failed, if there is a failure; or to be tried again, if there is an item."""

    failure: Failure | None = None
    again: Item | None = None  #: To wait in the delayed set.
    due: int = 0  #: Until then, in whole unix seconds.
    result: str = "null"  #: JSON.

    @property
    def code(self) -> int:
        return wire.FAILED if self.failure else wire.COMPLETE

    @property
    def ending(self) -> int:
        """As which it is counted."""
        if self.again:
            return figures.RETRIED
        return figures.FAILED if self.failure else figures.PROCESSED
