"""The event with which monitoring asks for a whole run of the pipeline. The starter's rule matches it."""

from pipeline.reuse import REUSE

SOURCE = "mlops-stepfunctions"
DETAIL_TYPE = "Retraining requested"

OVERRIDES = {REUSE: False, "approval": {"run": True, "must_beat_champion": True}}
"""Merged over ``input.yaml``: every stage runs anew, and the new model has to beat the one that drifted."""
