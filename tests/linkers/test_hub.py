"""The hub is asked once, within a time limit; what is said when it does not give names the way out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import constants

from robustmel.errors import MissingError
from robustmel.linkers import hub
from robustmel.linkers.weights import model_folder

ANSWERS = {
    "gated": (403, "GatedRepo", "it is gated: accept its terms on the hub and set HF_TOKEN"),
    "absent": (401, "RepoNotFound", "the hub has no model of that name, or it is private and HF_TOKEN is not set"),
    "revision": (404, "RevisionNotFound", "the hub has the model, but no such revision of it"),
    "busy": (503, "", "503"),
    "too many": (429, "", "429"),
    "silent": (0, "", "time"),
}


class Server(ThreadingHTTPServer):
    daemon_threads = True
    mode = ""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.over = threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        if "/models/" in self.path:
            self.server.asked.append(self.path)
        status, code, _ = ANSWERS[self.server.mode]
        if not status:
            self.server.over.wait(60)
            return
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    made = Server()
    threading.Thread(target=made.serve_forever, daemon=True).start()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{made.server_port}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(hub, "PATIENCE", 0.3)
    huggingface_hub.close_session()  # which remembers proxies
    yield made
    made.over.set()
    made.shutdown()
    made.server_close()
    huggingface_hub.close_session()


@pytest.mark.parametrize("mode", ANSWERS)
def test_a_hub_that_does_not_give_is_asked_once_and_quoted(mode: str, server: Server) -> None:
    server.mode = mode
    with pytest.raises(MissingError) as caught:
        model_folder("some-owner/some-model", "main")
    said = str(caught.value)
    assert ANSWERS[mode][2] in said
    assert "some-owner/some-model (revision main)" in said
    assert "HF_HUB_OFFLINE" in said
    assert "\n" not in said
    assert caught.value.exit_code == 3
    assert len(server.asked) == 1


def test_offline_the_sentence_names_the_variable_and_the_nearest_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(MissingError, match=r"openai/clip-vit-base-pach32 \(revision main\).*HF_HUB_OFFLINE.*local folder\.$"):
        model_folder("openai/clip-vit-base-pach32", "main")
    (tmp_path / "models--openai--clip-vit-base-patch32").mkdir()
    with pytest.raises(MissingError, match=r"Did you mean openai/clip-vit-base-patch32, which the hub cache holds\?"):
        model_folder("openai/clip-vit-base-pach32")


def test_a_cached_copy_that_is_not_whole_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *args, **options: str(tmp_path))
    with pytest.raises(MissingError, match=r"its copy in the hub cache lacks config\.json and model\*\.safetensors"):
        model_folder("owner/model")
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "adapter_model.safetensors").touch()  # are no model's weights
    with pytest.raises(MissingError, match=r"its copy in the hub cache lacks model\*\.safetensors,"):
        model_folder("owner/model")


def test_a_hub_id_comes_from_the_cache_where_it_is_whole(
    clip_folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[dict[str, Any]] = []

    def snapshot(model: str, **options: Any) -> str:
        calls.append(options)
        return str(clip_folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    assert model_folder("owner/model", "abc") == clip_folder
    assert [call["local_files_only"] for call in calls] == [True]
    assert calls[0]["revision"] == "abc"
    assert "adapter_config.json" in calls[0]["allow_patterns"]  # so that it is refused, as in a folder
    assert not any(pattern.endswith((".bin", ".pt", ".py", "*")) for pattern in calls[0]["allow_patterns"])
    assert server.asked == []
