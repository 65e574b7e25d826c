from compress.base.errors import CodesignError


def test_the_text_names_the_cause_and_the_next_step() -> None:
    assert str(CodesignError("no file", "make one")) == "no file\n  next: make one"
