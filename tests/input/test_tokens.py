from typing import Any

import pytest

from pipeline.input.tokens import fill_in

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
    """A token is replaced as a whole word, in strings at any depth; keys and other types are unchanged."""
    assert fill_in(value, TOKENS) == expected


def test_what_is_filled_in_is_not_searched_again() -> None:
    """A value that happens to look like a token is not replaced a second time."""
    assert fill_in("MLOPS_BUCKET", {"MLOPS_BUCKET": "MODEL_NAME", "MODEL_NAME": "demo"}) == "MODEL_NAME"
