"""The Amazon States Language that the stages share.

choices               leads to the first following stage whose ``run`` flag is true
states_file           reads a stage's states from its ``states.asl.yaml``
shared.asl.yaml       retries and JSONata that several stages use
request_state         the state of a stage that is one SageMaker request
retry_classification  retries transient errors that arrive under a catch-all name, and fails fast on the rest
timeouts              the timeout of each task
resources             the deployment's resources that the definition refers to
"""
