"""The ``mlops`` command.

``main`` declares every command with its arguments (``options`` has those that several share) and names the module that
implements it, which is imported when the command runs. ``target`` finds the deployment that a command is for,
``executions`` does the work, and the modules here print the outcome. ``errors`` ends a command that fails.
"""
