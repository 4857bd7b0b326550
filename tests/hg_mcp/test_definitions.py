"""The definitions agree with everything that is made from them."""

from pathlib import Path

import hg_mcp
import recorder
from hg_mcp import names
from hg_mcp.tools import TOOLS
from hg_mcp.tools.reference import main


def test_the_names_that_replies_and_errors_use_are_the_tools():
    assert {value for key, value in vars(names).items() if key.isupper()} == set(TOOLS)


def test_a_stale_reference_page_is_noticed(tmp_path: Path):
    page = tmp_path / "tools.md"
    assert main([str(page)]) == 0
    assert main(["--check", str(page)]) == 0
    page.write_text(page.read_text() + "edited")
    assert main(["--check", str(page)]) == 1


def test_a_tool_about_one_run_asks_for_it_first():
    assert all(
        tool.parameters[0].name == "run" for tool in TOOLS.values() if "run" in {p.name for p in tool.parameters}
    )


def test_the_recorder_is_found_under_the_distributions_name():
    assert (hg_mcp.Recorder, hg_mcp.node) == (recorder.Recorder, recorder.node)
