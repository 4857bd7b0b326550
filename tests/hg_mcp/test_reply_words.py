"""Names of recorded things, as replies write them."""

import pytest

from hg_mcp.replies.words import file_from


@pytest.mark.parametrize(
    ("home", "file", "told"),
    [
        ("/home/ada/shop", "/home/ada/shop/flows/orders.py", "flows/orders.py"),
        ("/home/ada/shop/", "/home/ada/shop/flows/orders.py", "flows/orders.py"),
        ("/home/ada/shop", "/home/ada/shopping/list.py", "/home/ada/shopping/list.py"),
        ("", "/home/ada/shop/flows/orders.py", "/home/ada/shop/flows/orders.py"),
        ("/v", "/v/lib/python3.12/site-packages/tenacity.py", "/v/lib/python3.12/site-packages/tenacity.py"),
    ],
)
def test_a_file_of_the_user_is_told_from_where_the_program_ran_and_others_in_full(home: str, file: str, told: str):
    assert file_from(home, file) == told
