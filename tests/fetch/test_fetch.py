import gzip
import io
import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from PIL import Image
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from robustmel.errors import UsageError
from robustmel.fetch.bounds import LONGEST, Pace, retry_after
from robustmel.fetch.client import BusyError, FetchError, ForbiddenError, PoliteClient
from robustmel.fetch.hosts import Hosts, RefusedAddressError
from robustmel.fetch.images import RECORD, fetch_images, rendered


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 3), (10, 200, 30)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def httpserver() -> Iterator[HTTPServer]:
    with HTTPServer(threaded=True) as server:
        yield server


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def client(slept: list[float]) -> Iterator[PoliteClient]:
    with PoliteClient("someone@example.org", Hosts(loopback=True), slept.append) as made:
        yield made


@pytest.mark.parametrize("contact", ["", "me", "a@b", "someone example.org", "ftp://x.y"])
def test_without_a_contact_nothing_is_asked(contact: str) -> None:
    with pytest.raises(UsageError, match="is not a contact"):
        PoliteClient(contact)


def test_every_request_names_the_program_and_the_contact(httpserver: HTTPServer, client: PoliteClient) -> None:
    httpserver.expect_request("/a").respond_with_handler(lambda request: Response(request.headers["User-Agent"]))
    agent = client.get(httpserver.url_for("/a")).decode()
    assert agent.startswith("robustmel/")
    assert "(someone@example.org)" in agent


def test_a_busy_server_is_asked_again_after_the_time_it_names(
    httpserver: HTTPServer, client: PoliteClient, slept: list[float]
) -> None:
    httpserver.expect_ordered_request("/a").respond_with_data("", status=429, headers={"Retry-After": "7.5"})
    httpserver.expect_ordered_request("/a").respond_with_data("", status=503, headers={"Retry-After": "100000"})
    httpserver.expect_ordered_request("/a").respond_with_data("", status=500)
    httpserver.expect_ordered_request("/a").respond_with_data("fine")
    assert client.get(httpserver.url_for("/a")) == b"fine"
    assert slept[0] >= 7.5
    assert slept[1] == LONGEST
    assert 0 <= slept[2] <= 8


def test_a_server_that_stays_busy_is_given_up(httpserver: HTTPServer, client: PoliteClient, slept: list[float]) -> None:
    httpserver.expect_request("/a").respond_with_data("", status=429)
    with pytest.raises(FetchError, match="no answer after 5 tries"):
        client.get(httpserver.url_for("/a"))
    assert len(slept) == 4


def test_a_refusal_is_not_asked_again(httpserver: HTTPServer, client: PoliteClient, slept: list[float]) -> None:
    httpserver.expect_request("/a").respond_with_data("Please set a user-agent", status=403)
    with pytest.raises(ForbiddenError, match="--contact"):
        client.get(httpserver.url_for("/a"))
    assert slept == []


def test_redirects_stay_on_the_allowed_hosts(httpserver: HTTPServer, client: PoliteClient) -> None:
    httpserver.expect_request("/a").respond_with_data("", status=302, headers={"Location": "/b"})
    httpserver.expect_request("/b").respond_with_data("there")
    assert client.get(httpserver.url_for("/a")) == b"there"
    for place in ("http://169.254.169.254/latest", "file:///etc/passwd", "//example.org/x", "ftp://127.0.0.1/"):
        httpserver.expect_oneshot_request("/out").respond_with_data("", status=301, headers={"Location": place})
        with pytest.raises(FetchError, match="not on this machine"):
            client.get(httpserver.url_for("/out"))
    httpserver.expect_request("/loop").respond_with_data("", status=302, headers={"Location": "/loop"})
    with pytest.raises(FetchError, match="more than 3 redirects"):
        client.get(httpserver.url_for("/loop"))


@pytest.mark.parametrize(
    "address",
    [
        "http://upload.wikimedia.org/x.jpg",
        "https://upload.wikimedia.org.evil.example/x.jpg",
        "https://upload.wikimedia.org:8080/x.jpg",
        "https://user@upload.wikimedia.org/x.jpg",
        "file:///etc/passwd",
        "https://127.0.0.1/x",
        "",
    ],
)
def test_only_named_hosts_by_https_are_asked(address: str) -> None:
    with pytest.raises(RefusedAddressError, match="is not an https address of"):
        Hosts().resolved(address)


@pytest.mark.parametrize("ip", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1"])
def test_a_host_at_a_private_address_is_refused(monkeypatch: pytest.MonkeyPatch, ip: str) -> None:
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("8.8.8.8", 443)), (2, 1, 6, "", (ip, 443))])
    with pytest.raises(RefusedAddressError, match="not public"):
        Hosts().resolved("https://upload.wikimedia.org/x.jpg")


def test_a_bomb_is_cut_off(httpserver: HTTPServer) -> None:
    client = PoliteClient("someone@example.org", Hosts(loopback=True), max_bytes=2**20)
    body = gzip.compress(bytes(20 * 2**20))
    httpserver.expect_request("/bomb").respond_with_data(body, headers={"Content-Encoding": "gzip"})
    with pytest.raises(FetchError, match="over 1 MB"):
        client.get(httpserver.url_for("/bomb"))


def test_a_dripping_server_does_not_hold_us(httpserver: HTTPServer) -> None:
    client = PoliteClient("someone@example.org", Hosts(loopback=True), deadline=0.2)

    def drip(request: Request) -> Response:
        def parts() -> Iterator[bytes]:
            for _ in range(50):
                time.sleep(0.02)
                yield bytes(70_000)

        return Response(parts())

    httpserver.expect_request("/drip").respond_with_handler(drip)
    with pytest.raises(FetchError, match="not complete after"):
        client.get(httpserver.url_for("/drip"))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0),
        ("3", 3),
        ("2.5", 2.5),
        ("-4", 0),
        ("inf", 0),
        ("soon", 0),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30),
        ("Sun, 22 Nov 2020 12:00:30 GMT", 0),
    ],
)
def test_retry_after_in_all_its_forms(header: str | None, seconds: float) -> None:
    assert retry_after(header, datetime(2026, 11, 22, 12, tzinfo=UTC)) == seconds


def test_an_answer_that_is_none_is_asked_for_again(httpserver: HTTPServer, client: PoliteClient, slept: list[float]) -> None:
    def number(body: bytes) -> int:
        if not body.isdigit():
            raise BusyError("no number")
        return int(body)

    httpserver.expect_oneshot_request("/a").respond_with_data("<html>", headers={"Retry-After": "9"})
    httpserver.expect_request("/a").respond_with_data("12")
    assert client.read(httpserver.url_for("/a"), number) == 12
    assert slept[0] >= 9
    httpserver.expect_request("/never").respond_with_data("")
    with pytest.raises(FetchError, match="no number"):
        client.read(httpserver.url_for("/never"), number)


def test_requests_keep_their_pace_and_slow_down_for_a_busy_server() -> None:
    now, sent = [0.0], []

    def sleep(seconds: float) -> None:
        now[0] += seconds

    pace = Pace(60, at_once=5, sleep=sleep, clock=lambda: now[0])

    def send(times: int) -> list[float]:
        for _ in range(times):
            pace.take()
            sent.append(now[0])
        return [round(after - before, 6) for before, after in zip(sent[-times:], sent[-times + 1 :], strict=False)]

    assert send(8) == [0, 0, 0, 0, 1, 1, 1]
    pace.busy()
    assert send(3) == [2, 2]
    for _ in range(20):
        pace.busy()
    assert send(3) == [16, 16]
    for _ in range(200):
        pace.fine()
    assert send(3) == [1, 1]
    now[0] += 1000
    assert send(7) == [0, 0, 0, 0, 1, 1]


def test_files_are_fetched_once_whole_and_two_at_a_time(httpserver: HTTPServer, client: PoliteClient, tmp_path: Path) -> None:
    busy, most, lock = 0, 0, threading.Lock()

    def answer(request: Request) -> Response:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.05)
        with lock:
            busy -= 1
        return Response(png())

    for number in range(6):
        httpserver.expect_request(f"/{number}.png").respond_with_handler(answer)
    httpserver.expect_request("/page.png").respond_with_data("<html>not found</html>")
    httpserver.expect_request("/gone.png").respond_with_data("", status=404)
    names = [*(f"{number}.png" for number in range(6)), "page.png", "gone.png"]
    addresses = {tmp_path / "images" / name: httpserver.url_for(f"/{name}") for name in names}
    outcomes = fetch_images(addresses, client, tmp_path)
    assert outcomes == {"there": 0, "fetched": 6, "no_image": 1, "not_fetched": 1}
    assert most == 2
    assert sorted(one.name for one in (tmp_path / "images").iterdir()) == [f"{number}.png" for number in range(6)]
    lines = [json.loads(line) for line in (tmp_path / RECORD).read_text("utf-8").splitlines()]
    assert {line["outcome"] for line in lines} == {"fetched", "no_image", "not_fetched"}
    before = len(httpserver.log)
    assert fetch_images(addresses, client, tmp_path) == {"there": 6, "no_image": 1, "not_fetched": 1}
    assert len(httpserver.log) == before + 2


def test_a_refusal_stops_all(httpserver: HTTPServer, client: PoliteClient, tmp_path: Path) -> None:
    httpserver.expect_request("/a.png").respond_with_data("", status=403)
    addresses = {tmp_path / f"{number}.png": httpserver.url_for("/a.png") for number in range(20)}
    with pytest.raises(ForbiddenError):
        fetch_images(addresses, client, tmp_path)
    assert len(httpserver.log) <= 4


def test_drawings_are_asked_for_as_pictures() -> None:
    address = "https://upload.wikimedia.org/wikipedia/commons/d/d5/Flag_of_Ardale.svg"
    assert rendered(address) == (
        "https://upload.wikimedia.org/wikipedia/commons/thumb/d/d5/Flag_of_Ardale.svg/500px-Flag_of_Ardale.svg.png"
    )
    assert rendered("https://upload.wikimedia.org/wikipedia/commons/d/d5/a.jpg").endswith("/d5/a.jpg")


def test_a_proxy_of_the_environment_is_used(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", httpserver.url_for(""))
    httpserver.expect_request("/behind").respond_with_data("through")
    with PoliteClient("someone@example.org", Hosts(loopback=True)) as client:
        assert client.get("http://127.0.0.1:9/behind") == b"through"  # nobody listens there


def test_a_name_that_is_not_known_is_named(monkeypatch: pytest.MonkeyPatch, slept: list[float]) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    with (
        PoliteClient("someone@example.org", sleep=slept.append) as client,
        pytest.raises(FetchError, match=r"upload\.wikimedia\.org: .*Name or service not known"),
    ):
        client.get("https://upload.wikimedia.org/x.jpg")
    assert len(slept) == 4


def test_a_machine_with_ipv6_alone_asks_the_address_that_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    public = "2620:0:861:ed1a::2:b"
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: [(10, 1, 6, "", (public, 443, 0, 0))])
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(200, content=b"it")

    client = PoliteClient("someone@example.org")
    client._client = httpx2.Client(transport=httpx2.MockTransport(answer))
    assert client.get("https://upload.wikimedia.org/x.jpg") == b"it"
    (request,) = asked
    assert (request.url.host, request.headers["Host"]) == (public, "upload.wikimedia.org")
    assert request.extensions["sni_hostname"] == "upload.wikimedia.org"


def test_an_interrupt_waits_for_no_request_in_flight(tmp_path: Path) -> None:
    begun, over = threading.Event(), threading.Event()

    class Slow:
        def get(self, address: str) -> bytes:
            if address == "slow":
                begun.set()
                over.wait(60)
            else:
                begun.wait(60)
            return png()

    def interrupted(done: int, of: int) -> None:
        raise KeyboardInterrupt

    addresses = {tmp_path / f"{name}.png": name for name in ("first", "slow")}
    with pytest.raises(KeyboardInterrupt):
        fetch_images(addresses, Slow(), tmp_path, interrupted)  # type: ignore[arg-type]
    assert not over.is_set()
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["first.png"]
    over.set()
