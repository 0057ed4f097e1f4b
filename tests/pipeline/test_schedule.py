import pytest

from pipeline.schedule import cron_problem


@pytest.mark.parametrize(
    "expression",
    [
        "0 6 * * ? *",
        "0/15 * * * ? *",
        "*/5 * * * ? *",
        "0 10 ? * MON-FRI *",
        "0 8 1 * ? *",
        "0 18 ? * 2,4,6 2026-2030",
        "5 8-17/2 ? jan-jun mon *",
        "0 0 L * ? *",
        "0 0 L-3 * ? *",
        "0 0 LW * ? *",
        "0 0 15W * ? *",
        "15 10 ? * 6L *",
        "0 9 ? * MON#1 *",
        "0  6  *  *  ?  *",
    ],
)
def test_valid(expression: str) -> None:
    """Expressions that EventBridge documents are accepted."""
    assert cron_problem(expression) is None


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("cron(0 6 * * ? *)", "cron() or rate()"),
        ("rate(1 day)", "cron() or rate()"),
        ("0 6 * * *", "5 fields"),
        ("", "0 fields"),
        ("60 6 * * ? *", "invalid minutes '60'"),
        ("0 24 * * ? *", "invalid hours '24'"),
        ("0 6 0 * ? *", "invalid day-of-month '0'"),
        ("0 6 * 13 ? *", "invalid month '13'"),
        ("0 6 * JUNE ? *", "invalid month 'JUNE'"),
        ("0 6 ? * 8 *", "invalid day-of-week '8'"),
        ("0 6 ? * 0 *", "invalid day-of-week '0'"),
        ("0 6 * * ? 1969", "invalid year '1969'"),
        ("0 6 * * * *", "exactly one of"),
        ("0 6 ? * ? *", "exactly one of"),
        ("? 6 * * ? *", "invalid minutes '?'"),
        ("0/0 6 * * ? *", "invalid minutes '0/0'"),
        ("0- 6 * * ? *", "invalid minutes '0-'"),
        ("0, 6 * * ? *", "invalid minutes ''"),
        ("0 6 32W * ? *", "invalid day-of-month '32W'"),
        ("0 9 ? * MON#1,FRI *", "cannot be combined"),
        ("٣ 6 * * ? *", "invalid minutes"),
        ("daily", "1 fields"),
    ],
)
def test_malformed(expression: str, problem: str) -> None:
    """The message names the field, the value and what is allowed."""
    found = cron_problem(expression)
    assert found is not None
    assert problem in found
