"""Limits that several parts of the module share. It imports nothing, so that every function's archive can have it."""

DEFAULT_APPROVAL_WAIT = 7 * 24 * 3600
"""Seconds to wait for a person's answer if the input does not say."""

LONGEST_APPROVAL_WAIT = 365 * 24 * 3600
"""Seconds: an execution of a standard workflow lasts a year at most.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

APPROVAL_REASON_LENGTH = 1024
"""Characters of a model package's ``ApprovalDescription``, whose pattern ``.*`` allows no line break:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateModelPackage.html"""

MAX_REPORT_BYTES = 16 * 1024 * 1024
"""Bytes of the largest evaluation report that is read: its text and parsed content must fit into the gate's memory."""

SNS_SUBJECT_LENGTH = 99
"""Characters; SNS requires fewer than 100: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""
