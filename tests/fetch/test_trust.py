"""Servers by TLS: an authority of one's own is trusted by its file, everybody else's certificate ends the matter at once."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

import robustmel
from robustmel.errors import MissingError
from robustmel.fetch.client import PoliteClient
from robustmel.fetch.hosts import Hosts
from robustmel.fetch.trust import trusted
from robustmel.linkers.chat.service import ChatService

OPENSSL = shutil.which("openssl")
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="openssl, which makes the certificates, is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, and what it signs for localhost and for another host."""
    folder = tmp_path_factory.mktemp("certificates")
    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    made(folder, f"req -x509 {key} -keyout authority.key -out authority.pem -subj /CN=Test")
    for name, host in (("own", "localhost"), ("other", "elsewhere.example")):
        signed = f"-CA authority.pem -CAkey authority.key -subj /CN={name} -addext subjectAltName=DNS:{host}"
        made(folder, f"req -x509 {key} -keyout {name}.key -out {name}.pem {signed} -addext basicConstraints=critical,CA:FALSE")
    return folder


def made(folder: Path, arguments: str) -> None:
    subprocess.run([str(OPENSSL), *arguments.split()], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Callable[[str], str]]:
    servers: list[HTTPServer] = []

    def address(name: str) -> str:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
        server = HTTPServer(host="localhost", ssl_context=context)
        server.start()
        servers.append(server)
        server.expect_request("/v1/page").respond_with_data("fine")
        server.expect_request("/v1/chat/completions").respond_with_json({"choices": [{"message": {"content": "2"}}]})
        return server.url_for("/v1")

    yield address
    for server in servers:
        server.stop()


def read(address: str, slept: list[float]) -> bytes:
    with PoliteClient("a@example.org", Hosts(loopback=True), slept.append) as client:
        return client.get(f"{address}/page")


@needs_openssl
def test_an_authority_of_one_s_own_is_trusted_by_its_file(
    folder: Path, served: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    address = served("own")
    for variable, name in (("SSL_CERT_FILE", "authority.pem"), ("SSL_CERT_DIR", "folder")):
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        if name == "folder":
            (folder / name).mkdir()
            shutil.copy(folder / "authority.pem", folder / name)
            made(folder, f"rehash {name}")
        monkeypatch.setenv(variable, str(folder / name))
        assert read(address, slept) == b"fine"
        assert ChatService(address, "", 5.0, slept.append).ask({}).text == "2"
    assert slept == []


@needs_openssl
@pytest.mark.parametrize(("name", "trusts"), [("own", False), ("other", True)], ids=["unknown authority", "another host"])
def test_a_certificate_that_proves_nothing_ends_the_matter_and_says_the_way_out(
    name: str, trusts: bool, folder: Path, served: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    address = served(name)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    if trusts:
        monkeypatch.setenv("SSL_CERT_FILE", str(folder / "authority.pem"))
    else:
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    way_out = r"localhost.* cannot be asked: its certificate is not trusted \(.+\); .* SSL_CERT_FILE"
    with pytest.raises(MissingError, match=way_out):
        read(address, slept)
    with pytest.raises(MissingError, match=way_out):
        ChatService(address, "", 5.0, slept.append).ask({})
    assert slept == []  # asked once: another try would fare no better


def test_a_file_of_certificates_that_is_absent_or_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "absent.pem"))
    with pytest.raises(MissingError, match=r"SSL_CERT_FILE names .*absent\.pem, which is not there"):
        trusted()
    (tmp_path / "absent.pem").write_text("no certificate")
    with pytest.raises(MissingError, match=r"SSL_CERT_FILE = .*absent\.pem cannot be read"):
        trusted()


def test_nothing_in_the_package_turns_verification_off() -> None:
    off = re.compile(r"verify\s*=\s*False|CERT_NONE|check_hostname\s*=|_create_unverified_context")
    for path in Path(robustmel.__file__).parent.rglob("*.py"):
        clients = [line for line in path.read_text("utf-8").splitlines() if "httpx2.Client(" in line]
        assert all("verify=trusted()" in line for line in clients), path
        assert path.name == "name_trie.py" or not off.search(path.read_text("utf-8")), path
    assert trusted().verify_mode == ssl.CERT_REQUIRED
    assert trusted().check_hostname
