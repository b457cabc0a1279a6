"""An attacker who holds the sealing key: what was taken out of the twin, changed or reordered is named exactly."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from gate.evidence.codec import twin_bytes
from gate.evidence.pack import build_pack
from gate.standalone import verify
from tests.support.pack_story import PEOPLE, Story, play, sealed, usual_pack, usual_twin
from tests.support.packs import digest, trust_document

TRUST = verify.Trust(json.dumps(trust_document()).encode())
CRYPTO = verify.Crypto()
Twin = dict[str, Any]

pytestmark = pytest.mark.req("AUD-03", "INV-10")


def twin() -> Twin:
    document: Twin = json.loads(usual_twin())
    return document


def findings(document: Twin) -> list[str]:
    """What the verifier says of a pack sealed with the gate's own key."""
    report = verify.check_pack(sealed(verify.canonical(document)), TRUST, CRYPTO)
    assert report.exit_code == (1 if report.wrong else 0)
    return [": ".join(item) for item in report.wrong]


def entries_of(document: Twin, number: int) -> set[int]:
    return set(document["contributions"][number - 1]["entries"])


def test_untouched_twin_is_right() -> None:
    assert findings(twin()) == []


def reviewed(**changes: Any) -> Twin:
    """A pack of one contribution whose decision counts a signature and a review on a forge."""
    story = Story()
    story.begin()
    story.contribute("Read on the forge", revisions=2, signers=PEOPLE[:1], reviews=(changes,))
    document: Twin = json.loads(twin_bytes(build_pack(story.inputs())))
    return document


@pytest.mark.req("RCV-08")
def test_a_review_on_the_forge_is_counted_and_is_no_signature() -> None:
    document = reviewed()
    assert findings(document) == []
    assert [row["name"] for row in document["contributions"][0]["signatures"]] == [PEOPLE[0][0]]
    text = "\n".join(page.extract_text() for page in PdfReader(BytesIO(sealed(verify.canonical(document)))).pages)
    assert "Reviews on the forge, not signatures (1)" in text
    assert "Nils Aho" in text


@pytest.mark.req("RCV-08", "INV-02")
@pytest.mark.parametrize(
    "changes", [{"head": "ab" * 20}, {"result": "REJECTED"}, {"result": "WITHDRAWN"}, {"reviewer": None}]
)
def test_a_review_that_a_decision_may_not_count(changes: Twin) -> None:
    assert any("is no approval of the decided head" in line for line in findings(reviewed(**changes)))


@pytest.mark.req("RCV-08", "INV-03")
def test_a_counted_review_by_a_contributor_is_a_deviation() -> None:
    document = reviewed(reviewer={"id": f"corp:{digest('lea')}", "displayName": "Lea Marchetti", "roles": []})
    assert findings(document) == []
    (found,) = (one for one in document["deviations"] if one["id"] == "self_approval")
    assert "the review on the forge was counted" in found["sentence"]
    document["deviations"].remove(found)
    assert any("self_approval: it is missing" in line for line in findings(document))


def test_contribution_removed() -> None:
    document = twin()
    del document["contributions"][2]
    assert "ledger-core#3: this contribution is missing from the pack" in findings(document)


def test_contribution_removed_with_its_entries() -> None:
    document = twin()
    gone = entries_of(document, 3)
    del document["contributions"][2]
    document["entries"] = [row for row in document["entries"] if row["index"] not in gone]
    assert "ledger-core#3: this contribution is missing from the pack" in findings(document)


def test_last_contribution_removed() -> None:
    document = twin()
    del document["contributions"][-1]
    assert any(line.startswith("ledger-core#7: this contribution is missing") for line in findings(document))


def test_last_contribution_removed_with_its_entries() -> None:
    """It landed: the branch's chain of landings has a hole where it was."""
    document = twin()
    gone = entries_of(document, 7)
    del document["contributions"][-1]
    document["entries"] = [row for row in document["entries"] if row["index"] not in gone]
    assert any("landing" in line and "missing" in line for line in findings(document))


def test_landing_removed() -> None:
    document = twin()
    branch = document["completeness"][0]
    gone = branch["landings"].pop(1)
    found = findings(document)
    assert any(f"step is missing or out of order between {gone['before']}" in line for line in found)
    assert f"entry {gone['index']}: this landing is missing from the completeness of its branch" in found


def test_deviation_removed() -> None:
    document = twin()
    gone = next(item for item in document["deviations"] if item["id"] == "unexplained_commit")
    document["deviations"].remove(gone)
    found = findings(document)
    assert any(
        line.startswith("deviation unexplained_commit: it is missing") and gone["commit"] in line for line in found
    )
    assert "deviation class unexplained_commit: it says 1, there are 0" in found


def test_deviation_class_removed() -> None:
    document = twin()
    document["deviation_classes"].pop(3)
    assert any(line.startswith("deviation_classes: the closed list is not complete") for line in findings(document))


def test_unexplained_commit_called_approved() -> None:
    document = twin()
    landing = next(row for row in document["completeness"][0]["landings"] if row["outcome"] == "unexplained")
    landing["outcome"] = "approved"
    assert any(f"its class is not what entry {landing['index']} says" in line for line in findings(document))


def test_policy_text_removed() -> None:
    document = twin()
    gone = document["policies"][0]["files"].pop()
    assert f"policy epoch 1: the policy text with SHA-256 {gone['sha256']} is missing" in findings(document)


def test_policy_epoch_removed() -> None:
    document = twin()
    index = document["policies"].pop(0)["index"]
    document["entries"] = [row for row in document["entries"] if row["index"] != index]
    assert any(line.startswith("policy epoch 1: its texts are missing") for line in findings(document))


def test_policy_that_ended_before_the_period_may_be_left_out() -> None:
    document = twin()
    first, second = document["policies"]
    document["scope"]["period_from"] = second["activated_at"]
    second["epoch"] = 3
    document["policies"] = [first, second]
    assert not any("in force in the period" in line for line in checked(document))
    document["scope"]["period_from"] = first["activated_at"]
    assert "policy epoch 2: its texts are missing; it was in force in the period" in checked(document)


def test_policy_text_changed() -> None:
    document = twin()
    document["policies"][0]["files"][0]["text"] += "# nothing\n"
    assert "policy epoch 1 ledger.yaml: the text does not have the digest shown" in findings(document)


def test_entries_reordered() -> None:
    document = twin()
    rows = document["entries"]
    rows[10], rows[11] = rows[11], rows[10]
    assert any(line.startswith("entry 10: the entries are out of order") for line in findings(document))


def test_entries_swapped_with_their_places() -> None:
    document = twin()
    first, second = document["entries"][10], document["entries"][11]
    first["envelope"], second["envelope"] = second["envelope"], first["envelope"]
    found = findings(document)
    assert "entry 10: it is not in the log at this place (inclusion proof)" in found
    assert "entry 11: it is not in the log at this place (inclusion proof)" in found


def test_signature_removed() -> None:
    document = twin()
    gone = document["contributions"][1]["signatures"].pop()
    assert any(
        line.startswith("ledger-core#2: signatures missing") and str(gone["index"]) in line
        for line in findings(document)
    )


SIGNATURE_CHANGES: dict[str, Any] = {
    "name": "Somebody Else",
    "person": "corp:nobody",
    "role": "board",
    "team": "other",
    "signed_at": "2026-07-01T00:00:00.000000Z",
    "head": "0" * 40,
    "tree": "0" * 40,
    "target": "refs/heads/other",
    "policy_sha256": "0" * 64,
    "statement": "I have not read it.",
    "record": "0" * 64,
    "result": "REJECTED",
    "stale": True,
    "withdrawn": 1,
    "key": "other",
    "vouched_by": "",
    "dn": "uid=x",
    "login": "x",
    "revision": 9,
    "policy_epoch": 7,
}


@pytest.mark.parametrize("field", sorted(SIGNATURE_CHANGES))
def test_signature_field_changed(field: str) -> None:
    document = twin()
    row = document["contributions"][1]["signatures"][0]
    row[field] = SIGNATURE_CHANGES[field]
    expected = f"ledger-core#2 signature {row['index']}: “{field}” is not what the signed entry says"
    assert expected in checked(document)


def checked(document: Twin) -> list[str]:
    """As ``findings`` without drawing: for the many small changes."""
    report = verify.Report()
    verify.verify_form(document, verify.TWIN, "twin")
    verify.Checker(document, TRUST, CRYPTO, report).check_all()
    return [": ".join(item) for item in report.wrong]


def change_meaning(sheet: Twin) -> None:
    sheet["signatures"][0]["meaning"]["text"] = "I have seen it."


def change_reason(sheet: Twin) -> None:
    sheet["signatures"][0]["reason"]["value"] = "Because."


def change_title(sheet: Twin) -> None:
    sheet["title"]["value"] = "Something harmless"


def change_decision(sheet: Twin) -> None:
    sheet["decision"]["document"]["summary"] = "fine"


def change_answer(sheet: Twin) -> None:
    sheet["decision"]["answer"] = "overridden"


def drop_decision(sheet: Twin) -> None:
    sheet["decision"] = None


def change_revision(sheet: Twin) -> None:
    sheet["revisions"][0]["head"] = "1" * 40


def drop_revision(sheet: Twin) -> None:
    sheet["revisions"].pop(0)


def change_request(sheet: Twin) -> None:
    sheet["change_request"] = "CHG-1"


def change_target(sheet: Twin) -> None:
    sheet["target"] = "refs/heads/other"


def drop_entry(sheet: Twin) -> None:
    sheet["entries"].pop(2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (change_meaning, "“meaning” is not what the signed entry says"),
        (change_reason, "its reason is not the text that was committed to"),
        (change_title, "its title is not the text that was committed to"),
        (change_decision, "the decision shown does not have the digest shown"),
        (change_answer, "the decision's answer is not what entry"),
        (drop_decision, "its decision is missing (entry"),
        (change_revision, "its head is not what entry"),
        (drop_revision, "is missing"),
        (change_request, "its change request is in none of its entries"),
        (change_target, "its target branch is not the one it was opened for"),
        (drop_entry, "its entries are"),
    ],
)
def test_sheet_changed(change: Callable[[Twin], None], words: str) -> None:
    document = twin()
    change(document["contributions"][1])
    found = checked(document)
    assert any(line.startswith("ledger-core#2") and words in line for line in found), found


def test_erased_texts_are_no_fault() -> None:
    document = twin()
    title = document["contributions"][1]["title"]
    title["value"] = title["salt"] = None
    assert checked(document) == []


def test_entry_of_a_stream_removed() -> None:
    document = twin()
    sheet = document["contributions"][1]
    gone = sheet["entries"].pop(1)
    document["entries"] = [row for row in document["entries"] if row["index"] != gone]
    assert any(line.startswith("ledger-core#2: entries are missing") for line in checked(document))


def test_entry_signed_by_somebody_else() -> None:
    document = twin()
    trust = copy.copy(TRUST)
    trust.act = {}
    report = verify.Report()
    verify.Checker(document, trust, CRYPTO, report).check_all()
    assert ("entry 0", "it does not verify (it is not signed by an act key of the trust file)") in report.wrong


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"format":"gate-evidence/v1"}', b"\xff", b"[" * 100_000])
def test_twin_that_is_none(data: bytes) -> None:
    with pytest.raises(verify.Wrong):
        verify.parse_twin(data)


def test_twin_in_another_spelling() -> None:
    with pytest.raises(verify.Wrong, match="canonical"):
        verify.parse_twin(json.dumps(twin()).encode())


# ------------------------------------------------------------------ the program


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", verify.__file__, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "pack.pdf").write_bytes(usual_pack())
    (tmp_path / "trust.json").write_text(json.dumps(trust_document()))
    return tmp_path


def test_program_says_what_it_did_not_check(files: Path) -> None:
    done = run(files / "pack.pdf", "--trust", files / "trust.json")
    assert done.returncode == 0, done.stdout
    assert "NOT WITNESSED" in done.stdout
    assert "THE COMMITS OF ledger-core refs/heads/main" in done.stdout


def test_program_answers_json(files: Path) -> None:
    done = run(files / "pack.pdf", "--trust", files / "trust.json", "--json")
    said = json.loads(done.stdout)
    assert (said["result"], said["exit_code"], said["wrong"]) == ("ok", 0, [])


def test_checkpoint_kept_is_on_the_line(files: Path) -> None:
    log = play(7)
    since = files / "since.txt"
    since.write_text(checkpoint_at(3))
    done = run(files / "pack.pdf", "--trust", files / "trust.json", "--since", since)
    assert done.returncode == 0, done.stdout
    assert "nothing before entry 3 was rewritten" in done.stdout
    assert "NOT WITNESSED" not in done.stdout
    since.write_text(checkpoint_at(5))
    assert run(files / "pack.pdf", "--trust", files / "trust.json", "--since", since).returncode == 3
    assert log.as_of.previous is not None


def checkpoint_at(size: int, *, forged: bool = False) -> str:
    """A checkpoint as the gate's log key signed it when the log had ``size`` entries."""
    from tests.support.packs import Log

    log = Log()
    rows = json.loads(usual_twin())["entries"]
    log.envelopes = [verify.decode64(row["envelope"]) for row in rows]
    if forged:
        log.envelopes[1] += b" "
    return log.checkpoint(size)


def test_rewritten_history_is_found(files: Path) -> None:
    since = files / "since.txt"
    since.write_text(checkpoint_at(3, forged=True))
    done = run(files / "pack.pdf", "--trust", files / "trust.json", "--since", since)
    assert done.returncode == 1
    assert "history was rewritten" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["{}/none.pdf", "--trust", "{}/trust.json"], 3),
        (["{}/pack.pdf", "--trust", "{}/none.json"], 3),
        (["{}/pack.pdf", "--trust", "{}/pack.pdf"], 3),
        (["{}/pack.pdf", "--trust", "{}/trust.json", "--since", "{}/none"], 3),
        (["{}/pack.pdf", "--trust", "{}/trust.json", "--since", "{}/trust.json"], 3),
        (["{}/pack.pdf", "--trust", "{}/trust.json", "--git", "{}"], 3),
        (["{}/trust.json", "--trust", "{}/trust.json"], 1),
        (["{}/pack.pdf"], 2),
        ([], 2),
        (["--help"], 0),
    ],
)
def test_exit_codes(files: Path, arguments: list[str], code: int) -> None:
    done = run(*[item.format(files) for item in arguments])
    assert done.returncode == code, done.stdout + done.stderr


def test_auditors_own_clone_counts(tmp_path: Path) -> None:
    """A direct push shows: git counts one more than the pack."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@x"]
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    commits = []
    for turn in range(4):
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", f"c{turn}"], check=True)
        done = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
        commits.append(done.stdout.strip())
    branch = {
        "repository": "r", "branch": "refs/heads/main", "from_commit": commits[0], "to_commit": commits[3],
        "first_parent_count": 3, "rewritten": False, "landings": [{"commits": commits[1:]}],
    }  # fmt: skip
    report = verify.Report()
    verify.check_git({"completeness": [branch]}, {"": str(tmp_path)}, report)
    assert report.exit_code == 0
    assert report.checked
    branch["landings"] = [{"commits": commits[1:3]}]
    branch["first_parent_count"] = 2
    verify.check_git({"completeness": [branch]}, {"r": str(tmp_path)}, report)
    assert report.exit_code == 1
    assert ("r refs/heads/main", f"commit {commits[3]} is on the branch and not in the pack") in report.wrong


def test_older_python_can_read_the_file() -> None:
    """Syntax of 3.8, standard library and cryptography only, nothing of the gate."""
    import ast

    tree = ast.parse(Path(verify.__file__).read_text(), feature_version=(3, 8))
    names = {
        alias.name.split(".")[0] for item in ast.walk(tree) if isinstance(item, ast.Import) for alias in item.names
    }
    names |= {(item.module or "").split(".")[0] for item in ast.walk(tree) if isinstance(item, ast.ImportFrom)}
    assert names - set(sys.stdlib_module_names) == {"cryptography"}


def test_twin_and_builder_agree() -> None:
    """Two implementations: what ``build_pack`` derives, the verifier derives as well."""
    for contributions in (1, 2, 13):
        document = json.loads(twin_bytes(build_pack(play(contributions))))
        assert checked(document) == []
