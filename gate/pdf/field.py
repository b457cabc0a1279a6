"""The place the seal goes: an invisible signature field, written with the document and filled in afterwards.

So a sealed pack has one revision: no object is written twice and the file is signed from its first
byte to its last. The placeholders have fixed widths; ``fill`` puts in the byte range and the time,
says what is to be digested, and takes the signature. ISO 32000-1 §12.8 (DocMDP, P=1: no changes).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reportlab.pdfbase import pdfdoc

from gate.domain.errors import InputError

FIELD = "Seal"
RESERVED = 8192
"""Hex digits kept for the signature: a P-256 certificate and signature take about a third."""

_RANGE = b"/ByteRange [0000000000 0000000000 0000000000 0000000000]"
_TIME = b"/M (D:00000000000000Z)"
_HOLE = b"/Contents <" + b"0" * RESERVED + b">"
_DICTIONARY = (
    b"<<\n/Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached\n"
    b"/Reference [ << /Type /SigRef /TransformMethod /DocMDP"
    b" /TransformParams << /Type /TransformParams /V /1.2 /P 1 >> >> ]\n"
    + _TIME
    + b"\n"
    + _RANGE
    + b"\n"
    + _HOLE
    + b"\n>>"
)


class _Raw(pdfdoc.PDFObject):
    """An indirect object whose bytes are known."""

    __RefOnly__ = 1

    def __init__(self, data: bytes) -> None:
        self.data = data

    def format(self, document: Any) -> bytes:
        return self.data


def reserve_seal(canvas: Any) -> None:
    """Add the field to the page that is drawn next, which must be the first."""
    document, catalog = canvas._doc, canvas._doc.Catalog
    signature = document.Reference(_Raw(_DICTIONARY))
    widget = pdfdoc.PDFDictionary(
        {
            "Type": "/Annot",
            "Subtype": "/Widget",
            "FT": "/Sig",
            "T": pdfdoc.PDFString(FIELD),
            "F": 132,
            "Rect": "[0 0 0 0]",
            "V": signature,
        }
    )
    reference = document.Reference(widget)
    canvas._annotationrefs.append(reference)
    catalog.__NoDefault__ = [*catalog.__NoDefault__, "Perms"]
    catalog.__Refs__ = catalog.__NoDefault__
    catalog.AcroForm = pdfdoc.PDFDictionary({"Fields": pdfdoc.PDFArray([reference]), "SigFlags": 3})
    catalog.Perms = pdfdoc.PDFDictionary({"DocMDP": signature})


@dataclass(frozen=True, slots=True)
class OpenSeal:
    """A document ready to be signed: all but the hole between ``before`` and ``after``."""

    before: bytes
    after: bytes

    def digest(self) -> bytes:
        """SHA-256 of everything outside the hole."""
        return hashlib.sha256(self.before + self.after).digest()

    def close(self, signature: bytes) -> bytes:
        """The sealed file, the DER ``signature`` in lower-case hex and zeros after it."""
        if len(signature) * 2 > RESERVED:
            raise InputError("the signature is larger than the place kept for it")
        return self.before + b"<" + signature.hex().ljust(RESERVED, "0").encode() + b">" + self.after


def open_seal(pdf: bytes, at: datetime) -> OpenSeal:
    """Write time and byte range into an unsealed pack. ``InputError`` if it has no place for a seal."""
    start = pdf.rfind(_DICTIONARY)
    if start < 0:
        raise InputError("this PDF has no place for a seal, or is sealed already")
    hole = start + _DICTIONARY.index(_HOLE) + len(b"/Contents ")
    end = hole + RESERVED + 2
    numbers = b" ".join(str(value).encode().ljust(10) for value in (0, hole, end, len(pdf) - end))
    moment = b"/M (" + at.strftime("D:%Y%m%d%H%M%SZ").encode() + b")"
    head = pdf[start:hole].replace(_RANGE, b"/ByteRange [" + numbers + b"]").replace(_TIME, moment)
    return OpenSeal(pdf[:start] + head, pdf[end:])
