"""The tool's signing keys: made, served, rotated, retired, and what happens when their folder is in disorder."""

import json
import os
import stat
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from lti_cert.core import clock, resources
from lti_cert.lti import keys
from lti_cert.lti.keys import KeyState
from lti_cert.settings import Settings
from tests.launching import Platform, title


def states(settings: Settings) -> list[str]:
    return [key.state for key in keys.all_keys(settings)]


@pytest.fixture
def folder(settings: Settings) -> Path:
    return keys.keys_dir(settings)


def test_the_first_key_signs_and_the_next_is_published_with_it(app: Flask, settings: Settings) -> None:
    made = keys.ensure_key(settings)
    assert keys.ensure_key(settings).kid == made.kid
    assert states(settings) == [KeyState.SIGNING, KeyState.NEXT]
    kid, private = keys.signing_key()
    assert kid == made.kid
    assert private.key_size == 2048
    assert keys.signing_key()[1] is private


def test_the_key_set_verifies_what_we_sign_and_gives_nothing_private_away(app: Flask, settings: Settings) -> None:
    keys.ensure_key(settings)
    kid, private = keys.signing_key()
    token = jwt.encode({"sub": "tool"}, private, "RS256", {"kid": kid})
    published = keys.public_set()
    assert jwt.decode(token, jwt.PyJWKSet.from_dict(published)[kid], ["RS256"]) == {"sub": "tool"}
    assert all(set(jwk) == {"kty", "n", "e", "kid", "alg", "use"} for jwk in published["keys"])


def test_a_kid_is_the_thumbprint_of_its_key(app: Flask, settings: Settings) -> None:
    """https://www.rfc-editor.org/rfc/rfc7638"""
    from jwcrypto.jwk import JWK

    keys.ensure_key(settings)
    for jwk in keys.public_set()["keys"]:
        assert jwk["kid"] == JWK(**jwk).thumbprint()


def test_files_are_for_their_owner_only(settings: Settings, folder: Path) -> None:
    keys.ensure_key(settings)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = list(folder.iterdir())
    assert len(files) == 2
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_rotation_takes_the_published_key_and_serves_the_old_one_for_its_grace(
    app: Flask, settings: Settings, folder: Path
) -> None:
    first = keys.ensure_key(settings)
    announced = keys.all_keys(settings)[1]
    with time_machine.travel(clock.now() + timedelta(days=90)) as travel:
        second = keys.rotate(settings)
        assert second.kid == announced.kid == keys.signing_key()[0]
        assert states(settings) == [KeyState.SIGNING, KeyState.NEXT, KeyState.PREVIOUS]
        travel.shift(keys.GRACE - timedelta(minutes=1))
        assert first.kid in {jwk["kid"] for jwk in keys.public_set()["keys"]}
        travel.shift(timedelta(minutes=2))
        assert first.kid not in {jwk["kid"] for jwk in keys.public_set()["keys"]}
        assert states(settings)[-1] == KeyState.RETIRED
        keys.rotate(settings)
        assert not (folder / f"{first.kid}.json").exists()


def test_a_key_that_platforms_cannot_know_yet_waits_before_it_signs(app: Flask, settings: Settings) -> None:
    keys.ensure_key(settings)
    second = keys.rotate(settings)
    third = keys.rotate(settings)
    assert third.signs_from == third.created_at + keys.KEPT_BY_PLATFORMS
    assert keys.signing_key()[0] == second.kid
    assert third.kid in {jwk["kid"] for jwk in keys.public_set()["keys"]}
    with time_machine.travel(third.signs_from + timedelta(seconds=1)):
        assert keys.signing_key()[0] == third.kid


def test_a_rotation_elsewhere_is_seen_by_a_running_process(app: Flask, settings: Settings, folder: Path) -> None:
    keys.ensure_key(settings)
    before = keys.signing_key()[0]
    waiting = next(key for key in keys.all_keys(settings) if key.state == KeyState.NEXT)
    file = folder / f"{waiting.kid}.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"signs_from": clock.now().isoformat()}))
    assert keys.signing_key()[0] == waiting.kid != before


def test_a_rotation_without_any_key_makes_one_that_signs(app: Flask, settings: Settings) -> None:
    made = keys.rotate(settings)
    assert keys.signing_key()[0] == made.kid
    assert states(settings) == [KeyState.SIGNING, KeyState.NEXT]


def test_where_the_folder_cannot_be_written_a_rotation_hands_over_the_files(
    settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.ensure_key(settings)
    before = sorted(folder.iterdir())

    def refuse(path: str | Path, *_args: object) -> int:
        raise PermissionError(13, "Permission denied", path)

    opened = os.open
    monkeypatch.setattr(os, "open", lambda path, flags, *mode: (refuse if mode else opened)(path, flags, *mode))
    with pytest.raises(keys.KeysNotWritable) as refused:
        keys.rotate(settings)
    monkeypatch.undo()
    assert sorted(folder.iterdir()) == before
    for name, content in refused.value.files.items():
        (folder / name).write_text(content)
    assert states(settings) == [KeyState.SIGNING, KeyState.NEXT, KeyState.PREVIOUS]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"kid": "x"}', '{"kty": "RSA", "kid": 5, "created_at": 5}'])
def test_a_file_that_is_no_key_is_named(settings: Settings, folder: Path, content: str) -> None:
    folder.mkdir()
    (folder / "odd.json").write_text(content)
    with pytest.raises(keys.KeysUnusable, match=r"odd\.json is not a key of ours"):
        keys.all_keys(settings)


def test_a_key_that_is_too_short_is_refused_with_its_length(
    app: Flask, client: FlaskClient, settings: Settings, folder: Path
) -> None:
    from jwcrypto.jwk import JWK

    keys.ensure_key(settings)
    content = json.loads(next(folder.iterdir()).read_text())
    short = JWK.generate(kty="RSA", size=1024, alg="RS256", use="sig").export(as_dict=True)
    (folder / "short.json").write_text(json.dumps(content | short | {"kid": "short"}))
    with pytest.raises(keys.KeysUnusable, match=r"short\.json holds a key of 1024 bits; 2048 are the least"):
        keys.signing_key()
    assert client.get("/lti/jwks.json").status_code == 503


def test_a_file_that_others_may_read_is_told_from_those_that_they_may_not(settings: Settings, folder: Path) -> None:
    keys.ensure_key(settings)
    assert keys.exposed_files(settings) == []
    file = sorted(folder.iterdir())[0]
    for mode in (0o640, 0o604, 0o666):
        file.chmod(mode)
        assert keys.exposed_files(settings) == [file]


def test_private_parts_cannot_be_committed_by_accident() -> None:
    checkout = Path(__file__).parents[2]
    if not (checkout / ".git").exists():
        pytest.skip("not in a checkout")
    ignored = subprocess.run(["git", "check-ignore", "-q", "jwks/any.json"], cwd=checkout, check=False)
    assert ignored.returncode == 0
    listed = subprocess.run(["git", "ls-files", "jwks"], cwd=checkout, check=True, capture_output=True, text=True)
    assert not [file for file in listed.stdout.split() if file.endswith(".json")]


def test_without_a_key_the_key_set_says_so(app: Flask, client: FlaskClient, platform: Platform) -> None:
    response = client.get("/lti/jwks.json")
    assert (response.status_code, title(response)) == (503, "The tool's signing keys cannot be used")


def test_the_key_set_may_be_kept_for_an_hour(
    app: Flask, client: FlaskClient, platform: Platform, settings: Settings
) -> None:
    keys.ensure_key(settings)
    response = client.get("/lti/jwks.json")
    assert response.headers["Cache-Control"] == "public, max-age=3600"
    assert response.mimetype == "application/json"
    assert [jwk["kid"] for jwk in response.get_json()["keys"]] == [key.kid for key in keys.all_keys(settings)]


def test_a_signature_does_not_pay_for_parsing_the_key(app: Flask, settings: Settings) -> None:
    keys.ensure_key(settings)
    keys.signing_key()
    begun = time.process_time()
    for _ in range(20):
        keys.signing_key()
    assert (
        time.process_time() - begun
    ) / 20 < 0.01  # parsing takes three times as long, looking at the folder a hundredth


def test_a_checkout_keeps_its_keys_in_its_own_folder(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    checkout = make_settings(jwks_dir=None)
    monkeypatch.setattr(resources, "CHECKOUT", tmp_path)
    assert keys.keys_dir(checkout) == tmp_path / "jwks"
    monkeypatch.setattr(resources, "CHECKOUT", None)
    assert keys.keys_dir(checkout) == checkout.data_dir / "jwks"
