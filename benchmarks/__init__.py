"""Measures what the module costs in time, size and money, compared with baselines and limits: ``make bench``.

``rows`` defines rows and experiments, ``runner`` measures an experiment's subjects in turns, ``families`` lists the
families of rows, one file each, and ``results`` and ``table`` write and show the results. ``processes`` measures a
program. ``bounds`` has the size budgets, which do not depend on the machine and are enforced by the tests.
"""
