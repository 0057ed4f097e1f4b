"""Which values of a JSON document are numbers that can be shown and compared."""

import math
from typing import Any


def number(value: Any) -> float | None:
    """The value, if it is a finite number that a double-precision number can hold; else None.

    JSON as Python reads it also has NaN, infinities, and integers of any size.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:
        return None
