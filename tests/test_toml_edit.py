"""Changing the sites of a TOML text, and nothing else in it."""

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.toml_edit import EditError, Table, edit_sites, sites_in
from appliance.toml_write import encode_key, encode_site, encode_value

TEXT = """\
# Our home.
[listen]
http = ":80"          # everywhere

# The photos. [[site]] = "not a table"
[[site]]
host = ["photos.test", "fotos.test"]   # both
backends = [
  "http://a",   # the old one
  "http://b",
]

# The wiki,
# with care.
[[site]]
backends = "http://c"
  sticky = true  # needed
host = "wiki.test"
# about the wiki's weights
weights = [1]

[limits]
head = "64KiB"
# The end.
"""
PHOTOS: Table = {"backends": ["http://a", "http://b"]}
WIKI: Table = {"backends": "http://c", "sticky": True, "weights": [1]}
ADDED = '\n[[site]]\nhost = "new.test"\nbackends = ["http://n"]\n'

CHANGES: list[Any] = [
    pytest.param({"wiki.test": WIKI}, (), {}, id="to what it is: nothing changes"),
    pytest.param({}, ("other.test",), {}, id="removing what is not there"),
    pytest.param(
        {"wiki.test": {**WIKI, "backends": ["http://d"]}},
        (),
        {'backends = "http://c"': 'backends = ["http://d"]'},
        id="a value",
    ),
    pytest.param(
        {"wiki.test": {**WIKI, "balance": "random"}},
        (),
        {"weights = [1]\n": 'weights = [1]\nbalance = "random"\n'},
        id="a key more",
    ),
    pytest.param(
        {"wiki.test": {"backends": "http://c", "weights": [1]}},
        (),
        {"  sticky = true  # needed\n": ""},
        id="a key less, with its own comment",
    ),
    pytest.param(
        {"photos.test": {"backends": ["http://d"]}, "fotos.test": {"backends": ["http://d"]}},
        (),
        {'[\n  "http://a",   # the old one\n  "http://b",\n]': '["http://d"]'},
        id="a value of several lines, for both hosts",
    ),
    pytest.param(
        {},
        ("fotos.test",),
        {'["photos.test", "fotos.test"]': '"photos.test"'},
        id="one of two hosts leaves",
    ),
    pytest.param(
        {"fotos.test": {"backends": ["http://d"]}},
        (),
        {
            '["photos.test", "fotos.test"]': '"photos.test"',
            "# The end.\n": '# The end.\n\n[[site]]\nhost = "fotos.test"\nbackends = ["http://d"]\n',
        },
        id="one of two hosts goes its own way",
    ),
    pytest.param(
        {"fotos.test": {"backends": ["http://d"]}},
        ("photos.test",),
        {
            '["photos.test", "fotos.test"]': '"fotos.test"',
            '[\n  "http://a",   # the old one\n  "http://b",\n]': '["http://d"]',
        },
        id="one changes and the other goes",
    ),
    pytest.param(
        {},
        ("photos.test", "fotos.test"),
        {TEXT[TEXT.index("# The photos.") : TEXT.index("# The wiki,")]: ""},
        id="a site goes with the comment above it",
    ),
    pytest.param(
        {},
        ("wiki.test",),
        {TEXT[TEXT.index("# The wiki,") : TEXT.index("[limits]")]: ""},
        id="and no other table",
    ),
    pytest.param(
        {"new.test": {"backends": ["http://n"]}},
        (),
        {"# The end.\n": "# The end.\n" + ADDED},
        id="new",
    ),
]


@pytest.mark.parametrize(("put", "removed", "replaced"), CHANGES)
def test_only_what_changes_changes(
    put: dict[str, Table], removed: tuple[str, ...], replaced: dict[str, str]
) -> None:
    wanted = TEXT
    for old, new in replaced.items():
        assert wanted.count(old) == 1
        wanted = wanted.replace(old, new)
    assert edit_sites(TEXT, put, removed) == wanted
    windows = edit_sites(TEXT.replace("\n", "\r\n"), put, removed)
    assert windows == wanted.replace("\n", "\r\n")


BELOW = """\
[[site]]
host = "a.test"
backends = "http://b"
headers.request = { "X-Lab" = "1" }
# how it is asked
[site.health]
path = "/ok"  # quick

[site.paths."/api/"]
backends = "http://c"

# the next
[[site]]
host = "b.test"
backends = "http://d"
"""


@pytest.mark.parametrize(
    ("table", "replaced"),
    [
        (
            {"health": {"path": "/new"}},
            {
                '# how it is asked\n[site.health]\npath = "/ok"  # quick\n\n': "",
                '"http://c"\n': '"http://c"\n\n[site.health]\npath = "/new"\n',
            },
        ),
        ({"health": None}, {'# how it is asked\n[site.health]\npath = "/ok"  # quick\n\n': ""}),
        ({"paths": None}, {'[site.paths."/api/"]\nbackends = "http://c"\n\n': ""}),
        ({"headers": None}, {'headers.request = { "X-Lab" = "1" }\n': ""}),
        (
            {"access": {"allow": ["::/0"]}},
            {'"http://c"\n': '"http://c"\n\n[site.access]\nallow = ["::/0"]\n'},
        ),
    ],
    ids=["changed", "removed", "one with a name of its own", "written with dots", "new"],
)
def test_tables_below_a_site_change_as_wholes(
    table: dict[str, Any], replaced: dict[str, str]
) -> None:
    before = sites_in(BELOW)["a.test"]
    after = {key: value for key, value in {**before, **table}.items() if value is not None}
    wanted = BELOW
    for old, new in replaced.items():
        assert wanted.count(old) == 1
        wanted = wanted.replace(old, new)
    assert edit_sites(BELOW, {"a.test": after}) == wanted


def test_what_was_added_and_removed_leaves_no_trace() -> None:
    for text in ("", TEXT, BELOW, "# only a comment\n"):
        added = edit_sites(text, {"new.test": {"backends": ["http://n"], "health": {"path": "/"}}})
        assert added != text
        assert edit_sites(added, {}, ["new.test"]) == text


def test_a_text_without_a_last_line_end_gets_one() -> None:
    text = '[[site]]\nhost = "a.test"\nbackends = "http://b"'
    edited = edit_sites(text, {"a.test": {"backends": "http://b", "sticky": True}})
    assert edited == text + "\nsticky = true\n"


def test_sites_in_a_list_are_left_to_their_author() -> None:
    text = 'site = [{ host = "a.test", backends = "http://b" }]\n'
    with pytest.raises(EditError, match=r"write each as \[\[site\]\]"):
        edit_sites(text, {}, ["a.test"])


SCALARS = st.one_of(st.text(), st.booleans(), st.integers(-(2**63), 2**63 - 1))
VALUES = st.recursive(
    st.one_of(SCALARS, st.floats(allow_nan=False)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["backends", "sticky", "health", "a b", "ü"])
TABLES = st.dictionaries(KEYS, VALUES, max_size=4)
HOSTS = st.sampled_from(["a.test", "b.test", "*.c.test", "*", "[::1]"])


@given(VALUES)
def test_a_value_is_read_as_it_was_written(value: Any) -> None:
    assert tomllib.loads(f"key = {encode_value(value)}\n") == {"key": value}


@given(st.text())
def test_a_key_is_read_as_it_was_written(key: str) -> None:
    assert tomllib.loads(f"{encode_key(key)} = 1\n") == {key: 1}


@given(TABLES)
def test_a_site_is_read_as_it_was_written(table: Table) -> None:
    assert sites_in(encode_site(["a.test", "b.test"], table)) == {"a.test": table, "b.test": table}


def test_a_value_that_toml_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="NoneType is no value"):
        encode_value(None)


EDITS = st.lists(st.tuples(HOSTS, st.none() | TABLES), min_size=1, max_size=8)


@settings(max_examples=200)
@given(st.sampled_from(["", TEXT, BELOW]), EDITS)
def test_any_changes_one_after_another_come_to_what_was_meant(
    text: str, edits: list[tuple[str, Table | None]]
) -> None:
    meant = sites_in(text)
    for host, table in edits:
        if table is None:
            text = edit_sites(text, {}, [host])
            meant.pop(host, None)
        else:
            text = edit_sites(text, {host: table})
            meant[host] = table
        assert sites_in(text) == meant
    assert ("# Our home." in text) == ("# Our home." in TEXT and "[listen]" in text)
