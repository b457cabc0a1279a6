"""Every command of README.md is run: here on a new instance, or by ``test_demo.py`` as the demo prints it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gate.cli.main import COMMANDS
from tests.support.server import POLICY, REGISTRY, SETTINGS, build_people

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


@pytest.mark.req("GND-05")
@pytest.mark.timeout(300)
def test_commands_for_a_gate_of_your_own(tmp_path: Path) -> None:
    """In the order of the README, on an instance and policies as its user has them."""
    mine = [line for line in LINES if line not in OF_THE_DEMO]
    assert len(mine) >= 7
    (tmp_path / "instance").mkdir()
    (tmp_path / "instance" / "gate.toml").write_text(SETTINGS)
    (tmp_path / "instance" / "people.ldif").write_text(build_people())
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "repositories.yaml").write_text(REGISTRY.format(url="/srv/git/ledger-core.git"))
    (tmp_path / "policies" / "bank.yaml").write_text(POLICY)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    for line in mine:
        done = subprocess.run(
            ["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        assert done.stdout


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
