"""Which values of a JSON document are numbers that can be shown and compared.

JSON as Python reads it also has NaN, infinities, and integers of any size.
"""

import math
from typing import Any, TypeGuard


def number(value: Any) -> float | None:
    """The value if it is a number, else None; see ``is_number``."""
    return value if is_number(value) else None


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether the value is a finite number that fits a double, as other JSON readers require."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
