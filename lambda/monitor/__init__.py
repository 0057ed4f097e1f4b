"""The Lambda function that monitoring's states call for the endpoint in service.

``handler`` first opens a window: ``serving`` finds the version in service with its baseline, ``captured`` the requests
that the endpoint has captured since the last window, ``ledger`` where that one ended. After the job, ``handler`` closes
the window: ``decision`` says whether to retrain, and ``ledger`` counts the window, once.
"""
