from __future__ import annotations

import random
from pathlib import Path

import pytest

from robustmel.errors import MissingError
from robustmel.linkers.chat.kept_replies import KeptReplies
from robustmel.linkers.chat.service import Reply
from robustmel.retrieval.text_index import FILE, TextIndex, build_text_index
from robustmel.types import Entity

REPLIES = {
    f"asked {number}": Reply(f"answer {number} " + "x" * number, "ok", number, 1, {"A": -0.5 * number}) for number in range(40)
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("replies") / "r.sqlite"
    kept = KeptReplies(path)
    for request, reply in REPLIES.items():
        kept.sending(request, None)
        kept.keep(request, reply)
    return path.read_bytes()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_of_a_damaged_file_come_the_replies_none_or_a_sentence(sound: bytes, tmp_path: Path) -> None:
    dice, told = random.Random(0), []
    for number in range(60):
        damaged = bytearray(sound)
        for _ in range(dice.choice((1, 3, 30))):
            damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        path = tmp_path / f"{number}.sqlite"
        path.write_bytes(damaged if number % 6 else damaged[: dice.randrange(len(damaged))])
        try:
            kept = KeptReplies(path)
            assert all(kept.get(request) in (None, reply) for request, reply in REPLIES.items())
            kept.spent()
        except MissingError as problem:
            told.append(str(path) in str(problem))
    assert 5 < len(told) < 55
    assert all(told)


def test_a_damaged_index_is_named_with_the_command_that_makes_it_anew(tmp_path: Path) -> None:
    build_text_index([Entity(f"Q{number}", f"name {number}", text="words " * 50) for number in range(200)], tmp_path / "index")
    file = tmp_path / "index" / FILE
    file.write_bytes(file.read_bytes()[:8192] + b"\xff" * (file.stat().st_size - 8192))
    with pytest.raises(MissingError, match="kb index"):
        TextIndex(tmp_path / "index").best("words", 3)
