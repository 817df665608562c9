"""Tables of the command line stand in columns, also with Chinese in them."""

from config.tables import aligned


def test_columns_are_as_wide_as_what_stands_in_them() -> None:
    assert aligned(("NAME", "MAKER", "N"), ("a", "正泰", "1"), ("longer", "x", "22")).splitlines() == [
        "NAME    MAKER  N",
        "a       正泰   1",
        "longer  x      22",
    ]
