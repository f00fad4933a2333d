"""How a client connects."""

import pytest

from callboard._settings import Settings


@pytest.mark.parametrize(
    ("url", "target", "is_secure"),
    [
        ("http://127.0.0.1:7070", "127.0.0.1:7070", False),
        ("http://gateway", "gateway:80", False),
        ("https://gateway/", "gateway:443", True),
        ("http://[::1]:7070", "[::1]:7070", False),
    ],
)
def test_urls(url, target, is_secure):
    settings = Settings.of(url, {})
    assert settings.target == target
    assert (settings.credentials is not None) == is_secure


@pytest.mark.parametrize(
    "url", ["127.0.0.1:7070", "grpc://gateway", "http://", "http://gateway/path", ""]
)
def test_what_is_no_url_of_a_gateway_is_refused(url):
    with pytest.raises(ValueError, match="no URL of a gateway"):
        Settings.of(url, {})


def test_defaults():
    settings = Settings.of("http://gateway", {})
    assert (settings.timeouts.ask, settings.timeouts.tell) == (30.0, 10.0)
    assert (settings.retry.attempts, settings.retry.base, settings.retry.cap) == (5, 0.1, 2.0)


def test_secrets_are_not_shown():
    settings = Settings.of("http://gateway", {"token": "secret", "api_key": "secret"})
    assert "secret" not in repr(settings)


def test_certificates_are_for_tls(tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text("")
    with pytest.raises(ValueError, match="https"):
        Settings.of("http://gateway", {"ca_file": file})
    with pytest.raises(ValueError, match="go together"):
        Settings.of("https://gateway", {"cert_file": file})
    with pytest.raises(OSError, match="none"):
        Settings.of("https://gateway", {"ca_file": tmp_path / "none"})


@pytest.mark.parametrize("name", ["ask_timeout", "tell_timeout"])
def test_a_timeout_is_more_than_nothing(name):
    with pytest.raises(ValueError, match="more than 0"):
        Settings.of("http://gateway", {name: 0})
