"""Starts executions of a pipeline, follows them and reads their results, on AWS and on this machine alike.

The way through, in the order in which things happen:

1. ``aws`` makes the clients, ``stack`` reads a deployment's outputs, and ``target`` combines both.
2. ``start`` invokes the start Lambda. ``state_machine`` finds, lists and describes executions.
3. ``progress`` reads the state of each stage from an execution's history, ``history`` its data and the reason for its
   end, ``jobs`` the names of its jobs, and ``job_logs`` what they print.
4. ``watch`` polls an execution with all of these until it ends, and ``display`` shows it in a terminal.
5. ``results`` reads what the stages produced, and downloads it.

``text`` and ``errors`` make text from AWS safe to print. ``defaults`` has constants shared with the local environment.

The ``mlops`` command, the run report and the local environment are built on this package; it imports none of them.
"""
