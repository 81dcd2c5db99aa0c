import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.toml_lines import Path, find_lines

CASES = [
    pytest.param("a = 1\nb = 2", {("a",): 1, ("b",): 2}, id="pairs"),
    pytest.param("\n# x = 1\n\na = 1 # b = 2", {("a",): 4}, id="comments and blank lines"),
    pytest.param("[t]\na = 1", {("t",): 1, ("t", "a"): 2}, id="table"),
    pytest.param("a.b.c = 1", {("a",): 1, ("a", "b"): 1, ("a", "b", "c"): 1}, id="dotted key"),
    pytest.param("\"a b\" = 1\n'c' = 2", {("a b",): 1, ("c",): 2}, id="quoted keys"),
    pytest.param(
        "[[s]]\na = 1\n[[s]]\na = 2",
        {("s", 0): 1, ("s", 0, "a"): 2, ("s", 1): 3, ("s", 1, "a"): 4},
        id="array of tables",
    ),
    pytest.param(
        "[[s]]\n[s.t]\na = 1\n[[s]]\n[s.t]\na = 2",
        {("s", 0, "t", "a"): 3, ("s", 1, "t"): 5, ("s", 1, "t", "a"): 6},
        id="table in an array of tables",
    ),
    pytest.param(
        "[[s]]\n[[s.p]]\na = 1\n[[s.p]]\na = 2",
        {("s", 0, "p", 0, "a"): 3, ("s", 0, "p", 1, "a"): 5},
        id="array of tables in another",
    ),
    pytest.param('a = """\nb = 1\n"""\nc = 2', {("a",): 1, ("c",): 4}, id="long string"),
    pytest.param("a = '''\n[x]\n'''\nc = 2", {("a",): 1, ("c",): 4}, id="long literal string"),
    pytest.param('a = """x\\""""\nc = 2', {("c",): 2}, id="escaped quote before the end"),
    pytest.param('a = """x"""""\nc = 2', {("c",): 2}, id="quotes at the end"),
    pytest.param('a = "#[\\"\\\\"\nc = 2', {("c",): 2}, id="escapes"),
    pytest.param("a = [ # [\n 1,\n 2, ]\nc = 2", {("a", 1): 3, ("c",): 4}, id="long array"),
    pytest.param('a = ["]", "["]\nc = 2', {("c",): 2}, id="brackets in strings"),
    pytest.param("a = { b = 1, c = [2] }\nd = 3", {("a", "c"): 1, ("d",): 2}, id="inline table"),
    pytest.param("a = 1\r\nb = 2\r\n", {("a",): 1, ("b",): 2}, id="line ends of Windows"),
    pytest.param("[ a . b ]\nc = 1", {("a", "b", "c"): 2}, id="blanks in a header"),
    pytest.param("a = 1979-05-27 07:32:00Z\nb = 1", {("b",): 2}, id="date with a space"),
    pytest.param('"\\u0061" = 1', {("a",): 1}, id="escape in a key"),
    pytest.param("", {}, id="empty"),
]


@pytest.mark.parametrize(("text", "lines"), CASES)
def test_each_key_has_its_line(text: str, lines: dict[Path, int]) -> None:
    tomllib.loads(text)
    found = find_lines(text)
    assert {path: found.get(path) for path in lines} == lines


SCALARS = st.sampled_from(
    [
        "1",
        "true",
        '"x"',
        "'y'",
        '"""\nz\n"""',
        "'''\n#'''",
        "[\n1, # c\n[2],\n]",
        '"\\"["',
        "{a.b = 1}",
    ]
)


@given(st.lists(st.tuples(st.integers(0, 3), SCALARS), max_size=12))
def test_lines_are_right_whatever_the_values_between(items: list[tuple[int, str]]) -> None:
    text, expected = "", {}
    for number, (blank_lines, value) in enumerate(items):
        text += "\n" * blank_lines
        expected[(f"k{number}",)] = text.count("\n") + 1
        text += f"k{number} = {value}\n"
    tomllib.loads(text)
    found = find_lines(text)
    assert {path: line for path, line in found.items() if len(path) == 1} == expected


@given(st.text("ab=[]{}\"'.,# \n\\1", max_size=30))
def test_every_path_that_toml_knows_is_found(text: str) -> None:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    found = find_lines(text)
    assert {(name,) for name in data} <= {path[:1] for path in found}
    assert all(1 <= line <= text.count("\n") + 1 for line in found.values())
