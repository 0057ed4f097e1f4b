"""The Lambda function that monitoring's states call for the version in service.

``handler`` first opens a window: ``serving`` finds the version in service with its baseline, ``ledger`` where the last
window ended, and ``window`` what the version has scored since: ``captured`` requests, ``transforms`` that completed,
and ``labels`` that have arrived. After the job, ``handler`` closes the window: ``decision`` says whether to retrain,
and ``ledger`` counts the window, once.
"""
