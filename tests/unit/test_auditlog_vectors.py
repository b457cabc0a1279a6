"""Our vectors are what the script writes, byte for byte, and every implementation we have gives the answers they ask.

Old vectors stay: a case changes only when a format got a new version.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gate.auditlog.checkpoint import verify_checkpoint
from gate.auditlog.merkle import verify_consistency
from gate.auditlog.proof import verify_receipt
from gate.auditlog.trust import build_trust_file, parse_trust
from gate.domain.errors import InputError, VerificationError
from gate.signing.api import PublicKey, parse_vkey
from gate.signing.envelope import verify_envelope
from gate.signing.note import verify_note
from gate.standalone import hook
from tests.support.logs import fixed_trust
from tests.vectors import make_vectors

pytestmark = pytest.mark.req("LOG-01", "INV-08")


def _load(name: str) -> Any:
    return json.loads((make_vectors.HERE / name).read_text("utf-8"))


def _cases(name: str) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in _load(name)["cases"]]


def _keys(name: str) -> list[PublicKey]:
    return [parse_vkey(text) for text in _load(name)["keys"]]


def _expect(case: dict[str, Any], check: Callable[[], object]) -> None:
    if case["wantErr"]:
        with pytest.raises((InputError, VerificationError)):
            check()
    else:
        check()


def test_files_are_what_the_script_writes(tmp_path: Path) -> None:
    make_vectors.write_vectors(tmp_path)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written == {path.name: path.read_bytes() for path in make_vectors.HERE.glob("*.json")}


@pytest.mark.parametrize("name", sorted(path.name for path in make_vectors.HERE.glob("*.json")))
def test_most_cases_are_negative_and_names_are_unique(name: str) -> None:
    cases = _load(name).get("cases", [])
    assert len({case["name"] for case in cases}) == len(cases)
    assert not cases or sum(case["wantErr"] for case in cases) * 2 > len(cases)


def test_trust() -> None:
    raw = (make_vectors.HERE / "trust.json").read_bytes()
    assert parse_trust(raw) == fixed_trust()
    assert json.loads(build_trust_file(fixed_trust())) == json.loads(raw)


@pytest.mark.parametrize("case", _cases("envelopes.json"))
def test_envelopes(case: dict[str, Any]) -> None:
    keys = _keys("envelopes.json")
    _expect(case, lambda: verify_envelope(case["envelope"].encode(), keys, case["threshold"]))


@pytest.mark.parametrize("case", _cases("notes.json"))
def test_notes(case: dict[str, Any]) -> None:
    _expect(case, lambda: verify_note(case["note"].encode(), _keys("notes.json")))


@pytest.mark.parametrize("case", _cases("checkpoints.json"))
def test_checkpoints(case: dict[str, Any]) -> None:
    origin = _load("checkpoints.json")["origin"]
    _expect(case, lambda: verify_checkpoint(case["note"].encode(), origin, _keys("checkpoints.json")))


@pytest.mark.parametrize("case", _cases("proofs.json"))
def test_proofs(case: dict[str, Any]) -> None:
    origin, leaf = _load("proofs.json")["origin"], bytes.fromhex(case["leaf"])
    _expect(case, lambda: verify_receipt(case["proof"].encode(), leaf, origin, _keys("proofs.json")))


@pytest.mark.parametrize("case", _cases("consistency.json"))
def test_consistency(case: dict[str, Any]) -> None:
    roots = bytes.fromhex(case["oldRoot"]), bytes.fromhex(case["newRoot"])
    proof = [bytes.fromhex(item) for item in case["proof"]]
    _expect(case, lambda: verify_consistency(case["old"], roots[0], case["new"], roots[1], proof))


def _read_verdict(case: dict[str, Any], given: dict[str, Any]) -> None:
    """``docs/formats.md``, "Verdict", read literally."""
    payload = verify_envelope(case["envelope"].encode(), _keys("verdicts.json")).payload
    statement = json.loads(payload)
    predicate, (subject,) = statement["predicate"], statement["subject"]
    own = predicate.get(make_vectors.VERDICT_TYPE, {})
    holds = (
        statement["predicateType"] == "https://slsa.dev/verification_summary/v1"
        and predicate["verifier"]["id"] == given["origin"]
        and predicate["verificationResult"] == "PASSED"
        and own["answer"] in ("approved", "overridden", "out-of-scope")
        and (own["repository"], own["targetRef"], own["head"]) == (given["repository"], given["target"], given["head"])
        and subject["digest"] == {"gitCommit": own["head"], "gitTree": own["tree"]}
        and own["targetRef"] in subject["annotations"]["sourceRefs"]
        and own["notBefore"] <= case["now"] < own["notAfter"]
    )
    if not holds:
        raise VerificationError("The verdict does not count.")


@pytest.mark.req("LND-03")
@pytest.mark.parametrize("case", _cases("verdicts.json"))
def test_verdicts_as_specified(case: dict[str, Any]) -> None:
    given = _load("verdicts.json")
    _expect(case, lambda: _read_verdict(case, given))


@pytest.mark.req("LND-03")
@pytest.mark.parametrize("case", _cases("verdicts.json"))
def test_verdicts_by_the_git_hook(case: dict[str, Any]) -> None:
    """The second implementation gives the same answers."""
    given = _load("verdicts.json")
    config = hook.Config(
        repository=given["repository"],
        server="",
        token_file=None,
        trust_file="",
        origin=given["origin"],
        protected=(given["target"],),
        mode="enforce",
        verdict_dir=None,
        spool="",
        pusher_env=(),
        clock_skew_seconds=0,
    )
    keys = {key.id: key for key in map(hook.parse_vkey, given["keys"])}
    verdicts = hook.Verdicts(config, keys)
    verdicts.add(case["envelope"].encode(), "vectors", given["head"])
    now = hook.parse_instant(case["now"])
    counted = [
        verdict
        for verdict in verdicts.by_head.get(given["head"], [])
        if verdicts.why_not(verdict, given["target"], now) is None
    ]
    assert (not counted) == case["wantErr"]
