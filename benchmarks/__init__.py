"""What the module costs in time, size and money, beside what it can be held against: ``make bench``.

The way through: ``rows`` says what a row is and what an experiment, ``runner`` measures an experiment's subjects in
turns, ``families`` lists the families of rows, one file each, and ``results`` and ``table`` write and show what came
out. ``processes`` measures a program. ``bounds`` has what must not grow and does not depend on the machine; the tests
hold it.
"""
