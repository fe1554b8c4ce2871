"""A model's folder is tried whole when it is loaded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from robustmel.errors import MissingError
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.linkers.weights import EMBEDDED


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("chat_template.jinja", None, "its tokenizer, chat template, image processor and weights do not work together"),
        ("preprocessor_config.json", {"image_std": [0, 0, 0]}, "its scores are not finite"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
def test_what_does_not_go_together_is_told_before_any_run(
    file: str, change: dict[str, Any] | None, said: str, tmp_path: Path
) -> None:
    copy = shutil.copytree(EMBEDDED / "qwen2.5-vl-world", tmp_path / "copy")
    stated = {} if change is None else json.loads((copy / file).read_text())
    (copy / file).write_text("no place for an image" if change is None else json.dumps(stated | change))
    with pytest.raises(MissingError, match=said):
        LINKERS.create("qwen2.5-vl", KnowledgeBase(()), model=str(copy), device="cpu")
