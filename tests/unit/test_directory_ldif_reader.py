"""The LDIF reader: what it takes, what it refuses and where, and that nothing else escapes it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.directory.ldif_reader import MAX_BYTES, parse_ldif
from gate.domain.errors import InputError

UUID_1 = "11111111-1111-4111-8111-111111111111"
UUID_2 = "22222222-2222-4222-8222-222222222222"
ENTRY = f"dn: cn=a,dc=x\ncn: a\nentryUUID: {UUID_1}\n"


def test_entries_are_read_in_order_with_names_in_lower_case() -> None:
    text = f"version: 1\n# a comment\n#  continued\n  here\n{ENTRY}mail: a@x\nMail: b@x\n\n\n"
    text += f"dn: cn=b,dc=x\nentryUUID: {UUID_2}\n"
    first, second = parse_ldif(text.encode(), "people.ldif")
    assert (first.dn, first.line) == ("cn=a,dc=x", 5)
    assert first.attributes == {"cn": ("a",), "mail": ("a@x", "b@x"), "entryuuid": (UUID_1,)}
    assert (second.dn, second.line) == ("cn=b,dc=x", 12)


def test_continuations_base64_and_line_ends() -> None:
    name = base64.b64encode("Zoë".encode()).decode()
    text = (
        f"dn: cn=a,\n dc=x\ncn:: {name[:3]}\n {name[3:]}\ndescription:\nsn:   spaced  \nentryUUID: {UUID_1.upper()}\n"
    )
    for content in (text, text.replace("\n", "\r\n")):
        (entry,) = parse_ldif(content.encode(), "f")
        assert entry.dn == "cn=a,dc=x"
        assert entry.attributes["cn"] == ("Zoë",)
        assert entry.attributes["description"] == ("",)
        assert entry.attributes["entryuuid"] == (UUID_1,)


def test_an_empty_file_has_no_entries() -> None:
    assert parse_ldif(b"", "f") == parse_ldif(b"version: 1\n\n# nothing\n", "f") == ()


@pytest.mark.req("DIR-01", "INV-01")
@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (ENTRY + "changetype: add\n", 4, "changetype"),
        (ENTRY + "jpegPhoto:< file:///etc/passwd\n", 4, "URL"),
        (ENTRY + "control: 1.2.3 true\n", 4, "control"),
        (ENTRY + "dn: cn=b,dc=x\n", 4, "dn"),
        (ENTRY + "cn;lang-de: x\n", 4, "options"),
        (ENTRY + "-\n", 4, "attribute: value"),
        (ENTRY + "no colon\n", 4, "attribute: value"),
        (ENTRY + ": x\n", 4, "attribute: value"),
        (ENTRY + "cn: a\n", 4, "twice"),
        (ENTRY + "sn:: !!!!\n", 4, "base64"),
        (ENTRY + "sn:: /w==\n", 4, "base64"),
        (ENTRY + "sn:: AA==\n", 4, "NUL"),
        (ENTRY + f"entryUUID: {UUID_2}\n", 1, "entryUUID"),
        ("dn: cn=a,dc=x\ncn: a\n", 1, "entryUUID"),
        ("dn: cn=a,dc=x\nentryUUID: anna\n", 1, "entryUUID"),
        (f"cn: a\nentryUUID: {UUID_1}\n", 1, "begins with dn"),
        (f"dn:\nentryUUID: {UUID_1}\n", 1, "empty"),
        (f"dn: nonsense\nentryUUID: {UUID_1}\n", 1, "distinguished name"),
        (" continued\n", 1, "continuation"),
        (ENTRY + "\n continued\n", 5, "continuation"),
        (ENTRY + f"\ndn: CN=A, DC=X\nentryUUID: {UUID_2}\n", 5, "same dn"),
        (ENTRY + f"\ndn: cn=b,dc=x\nentryUUID: {UUID_1}\n", 5, "same entryUUID"),
        (ENTRY + "\nversion: 1\n", 5, "begins with dn"),
        ("version: 2\n" + ENTRY, 1, "begins with dn"),
    ],
)
def test_refusals_say_file_and_line(text: str, line: int, says: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_ldif(text.encode(), "people.ldif")
    assert (refused.value.file, refused.value.line) == ("people.ldif", line)
    assert says in refused.value.message


def test_bytes_that_are_no_text_and_files_too_large_are_refused() -> None:
    with pytest.raises(InputError) as refused:
        parse_ldif(ENTRY.encode() + b"sn: \xff\n", "f")
    assert refused.value.line == 4
    with pytest.raises(InputError, match="Larger"):
        parse_ldif(b"#" * (MAX_BYTES + 1), "f")


_LINES = st.sampled_from(
    ["dn: cn=a,dc=x", "dn: cn=b\\2c,dc=x", f"entryUUID: {UUID_1}", f"entryUUID: {UUID_2}", "cn: x", "cn:: eA==",
     "", " more", "# c", "version: 1", "changetype: add", "sn:< x", "-", "dn: \\", "cn"]
)  # fmt: skip


@given(st.one_of(st.binary(max_size=200), st.lists(_LINES, max_size=12).map(lambda lines: "\n".join(lines).encode())))
def test_nothing_but_input_errors_escape(content: bytes) -> None:
    try:
        entries = parse_ldif(content, "f")
    except InputError:
        return
    assert len({entry.attributes["entryuuid"] for entry in entries}) == len(entries)
