"""Checks an account, or this machine, before the first run: ``mlops doctor``. Every call only reads.

The way through, in the order in which things happen:

1. ``examination`` reads what the checks share, runs the checks concurrently and returns their results in a fixed order.
   ``deployment`` reads the deployed stack; ``instances`` lists the instances that the input asks for.
2. Each check is a function that takes clients and values and returns its ``result``s: ``account`` (credentials,
   bootstrap), ``stack`` (status, drift), ``permissions``, ``quotas``, ``images``, ``data``, ``network``,
   ``subscription``, ``input_file`` and ``cost``.
3. ``machine`` checks this machine instead. It alone imports the local environment, so ``--local`` alone loads that.

A check that AWS does not let the user make is skipped with the reason; it is not a failure.
"""
