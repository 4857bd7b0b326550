"""``python -m hg_mcp``: the same as ``hg-mcp``."""

from hg_mcp.cli import main

main(prog_name="hg-mcp")
