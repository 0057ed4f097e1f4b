from typing import Any

import pytest

from starter.input_file import execution_name, fill_in, parse

TOKENS = {"MLOPS_BUCKET": "my-bucket", "MODEL_NAME": "demo", "AWS_REGION_NAME": "eu-west-1"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("s3://MLOPS_BUCKET/MODEL_NAME/scripts", "s3://my-bucket/demo/scripts"),
        ("s3://sagemaker-sample-data-AWS_REGION_NAME/x", "s3://sagemaker-sample-data-eu-west-1/x"),
        ("MLOPS_BUCKETS", "MLOPS_BUCKETS"),
        ("MY_MODEL_NAME", "MY_MODEL_NAME"),
        ("UNKNOWN_TOKEN", "UNKNOWN_TOKEN"),
        ({"MODEL_NAME": ["MODEL_NAME", 1, None, True]}, {"MODEL_NAME": ["demo", 1, None, True]}),
    ],
)
def test_tokens_are_filled_in_values_only(value: Any, expected: Any) -> None:
    """A token is replaced as a whole word, in strings at any depth; keys and other types stay."""
    assert fill_in(value, TOKENS) == expected


def test_what_is_filled_in_is_not_searched_again() -> None:
    """A value that happens to look like a token is not replaced a second time."""
    assert fill_in("MLOPS_BUCKET", {"MLOPS_BUCKET": "MODEL_NAME", "MODEL_NAME": "demo"}) == "MODEL_NAME"


def test_dates_stay_strings() -> None:
    """A timestamp is data for SageMaker, not a Python date."""
    assert parse("a: 2026-11-23\nb: 2026-11-23T06:00:00Z") == {"a": "2026-11-23", "b": "2026-11-23T06:00:00Z"}


def test_names_differ_by_event_only() -> None:
    """Two events give two names, one event the same name, all within SageMaker's limit with every prefix."""
    pipeline_input = {"job_prefix": "mlops", "model_id": "MODEL_NAME"}
    names = [execution_name(pipeline_input, tokens=TOKENS, event_id=event) for event in ("a", "b", "a")]
    assert names[0] == names[2] != names[1]
    assert all(name.startswith("mlops-demo-") and len(f"evaluation-{name}") <= 63 for name in names)
