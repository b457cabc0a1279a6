"""What was read a moment ago: good for one size of the log and until its own last instant, and for nothing else."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from gate.workflow.recall import MOST, Recall

pytestmark = pytest.mark.req("ASK-01", "INV-01")

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)


class Source:
    """Counts how often it is read."""

    def __init__(self) -> None:
        self.reads = 0
        self.recall: Recall[int] = Recall()

    def get(self, key: str, size: int, now: datetime, until: datetime | None = LATER) -> int:
        def read() -> int:
            self.reads += 1
            return self.reads

        return self.recall.get(key, size, now, read, lambda _: until)


def test_an_item_is_recalled_for_the_same_key_size_and_time() -> None:
    source = Source()
    assert [source.get("a", 7, NOW), source.get("a", 7, LATER - timedelta(microseconds=1))] == [1, 1]
    assert source.get("b", 7, NOW) == 2


@pytest.mark.parametrize(
    ("size", "now"),
    [(8, NOW), (6, NOW), (7, LATER), (7, LATER + timedelta(days=1)), (7, NOW - timedelta(microseconds=1))],
    ids=["grown", "shrunk", "run out", "long run out", "clock went back"],
)
def test_it_is_read_anew_when_anything_moved(size: int, now: datetime) -> None:
    source = Source()
    source.get("a", 7, NOW)
    assert source.get("a", size, now) == 2


def test_what_is_not_to_be_kept_is_not() -> None:
    source = Source()
    assert [source.get("a", 7, NOW, None), source.get("a", 7, NOW, None)] == [1, 2]
    assert [source.get("b", 7, NOW, NOW), source.get("b", 7, NOW, NOW)] == [3, 4]


def test_a_growing_log_forgets_everything_at_once() -> None:
    source = Source()
    source.get("a", 7, NOW)
    source.get("b", 8, NOW)
    assert source.get("a", 8, NOW) == 3
    assert source.get("b", 7, NOW) == 4, "an older size is another state, too"


def test_a_failure_is_not_kept() -> None:
    recall: Recall[int] = Recall()

    def fail() -> int:
        raise RuntimeError("down")

    with pytest.raises(RuntimeError):
        recall.get("a", 7, NOW, fail, lambda _: LATER)
    assert recall.get("a", 7, NOW, lambda: 1, lambda _: LATER) == 1


def test_it_is_bounded() -> None:
    source = Source()
    for number in range(MOST + 1):
        source.get(str(number), 7, NOW)
    assert source.get("0", 7, NOW) == MOST + 2, "everything went when it was full"
    assert source.get(str(MOST), 7, NOW) == MOST + 1


def test_a_slow_reader_of_an_older_size_never_stands_for_the_new_one() -> None:
    """A reader that asked at size 7 and finishes after somebody at size 8 must not be found at 8."""
    recall: Recall[str] = Recall()
    started, finish = threading.Event(), threading.Event()

    def slow() -> str:
        started.set()
        assert finish.wait(timeout=30)
        return "as of 7"

    thread = threading.Thread(target=lambda: recall.get("a", 7, NOW, slow, lambda _: LATER))
    thread.start()
    assert started.wait(timeout=30)
    assert recall.get("a", 8, NOW, lambda: "as of 8", lambda _: LATER) == "as of 8"
    finish.set()
    thread.join(timeout=30)
    assert recall.get("a", 8, NOW, lambda: "as of 8 again", lambda _: LATER) != "as of 7"
