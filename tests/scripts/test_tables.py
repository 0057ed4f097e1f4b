"""Tables of any kind: what their columns are, what is predicted, and what is refused."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from columns import Dropped, Feature, describe
from schema import classes_of, problem_of
from tests.scripts.conftest import Container
from values import date


def table(*, label: str = "y", separator: str = ",", records: int = 100) -> str:
    """A table with a column of each kind."""
    header = ["id", "", "amount", "when", "kind", "remark", "same", label]
    rows = [
        [
            f"C{number:04}",
            str(number),
            f"{number * 0.5}" if number % 10 else "n/a",
            f"2024-{number % 12 + 1:02}-03",
            "ab"[number % 2],
            f"the customer said word{number} and word{number % 7}",
            "1",
            "yes" if number % 2 else "no",
        ]
        for number in range(records)
    ]
    return "".join(separator.join(row) + "\n" for row in [header, *rows])


def write_parquet(container: Container, columns: dict[str, list[Any]], *, name: str = "table") -> None:
    """Puts a Parquet file of several row groups among the input."""
    import pyarrow as pa  # noqa: PLC0415 - of the image, not of the tests' own environment
    from pyarrow import parquet  # noqa: PLC0415

    file = container.put(f"processing/input/{name}.parquet", "")
    parquet.write_table(pa.table(columns), file, row_group_size=70)


def schema(container: Container) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(container.read("processing/train/schema.json"))
    return content


def test_each_kind_of_column(container: Container) -> None:
    """Numbers, dates, categories and texts are features; identifiers, an index and a constant are left out."""
    container.put("processing/input/table.csv", table())
    log = container.run("preprocessing.py", LABEL="y")
    found = schema(container)
    assert {feature["name"]: feature["type"] for feature in found["features"]} == {
        "amount": "number",
        "when": "date",
        "kind": "category",
        "remark": "text",
    }
    assert {one["name"] for one in found["dropped"]} == {"id", "column 2", "same"}
    assert (found["problem"], found["classes"]) == ("binary_classification", ["no", "yes"])
    assert "leaves out 'same': constant: every value is '1'" in log
    rows = [
        line.split(",")
        for side in ("train", "test")
        for line in container.lines(f"processing/{side}/{side}_features.csv")
    ]
    assert {len(row) for row in rows} == {4}
    assert sum(row[0] == "" for row in rows) == 10  # "n/a" is no number


@pytest.mark.parametrize(
    ("name", "pack", "separator"),
    [
        ("t.csv.gz", gzip.compress, ","),
        ("t.csv.bz2", bz2.compress, ";"),
        ("t.tsv.xz", lzma.compress, "\t"),
        ("part/t.txt", bytes, "|"),
    ],
)
def test_packed_and_separated(container: Container, name: str, pack: Callable[[bytes], bytes], separator: str) -> None:
    """Packed files and other separators are read like CSV; without LABEL, the last column is the label."""
    container.put(f"processing/input/{name}", pack(table(separator=separator).encode()))
    container.run("preprocessing.py")
    assert schema(container)["label"] == "y"
    assert len(schema(container)["features"]) == 4


def test_an_index_of_many_records(container: Container) -> None:
    """An index is left out of a table so long that not all of its records are counted."""
    lines = [f"{number},{number % 7},{'ab'[number % 2]}" for number in range(60_000)]
    container.put("processing/input/table.csv", "\n".join([",x,y", *lines]))
    container.run("preprocessing.py")
    assert [one["name"] for one in schema(container)["dropped"]] == ["column 1"]


def test_a_type_that_changes(container: Container) -> None:
    """A few texts among numbers are unknown, and the log names the first with file and line."""
    lines = table(records=300).splitlines()
    cells = lines[200].split(",")
    lines[200] = ",".join([*cells[:2], "refused", *cells[3:]])
    file = container.put("processing/input/table.csv", "\n".join(lines))
    log = container.run("preprocessing.py")
    assert f"'amount': what is not a number counts as unknown, such as 'refused' in {file}, line 201" in log


def test_a_column_that_is_half_numbers(container: Container) -> None:
    """It is a category, and the log says why, with the first value that is no number."""
    lines = [f"{number if number < 100 else 'w'},{'ab'[number % 2]}" for number in range(200)]
    file = container.put("processing/input/table.csv", "\n".join(["amount,y", *lines]))
    log = container.run("preprocessing.py")
    assert "'amount': a category, since only " in log
    assert f" of its values are numbers, not 'w' in {file}, line 102" in log


def test_decimal_commas(container: Container) -> None:
    """Between semicolons, numbers have commas, and their thousands points."""
    lines = [f'1.{number:03},5;{number},25;{"ab"[number % 2]};"x, y"' for number in range(200)]
    lines[150] = "1.234,0;unknown here;a;"
    file = container.put("processing/input/table.csv", "\n".join(["amount;share;y;text", *lines]))
    log = container.run("preprocessing.py", LABEL="y", DROP="text")
    assert [feature["type"] for feature in schema(container)["features"]] == ["number", "number"]
    files = [f"processing/{side}/{side}_features.csv" for side in ("train", "test")]
    assert "1007.5,7.25" in [line for file in files for line in container.lines(file)]
    assert f"such as 'unknown here' in {file}, line 152" in log


def test_names_with_commas(container: Container) -> None:
    """Options take them in quotation marks."""
    container.put("processing/input/table.csv", table().replace(",kind,remark,", ',"kind, sort","a ""remark""",'))
    container.run("preprocessing.py", DROP='amount, "kind, sort"')
    assert [feature["name"] for feature in schema(container)["features"]] == ["when", 'a "remark"']


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        ("a,b\n" + "1,x\n" * 50, {"LABEL": "c"}, "table.csv, line 1: no column named 'c'"),
        (table(), {"LABEL": "kinds"}, "no column named 'kinds'; did you mean 'kind'"),
        (table(), {"LABEL": "KIND"}, "no column named 'KIND'; did you mean 'kind'"),
        (table(), {"DROP": "sam"}, "DROP: "),
        (table(), {"PROBLEM": "guess"}, "PROBLEM is 'guess', expected binary, multiclass, regression"),
        (table(), {"POSITIVE": "maybe"}, "POSITIVE is 'maybe', expected one of the two classes of 'y': "),
        (table(), {"LABEL": "kind", "PROBLEM": "regression"}, "'kind' is 'a' in "),
        (table(), {"LABEL": "id"}, "different values, such as"),
        (table(), {"LABEL": "same"}, "need two values"),
        (table(), {"LABEL": "id", "PROBLEM": "multiclass"}, "more: more than 50 classes; set LABEL"),
        (table(records=5), {}, "records are too few"),
        ("", {}, "table.csv is empty"),
        ("\n\n", {}, "table.csv is empty"),
        ("a,b\n1,2,3\n", {}, "table.csv, line 2: expected 2 values, found 3"),
        (
            'a,b\n"1\n1",x\n"2,y\n' + "3,x\n" * 50,
            {},
            "table.csv, line 4: expected 2 values, found 1; they go on to line 54: a quotation mark is not closed",
        ),
        ("a,b,a\n1,2,3\n", {}, "line 1: columns 1, 3 are all named 'a'"),
    ],
)
def test_bad_tables_are_named(container: Container, content: str, options: dict[str, str], expected: str) -> None:
    """The error says in one line what is wrong and where, and nothing is written."""
    container.put("processing/input/table.csv", content)
    assert expected in container.fail("preprocessing.py", "output/message", **options)
    assert not [file for side in ("train", "test") for file in (container.base / "processing").glob(f"{side}/*")]


def test_a_label_that_is_not_known_is_no_class(container: Container) -> None:
    """What R and pandas write for a missing label leaves the record out, and says so; "none" is a class."""
    lines = table(records=300).replace(",no\n", ",none\n").splitlines()
    for number, missing in enumerate(("NA", "NaN", "null", "N/A"), start=7):
        lines[number] = f"{lines[number].rpartition(',')[0]},{missing}"
    container.put("processing/input/table.csv", "\n".join(lines))
    assert "4 records have no 'y' and are left out" in container.run("preprocessing.py")
    assert set(schema(container)["classes"]) == {"none", "yes"}


def test_parquet_is_read_like_csv(container: Container) -> None:
    """Of the same table as CSV and as Parquet, the same records come out; nulls and times included."""
    times = [datetime(2024, month, 3, 4, 5, 6, tzinfo=UTC) for month in range(1, 13)]
    rows = [(None if number % 9 == 0 else number / 2, times[number % 12], "ab,"[number % 3]) for number in range(300)]
    lines = [f'{"" if amount is None else amount},{when:%Y-%m-%d %H:%M:%S},"{y}"' for amount, when, y in rows]
    container.put("processing/input/table.csv", "\n".join(["amount,when,y", *lines]))
    container.run("preprocessing.py")
    files = [f"processing/{side}/{side}_{kind}.csv" for side in ("train", "test") for kind in ("features", "labels")]
    expected = [container.read(file) for file in files], schema(container)
    (container.base / "processing" / "input" / "table.csv").unlink()
    amounts, when, y = map(list, zip(*rows, strict=True))
    write_parquet(container, {"amount": amounts, "when": when, "y": y})
    container.run("preprocessing.py")
    assert ([container.read(file) for file in files], schema(container)) == expected


def test_bad_parquet_is_named(container: Container) -> None:
    """A file that is none, and a column that no CSV file can have, are named."""
    file = container.put("processing/input/t.parquet", b"PAR1")
    assert f"{file} cannot be read as Parquet: " in container.fail("preprocessing.py", "output/message")
    write_parquet(container, {"parts": [[1, 2]] * 9, "y": list("abababaab")}, name="t")
    message = container.fail("preprocessing.py", "output/message")
    assert f"{file}: column 'parts' is of type list<element: int64>, which is no text, number or date; name" in message
    write_parquet(container, {"raw": [*([None, b"text"] * 4), b"\xff"], "y": list("abababaab")}, name="t")
    message = container.fail("preprocessing.py", "output/message")
    assert f"{file}: column 'raw' is of type binary, and row 9 is not UTF-8 text; name the column in DROP" in message
    assert f"LABEL: {file}: no column named 'x'" in container.fail("preprocessing.py", "output/message", LABEL="x")
    write_parquet(
        container, {"amount": [*(str(number / 2) for number in range(299)), "refused"], "y": [*"ab"] * 150}, name="t"
    )
    assert f"such as 'refused' in {file}, row 300" in container.run("preprocessing.py")


def test_a_parquet_column_to_drop_is_not_read(container: Container) -> None:
    """Lists and bytes in DROP do no harm, whatever their place."""
    columns: dict[str, list[Any]] = {
        "parts": [[1, 2]] * 100,
        "n": list(range(100)),
        "raw": [b"\xff"] * 100,
        "y": [*"ab"] * 50,
    }
    write_parquet(container, {**columns, "last": [{"x": 1}] * 100})
    container.run("preprocessing.py", LABEL="y", DROP="parts,raw,last", CATEGORIES="n")
    assert [feature["name"] for feature in schema(container)["features"]] == ["n"]


def test_a_damaged_part_of_parquet_is_named(container: Container) -> None:
    """The message has the column and the row group, as Parquet's tools do."""
    from pyarrow import parquet  # noqa: PLC0415 - as above

    write_parquet(container, {"n": [float(number) for number in range(140)], "y": [*"ab"] * 70})
    file = container.base / "processing" / "input" / "table.parquet"
    part = parquet.read_metadata(file).row_group(1).column(0)
    content = bytearray(file.read_bytes())
    damaged = slice(part.dictionary_page_offset, part.dictionary_page_offset + part.total_compressed_size)
    content[damaged] = bytes(part.total_compressed_size)
    file.write_bytes(content)
    message = container.fail("preprocessing.py", "output/message")
    assert f"{file}, column 'n' in row group 2 of 2, cannot be read: " in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            table().replace("a", "ä", 1).encode("latin-1"),
            "column 3: byte 0xe4 is not utf-8; save the file as UTF-8: iconv",
        ),
        (table().encode("utf-16"), "iconv -f utf-16 -t utf-8 table.csv"),
        (bytes(range(256)), "line 2, column "),
    ],
)
def test_another_encoding_is_named(container: Container, content: bytes, expected: str) -> None:
    """A file that is not UTF-8 is named with the line and the column, whatever it is."""
    container.put("processing/input/table.csv", content)
    assert expected in container.fail("preprocessing.py", "output/message")


def test_a_broken_archive_is_named(container: Container) -> None:
    """A packed file that ends in its middle is an error, not a short table."""
    container.put("processing/input/t.csv.gz", gzip.compress(table(records=9000).encode())[:-2000])
    assert "t.csv.gz, line" in container.fail("preprocessing.py", "output/message")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["a", "b"], "binary_classification"),
        (["0", "1", "2"], "multiclass_classification"),
        (["a", "b", "c"], "multiclass_classification"),
        (["0.5", "1", "2"], "regression"),
        ([str(number) for number in range(30)], "regression"),
        ([*(str(number) for number in range(30)), "NA"], "regression"),
    ],
)
def test_the_problem_follows_from_the_label(values: list[str], expected: str) -> None:
    """Two values are two classes, few whole numbers and texts several, all other numbers a regression."""
    assert problem_of(Counter(values), None) == expected


@pytest.mark.parametrize(
    ("counts", "positive", "expected"),
    [
        ({"stays": 90, "leaves": 10}, None, ("stays", "leaves")),
        ({"stays": 90, "leaves": 10}, "stays", ("leaves", "stays")),
        ({"0": 10, "1": 90}, None, ("0", "1")),
        ({"Yes": 90, "No": 10}, None, ("No", "Yes")),
        ({"10": 1, "9": 1, "8": 1}, None, ("8", "9", "10")),
    ],
)
def test_class_1(counts: dict[str, int], positive: str | None, expected: tuple[str, ...]) -> None:
    """Class 1 is the given one; 1, yes or true; or the rarer one. Several classes are in their order."""
    assert classes_of(Counter(counts), positive) == expected


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("year", [str(2000 + number % 9) for number in range(90)], "number"),
        ("customer_id", [str(number * 977) for number in range(90)], None),
        ("population", [str(number * 977) for number in range(90)], "number"),
        ("zip", [str(number % 30) for number in range(90)], "category"),
        ("ID", [str(number % 30) for number in range(90)], "category"),
        ("Identifier", [str(number * 977) for number in range(90)], None),
        ("CountryCode2", [str(number % 30) for number in range(90)], "category"),
        ("code", [str(number % 30 / 2) for number in range(90)], "number"),
        ("paid", [str(number % 30) for number in range(90)], "number"),
        ("day", ["03.04.2024", "05.06.2024"] * 40, "date"),
        ("four digits", ["1999 to 2004", "2005 to 2006"] * 40, "category"),
        ("colour", ["red", "blue"] * 40, "category"),
        ("token", [f"x{number}" for number in range(90)], None),
        ("empty", [""] * 90, None),
        ("sometimes", ["", "x"] * 40, "category"),
    ],
)
def test_what_a_column_is(name: str, values: list[str], expected: str | None) -> None:
    """A column's type follows from its values; None is one that is left out."""
    found = describe(name, Counter(values), len(values), is_category=False)
    assert (found.type if isinstance(found, Feature) else None) == expected
    assert isinstance(found, Dropped) == (expected is None)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2024-05-31", "2024-06-01"),
        ("2024/05/31 17:30", "2024/06/01 05:00"),
        ("2024-05-31T17:30:05Z", "2024-06-01T05:00:00Z"),
        ("2024-05-31 17:30:05.123+02:00", "2024-06-01 05:00:00.5+00:00"),
        ("31.05.2024 17:30", "1.6.2024 5:00"),
        ("31-05-2024", "01-06-2024"),
        ("31-May-2024", "01-Jun-2024"),
        ("31 May 2024", "1 June 2024"),
        ("May 31 2024", "Jun 1 2024"),
        ("May 31, 2024", "June 1, 2024"),
        ("5/31/2024 5:30 PM", "6/1/2024 5:00 AM"),
        ("5/31/2024 5:30:05pm", "6/1/2024 5:00:00am"),
        ("2024-05", "2024-06"),
    ],
)
def test_forms_of_dates(first: str, second: str) -> None:
    """Usual forms of days and times are read; the second is later than the first."""
    found = describe("day", Counter([first, second] * 40), 80, is_category=False)
    assert isinstance(found, Feature)
    assert found.type == "date"
    earlier, later = (date(value, found.format or "") for value in (first, second))
    assert earlier is not None
    assert later is not None
    assert earlier < later
