"""Settings: what is accepted, what refuses to start, and what the refusal says."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.domain.errors import InputError
from gate.settings import Settings, digest, load_settings

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.req("GND-03")


def load(folder: Path, text: str = "", **environ: str) -> Settings:
    (folder / "gate.toml").write_text(text, encoding="utf-8")
    return load_settings(folder, environ)


def refuse(folder: Path, text: str = "", **environ: str) -> InputError:
    with pytest.raises(InputError) as caught:
        load(folder, text, **environ)
    return caught.value


def test_without_a_file_all_is_default_and_absolute(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {})
    assert settings.production is False
    assert settings.directory.kind == "ldif"
    assert settings.database.url == f"sqlite:///{tmp_path}/gate.sqlite"
    assert settings.directory.ldif_file == tmp_path / "people.ldif"
    assert settings.checkpoint_file == tmp_path / "checkpoints.jsonl"
    assert settings.policy.dir == tmp_path.parent / "policies"
    assert settings.policy.max_age_seconds == 300
    assert settings.policy.verdict_lifetime_seconds == 900
    assert settings.keys_dir == tmp_path / "keys"


def test_the_example_is_a_valid_file_and_shows_every_key(tmp_path: Path) -> None:
    text = (ROOT / "gate.example.toml").read_text(encoding="utf-8")
    settings = load(tmp_path, text)
    assert settings.directory.servers == ("ldaps://dc1.example", "ldaps://dc2.example")
    assert settings.forges[0].repositories == {"finance/ledger-core": "ledger-core"}
    assert settings.forges[0].secret_files == (tmp_path / "secrets/hub-webhook",)
    uncommented = re.sub(r"^# (\w+ = )", r"\1", text, flags=re.MULTILINE)
    without_second_url = uncommented.replace('url = "postgresql', '# url = "postgresql')
    missing = set(key_paths(Settings)) - set(toml_paths(tomllib.loads(without_second_url)))
    assert missing == set()


def key_paths(kind: type, path: str = "") -> list[str]:
    from gate.settings.load import _sections

    found = []
    for name, inner in _sections(kind).items():
        found += key_paths(inner, f"{path}{name}.") if inner else [path + name]
    return found


def toml_paths(data: object, path: str = "") -> list[str]:
    match data:
        case dict() if path != "forges.repositories.":
            return [found for key, value in data.items() for found in toml_paths(value, f"{path}{key}.")]
        case [dict() as first, *_]:
            return toml_paths(first, path)
        case _:
            return [path.removesuffix(".")]


def test_the_examples_values_are_the_defaults_where_it_says_so(tmp_path: Path) -> None:
    """Lines without the word "example" state defaults; a default that changes must change there too."""
    lines = (ROOT / "gate.example.toml").read_text(encoding="utf-8").splitlines()
    text = "\n".join(lines[: lines.index(next(line for line in lines if line.startswith("[[forges]]")))])
    kept = [line for line in text.splitlines() if "example" not in line.partition("#")[2]]
    server = "\n".join(lines[lines.index("[server]") :])
    assert load(tmp_path, "\n".join(kept) + "\n" + server) == load_settings(tmp_path, {})


def test_settings_are_frozen_all_the_way_down(tmp_path: Path) -> None:
    settings = load(tmp_path, '[[forges]]\nname="a"\nkind="gitea"\nsecret_files=["s"]\nrepositories={"x/y"="y"}\n')
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.origin = "other"  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.server.port = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        settings.forges[0].repositories["x/z"] = "z"  # type: ignore[index]
    assert isinstance(settings.directory.inactive, tuple)


@pytest.mark.parametrize(
    ("text", "field", "line", "remedy"),
    [
        ("databse = 1", "databse", 1, "Did you mean database?"),
        ('\n[database]\nurll = "x"', "database.urll", 3, "Did you mean url?"),
        ("[polcy]\ndir = 'x'", "polcy", 1, "Did you mean policy?"),
        ("[directory]\nxyzzy = 1", "directory.xyzzy", 2, "Valid here: alias_attrs, "),
        ('[[directory.inactive]]\nattribut = "x"', "directory.inactive.attribut", 2, "Did you mean attribute?"),
        ('[[forges]]\nname = "x"\nsecret = "s3cret"', "forges.secret", 3, "Did you mean secret_files?"),
        ('instance = "/elsewhere"', "instance", 1, "Valid here: "),
    ],
)
def test_an_unknown_key_refuses_and_is_named(tmp_path: Path, text: str, field: str, line: int, remedy: str) -> None:
    error = refuse(tmp_path, text)
    assert (error.file, error.line, error.field) == (str(tmp_path / "gate.toml"), line, field)
    assert field in error.message
    assert error.remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x ==", "This is not TOML"),
        ("[server]\nport = 70000", "server.port"),
        ("[server]\nthreads = 0", "server.threads"),
        ('directory = "corp"', "directory"),
        ('[directory]\nkind = "nis"', "directory.kind"),
        ('[directory]\nkind = "ldap"', "directory.servers is needed"),
        ("[directory]\nconnect_timeout = nan", "directory.connect_timeout"),
        ("[policy]\nmax_age_seconds = 0", "policy.max_age_seconds"),
        ('time_zone = "Mars/Olympus"', "time_zone"),
        ('time_zone = "../etc/passwd"', "time_zone"),
        ('origin = "two words"', "origin"),
        ('base_url = "gate.example"', "base_url"),
        ('[[forges]]\nname = "x"\nkind = "github"', "forges.secret_files"),
        ('[[forges]]\nname = "x"\nkind = "github"\nsecret_files = []', "forges.secret_files"),
        ("production = true", "refused in production"),
        ('[database]\nurl = "postgresql+psycopg://gate:hunter2@db/gate"', "database.url holds a password"),
        ('[database]\nurl = "postgresql+psycopg://db/gate?password=hunter2"', "database.url holds a password"),
    ],
)
def test_a_bad_value_refuses_and_is_named(tmp_path: Path, text: str, words: str) -> None:
    error = refuse(tmp_path, text)
    assert words in str(error)
    assert str(tmp_path / "gate.toml") in str(error)
    assert "hunter2" not in str(error)


def test_two_forges_of_one_name_are_refused(tmp_path: Path) -> None:
    forge = '[[forges]]\nname = "x"\nkind = "github"\nsecret_files = ["s"]\n'
    assert "Two forges" in str(refuse(tmp_path, forge * 2))


LDAP = """
[directory]
kind = "ldap"
servers = ["ldaps://dc.example"]
bind_dn = "cn=gate"
bind_password_file = "pw"
people_base = "ou=people"
groups_base = ["ou=groups"]
"""


def test_production_wants_ldap_and_tls(tmp_path: Path) -> None:
    text = 'production = true\nbase_url = "https://gate.example"\n' + LDAP
    assert load(tmp_path, text).production is True
    assert "https" in str(refuse(tmp_path, text.replace("https:", "http:", 1)))


def test_variables_lie_over_the_file(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        "[server]\nport = 1\nthreads = 3\n",
        GATE_SERVER_PORT="0",
        GATE_DATABASE_URL="sqlite:///other.sqlite",
        GATE_DIRECTORY_LDIF_FILE="/etc/people.ldif",
        GATE_PRODUCTION="false",
        GATE_ORIGIN="",
        PATH="/bin",
    )
    assert (settings.server.port, settings.server.threads) == (0, 3)
    assert settings.database.url == f"sqlite:///{tmp_path}/other.sqlite"
    assert settings.directory.ldif_file == Path("/etc/people.ldif")
    assert settings.origin == "gate.example"


@pytest.mark.parametrize("name", ["GATE_INSTANCE", "GATE_TOKEN", "GATE_VECTORS", "GATE_TEST_WORKERS"])
def test_variables_of_our_other_programs_are_left_alone(tmp_path: Path, name: str) -> None:
    assert load(tmp_path, **{name: "x"}) == load(tmp_path)


def test_an_unknown_variable_refuses_and_is_named(tmp_path: Path) -> None:
    error = refuse(tmp_path, GATE_DATABSE_URL="sqlite:///x")
    assert error.field == "GATE_DATABSE_URL"
    assert error.remedy == "Did you mean GATE_DATABASE_URL?"


def test_a_bad_variable_is_named_and_its_value_is_not_shown(tmp_path: Path) -> None:
    error = refuse(tmp_path, GATE_SERVER_PORT="hunter2")
    assert error.field == "GATE_SERVER_PORT"
    assert "hunter2" not in str(error)


def test_an_absolute_database_and_postgresql_are_kept(tmp_path: Path) -> None:
    for url in ("sqlite:////var/lib/gate/gate.sqlite", "postgresql+psycopg://gate@db/gate?passfile=/p"):
        assert load(tmp_path, f'[database]\nurl = "{url}"').database.url == url


def test_the_digest_tells_settings_apart(tmp_path: Path) -> None:
    plain = digest(load(tmp_path, LDAP))
    assert plain == digest(load(tmp_path, "# a comment\n" + LDAP))
    assert len(plain) == 32
    assert plain != digest(load(tmp_path, LDAP.replace("dc.example", "dc2.example")))
    assert plain != digest(load(tmp_path, LDAP, GATE_POLICY_MAX_AGE_SECONDS="5"))


@pytest.mark.parametrize("content", [b"\xff\xfe", b"organisation = '\xc3('"])
def test_a_file_that_is_not_utf8_is_an_input_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "gate.toml").write_bytes(content)
    with pytest.raises(InputError):
        load_settings(tmp_path, {})


def test_a_file_that_cannot_be_read_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "gate.toml").mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        load_settings(tmp_path, {})


SCALARS = st.one_of(st.booleans(), st.integers(), st.floats(), st.text(max_size=10), st.lists(st.text(max_size=3)))
KEYS = st.sampled_from(
    ["organisation", "origin", "base_url", "database", "server", "forges", "policy", "x", "directory"]
)


@given(st.dictionaries(KEYS, st.one_of(SCALARS, st.dictionaries(st.text(max_size=6), SCALARS, max_size=3)), max_size=4))
def test_nothing_but_input_errors_escapes(data: dict[str, object]) -> None:
    """Any TOML-shaped tree is settings or an ``InputError``."""
    from gate.settings import load as module

    source = module._Source(file="gate.toml", text="", data=data)
    try:
        module._build(source, Path("/instance"), {})
    except InputError:
        return
