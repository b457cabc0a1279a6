"""Signed deliveries of forges, modelled on what they really send, against a world of ``journey.py``."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from gate.web import create_web
from tests.support.journey import MAIN, World, identity

SECRET = b"a webhook secret of this test"
FORGES = """\
[[forges]]
name = "hub"
kind = "github"
secret_files = ["hub.secret"]
repositories = {"Codertocat/Hello-World" = "ledger-core"}
[[forges]]
name = "tea"
kind = "gitea"
secret_files = ["hub.secret"]
repositories = {"jcitizen/my-repo" = "ledger-core"}
"""
MODE = "enforce\n    hook: github"
"""Option ``mode`` of a world whose repository a forge reports."""
STATES = {"approved": "approved", "rejected": "changes_requested", "commented": "commented", "dismissed": "dismissed"}
TYPES = {"approved": "approved", "rejected": "rejected", "commented": "comment"}
EVENTS = {"approved": "pull_request_approved", "rejected": "pull_request_rejected", "commented": "pull_request_comment"}
ACCOUNTS = {"bob": 7001, "carl": 7002, "erin": 7003, "dana": 7004, "anna": 7005, "robo": 7006}


@dataclass
class ForgeClient:
    """Delivers to a gate over HTTP. ``forge`` is ``hub`` (GitHub) or ``tea`` (Gitea)."""

    world: World
    client: FlaskClient
    vectors: Path
    forge: str
    count: int = 0

    @property
    def folder(self) -> str:
        return {"hub": "github", "tea": "gitea"}[self.forge]

    def head(self, files: dict[str, str], parent: str | None = None, author: str = "anna") -> str:
        base = parent or self.world.repo.tip(MAIN) or ""
        ref = "refs/heads/feature"
        return self.world.repo.commit(files, "Work", parents=[base], author=identity(author), branch=ref)

    def pull(self, head: str, action: str = "opened", sender: str = "anna", **changes: Any) -> dict[str, Any]:
        name = {"hub": "pull_request.opened.json", "tea": "pull_request_opened.json"}[self.forge]
        told: dict[str, Any] = json.loads((self.vectors / "webhooks" / self.folder / name).read_text())
        self._place(told, head)
        told["sender"]["login"] = sender
        told["pull_request"] |= changes
        return told | {"action": action}

    def review(
        self,
        login: str,
        state: str,
        head: str,
        *,
        at: str = "2026-11-22T08:59:00Z",
        id: int = 501,
        commit: str | None = None,
        action: str | None = None,
        pull_state: str = "open",
    ) -> dict[str, Any]:
        """A review of ``commit`` (default: the head), as the forge tells it."""
        account = ACCOUNTS.get(login, 7999)
        if self.forge == "hub":
            source = self.vectors / "webhooks" / "github" / "pull_request_review.submitted.json"
            told: dict[str, Any] = json.loads(source.read_text())
            told["action"] = action or ("dismissed" if state == "dismissed" else "submitted")
            told["review"] |= {"id": id, "state": STATES[state], "commit_id": commit or head, "submitted_at": at}
            told["review"]["user"] |= {"login": login, "id": account}
        else:
            told = self.pull(head)
            told |= {"action": "reviewed", "commit_id": commit or head, "requested_reviewer": None}
            told["review"] = {"type": f"pull_request_review_{TYPES[state]}", "content": "As discussed."}
            told["pull_request"]["updated_at"] = at
            told["sender"] |= {"login": login, "id": account}
        self._place(told, head)
        told["pull_request"]["state"] = pull_state
        return told

    def send(self, told: dict[str, Any], event: str = "pull_request", *, flip: int | None = None) -> Any:
        """POST it, signed as the forge signs; with ``flip`` one bit of that byte is changed after signing."""
        self.count += 1
        raw = bytearray(json.dumps(told).encode())
        signature = hmac.new(SECRET, raw, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": f"{self.forge}-{self.count:04}",
            "X-Hub-Signature-256": f"sha256={signature}",
        }
        if self.forge == "tea":
            more = {"Event": event, "Delivery": f"tea-{self.count:04}", "Signature": signature}
            headers |= {f"X-Gitea-{name}": value for name, value in more.items()}
        if flip is not None:
            raw[flip] ^= 1
        url = f"/api/v1/deliveries/{self.forge}"
        return self.client.post(url, data=bytes(raw), headers=headers, base_url="http://127.0.0.1")

    def open(self, head: str) -> None:
        done = self.send(self.pull(head))
        assert (done.status_code, done.json["ignored"]) == (202, []), done.text

    def push(self, head: str) -> None:
        done = self.send(self.pull(head, action="synchronize" if self.forge == "hub" else "synchronized"))
        assert (done.status_code, done.json["ignored"]) == (202, []), done.text

    def say(self, login: str, state: str, head: str, **more: Any) -> list[str]:
        """Deliver a review. Returns why nothing was done; empty when it was recorded."""
        event = "pull_request_review" if self.forge == "hub" else EVENTS[state]
        done = self.send(self.review(login, state, head, **more), event)
        assert done.status_code == 202, done.text
        ignored: list[str] = done.json["ignored"]
        return ignored

    def _place(self, told: dict[str, Any], head: str) -> None:
        told["pull_request"]["base"]["ref"] = "main"
        told["pull_request"]["head"]["sha"] = head
        told["pull_request"]["user"]["login"] = "anna"


def connect(world: World, vectors: Path, forge: str) -> ForgeClient:
    (world.instance / "hub.secret").write_bytes(SECRET)
    return ForgeClient(world=world, client=create_web(world.parts).test_client(), vectors=vectors, forge=forge)
