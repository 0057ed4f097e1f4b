"""Amazon States Language that the stages share.

choices               which stage comes next: the first of those that follow whose ``run`` flag is true
request_state         a stage that is one SageMaker request
jsonata               expressions that several states use
retries               what is retried, and how patiently
retry_classification  retries transient errors that arrive under a catch-all name, and fails fast on the rest
timeouts              how long each task may take
resources             the deployment's resources that the definition refers to
"""
