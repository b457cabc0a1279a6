"""Every command of README.md is run: here on a new instance, or by ``test_demo.py`` as the demo prints it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gate.app import build_parts
from gate.cli.main import COMMANDS
from gate.settings import load_settings
from gate.workflow import session
from tests.support.repos import make_repo
from tests.support.server import POLICY, REGISTRY, SETTINGS, build_people
from tests.support.suites import with_tests

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINES = [
    line
    for block in re.findall(r"^```(?:sh|shell|bash|console)?\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
]
OF_THE_DEMO = {  # what test_demo.py runs, in the words of the README
    "make demo": "gate demo",
    "make demo-tamper": "gate demo-tamper",
    "make demo-reset": "rm -rf .demo",
    ".venv/bin/gate verify .demo/evidence-dose-engine.pdf --trust .demo/instance/trust.json": "",
    ".venv/bin/gate audit --instance .demo/instance": "",
}


OF_A_CLONE = [line for line in LINES if line.startswith(".venv/bin/gate preview ")]


@pytest.mark.req("GND-05", "PRV-01")
def test_the_preview_line_runs_in_a_clone(tmp_path: Path) -> None:
    """In a clone with the policies of this repository and a little history of its own."""
    (line,) = OF_A_CLONE
    clone = make_repo(tmp_path / "clone")
    (tmp_path / "clone" / ".venv").symlink_to(sys.prefix)
    shutil.copytree(ROOT / "policies", tmp_path / "clone" / "policies")
    clone.commit({"README.md": "Hello\n"}, "First", branch="refs/heads/main")
    done = run(line, tmp_path / "clone")
    assert "Of 1 merge in 365 days, 0 would stop." in done.stdout


@pytest.mark.req("GND-05", "DIR-01")
@pytest.mark.timeout(300)
def test_the_smallest_gate_of_ones_own_runs_as_it_is_written(tmp_path: Path) -> None:
    """Files and lines of docs/directory.md, with the policies of this repository: founded, healthy, to be entered."""
    text = (ROOT / "docs" / "directory.md").read_text(encoding="utf-8")
    section = text[text.index("## The smallest gate of your own") : text.index("## Limits")]
    blocks = dict(re.findall(r"^```(toml|ldif|sh)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE))
    (tmp_path / "instance").mkdir()
    (tmp_path / "instance" / "gate.toml").write_text(blocks["toml"], encoding="utf-8")
    (tmp_path / "instance" / "people.ldif").write_text(blocks["ldif"], encoding="utf-8")
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    for line in blocks["sh"].splitlines():
        assert run(line, tmp_path).stdout
    parts = build_parts(load_settings(tmp_path / "instance", {}))
    try:
        anna = session.sign_in(parts, "anna", "change-me", "127.0.0.1")[0]
    finally:
        parts.ledger.close()
        parts.engine.dispose()
    assert (anna.name, anna.team) == ("Anna Schmidt", "platform")
    assert "page:evidence:read" in anna.permissions


def run(line: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(["sh", "-c", line], cwd=cwd, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done


@pytest.mark.req("GND-05")
@pytest.mark.timeout(300)
def test_commands_for_a_gate_of_your_own(tmp_path: Path) -> None:
    """In the order of the README, on an instance and policies as its user has them."""
    mine = [line for line in LINES if line not in OF_THE_DEMO and line not in OF_A_CLONE]
    assert len(mine) >= 6
    (tmp_path / "instance").mkdir()
    (tmp_path / "instance" / "gate.toml").write_text(SETTINGS)
    (tmp_path / "instance" / "people.ldif").write_text(build_people())
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "repositories.yaml").write_text(REGISTRY.format(url="/srv/git/ledger-core.git"))
    (tmp_path / "policies" / "bank.yaml").write_text(with_tests(POLICY))
    (tmp_path / ".venv").symlink_to(sys.prefix)
    for line in mine:
        assert run(line, tmp_path).stdout


@pytest.mark.req("GND-05")
def test_commands_of_the_demo_are_those_that_are_tested() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert set(OF_THE_DEMO) <= set(LINES)
    for line, runs in OF_THE_DEMO.items():
        if line.startswith("make "):
            recipe = re.search(rf"^{line.removeprefix('make ')}:.*\n\t@?(.*)$", makefile, re.MULTILINE)
            assert recipe is not None
            assert recipe[1] == runs
        else:
            assert line.split()[1] in COMMANDS


@pytest.mark.req("GND-05")
def test_what_it_names_exists() -> None:
    for name in re.findall(r"(?:`|\()((?:docs|gate)/[\w./-]+|[A-Z]+(?:\.md)?|gate\.example\.toml)(?:`|\))", README):
        assert (ROOT / name).exists() or name in ("DEMO", "PDF"), name
