"""The open tasks of a worker, as the worker after it finds them."""

from pathlib import Path

import pytest

from local.tasks import Tasks

TASK = {"taskToken": "token", "input": '{"a": 1}'}


def test_a_dead_workers_tasks_are_handed_on_once(tmp_path: Path) -> None:
    """What a worker has taken and not answered goes to one worker after it, and is that one's own from then on."""
    first = Tasks(tmp_path)
    first.add("sagemaker:createModel", TASK)
    first.add("sagemaker:createModel", TASK | {"taskToken": "answered"})
    first.remove("answered")
    first.close()
    second = Tasks(tmp_path)
    ((integration, task),) = second.of_the_dead()
    assert (integration, task["taskToken"], task["input"]) == ("sagemaker:createModel", "token", '{"a": 1}')
    third = Tasks(tmp_path)
    assert not list(third.of_the_dead())
    second.close()
    assert [task["taskToken"] for _, task in third.of_the_dead()] == ["token"]
    third.close()


@pytest.mark.parametrize("answered", [True, False])
def test_a_living_worker_keeps_its_tasks(answered: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a test's parameter
    """Nobody takes the tasks of a worker that lives, and forgetting one that is unknown does no harm."""
    first, second = Tasks(tmp_path), Tasks(tmp_path)
    first.add("sagemaker:createModel", TASK)
    if answered:
        first.remove("token")
    first.remove("unknown")
    assert not list(second.of_the_dead())
    first.close()
    assert len(list(second.of_the_dead())) == (0 if answered else 1)
    second.close()
