import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.policy import credit_code
from services.policy.credit_code import CreditCodeInvalid, normalise, parse
from services.policy.divisions import divisions, former_divisions

VALID = [
    "9152000071430580XT",
    "91520000214434146R",
    "91520900MA6J6CBN9Q",
    "91520900MA6GN48P46",
    "9144030071526726XG",
    "91350100M000100Y43",
    "91110000600037341L",
]


@pytest.mark.parametrize("code", VALID)
def test_a_code_in_use_is_accepted(code: str) -> None:
    parsed = credit_code.parse(code)

    assert parsed.value == code
    assert parsed.warnings == ()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("91520900MA6J4KQ8X9", "wrong_check_character"),
        ("91520900MA6J6CBN9R", "wrong_check_character"),
        ("9152000071430580XS", "wrong_character"),
        ("9152000071430580OT", "wrong_character"),
        ("91520000714305803T", "wrong_check_character"),
        ("9152000071430580T", "wrong_length"),
        ("", "wrong_length"),
    ],
)
def test_a_code_that_is_none_is_refused_with_the_reason(code: str, reason: str) -> None:
    with pytest.raises(CreditCodeInvalid) as refused:
        credit_code.parse(code)

    assert refused.value.code == reason


def test_a_wrong_inner_digit_is_only_a_warning() -> None:
    assert len(credit_code.parse("91520000714305803A").warnings) == 1


def test_full_width_small_letters_and_spaces_are_read_and_o_is_never_taken_for_zero() -> None:
    assert credit_code.normalise("９１５２０９００ ma6j6cbn9q") == "91520900MA6J6CBN9Q"
    assert not credit_code.is_valid("915209OOMA6J6CBN9Q")


@given(st.integers(0, 10**8 - 1), st.sampled_from(sorted(divisions())))
def test_a_generated_code_is_valid(serial: int, division: str) -> None:
    parsed = credit_code.parse(credit_code.generate(serial, division))

    assert parsed.division == division
    assert parsed.warnings == ()


@given(
    st.sampled_from(VALID), st.integers(0, 17), st.sampled_from("0123456789ABCDEFGHJKLMNPQRTUWXY")
)
def test_one_wrong_character_never_passes(code: str, place: int, character: str) -> None:
    changed = code[:place] + character + code[place + 1 :]

    assert credit_code.is_valid(changed) is (changed == code)


def test_there_are_98_divisions_and_guian_and_codes_of_earlier_years() -> None:
    today = divisions()

    assert len(today) == 99
    assert sum(one.level == "county" for one in today.values()) == 88
    assert today["520900"].is_functional_zone
    assert former_divisions()["520321"].became == "520304"
    assert not former_divisions().keys() & today.keys()


def test_a_text_that_is_far_too_long_is_refused_before_it_is_normalised() -> None:
    """Marks that combine are sorted one by one: a long text of them would take minutes."""
    hostile = "a" + "\u0316\u0301" * 400_000

    assert normalise(hostile) is hostile
    with pytest.raises(CreditCodeInvalid) as refused:
        parse(hostile)
    assert refused.value.code == "wrong_length"
