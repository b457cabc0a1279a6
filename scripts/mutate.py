"""Mutates the evaluator and runs the fast policy tests on each mutant: what do the tests not notice?

A mutant is one change of one function's syntax tree: a comparison, an `and` or a part of it, a `not`, a number, a
union, a condition or a statement. Tests are collected once; for each mutant a fork swaps the code object of that one
function and runs the tests that reach the changed line, the quickest first, until one fails. A mutant that no test
notices must be listed in tests/mutants.txt, as `<name> :: <why it does not matter>`; any other survivor, and any line
of the list that is no survivor any more, is an error.

    python scripts/mutate.py                     all modules of the evaluator
    python scripts/mutate.py --only matching     one of them
    python scripts/mutate.py --changed main      functions changed since then, for at most --budget seconds
"""

from __future__ import annotations

import argparse
import ast
import copy
import gc
import importlib
import inspect
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

ROOT = Path(__file__).resolve().parents[1]
LISTED = ROOT / "tests" / "mutants.txt"
MODULES = (
    "evaluate", "change", "findings", "rules", "requirements", "filling", "standing_in", "approvals", "vetoes",
    "separation", "conditions", "applies", "prerequisites", "exceptions", "freezes", "delegation", "breakglass",
    "classification", "matching", "ownership",
)  # fmt: skip
SLOW_TESTS = ("docs", "parse", "lint", "mutate", "examples", "simulate", "whole")
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.And: ast.Or, ast.Or: ast.And, ast.Add: ast.Sub, ast.Sub: ast.Add,
}  # fmt: skip
NAMES = {"any": "all", "all": "any", "min": "max", "max": "min"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """``name`` stays the same when lines move; ``code`` takes the place of ``function``'s."""

    name: str
    module: str
    function: str
    line: int
    code: CodeType


def build_mutants(module: str, functions: set[str] | None = None) -> Iterator[Mutant]:
    """All mutants of a module, or of some of its functions."""
    path = ROOT / "gate" / "policy" / f"{module}.py"
    if not path.exists():
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    seen: dict[str, int] = {}
    for qualname, function in _functions(tree):
        if functions is not None and qualname not in functions:
            continue
        for node, what in list(_places(function)):
            for label, changed in _variants(node):
                name = f"{module}.{qualname} | {what}{label}"
                seen[name] = seen.get(name, 0) + 1
                name += f" ({seen[name]})" if seen[name] > 1 else ""
                code = _compiled(tree, node, changed, path, qualname)
                if code is not None:
                    yield Mutant(name=name, module=module, function=qualname, line=_line(node, function), code=code)


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{one.name}", one) for one in node.body if isinstance(one, ast.FunctionDef))


def _places(function: ast.FunctionDef) -> Iterator[tuple[ast.AST, str]]:
    """Nodes worth changing, each with its text.

    Sentences are for people: nothing inside an f-string is changed. `strict=` asserts what is true anyway.
    """
    queue: list[ast.AST] = list(function.body)
    while queue:
        node = queue.pop(0)
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.keyword) and node.arg == "strict"):
            continue
        yield node, _text(node)
        hint = node.annotation if isinstance(node, ast.AnnAssign) else None
        queue += [
            one for one in ast.iter_child_nodes(node) if not isinstance(one, ast.expr_context) and one is not hint
        ]


def _text(node: ast.AST) -> str:
    shown = node.test if isinstance(node, ast.If | ast.IfExp) else node
    text = " ".join(ast.unparse(shown).split()) if isinstance(shown, ast.expr | ast.stmt | ast.comprehension) else ""
    return text if len(text) <= 90 else text[:87] + "..."


def _variants(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.Compare(ops=[one]) if type(one) in SWAPS:
            yield f" -> {SWAPS[type(one)].__name__}", _with(node, ops=[SWAPS[type(one)]()])
        case ast.BoolOp(op=op, values=values):
            yield f" -> {SWAPS[type(op)].__name__}", _with(node, op=SWAPS[type(op)]())
            for part in values:
                rest = [other for other in values if other is not part]
                yield f" -> without {_text(part)}", rest[0] if len(rest) == 1 else _with(node, values=rest)
        case ast.BinOp(op=ast.BitOr() | ast.BitAnd(), left=left, right=right):
            yield " -> left only", left
            yield " -> right only", right
        case ast.BinOp(op=op) if type(op) in SWAPS:
            yield f" -> {SWAPS[type(op)].__name__}", _with(node, op=SWAPS[type(op)]())
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield " -> without not", operand
        case ast.If(test=test):
            yield " -> never", _with(node, test=ast.Constant(False))
            if not isinstance(test, ast.Compare | ast.UnaryOp):
                yield " -> if not", _with(node, test=ast.UnaryOp(op=ast.Not(), operand=test))
        case ast.IfExp(body=body, orelse=orelse):
            yield " -> the other", _with(node, body=orelse, orelse=body)
        case ast.Constant(value=bool() as value):
            yield f" -> {not value}", ast.Constant(not value)
        case ast.Constant(value=int() as value):
            yield f" -> {value + 1}", ast.Constant(value + 1)
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield " -> None", _with(node, value=ast.Constant(None))
        case ast.Expr(value=ast.Call()) | ast.AugAssign():
            yield " -> dropped", ast.Pass()
        case ast.Call(func=ast.Name(id=name)) if name in NAMES:
            yield f" -> {NAMES[name]}", _with(node, func=ast.Name(id=NAMES[name], ctx=ast.Load()))
        case ast.comprehension(ifs=[_, *_]):
            yield " -> no condition", _with(node, ifs=[])
        case _:
            return


def _with(node: ast.AST, **changes: Any) -> ast.AST:
    found = copy.copy(node)
    for name, value in changes.items():
        setattr(found, name, value)
    return found


def _line(node: ast.AST, function: ast.FunctionDef) -> int:
    inner = next((one for one in ast.walk(node) if hasattr(one, "lineno")), function)
    return int(inner.lineno)


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        return ast.copy_location(self.new, node) if node is self.old else super().visit(node)


def _compiled(tree: ast.Module, old: ast.AST, new: ast.AST, path: Path, qualname: str) -> CodeType | None:
    """The code of ``qualname`` with ``new`` in place of ``old``; the tree is as before afterwards."""
    top = next(one for one in tree.body if qualname.split(".")[0] == getattr(one, "name", None))
    changed = _Replace(old, new).visit(_shallow(top, old))
    module = ast.Module(body=[*_future(tree), changed], type_ignores=[])
    compiled = compile(ast.fix_missing_locations(module), str(path), "exec")
    return next((code for code in _codes(compiled) if code.co_qualname == qualname), None)


def _shallow(node: ast.AST, keep: ast.AST) -> Any:
    """A copy down to ``keep``, which stays the very object that is to be replaced."""
    if node is keep:
        return node
    found = copy.copy(node)
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            setattr(found, name, _shallow(value, keep))
        elif isinstance(value, list):
            setattr(found, name, [_shallow(one, keep) if isinstance(one, ast.AST) else one for one in value])
    return found


def _future(tree: ast.Module) -> list[ast.stmt]:
    return [one for one in tree.body if isinstance(one, ast.ImportFrom) and one.module == "__future__"]


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from _codes(one)


def find_function(module: str, qualname: str) -> FunctionType:
    found: Any = importlib.import_module(f"gate.policy.{module}")
    for part in qualname.split("."):
        found = inspect.getattr_static(found, part)
    found = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
    unwrapped = inspect.unwrap(found)
    if not isinstance(unwrapped, FunctionType):
        raise TypeError(f"{module}.{qualname} is no function")
    return unwrapped


def forget_known() -> None:
    """Empties the caches of the rooms under test: what was found before the change would hide it."""
    for name, module in list(sys.modules.items()):
        for value in vars(module).values() if name.startswith("gate.policy.") else ():
            if hasattr(value, "cache_clear"):
                value.cache_clear()


@dataclass(slots=True, kw_only=True)
class Trial:
    """A pytest plugin: runs everything once to learn what reaches which line, then the mutants."""

    mutants: list[Mutant]
    jobs: int
    deadline: float | None
    survivors: list[Mutant] = field(default_factory=list)
    untried: list[Mutant] = field(default_factory=list)
    problem: str | None = "The tests could not be collected."
    reach: dict[tuple[str, int], list[tuple[float, pytest.Item]]] = field(default_factory=dict)

    def pytest_sessionstart(self) -> None:
        import hypothesis  # not before its own plugin

        # The same cases each time: what lives must not depend on luck.
        hypothesis.settings.register_profile("mutate", deadline=None, max_examples=50, derandomize=True)
        hypothesis.settings.load_profile("mutate")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        started = time.monotonic()
        for item, following in zip(session.items, [*session.items[1:], None], strict=True):
            if not self._learn(item, following):
                self.problem = f"{item.nodeid} fails without any mutation"
                return True
        self.problem = None
        for reached in self.reach.values():
            reached.sort(key=lambda pair: pair[0])
        print(f"{len(session.items)} tests, {len(self.mutants)} mutants, learnt in {time.monotonic() - started:.0f} s")
        self._run_all()
        return True

    def _learn(self, item: pytest.Item, following: pytest.Item | None) -> bool:
        lines: set[tuple[str, int]] = set()
        files = {str(ROOT / "gate" / "policy" / f"{one.module}.py"): one.module for one in self.mutants}

        def trace(frame: FrameType, event: str, arg: object) -> Any:
            module = files.get(frame.f_code.co_filename)
            if module is None:
                return None
            lines.add((module, frame.f_lineno))
            return trace

        started = time.monotonic()
        sys.settrace(trace)
        try:
            reports = runtestprotocol(item, nextitem=following, log=False)
        finally:
            sys.settrace(None)
        took = time.monotonic() - started
        for line in lines:
            self.reach.setdefault(line, []).append((took, item))
        return not any(report.failed for report in reports)

    def _run_all(self) -> None:
        gc.freeze()  # forks share what is there
        running: dict[int, Mutant] = {}
        for mutant in self.mutants:
            if self._is_late():
                self.untried.append(mutant)
                continue
            if len(running) == self.jobs:
                self._reap(running)
            running[self._start(mutant)] = mutant
        while running:
            self._reap(running)

    def _reap(self, running: dict[int, Mutant]) -> None:
        pid, status = os.wait()
        mutant = running.pop(pid)
        if os.WIFSIGNALED(status) and self._is_late():
            self.untried.append(mutant)
        elif status == 0:
            self.survivors.append(mutant)
            print(f"alive: gate/policy/{mutant.module}.py:{mutant.line}: {mutant.name}", flush=True)

    def _is_late(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline

    def _alarm(self, seconds: float) -> None:
        """The end of this process, at the latest at the deadline: what takes too long is noticed, or was not tried."""
        left = self.deadline - time.monotonic() if self.deadline is not None else seconds
        signal.setitimer(signal.ITIMER_REAL, max(0.01, min(seconds, left)))

    def _start(self, mutant: Mutant) -> int:
        pid = os.fork()
        if pid:
            return pid
        status = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            self._alarm(120)
            with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a descriptor is needed, not a path
                os.dup2(nowhere.fileno(), 1)
                os.dup2(nowhere.fileno(), 2)
            find_function(mutant.module, mutant.function).__code__ = mutant.code
            forget_known()
            status = 0 if self._is_alive(mutant) else 1
        finally:
            os._exit(status)

    def _is_alive(self, mutant: Mutant) -> bool:
        """Whether no test that reaches the line fails. A part of an expression may have no line of its own."""
        lines = range(mutant.line, mutant.line - 12, -1)
        reached = next((self.reach[mutant.module, line] for line in lines if (mutant.module, line) in self.reach), [])
        for took, item in reached:
            self._alarm(30 + 20 * took)
            if any(report.failed for report in runtestprotocol(item, nextitem=None, log=False)):
                return False
        return True


def changed_functions(base: str) -> dict[str, set[str]]:
    """Functions of the evaluator that hold a line changed since ``base``."""
    found: dict[str, set[str]] = {}
    for module in MODULES:
        path = f"gate/policy/{module}.py"
        command = ["git", "-C", str(ROOT), "diff", "-U0", base, "--", path]
        diff = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        spans = re.findall(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@", diff, re.MULTILINE)
        # Where lines were only deleted (a count of 0), both neighbours stand for them: a check taken out is a change.
        lines = {int(start) + at for start, count in spans for at in range(int(count or 1) or 2)}
        if not lines or not (ROOT / path).exists():
            continue
        for qualname, node in _functions(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            if lines & set(range(node.lineno, (node.end_lineno or node.lineno) + 1)):
                found.setdefault(module, set()).add(qualname)
    return found


def load_listed() -> dict[str, str]:
    """Survivors that are known, with the reason."""
    found = {}
    for line in LISTED.read_text(encoding="utf-8").splitlines() if LISTED.exists() else []:
        if line and not line.startswith("#"):
            name, separator, reason = line.partition(" :: ")
            if not separator or not reason.strip():
                raise SystemExit(f"{LISTED.name}: no reason is given for {name}")
            found[name] = reason
    return found


def main(arguments: Iterable[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Mutate the evaluator; exit 1 if the tests let an unlisted one live.")
    parser.add_argument("--only", action="append", choices=MODULES)
    parser.add_argument("--changed", metavar="COMMIT")
    parser.add_argument("--budget", type=float, metavar="SECONDS", help="Stop starting mutants after this time.")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args(list(arguments) if arguments is not None else None)
    started = time.monotonic()
    scope = changed_functions(given.changed) if given.changed else None
    wanted = [one for one in given.only or MODULES if scope is None or one in scope]
    mutants = [m for one in wanted for m in build_mutants(one, scope[one] if scope is not None else None)]
    if not mutants:
        print("Nothing of the evaluator changed.")
        return 0
    trial = Trial(mutants=mutants, jobs=given.jobs, deadline=started + given.budget if given.budget else None)
    found = sorted((ROOT / "tests" / "unit").glob("test_policy_*.py"))
    files = [str(path) for path in found if not any(slow in path.name for slow in SLOW_TESTS)]
    plugins = [word for name in ("randomly", "xdist", "cacheprovider", "cov") for word in ("-p", f"no:{name}")]
    pytest.main(["-q", "--no-header", "-c", str(ROOT / "pyproject.toml"), "--timeout=0", *plugins, *files], [trial])
    return report(trial, is_whole=scope is None and not given.only)


def report(trial: Trial, *, is_whole: bool) -> int:
    if trial.problem is not None:
        print(trial.problem)
        return 1
    listed = load_listed()
    alive = {one.name for one in trial.survivors}
    new = sorted(alive - set(listed))
    gone = sorted(set(listed) - alive) if is_whole and not trial.untried else []
    for name in new:
        print(f"survives and is not listed: {name}")
    for name in gone:
        print(f"listed and no survivor: {name}")
    tried = len(trial.mutants) - len(trial.untried)
    print(f"{tried - len(alive)} of {tried} mutants noticed, {len(alive)} alive, {len(new)} not listed.")
    for module, function in dict.fromkeys((one.module, one.function) for one in trial.untried):
        left = sum((one.module, one.function) == (module, function) for one in trial.untried)
        print(f"out of time, not tried: {left} of {module}.{function}")
    return 1 if new or gone else 0


if __name__ == "__main__":
    sys.exit(main())
