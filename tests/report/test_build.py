from __future__ import annotations

import subprocess
import sys
from typing import Any


def test_a_report_is_built_without_torch(fake_run: Any, ask: Any) -> None:
    fake_run.questions([ask(0, "a", ["a", "b"])])
    fake_run.cell("clean", {"clean": (None, fake_run.rows([(("a", "b"), (2.0, 1.0))]))})
    code = (
        "import sys, pathlib; from robustmel.report import build; report = build(pathlib.Path(sys.argv[1]));"
        " report.write_page(), report.text(), report.to_json(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(fake_run.finish())], check=False).returncode == 0
