"""Labels that arrive after their records were scored, in windows of what the version in service has scored."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from monitor import labels
from tests.monitor.conftest import NOW, Monitor

MINUTE = timedelta(minutes=1)
START = NOW - timedelta(hours=1)
"""An hour after the endpoint's configuration was created."""


def put(monitor: Monitor, name: str, minutes: int) -> str:
    """Puts a file of captured requests, or of labels, so many minutes after the start. Returns its key."""
    written = (START + minutes * MINUTE).replace(microsecond=0)
    folder = "demo/labels" if name.startswith("label") else "demo/data-capture/demo/AllTraffic"
    key = f"{folder}/{written:%Y/%m/%d/%H}/{name}"
    monitor.put(key, written)
    return key


def window(monitor: Monitor, minutes: int, *waiting: str) -> dict[str, list[str]]:
    """Opens a window that ends so many minutes after the start, and counts it. Returns the keys of its files."""
    opened = opened_until(monitor, START + minutes * MINUTE)
    if opened["files"]:
        monitor.close(opened, "healthy", f"at-{minutes}", waiting=waiting)
    found = {name: monitor.files(opened, name) for name in ("records", "labels", "earlier")}
    return {name: keys for name, keys in found.items() if keys}


def opened_until(monitor: Monitor, moment: datetime) -> dict[str, Any]:
    """Opens a window that ends at a moment."""
    monitor.end(moment)
    return monitor.open(f"at-{(moment - START) // MINUTE}")


def test_labels_come_with_the_requests_of_earlier_windows(monitor: Monitor) -> None:
    """Whatever the delay; the window's own requests are its records. Without new labels nothing changes."""
    first = put(monitor, "a.jsonl", 1)
    assert window(monitor, 10) == {"records": [first]}
    second, label = put(monitor, "b.jsonl", 11), put(monitor, "labels.jsonl", 12)
    assert window(monitor, 20) == {"records": [second], "labels": [label], "earlier": [first]}
    third = put(monitor, "c.jsonl", 21)
    assert window(monitor, 30) == {"records": [third]}
    table = put(monitor, "labels.csv", 31)
    assert window(monitor, 40) == {"labels": [table], "earlier": [first, second, third]}


def test_the_first_window_can_have_labels(monitor: Monitor) -> None:
    """They are of its own requests; there are no earlier ones."""
    record, label = put(monitor, "a.jsonl", 1), put(monitor, "labels.jsonl", 2)
    assert window(monitor, 10) == {"records": [record], "labels": [label]}


def test_too_few_labels_wait_for_more(monitor: Monitor) -> None:
    """The records are counted; the next window has all the labels."""
    first, few = put(monitor, "a.jsonl", 1), put(monitor, "labels-1.jsonl", 2)
    window(monitor, 10, "labels")
    more = put(monitor, "labels-2.jsonl", 11)
    assert window(monitor, 20) == {"labels": [few, more], "earlier": [first]}
    assert window(monitor, 30) == {}


def test_too_few_records_wait_for_more(monitor: Monitor) -> None:
    """The labels are counted; the next window has all the records."""
    first = put(monitor, "a.jsonl", 1)
    put(monitor, "labels.jsonl", 2)
    window(monitor, 10, "records")
    second = put(monitor, "b.jsonl", 11)
    assert window(monitor, 20) == {"records": [first, second]}


def test_labels_from_before_the_version_was_in_service_are_left_alone(monitor: Monitor) -> None:
    """As are requests: they were answered by another version, and its baseline is another one."""
    monitor.sagemaker.since = START + 15 * MINUTE
    put(monitor, "a.jsonl", 1)
    put(monitor, "labels-1.jsonl", 2)
    record, label = put(monitor, "b.jsonl", 16), put(monitor, "labels-2.jsonl", 17)
    assert window(monitor, 20) == {"records": [record], "labels": [label]}


def test_labels_without_any_request_wait(monitor: Monitor) -> None:
    """They start no job, and count when there are requests that they can belong to."""
    label = put(monitor, "labels.jsonl", 1)
    assert window(monitor, 10) == {}
    monitor.transform()
    assert window(monitor, 70) == {"records": ["demo/data/july.csv"]}
    record = put(monitor, "a.jsonl", 75)
    assert window(monitor, 80) == {"records": [record], "labels": [label]}


def test_other_files_are_no_labels(monitor: Monitor) -> None:
    """Some tools write a file that says that they have succeeded."""
    record = put(monitor, "a.jsonl", 1)
    put(monitor, "labels/_SUCCESS", 2)
    assert window(monitor, 10) == {"records": [record]}


def test_labels_and_their_requests_are_bounded(monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest requests are kept; the next window has the other labels."""
    records = [put(monitor, f"{number}.jsonl", number) for number in range(1, 5)]
    window(monitor, 10)
    given = [put(monitor, f"labels-{number}.jsonl", 10 + number) for number in range(1, 4)]
    monkeypatch.setattr(labels, "MOST", 2)
    assert window(monitor, 20) == {"labels": given[:2], "earlier": records[2:]}
    assert window(monitor, 30) == {"labels": given[2:], "earlier": records[2:]}


def test_requests_of_other_days_are_found(monitor: Monitor) -> None:
    """Labels can come weeks after the records, but not more than a year."""
    monitor.sagemaker.since = NOW - timedelta(days=500)
    days = {days: put(monitor, f"{days}.jsonl", -days * 24 * 60) for days in (30, 300, 400)}
    window(monitor, 10)
    label = put(monitor, "labels.jsonl", 11)
    assert window(monitor, 20) == {"labels": [label], "earlier": [days[300], days[30]]}
