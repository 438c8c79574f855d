from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeldiff.renderer.measure import mono, mono_fitting, sans, sans_fitting


@given(st.text(max_size=60), st.floats(40, 400))
def test_a_shortened_text_fits_and_a_fitting_text_is_left_alone(text, width):
    short = sans_fitting(text, 11.5, width)
    assert sans(short, 11.5) <= width + 1e-6
    assert short == text or sans(text, 11.5) > width


def test_a_name_keeps_both_ends():
    short = mono_fitting("stage3_block12_conv2_batch_normalization", 12.5, 150)
    assert mono(short, 12.5) <= 150
    assert short.startswith("stage")
    assert short.endswith("normalization"[-8:])


@pytest.mark.parametrize(("narrow", "wide"), [("iiii", "WWWW"), ("abc", "中文字")])
def test_wide_letters_are_wider(narrow, wide):
    assert sans(wide, 12) > sans(narrow, 12)


def test_marks_that_stand_on_a_letter_take_no_room():
    assert sans("e\u0301", 12) == sans("e", 12)
