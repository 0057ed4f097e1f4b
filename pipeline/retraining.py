"""The event with which monitoring asks for a whole run of the pipeline. The starter's rule matches it."""

SOURCE = "mlops-stepfunctions"
DETAIL_TYPE = "Retraining requested"

OVERRIDES = {"approval": {"must_beat_champion": True}}
"""Merged over ``input.yaml``: the new model has to beat the one that drifted."""
