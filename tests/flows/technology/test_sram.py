import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from flows.technology.sram import SramModel

# FakeRAM 45 macros (ABKGroup, CACTI-based): (depth, width) -> (area in um2, access time in ns).
FAKERAM45 = {
    (64, 7): (387.3, 0.164),
    (32, 32): (794.5, 0.173),
    (64, 15): (659.1, 0.198),
    (64, 21): (949.4, 0.203),
    (64, 32): (1240.6, 0.207),
    (128, 32): (3295.7, 0.200),
    (128, 64): (5479.6, 0.233),
    (256, 16): (3155.0, 0.204),
    (256, 32): (5065.7, 0.235),
    (256, 48): (7775.7, 0.246),
    (256, 96): (13701.7, 0.292),
    (512, 64): (17301.4, 0.305),
    (1024, 32): (16406.1, 0.309),
    (2048, 39): (45478.8, 0.435),
}
NANGATE45 = SramModel(nand2_area=0.798, fo4=0.0221)
sizes = st.integers(1, 4096), st.integers(1, 256)


@pytest.mark.parametrize("size", FAKERAM45)
def test_areas_are_within_a_third_and_access_times_within_a_third_of_known_macros(size: tuple[int, int]) -> None:
    area, access = FAKERAM45[size]
    assert 3 / 4 < NANGATE45.area(*size) / area < 4 / 3
    assert 2 / 3 < NANGATE45.access_time(*size) / access < 4 / 3


def test_a_model_without_row_and_column_circuits_would_miss_them() -> None:
    bare = SramModel(nand2_area=0.798, row=0, column=0, data=0, fixed=0)
    assert not 3 / 4 < bare.area(128, 32) / FAKERAM45[128, 32][0] < 4 / 3


@given(*sizes)
def test_more_words_or_bits_never_cost_less_area_or_time(depth: int, width: int) -> None:
    model = SramModel()
    for more in ((depth + 1, width), (depth, width + 1)):
        assert model.area(*more) >= model.area(depth, width)
        assert model.access_time(*more) >= model.access_time(depth, width)


@given(*sizes)
def test_splitting_a_memory_never_saves_area(depth: int, width: int) -> None:
    model = SramModel()
    assert 2 * model.area(depth, width) >= model.area(2 * depth, width)


@given(*sizes, st.floats(0.1, 10), st.floats(0.01, 10))
def test_a_technology_only_scales_it(depth: int, width: int, nand2_area: float, fo4: float) -> None:
    scaled = SramModel(nand2_area=nand2_area, fo4=fo4)
    assert scaled.area(depth, width) == pytest.approx(SramModel().area(depth, width) * nand2_area)
    assert scaled.access_time(depth, width) == pytest.approx(SramModel().access_time(depth, width) * fo4)


def test_a_few_words_are_latches() -> None:
    assert SramModel().area(2, 4) < SramModel().fixed


@pytest.mark.parametrize("size", [(0, 8), (8, 0), (-1, 8)])
def test_an_empty_memory_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(CodesignError, match="at least one word"):
        SramModel().area(*size)
