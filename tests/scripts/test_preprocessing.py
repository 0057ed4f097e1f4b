"""The preprocessing job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from tests.scripts.conftest import OPTIONS, Container

Lines = list[list[str]]
Writer = Callable[[Lines], str]

WEIGHT = "instance weight"


def split(container: Container, *files: str) -> dict[str, list[tuple[str, str]]]:
    """Runs the job on these files. Returns each side's records: a line of features and a label."""
    for number, content in enumerate(files):
        container.put(f"processing/input/{number}/census.csv", content)
    container.run("preprocessing.py", **OPTIONS)
    return {
        side: list(
            zip(
                container.lines(f"processing/{side}/{side}_features.csv"),
                container.lines(f"processing/{side}/{side}_labels.csv"),
                strict=True,
            )
        )
        for side in ("train", "test")
    }


def test_every_record_is_kept_cleaned_and_labelled(container: Container, sample: Lines, as_csv: Writer) -> None:
    """Each input record appears once in the output, cleaned and with the right label."""
    header, *records = sample
    position = {name: header.index(name) for name in header}
    features = [name for name in header if name not in {"income", WEIGHT}]
    expected = Counter(
        (
            ",".join(record[position[name]].strip().replace("?", "") for name in features),
            {" - 50000.": "0", " 50000+.": "1"}[record[position["income"]]],
        )
        for record in records
    )
    sides = split(container, as_csv(sample))
    assert Counter(sides["train"] + sides["test"]) == expected


def test_no_record_is_on_both_sides(container: Container, sample: Lines, as_csv: Writer) -> None:
    """Records with the same features, of which the sample has many, are on the same side."""
    sides = split(container, as_csv(sample))
    train, test = ({features for features, _ in sides[side]} for side in ("train", "test"))
    assert len(train) + len(test) < len(sample) - 1
    assert not train & test


def test_a_fifth_is_held_out(container: Container, sample: Lines, as_csv: Writer) -> None:
    """About 20% of the records are test records, and both sides have both classes."""
    sides = split(container, as_csv(sample))
    assert 0.15 < len(sides["test"]) / (len(sample) - 1) < 0.25
    assert all({label for _, label in records} == {"0", "1"} for records in sides.values())


def test_contradicting_records_are_kept_together(container: Container, sample: Lines, as_csv: Writer) -> None:
    """A record that occurs with both labels is kept twice, on the same side."""
    twin = [*sample[1][:-1], " 50000+."]
    sides = split(container, as_csv([*sample, twin]))
    features = {side: {line for line, label in records if label == "1"} for side, records in sides.items()}
    both = [side for side, records in sides.items() if any(r[0] in features[side] and r[1] == "0" for r in records)]
    assert len(both) == 1
    assert sum(map(len, sides.values())) == len(sample)


def test_a_record_stays_on_its_side(container: Container, sample: Lines, as_csv: Writer) -> None:
    """Adding records moves none of the existing ones."""
    before = split(container, as_csv(sample[:1000]))
    after = split(container, as_csv(sample))
    for side, records in before.items():
        assert Counter(records) <= Counter(after[side])


def test_same_input_same_output(container: Container, sample: Lines, as_csv: Writer) -> None:
    """Two runs write the same files."""
    assert split(container, as_csv(sample)) == split(container, as_csv(sample))


def test_survey_weight_is_not_a_feature(container: Container, sample: Lines, as_csv: Writer) -> None:
    """A different survey weight changes nothing."""
    column = sample[0].index(WEIGHT)
    other = [sample[0], *([*line[:column], " 1.00", *line[column + 1 :]] for line in sample[1:])]
    assert split(container, as_csv(sample)) == split(container, as_csv(other))


def test_columns_are_found_by_their_names(container: Container, sample: Lines, as_csv: Writer) -> None:
    """Files of one table may have their columns in different orders."""
    whole = split(container, as_csv(sample))
    other = [sample[0][::-1], *(line[::-1] for line in sample[901:])]
    parts = split(container, as_csv(sample[:901]), as_csv(other))
    assert {side: Counter(records) for side, records in parts.items()} == {
        side: Counter(records) for side, records in whole.items()
    }


def test_all_files_are_read(container: Container, sample: Lines, as_csv: Writer) -> None:
    """Several files, also in subfolders, are read like one; blank lines and a byte order mark are ignored."""
    header, *records = sample
    whole = split(container, as_csv(sample))
    parts = split(container, as_csv([header, *records[:900]]), "\ufeff" + as_csv([header, *records[900:]]) + "\n\n")
    assert {side: Counter(records) for side, records in parts.items()} == {
        side: Counter(records) for side, records in whole.items()
    }


def test_values_with_commas_are_quoted(container: Container, sample: Lines, as_csv: Writer) -> None:
    """A value with a comma, quotation mark or line break remains one value on one line."""
    record = [sample[1][0], '"a, ""b""\nc"', *sample[1][2:]]
    sides = split(container, as_csv([*sample, record]))
    lines = [line for records in sides.values() for line, _ in records if ',"a, ""b"" c",' in line]
    assert len(lines) == 1


def test_no_input_is_named(container: Container) -> None:
    """Without a CSV file, the error says where the job looked."""
    reason = container.fail("preprocessing.py", "output/message")
    assert reason.startswith(f"no table under {container.base / 'processing' / 'input'}; expected names that end in")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(lambda _: [], "census.csv is empty", id="empty"),
        pytest.param(lambda lines: lines[:1], "no records with a 'income' in", id="only-header"),
        pytest.param(lambda lines: lines[1:], "line 1: columns 2, 7,", id="no-header"),
        pytest.param(
            lambda lines: [["age ", *lines[0][1:-1], "Income"], *lines[1:]],
            "census.csv, line 1: no column named 'income'; did you mean 'Income'?",
            id="no-label",
        ),
        pytest.param(
            lambda lines: [*lines[:2], lines[2][:-1]],
            "census.csv, line 3: expected 42 values, found 41",
            id="short-line",
        ),
        pytest.param(
            lambda lines: [line for line in lines if line[-1] != " 50000+."],
            "'income' is '- 50000.' in all",
            id="one-class",
        ),
        pytest.param(lambda lines: lines[:6], "training records: need two values", id="five-records"),
        pytest.param(
            lambda lines: [["year", *lines[0][1:]], *lines[1:]], "columns 1, 41 are all named 'year'", id="twice"
        ),
    ],
)
def test_bad_input_is_named(
    container: Container, sample: Lines, as_csv: Writer, change: Callable[[Lines], Lines], expected: str
) -> None:
    """The error says in one line which file, which line and what is wrong."""
    container.put("processing/input/census.csv", as_csv(change(sample)))
    assert expected in container.fail("preprocessing.py", "output/message", **OPTIONS)
    assert not [file for side in ("train", "test") for file in (container.base / "processing").glob(f"{side}/*")]


def test_other_encodings_are_rejected(container: Container, sample: Lines, as_csv: Writer) -> None:
    """The error names a file that is not UTF-8."""
    content = as_csv([*sample[:3], ["\u00e9", *sample[3][1:]]]).encode("latin-1")
    container.put("processing/input/census.csv", content)
    reason = container.fail("preprocessing.py", "output/message", **OPTIONS)
    assert "census.csv, line 4, column 1: byte 0xe9 is not utf-8" in reason
