"""A file of records becomes rows as the endpoint is asked."""

import io
from pathlib import Path

import pytest

from executions.errors import ExecutionsError
from executions.records import write_rows

FEATURES = ("age", "class of worker")


def written(folder: Path, content: str | bytes) -> str:
    """What is written of a file with this content."""
    file = folder / "records.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    rows = io.StringIO(newline="")
    count = write_rows(file, FEATURES, rows)
    assert count == len(rows.getvalue().splitlines())
    return rows.getvalue()


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("age,class of worker\n41,State\n", "41,State\n"),
        ("income,class of worker, age\nhigh,State,41\nlow,,7\n", "41,State\n7,\n"),
        ("\ufeffage,class of worker\r\n41,State\r\n\r\n7,None\r\n", "41,State\n7,None\n"),
        ('class of worker,age\n"State, local",41\n', '41,"State, local"\n'),
        ("41,State\n7,None\n", "41,State\n7,None\n"),
    ],
    ids=["header", "with the label, in another order", "from a spreadsheet", "quotes", "as the endpoint is asked"],
)
def test_records(content: str, rows: str, tmp_path: Path) -> None:
    """The features are in the baseline's order, and nothing else is in the rows."""
    assert written(tmp_path, content) == rows


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has no records"),
        ("age,class of worker\n", "has no records"),
        ("age,income\n41,high\n", "line 1 has 2 values and does not name class of worker; expected a header with all"),
        ("41,State,1\n", "line 1 has 3 values and does not name age, class of worker; expected a header with all of"),
        ("age,class of worker\n41,State\n7\n", "records.csv, line 3: expected 2 values, found 1"),
        ("41,State\n7,None,1\n", "records.csv, line 2: expected 2 values, found 3"),
        (b"\x1f\x8b\x08\x00\xff", "is not a CSV file in UTF-8"),
    ],
    ids=["empty", "only a header", "a feature vanished", "other columns", "cut off", "a value too many", "compressed"],
)
def test_what_is_no_such_file(content: str | bytes, message: str, tmp_path: Path) -> None:
    """The error names the file, and where."""
    with pytest.raises(ExecutionsError, match=message) as error:
        written(tmp_path, content)
    assert str(tmp_path / "records.csv") in str(error.value)
