"""Redaction: no form of a secret passes, and nothing else is touched."""

from __future__ import annotations

import base64
import io
import json
import logging
from urllib.parse import quote, quote_plus

from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch.kit.redact import MASK, RedactingFilter, Redactor, redacted, secrets_around

TOKEN = "ghp_AbC123+/=&\"x'yz0987654321"
secrets = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=60)


@given(secrets, st.text(max_size=20), st.text(max_size=20))
def test_no_form_of_a_secret_passes(secret: str, before: str, after: str) -> None:
    """Plain, URL-escaped, JSON-escaped and base64 forms disappear wherever they stand."""
    redactor = Redactor([secret])
    for user in ("x-access-token", "oauth2", "gitlab-ci-token", "a", "ab", ""):
        basic = base64.b64encode(f"{user}:{secret}".encode()).decode()
        assert secret.encode() not in _decoded(redactor.redact(f"{before} Basic {basic} {after}"))
    for form in (secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]):
        assert form not in redactor.redact(before + form + after).replace(MASK, "\0")


def _decoded(text: str) -> bytes:
    for word in text.split(" "):
        try:
            return base64.b64decode(word, validate=True)
        except ValueError:
            continue
    return b""


@given(st.text())
def test_other_text_stays_as_it_is(text: str) -> None:
    """What holds no secret is not changed."""
    if TOKEN[:8] not in text:
        assert Redactor([TOKEN]).redact(text) == text
    assert Redactor().redact(text) == text
    assert Redactor(["", "  ", "abc"]).redact(text) == text


def test_the_lines_of_a_key_are_secrets_and_its_frame_is_not() -> None:
    """A private key is masked line by line, since tools quote single lines of it."""
    line = "MIIEowIBAAKCAQEAu1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gun"
    redactor = Redactor([f"-----BEGIN RSA PRIVATE KEY-----\n{line}\n-----END RSA PRIVATE KEY-----\n"])
    assert redactor.redact(f"bad line {line}") == f"bad line {MASK}"
    assert redactor.redact("-----BEGIN RSA PRIVATE KEY-----") == "-----BEGIN RSA PRIVATE KEY-----"


def test_a_secret_learned_later_is_masked_from_then_on() -> None:
    """Renewed tokens are added while the program runs."""
    redactor = Redactor(["first-token"])
    redactor.add("second-token")
    assert redactor.redact("first-token second-token") == f"{MASK} {MASK}"


def test_log_records_are_redacted_in_message_fields_and_traceback() -> None:
    """The filter changes all that a formatter could print, and drops nothing."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(message)s %(path)s"))
    handler.addFilter(RedactingFilter(Redactor([TOKEN])))
    logger = logging.getLogger("gl2gh_test_redact")
    logger.addHandler(handler)
    try:
        raise ValueError(f"bad {TOKEN}")
    except ValueError:
        logger.exception("sent %s", TOKEN, extra={"path": f"/x?token={TOKEN}"})
    shown = stream.getvalue()
    assert TOKEN not in shown
    assert shown.count(MASK) == 3
    assert "ValueError" in shown


def test_bytes_without_a_secret_stay_the_same_object() -> None:
    """Bytes are masked in every form of a secret, and not even copied where there is none."""
    redactor = Redactor(["glpat-abcdefgh", "p@ss word"])
    clean = b"nothing here \xff"
    assert redactor.mask(clean) is clean
    basic = base64.b64encode(b"oauth2:glpat-abcdefgh")
    assert redactor.mask(b"x glpat-abcdefgh p%40ss%20word \xff") == b"x *** *** \xff"
    assert basic[12:-4] not in redactor.mask(basic)


def test_secrets_are_known_from_the_environment() -> None:
    """A proxy's password as it is and as the address has it, and the runner's own tokens; nothing else."""
    around = {
        "https_proxy": "http://me:p%40ssword@proxy:3128",
        "ALL_PROXY": "no address at [all",
        "ACTIONS_RUNTIME_TOKEN": "runtime-token",
        "HOME": "/home/me",
    }
    assert {*secrets_around(around)} - {""} == {"p%40ssword", "p@ssword", "runtime-token"}
    assert "p@ssword" not in Redactor(secrets_around(around)).redact("proxy said p@ssword")


def test_plain_data_is_redacted_whole() -> None:
    """Texts in lists and mappings, and nothing but texts."""
    data = {"a": ["glpat-abcdefgh", 1, None], "b": {"c": "x glpat-abcdefgh"}}
    redact = Redactor(["glpat-abcdefgh"]).redact
    assert redacted(data, redact) == {"a": ["***", 1, None], "b": {"c": "x ***"}}
