"""Checks on AWS what this module assumes about AWS, and leaves nothing there: ``make aws-check``.

The way through, in the order in which things happen:

1. ``__main__`` finds the account. ``agreement`` requires what a deployment needs, says what the check will cost
   (``price``), and asks.
2. ``leftovers`` finds and removes what an interrupted check left, and later what this one leaves. Everything has a
   name of the check's own (``names``).
3. ``check`` deploys the module (``deployment``), plays the ``scenarios`` in their order, and removes everything,
   whatever happens.
4. A scenario is a generator in a file of its own: it starts executions in a ``context``, and yields what AWS answered
   about the ``assumptions``, which are those of docs/aws-assumptions.md. ``history`` reads the failures in an
   execution's history; ``models`` makes model archives that answer what the scenarios want to know.
5. ``assumptions`` reaches a verdict on each, and ``check`` writes all of it as JSON.

With the variables of ``mlops local env``, the same check runs in the environment on this machine.
"""
