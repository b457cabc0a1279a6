"""``gate demo`` and ``gate demo-tamper``: a fictional organisation on loopback. Never for real data."""

from __future__ import annotations

from pathlib import Path

import click

FOLDER = click.option(
    "--dir",
    "root",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="DEMO_DIR",
    default=Path(".demo"),
    show_default=True,
    help="Folder of the demo's state [DEMO_DIR].",
)


@click.command()
@FOLDER
@click.option("--port", type=click.IntRange(0, 65_535), envvar="DEMO_PORT", help="Port on 127.0.0.1 [DEMO_PORT].")
def demo(root: Path, port: int | None) -> None:
    """Play a fictional organisation through the public paths and serve it on loopback, until Ctrl-C.

    The first start plays 90 days; later ones reuse what is in the folder.
    """
    from gate.demo.start import run_demo  # only here: other commands need neither slapd nor a story

    run_demo(root, port)


@click.command("demo-tamper")
@FOLDER
def demo_tamper(root: Path) -> None:
    """Change one row of the demo's database behind the gate's back."""
    from gate.demo.place import gate_command
    from gate.demo.tamper import tamper

    done = tamper(root)
    if done.is_fresh:
        click.echo(f"Entry {done.index} of the audit log now says that {done.after} approved; it was {done.before}.")
    else:
        click.echo(f"Entry {done.index} has been tampered with already: it says that {done.after} approved.")
    audit = " ".join([*gate_command(), "audit", "--instance", str((root / "instance").absolute())])
    click.echo(f"Now run this; it exits 1 and names entry {done.index}:\n  {audit}")
    click.echo("`make demo-reset` removes this demo, and the next `make demo` plays a new one.")
