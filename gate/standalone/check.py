#!/usr/bin/env python3
"""Ask the gate whether a revision may merge. One file, Python 3.8 or newer, standard library only.

Exit codes: 0 approved (or overridden, with a warning) · 1 rejected or blocked · 2 usage · 3 could
not decide (also: unknown revision, server unreachable) · 4 not permitted · 5 stale: not the head ·
8 pending · 124 waiting is over.

The answer is the server's; the exit code is worked out here from its ``answer`` and refuses to say
0 for anything that does not name the asked revision. An outage is never a yes.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Dict, List, NamedTuple, Optional

EXIT = {"approved": 0, "overridden": 0, "pending": 8, "rejected": 1, "blocked": 1, "error": 3, "stale": 5, "unknown": 3}
FORMAT = "gate-answer/v1"
MAX_ANSWER = 4 * 1024 * 1024

# Where CI systems put the head of the contribution, most specific first. Not GITHUB_SHA on pull
# requests: that is a merge commit the forge made, not what people signed.
CI_HEADS = ("GATE_SHA", "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "CI_COMMIT_SHA", "GIT_COMMIT", "BUILD_SOURCEVERSION")


class Answer(NamedTuple):
    """What the server said: HTTP status (0: no answer came), parsed body, and seconds it asks us to wait."""

    http: int
    body: Dict[str, Any]
    retry_after: Optional[int]


class UsageError(Exception):
    """The command cannot be carried out as given."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """The token is for one server: never follow."""


def fetch(url: str, token: Optional[str], timeout: float) -> Answer:
    """GET one answer. Network trouble becomes an ``error`` answer that says so."""
    request = urllib.request.Request(url, headers={"Accept": "application/json", "User-Agent": "gate-check/1"})  # noqa: S310
    if token:
        request.add_header("Authorization", "Bearer " + token)
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        try:
            with opener.open(request, timeout=timeout) as reply:  # the scheme is checked in `base_url`
                return _answer(reply.status, reply.read(MAX_ANSWER), reply.headers)
        except urllib.error.HTTPError as refusal:
            return _answer(refusal.code, refusal.read(MAX_ANSWER), refusal.headers)
    except (OSError, ValueError, http.client.HTTPException) as problem:
        return Answer(
            0, _trouble("The gate could not be reached: %s." % problem, "Try again; see the gate's health page."), None
        )


def _answer(http: int, raw: bytes, headers: Any) -> Answer:
    try:
        body = json.loads(raw.decode("utf-8"))
        if not isinstance(body, dict):
            raise ValueError("not an object")
    except ValueError:
        body = _trouble("The server's answer (HTTP %d) is not the gate's." % http, "Check --server.")
    after = headers.get("Retry-After", "")
    return Answer(http, body, int(after) if after.isdigit() else None)


def _trouble(summary: str, remedy: str) -> Dict[str, Any]:
    return {"format": FORMAT, "answer": "error", "summary": summary, "remedy": remedy}


def exit_code(answer: Answer, sha: str) -> int:
    """The exit code of an answer; fails closed on every mismatch."""
    if answer.http in (401, 403):
        return 4
    if answer.http == 400:
        return 2
    word = answer.body.get("answer")
    code = EXIT.get(word, 3) if isinstance(word, str) else 3
    if code == 0 and (answer.http != 200 or answer.body.get("head") != sha or answer.body.get("format") != FORMAT):
        return 3
    return code


def render(answer: Answer, sha: str, code: int) -> str:
    """The answer for a person: the word, why, who can give what is missing, and the page."""
    body = answer.body
    word = str(body.get("answer") or body.get("title") or "error").upper()
    where = "%s#%s" % (body["repository"], body["number"]) if body.get("number") else "revision"
    lines = ["%s  %s at %s" % (word, where, sha)]
    if word == "OVERRIDDEN":
        lines.insert(0, "WARNING: allowed by break-glass; a review is owed.")
    needs = body.get("missing") or []
    said = {missing.get("sentence") for missing in needs}
    reasons = [reason.get("sentence", "") for reason in body.get("reasons") or []]
    told = ["- %s" % sentence for sentence in reasons if sentence not in said]
    # The summary is the first reason again, and how many more there are: for when there is nothing else to say.
    lines += ["  %s" % line for line in told or ([] if needs else [summary_of(body, word)])]
    for missing in needs:
        names = [who.get("name", "") for who in missing.get("candidates") or []]
        shown = ", ".join(names[:5]) + (" and %d more" % (len(names) - 5) if len(names) > 5 else "")
        lines.append("  needs: %s%s" % (missing.get("sentence", ""), " Ask: %s." % shown if names else ""))
    if body.get("valid_until") and code == 0:
        lines.append("  holds until %s" % body["valid_until"])
    for label in ("remedy", "page"):
        if body.get(label):
            lines.append("  %s: %s" % (label, body[label]))
    return "\n".join(lines)


def summary_of(body: Dict[str, Any], word: str) -> str:
    """The summary without the answer's word in front, which stands above it."""
    summary = str(body.get("summary") or body.get("detail") or "")
    start = "%s: " % word.capitalize()
    rest = summary[len(start) :] if summary.startswith(start) else summary
    return rest[:1].upper() + rest[1:]


def find_sha(given: Optional[str]) -> str:
    """The revision asked for: --sha, else what the CI system says, else HEAD of the work tree."""
    sha = given or _ci_head() or _git_head()
    if len(sha) not in (40, 64) or any(c not in "0123456789abcdef" for c in sha):
        raise UsageError("not a full commit id in lower-case hex: %r (abbreviated ids are not answered)" % sha)
    return sha


def _ci_head() -> Optional[str]:
    event = os.environ.get("GITHUB_EVENT_PATH")
    if event and os.environ.get("GITHUB_EVENT_NAME", "").startswith("pull_request"):
        with open(event, encoding="utf-8") as handle:
            return str(json.load(handle)["pull_request"]["head"]["sha"])
    for name in CI_HEADS:
        if os.environ.get(name):
            return os.environ[name]
    return os.environ.get("GITHUB_SHA")


def _git_head() -> str:
    try:
        found = subprocess.run(
            ["git", "rev-parse", "--verify", "HEAD"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.SubprocessError) as problem:
        raise UsageError(
            "give --sha: no CI variable names the revision and git did not answer (%s)" % problem
        ) from problem
    if found.returncode:
        raise UsageError("give --sha: no CI variable names the revision and this is not a git work tree")
    return found.stdout.strip()


def base_url(server: str) -> str:
    url = urllib.parse.urlsplit(server)
    is_loopback = url.hostname in ("127.0.0.1", "localhost", "::1")
    if not url.hostname or url.scheme not in (("https", "http") if is_loopback else ("https",)):
        raise UsageError("--server must start with https:// (or http:// on loopback), got %r" % server)
    return server.rstrip("/")


def read_token(path: Optional[str]) -> Optional[str]:
    """The project token, from a file or GATE_TOKEN; never from an argument, where `ps` would show it."""
    if path:
        with open(path, encoding="utf-8") as handle:
            return handle.read().strip()
    return os.environ.get("GATE_TOKEN") or None


def ask(args: argparse.Namespace, sha: str, token: Optional[str]) -> Answer:
    query = {"target": args.target} if args.target else {}
    url = "%s/api/v1/repositories/%s/revisions/%s" % (
        base_url(args.server),
        urllib.parse.quote(args.repository, safe=""),
        sha,
    )
    return fetch(url + ("?" + urllib.parse.urlencode(query) if query else ""), token, args.request_timeout)


def check(args: argparse.Namespace) -> int:
    """One question, or with --wait until it is decided or the time is over."""
    sha, token = find_sha(args.sha), read_token(args.token_file)
    deadline = time.monotonic() + args.wait
    while True:
        answer = ask(args, sha, token)
        code = exit_code(answer, sha)
        left = deadline - time.monotonic()
        if code not in (3, 8) or left <= 0:
            break
        pause = min(left, (answer.retry_after or args.interval) * (1 + random.random() / 4))  # noqa: S311 -- jitter
        print(
            "gate check: %s; asking again in %.0f s" % (answer.body.get("answer", "no answer"), pause), file=sys.stderr
        )
        time.sleep(pause)
    if args.wait and code == 8:
        code = 124
    if args.verdict and code == 0 and answer.body.get("verdict"):
        with open(args.verdict, "w", encoding="utf-8") as handle:
            json.dump(answer.body["verdict"], handle, sort_keys=True, separators=(",", ":"))
    say(json.dumps(dict(answer.body, exit_code=code), sort_keys=True) if args.json else render(answer, sha, code))
    return code


def say(text: str) -> None:
    """Prints it; a reader who has closed the pipe (``| head``) has enough, and changes no exit code."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gate check",
        description="Ask the gate whether a revision may merge.",
        epilog="Exit codes: 0 approved, 1 rejected or blocked, 2 usage, 3 could not decide, 4 not permitted, "
        "5 stale, 8 pending, 124 waiting is over.",
    )
    parser.add_argument("--server", default=os.environ.get("GATE_SERVER"), help="the gate's address [GATE_SERVER]")
    parser.add_argument(
        "--repository", default=os.environ.get("GATE_REPOSITORY"), help="repository id [GATE_REPOSITORY]"
    )
    parser.add_argument("--sha", help="full commit id; default: what the CI system names, else HEAD")
    parser.add_argument("--target", help="target branch as a full ref, when one head goes to several branches")
    parser.add_argument("--token-file", help="file with the project token; or GATE_TOKEN in the environment")
    parser.add_argument("--wait", type=float, default=0, metavar="SECONDS", help="wait up to this long for a decision")
    parser.add_argument("--interval", type=float, default=10, metavar="SECONDS", help="ask this often while waiting")
    parser.add_argument("--request-timeout", type=float, default=10, metavar="SECONDS", help="for one request")
    parser.add_argument(
        "--verdict", metavar="FILE", help="write the signed verdict here (for git push -o, or the hook)"
    )
    parser.add_argument("--json", action="store_true", help="print the answer as JSON, with exit_code")
    return parser


def main(argv: Optional[List[str]] = None) -> int:
    args = build_parser().parse_args(argv)
    try:
        for name in ("server", "repository"):
            if not getattr(args, name):
                raise UsageError("give --%s or set GATE_%s" % (name, name.upper()))
        return check(args)
    except (UsageError, OSError, KeyError, ValueError) as problem:
        print("gate check: %s" % problem, file=sys.stderr)
        return 2
    except (AttributeError, TypeError) as problem:
        print("gate check: the server's answer cannot be read: %s" % problem, file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
