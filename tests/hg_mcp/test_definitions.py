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
        tool.parameters[0].name == "run" or tool.parameters[0].required
        for tool in TOOLS.values()
        if "run" in {p.name for p in tool.parameters}
    )


def test_the_recorder_is_found_under_the_distributions_name():
    for name in ("Recorder", "ValueTracer", "current_step", "node"):
        assert getattr(hg_mcp, name) is getattr(recorder, name)
        assert name in hg_mcp.__all__


def test_the_readme_has_a_row_for_every_tool():
    readme = Path(hg_mcp.__file__).parent.parent / "README.md"
    rows = [line for line in readme.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert {name for name in TOOLS if not any(f"`{name}`" in row.split("|")[1] for row in rows)} == set()
