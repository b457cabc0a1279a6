"""What reportlab leaves out or writes wrongly for PDF/A-3u (ISO 19005-3), put right.

The two replacements below are made once, when this module is imported: nothing else in this
process draws with reportlab. The catalog gets an output intent, XMP metadata equal to the
document information, and the attachments as associated files. ``Subtype`` of an attachment is
written raw because reportlab's names cannot hold ``#2F``.
"""

from __future__ import annotations

import calendar
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from PIL import ImageCms
from reportlab.pdfbase import pdfdoc, ttfonts

PRODUCER = "Contribution Gate (drawn with reportlab)"
_stream_format = pdfdoc.PDFStream.format


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file inside the PDF. ``relationship`` is the AFRelationship: Source, Data or Supplement."""

    name: str
    data: bytes
    mime: str
    description: str
    relationship: str


def _format_with_line_end(stream: Any, document: Any) -> bytes:
    """6.1.7.1: ``endstream`` on its own line. CR LF, so that data ending in CR is not mistaken for the line's end."""
    written: bytes = _stream_format(stream, document)
    return written[: -len(b"endstream\n")] + b"\r\nendstream\n"


def _build_unicode_map(fontname: str, subset: Sequence[int]) -> str:
    """Code to UTF-16BE, at most 100 a block, without code 0 (.notdef), which means no character."""
    pairs = [
        f"<{code:02X}> <{chr(char).encode('utf-16-be').hex().upper()}>" for code, char in enumerate(subset) if char
    ]
    blocks = [pairs[start : start + 100] for start in range(0, len(pairs), 100)]
    body = "\n".join(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks)
    return (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        f"/CMapName /{fontname} def\n/CMapType 2 def\n"
        f"1 begincodespacerange\n<00> <FF>\nendcodespacerange\n{body}\n"
        "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend"
    )


setattr(pdfdoc.PDFStream, "format", _format_with_line_end)  # noqa: B010 -- a typed assignment is refused
setattr(ttfonts, "makeToUnicodeCMap", _build_unicode_map)  # noqa: B010


def set_instant(canvas: Any, at: datetime) -> None:
    """Dates of the document are ``at``, not now: same twin, same bytes."""
    stamp = canvas._doc._timeStamp
    seconds = calendar.timegm(at.utctimetuple())
    stamp.t = seconds
    stamp.lt = time.gmtime(seconds)
    stamp.YMDhms = tuple(stamp.lt)[:6]
    stamp.dhh = stamp.dmm = 0


def attach(canvas: Any, attachments: Sequence[Attachment], at: datetime) -> None:
    """Embed files, associated with the whole document (6.8); the names tree is sorted, as it must be."""
    document, catalog = canvas._doc, canvas._doc.Catalog
    catalog.__NoDefault__ = [*catalog.__NoDefault__, "AF", "OutputIntents"]
    catalog.__Refs__ = catalog.__NoDefault__
    names: list[Any] = []
    references = []
    for item in sorted(attachments, key=lambda item: item.name.encode()):
        reference = document.Reference(_build_file_spec(document, item, at))
        names += [pdfdoc.PDFString(item.name), reference]
        references.append(reference)
    embedded = pdfdoc.PDFDictionary({"Names": pdfdoc.PDFArray(names)})
    catalog.Names = pdfdoc.PDFDictionary({"EmbeddedFiles": embedded})
    catalog.AF = pdfdoc.PDFArray(references)


def _build_file_spec(document: Any, item: Attachment, at: datetime) -> Any:
    modified = at.strftime("(D:%Y%m%d%H%M%SZ)")
    parameters = pdfdoc.PDFDictionary({"Size": len(item.data), "ModDate": modified})
    kind = pdfdoc.PDFDictionary(
        {"Type": "/EmbeddedFile", "Subtype": "/" + item.mime.replace("/", "#2F"), "Params": parameters}
    )
    stream = pdfdoc.PDFStream(kind, item.data, filters=[pdfdoc.PDFZCompress])
    reference = document.Reference(stream)
    name = pdfdoc.PDFString(item.name)
    return pdfdoc.PDFDictionary(
        {
            "Type": "/Filespec",
            "F": name,
            "UF": name,
            "Desc": pdfdoc.PDFString(item.description),
            "AFRelationship": f"/{item.relationship}",
            "EF": pdfdoc.PDFDictionary({"F": reference, "UF": reference}),
        }
    )


def conform(canvas: Any, title: str, subject: str, at: datetime) -> None:
    """Metadata and output intent. Call after ``attach``, before saving."""
    document, catalog = canvas._doc, canvas._doc.Catalog
    info = document.info
    info.title, info.subject, info.author = title, subject, PRODUCER
    info.creator = info.producer = PRODUCER
    profile = pdfdoc.PDFStream(pdfdoc.PDFDictionary({"N": 3}), build_profile(), filters=[pdfdoc.PDFZCompress])
    intent = pdfdoc.PDFDictionary(
        {
            "Type": "/OutputIntent",
            "S": "/GTS_PDFA1",
            "OutputConditionIdentifier": pdfdoc.PDFString("sRGB"),
            "Info": pdfdoc.PDFString("sRGB IEC61966-2.1"),
            "DestOutputProfile": document.Reference(profile),
        }
    )
    catalog.OutputIntents = pdfdoc.PDFArray([document.Reference(intent)])
    kind = pdfdoc.PDFDictionary({"Type": "/Metadata", "Subtype": "/XML"})
    catalog.Metadata = pdfdoc.PDFStream(kind, _build_xmp(title, subject, at))


@cache
def build_profile() -> bytes:
    """An sRGB profile from Little CMS; its creation date (bytes 24 to 35) and id are fixed."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = bytes((7, 0xEA, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0))
    profile[84:100] = bytes(16)
    return bytes(profile)


def _build_xmp(title: str, subject: str, at: datetime) -> bytes:
    when = at.strftime("%Y-%m-%dT%H:%M:%S+00:00")
    out = io.StringIO()
    out.write('<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n')
    out.write('<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n')
    out.write('<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"')
    out.write(' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"')
    out.write(' xmlns:pdf="http://ns.adobe.com/pdf/1.3/">\n')
    out.write("<pdfaid:part>3</pdfaid:part><pdfaid:conformance>U</pdfaid:conformance>\n")
    out.write(f'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{escape(title)}</rdf:li></rdf:Alt></dc:title>\n')
    out.write(f"<dc:creator><rdf:Seq><rdf:li>{escape(PRODUCER)}</rdf:li></rdf:Seq></dc:creator>\n")
    out.write('<dc:description><rdf:Alt><rdf:li xml:lang="x-default">')
    out.write(f"{escape(subject)}</rdf:li></rdf:Alt></dc:description>\n")
    out.write(f"<xmp:CreateDate>{when}</xmp:CreateDate><xmp:ModifyDate>{when}</xmp:ModifyDate>\n")
    out.write(f"<xmp:CreatorTool>{escape(PRODUCER)}</xmp:CreatorTool><pdf:Producer>{escape(PRODUCER)}</pdf:Producer>\n")
    out.write('</rdf:Description></rdf:RDF></x:xmpmeta>\n<?xpacket end="w"?>')
    return out.getvalue().encode()
