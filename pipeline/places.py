"""The prefixes in the pipeline's bucket, below ``<model-name>/``, and who writes there."""

SCRIPTS = "scripts/"
"""The scripts and ``input.yaml``; the publisher and people write here, but never a job."""

DATA = "data/"
"""The table of a repository that ``mlops init`` made; people write here."""

PUBLISHED = ".published.json"
"""The publisher's record of what it has published: among the scripts, where no job may write, and hidden, since hidden
files of a folder are not published."""

REGISTERED = "registered/"
"""The artefacts and reports of registered models. The gate copies them here, where no job and no endpoint can write, so
that the model that was evaluated is the model that is served."""

EXECUTIONS = "executions/"
"""What the executions of the shipped input write, each under its name."""

SERVED = ("batch-output/", "data-capture/", "executions/*/batch/")
"""The results of batch transforms and the data that endpoints capture; SageMaker writes both with the model's role."""

REPORTS = "reports/"
"""The pages about executions with ``publish_report``, and their index; the reporter writes them, but never a job."""

WINDOW = "window/"
"""Below an execution's prefix: the list of what its monitoring reads, which the monitor function writes."""
