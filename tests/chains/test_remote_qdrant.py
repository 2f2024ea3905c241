"""Where a Qdrant may be, and how its address is read."""

from __future__ import annotations

import pytest

from chains.errors import SettingsError
from chains.hosts import is_public
from chains.remote_qdrant import address, async_remote_client, place_of, remote_client
from chains.settings import ChainSettings

CLOUD = "https://xyz.eu-central-1-0.aws.cloud.qdrant.io"


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "127.0.0.1", "::1", "[::1]", "10.1.2.3", "192.168.0.7", "172.20.0.2", "169.254.1.1", "fd00::1"),
        *(
            "100.64.0.9",
            "qdrant",
            "qdrant.default.svc.cluster.local",
            "vm.internal",
            "nas.lan.",
            "host.docker.internal",
        ),
    ],
)
def test_host_inside_is_not_public(host: str) -> None:
    assert not is_public(host)


@pytest.mark.parametrize("host", ["example.com", "xyz.cloud.qdrant.io", "8.8.8.8", "2606:4700::1111", "local.example"])
def test_host_outside_is_public(host: str) -> None:
    assert is_public(host)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://xyz.cloud.qdrant.io:6333", "must be https"),
        ("http://8.8.8.8", "must be https"),
        ("xyz.cloud.qdrant.io", "begins with https://"),
        ("ftp://qdrant", "begins with https://"),
        ("https://:6333", "begins with https://"),
        ("https://qdrant:port", "cannot be read"),
        ("https://user:secret-of-mine@qdrant", "_API_KEY"),
        ("https://qdrant?api_key=secret-of-mine", "_API_KEY"),
    ],
)
def test_malformed_address_names_the_variable_and_not_the_value(url: str, says: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        ChainSettings.load(qdrant_url=url)
    assert str(refusal.value).startswith("QDRANT_URL: ")
    assert says in str(refusal.value)
    assert url not in str(refusal.value)
    assert "secret-of-mine" not in str(refusal.value)


@pytest.mark.parametrize(
    "url", [CLOUD, f" '{CLOUD}/' ", "http://qdrant:6333", "http://10.0.0.4", "https://8.8.8.8:444"]
)
def test_address_is_accepted(url: str) -> None:
    assert ChainSettings.load(qdrant_url=url).qdrant_url == url.strip(" '").rstrip("/")


def test_no_address_is_the_embedded_engine() -> None:
    assert ChainSettings.load(qdrant_url="  ").qdrant_url is None
    assert place_of(ChainSettings()) == "the embedded index"


@pytest.mark.parametrize(
    ("url", "with_port"),
    [
        (CLOUD, f"{CLOUD}:443"),
        (f"{CLOUD}:6333", f"{CLOUD}:443"),
        (f"{CLOUD}:8443", f"{CLOUD}:8443"),
        ("https://search.example.com", "https://search.example.com:443"),
        ("https://search.example.com:6333", "https://search.example.com:6333"),
        ("https://example.com/qdrant", "https://example.com:443/qdrant"),
        ("http://qdrant", "http://qdrant:6333"),
        ("http://[::1]:7000", "http://[::1]:7000"),
    ],
)
def test_port_is_said(url: str, with_port: str) -> None:
    """6333 is closed to a Hugging Face Space, and a cluster of Qdrant Cloud answers at 443, too."""
    assert address(url) == with_port


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("make", [remote_client, async_remote_client])
def test_client_is_made_without_a_call_or_a_warning(make) -> None:  # type: ignore[no-untyped-def]
    """Nothing listens there; the client's own check of versions would warn of it."""
    client = make(ChainSettings(qdrant_url="http://127.0.0.1:9/deep", qdrant_api_key="k", retrieve_timeout=2.5))
    assert client.http.client.host == "http://127.0.0.1:9/deep"
