"""The import contracts hold, and each breaks on the import it forbids (and only it).

``gate/`` is copied, rooms that do not exist yet become empty packages, one import is planted, and
lint-imports must name exactly the contract that forbids it. The unplanted copy must be clean.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = "importlinter:contract:"

LAYERS, ADAPTERS, CORES, PURE = "layers", "adapters", "cores", "pure"
FLASK, SQLALCHEMY, LDAP = "flask", "sqlalchemy", "ldap"
STANDALONE_OUT, STANDALONE_IN = "standalone-out", "standalone-in"
ACYCLIC = "acyclic"

# contract, the importing module, what it imports
PLANTED = [
    (LAYERS, "gate.store.planted", "gate.workflow"),
    (LAYERS, "gate.workflow.planted", "gate.web"),
    (LAYERS, "gate.web.planted", "gate.cli"),
    (LAYERS, "gate.signing.planted", "gate.auditlog"),
    (LAYERS, "gate.auditlog.planted", "gate.evidence"),
    (LAYERS, "gate.domain.planted", "gate.signing"),
    (LAYERS, "gate.settings.planted", "gate.keys"),
    (ADAPTERS, "gate.store.planted", "gate.git"),
    (ADAPTERS, "gate.directory.planted", "gate.store"),
    (ADAPTERS, "gate.git.planted", "gate.directory"),
    (ADAPTERS, "gate.pdf.planted", "gate.keys"),
    (CORES, "gate.policy.planted", "gate.auditlog"),
    (CORES, "gate.auditlog.planted", "gate.policy"),
    (PURE, "gate.policy.planted", "gate.settings"),
    (PURE, "gate.evidence.planted", "reportlab"),
    (PURE, "gate.auditlog.planted", "os"),
    (PURE, "gate.signing.planted", "socket"),
    (PURE, "gate.domain.planted", "logging"),
    (PURE, "gate.evidence.planted", "subprocess"),
    (FLASK, "gate.workflow.planted", "flask"),
    (FLASK, "gate.cli.planted", "flask"),
    (FLASK, "gate.pdf.planted", "werkzeug"),
    (SQLALCHEMY, "gate.workflow.planted", "sqlalchemy"),
    (SQLALCHEMY, "gate.web.planted", "sqlalchemy"),
    (LDAP, "gate.directory.planted", "ldap"),
    (LDAP, "gate.workflow.planted", "ldap"),
    (STANDALONE_OUT, "gate.standalone.planted", "gate.signing"),
    (STANDALONE_OUT, "gate.standalone.planted", "gate.domain.errors"),
    (STANDALONE_IN, "gate.cli.planted", "gate.standalone"),
]


def load_contracts() -> Mapping[str, Mapping[str, str]]:
    parser = ConfigParser()
    parser.read(ROOT / ".importlinter", encoding="utf-8")
    return {name.removeprefix(CONTRACT): parser[name] for name in parser.sections() if name.startswith(CONTRACT)}


def copy_house(folder: Path) -> Path:
    """The house as it stands, with every room that a contract names and nobody has built yet."""
    shutil.copytree(ROOT / "gate", folder / "gate", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", folder)
    text = (ROOT / ".importlinter").read_text(encoding="utf-8")
    rooms = set(re.findall(r"\bgate\.(?:directory\.)?[a-z]+", text)) | {"gate.demo", "gate.cli"}
    for room in sorted(rooms):
        path = folder.joinpath(*room.split("."))
        if not path.with_suffix(".py").exists() and not (path / "__init__.py").exists():
            path.mkdir(exist_ok=True)
            (path / "__init__.py").touch()
    return folder


def lint_imports(folder: Path, *arguments: str) -> tuple[int, set[str], str]:
    """Exit code, the ids of the broken contracts, and what was printed."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200", "NO_COLOR": "1"}
    answer = subprocess.run(
        [*command, "--no-cache", "--no-logo", *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    ids = {contract["name"]: id_ for id_, contract in load_contracts().items()}
    broken = set(re.findall(r"^(.+?) BROKEN", answer.stdout, re.MULTILINE))
    return answer.returncode, {ids[name] for name in broken}, answer.stdout + answer.stderr


@pytest.fixture(scope="module")
def already_broken(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What is broken without a plant: told once, by the first test, and not again by every other."""
    return lint_imports(copy_house(tmp_path_factory.mktemp("house")))[1]


@pytest.mark.req("GND-01")
def test_the_house_keeps_its_contracts(tmp_path: Path) -> None:
    code, broken, text = lint_imports(copy_house(tmp_path))
    assert (code, broken) == (0, set()), text
    assert f"{len(load_contracts())} kept, 0 broken" in text


@pytest.mark.req("GND-01")
@pytest.mark.parametrize(("contract", "importer", "imported"), PLANTED)
def test_a_planted_import_breaks_its_contract_alone(
    tmp_path: Path, already_broken: set[str], contract: str, importer: str, imported: str
) -> None:
    house = copy_house(tmp_path)
    house.joinpath(*importer.split(".")).with_suffix(".py").write_text(f"import {imported}\n")
    code, broken, text = lint_imports(house)
    assert broken - (already_broken - {contract}) == {contract}, text
    assert code == 1
    assert importer in text


@pytest.mark.req("GND-01")
def test_a_planted_cycle_inside_a_room_is_found(tmp_path: Path, already_broken: set[str]) -> None:
    house = copy_house(tmp_path)
    (house / "gate" / "domain" / "hen.py").write_text("import gate.domain.egg\n")
    (house / "gate" / "domain" / "egg.py").write_text("import gate.domain.hen\n")
    code, broken, text = lint_imports(house)
    assert (code, broken - (already_broken - {ACYCLIC})) == (1, {ACYCLIC}), text
    assert ".hen -> .egg" in text or ".egg -> .hen" in text


@pytest.mark.req("GND-01")
def test_every_contract_has_a_planted_violation() -> None:
    assert {contract for contract, _, _ in PLANTED} | {ACYCLIC} == set(load_contracts())


@pytest.mark.req("GND-01")
def test_a_new_room_must_be_given_a_floor(tmp_path: Path) -> None:
    house = copy_house(tmp_path)
    (house / "gate" / "annexe.py").write_text('"""Built without a plan."""\n')
    code, _, text = lint_imports(house)
    assert code == 1
    assert "annexe" in text


def test_every_adapter_that_exists_is_kept_independent() -> None:
    contracts = load_contracts()
    floor = next(line for line in contracts[LAYERS]["layers"].splitlines() if "store" in line)
    adapters = {f"gate.{name}" for name in re.findall(r"[a-z]+", floor)}
    existing = {name for name in adapters if ROOT.joinpath(*name.split("."), "__init__.py").exists()}
    assert existing <= set(contracts[ADAPTERS]["modules"].split())
