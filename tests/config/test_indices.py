"""Quality figures and indices as shipped: every formula in words, none called verified, none made up."""

from config.indices import known


def test_no_index_is_called_verified_and_those_without_formula_have_no_figure() -> None:
    assert {index.verified for index in known().index} == {"second-hand"}
    assert all(one.formula_zh and one.formula_en for one in known().figure)
    assert all(one.formula_zh and one.formula_en for one in known().index)
    assert all(one.source for one in (*known().index, *known().unknown))
    assert [one.name for one in known().unknown] == [
        "yunnan_timely", "yunnan_verifiable", "yunnan_valid", "yunnan_standard", "yunnan_composite",
    ]  # fmt: skip
