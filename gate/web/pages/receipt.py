"""A receipt: the printed signature, and the proof a person keeps (C2SP tlog-proof)."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request

from gate.web.context import parts
from gate.web.permissions import Permission, requires
from gate.workflow import receipt as receipt_step

receipt = Blueprint("receipt", __name__, url_prefix="/receipts/<int(max=9007199254740991):index>")


@receipt.get("")
@requires(Permission.READ_LOG)
def show_receipt(index: int) -> str:
    shown = receipt_step.receipt(parts(), index)
    return render_template("receipt.html", receipt=shown, is_new=request.args.get("new") == "1")


@receipt.get("/proof")
@requires(Permission.READ_LOG)
def download_proof(index: int) -> Response:
    return build_download(receipt_step.receipt(parts(), index).proof, f"entry-{index}.tlog-proof", "text/plain")


@receipt.get("/envelope")
@requires(Permission.READ_LOG)
def download_envelope(index: int) -> Response:
    """The signed entry, byte for byte as stored."""
    return build_download(receipt_step.receipt(parts(), index).envelope, f"entry-{index}.dsse.json", "application/json")


def build_download(text: str, name: str, mimetype: str) -> Response:
    response = Response(text, mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
