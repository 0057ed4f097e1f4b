"""Where things lie in the pipeline's bucket, and who writes there. Each is a prefix below ``<model-name>/``."""

SCRIPTS = "scripts/"
"""The scripts and ``input.yaml``: written by the publisher and by people, never by a job."""

REGISTERED = "registered/"
"""The artefacts and reports of registered models, copied here by the gate: what was judged is what is served, since
no job and no endpoint can write here."""

SERVED = ("batch-output/", "data-capture/", "executions/*/batch/")
"""What SageMaker writes with a model's role: the results of batch transforms, and what endpoints capture."""
