"""What is left of a page: text without imports, tags, comments and expressions; code word for word."""

from __future__ import annotations

import time

import pytest
from folder import anchors, read, texts

from chains.ingest.dialect import Dialect
from chains.ingest.page import Block, Heading, Kind


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import A from 'a'\n\nText", ["Text"]),
        ("import {\n  A,\n  B,\n} from 'a';\nimport C from 'c'\n\nText", ["Text"]),
        ("export const F = () => {\n  const a = 1;\n\n  return <b>it's</b>;\n};\n\nText", ["Text"]),
        ("import this book today", ["import this book today"]),
        ("{/* a\n\n## comment */}\n\nText", ["Text"]),
        ("Text {/* inline */} more", ["Text more"]),
        ("<!-- a\n\n## comment -->\n\nText", ["Text"]),
        ("Text <!-- inline --> more", ["Text more"]),
        ("<div>\n\nText\n\n</div>", ["Text"]),
        ("<div>\n  Text\n</div>", ["Text"]),
        ("<div>Text <b>bold</b></div>", ["Text bold"]),
        ("<A\n  b={() => { if (1 > 0) { return '}' } }}\n  c=\"d > e\"\n>\nText\n</A>", ["Text"]),
        ("A <Br.x.y z='1'/> b", ["A b"]),
        ("<>\n\nText\n\n</>", ["Text"]),
        ("a {props.x} b {'c'} d {`e ${f} g`}", ["a b c d e g"]),
        ("{props.x}\n\nText", ["Text"]),
        ("One<br/>two", ["One\ntwo"]),
        ("[link](https://example.com) ![alt](a.png) **b** *i* ~~s~~", ["link b i s\nalt"]),
        ("![](a.png)", []),
        ("<img src='a.png' alt='A picture' />", ["A picture"]),
        ("`<View>` and `import x from y`", ["`<View>` and `import x from y`"]),
        ("``a `b` c``", ["``a `b` c``"]),
        ("\\<View> and &lt;View&gt;", ["`<View>` and `<View>`"]),
        ("See <https://example.com/a?b=c>.", ["See https://example.com/a?b=c."]),
        ("1 < 2 and 3 > 2", ["1 < 2 and 3 > 2"]),
        ("Caf&eacute; &amp; bar", ["Café & bar"]),
        ("A line\nand more", ["A line and more"]),
        ("Note[^1].\n\n[^1]: The footnote.", ["Note.", "The footnote."]),
        ("A[^1] b[^2].\n\n[^1]: One.\n[^2]: Two.", ["A b.", "One.", "Two."]),
        ("Energy $E = mc^{2}$ holds", ["Energy $E = mc^{2}$ holds"]),
        ("$$\nx_{1} <y> z\n$$", ["$$\nx_{1} <y> z\n$$"]),
        ("It costs $5 or $6 in total", ["It costs $5 or $6 in total"]),
        ("<style>{`.a { color: red }`}</style>\n\nText", ["Text"]),
        ("[//]: # 'a comment'\n\nText", ["Text"]),
    ],
)
def test_mdx_keeps_what_a_reader_sees(source: str, expected: list[str]) -> None:
    assert texts(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<div>\n\nText\n\n</div>", ["Text"]),
        ("<p>One</p><p>Two <b>bold</b></p>", ["One\nTwo bold"]),
        ("<script>\nlet a = '<b>'\n</script>\n\nText", ["Text"]),
        ("a {props.x} b", ["a {props.x} b"]),
        ("<!-- a\n\ncomment -->\n\nText", ["Text"]),
        ("Text <span class=x>span</span> <!-- c --> <img alt='pic'>", ["Text span pic"]),
        ("    code", ["```\ncode\n```"]),
        ("import A from 'a'", ["import A from 'a'"]),
        ("<details>\n<summary>Sum</summary>\n\nBody\n\n</details>", ["Sum", "Body"]),
        ("a &lt;b&gt; c", ["a `<b>` c"]),
    ],
)
def test_commonmark_keeps_what_a_reader_sees(source: str, expected: list[str]) -> None:
    assert texts(source, "md") == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (":::note\n\nText\n\n:::", ["Note: Text"]),
        (":::note Title here\n\nText\n\n:::", ["Note: Title here", "Text"]),
        (":::tip[A *title*]\nText\n:::", ["Tip: A title", "Text"]),
        (':::danger{title="Named"}\nText\n:::', ["Danger: Named", "Text"]),
        ("::::note\n\n:::tip\n\nInner\n\n:::\n\nOuter\n\n::::", ["Note:", "Tip: Inner", "Outer"]),
        (":::note\n\n```\ncode\n```\n\n:::", ["Note:", "```\ncode\n```"]),
        ("> [!WARNING]\n> Hot.", ["Warning: Hot."]),
        ("> [!NOTE] Cold.", ["Note: Cold."]),
        ("> Quoted", ["Quoted"]),
    ],
)
def test_admonition_keeps_its_title(source: str, expected: list[str]) -> None:
    assert texts(source) == expected


def test_tabs_keep_their_labels() -> None:
    source = """<Tabs values={[{label: 'macOS', value: 'mac'}, {value: "win", label: <b>Windows 11</b>}]}>
<TabItem value="mac">

One

</TabItem>
<TabItem value="win">

Two

</TabItem>
<TabItem value="x" label="Linux">

Three

</TabItem>
<TabItem value="other">Four</TabItem>
</Tabs>"""
    assert texts(source) == ["macOS:", "One", "Windows 11:", "Two", "Linux:", "Three", "other:\nFour"]


def test_component_shows_its_texts() -> None:
    assert texts('<Card title="A card" href="x" description={`All about ${it}`} />') == ["A card\nAll about"]


def test_heading_over_lines_is_a_heading() -> None:
    assert read('<h3 id="x">\n  Text\n</h3>\n\nBelow') == [Heading(3, "Text", "x"), Block(Kind.TEXT, "Below")]


def test_code_component_is_a_fence() -> None:
    source = '<CodeBlock language="bash" title="run.sh">\n{`echo <hi>\n\necho ${x}!`}\n</CodeBlock>'
    assert read(source) == [Block(Kind.CODE, '```bash title="run.sh"\necho <hi>\n\necho !\n```')]


@pytest.mark.parametrize("fence", ["```", "~~~", "````"])
def test_fence_is_kept_word_for_word(fence: str) -> None:
    code = f'{fence}tsx title="a.tsx"\nimport A from "a";\n\n# not a heading\n<A b={{1}} /> <!-- c -->\n{fence}'
    assert read(code) == [Block(Kind.CODE, code)]


def test_marks_of_lines_stay_only_where_the_fence_names_the_lines() -> None:
    code = "a = 1\n# highlight-next-line\nb = 2\n```"
    assert texts(f"```py\n{code}") == ["```py\na = 1\nb = 2\n```"]
    assert texts(f"```py {{1,3-4}}\n{code}") == [f"```py\n{code}"]
    assert texts("```py\n# other-line\nb = 2\n```", dialect=Dialect(magic=("other-line",))) == ["```py\nb = 2\n```"]


def test_list_keeps_marks_and_depth() -> None:
    source = "1. one\n2. two\n   - inner\n\n     more\n3. three"
    assert texts(source) == ["1. one", "2. two", "  - inner", "more", "3. three"]


def test_list_within_indented_jsx_is_a_list() -> None:
    assert texts("<A>\n    - one\n    - two\n</A>") == ["- one", "- two"]


def test_table_keeps_its_rows() -> None:
    source = "| Flag | Meaning |\n|---|:---:|\n| `a\\|b` | [x](y) |\n| c \\| d | **e** |"
    assert texts(source) == ["| Flag | Meaning |\n|-|-|\n| `a\\|b` | x |\n| c \\| d | e |"]


@pytest.mark.parametrize("heading", ["# not a heading", "## not a heading"])
def test_heading_within_code_is_none(heading: str) -> None:
    assert anchors(f"```bash\n{heading}\n```") == []


def test_first_level_heading_has_no_anchor_but_takes_its_slug() -> None:
    assert read("# Same\n\n## Same") == [Heading(1, "Same", ""), Heading(2, "Same", "same-1")]


def test_raw_heading_keeps_its_id() -> None:
    assert read('<h3 id="x">Text *here*</h3>') == [Heading(3, "Text here", "x")]
    assert read('<h3 id="x">Text <b>here</b></h3>', "md") == [Heading(3, "Text here", "x")]
    assert read('<Heading as="h3" id="x">Text *here*</Heading>') == [Heading(3, "Text here", "x")]


def test_comment_names_a_heading() -> None:
    assert anchors("## A {/* #x */}\n\n## B {/* y */}") == ["x", "b--y-"]


def test_html_comment_names_a_heading_where_comments_are_not_stripped() -> None:
    assert anchors("## A <!-- #x -->", "md") == ["a-"]
    assert anchors("## A <!-- #x -->", "md", Dialect(html_comment_ids=True)) == ["x"]


def test_site_may_keep_the_case_of_anchors() -> None:
    assert anchors("## The API", dialect=Dialect(keep_case=True)) == ["The-API"]


@pytest.mark.parametrize(
    "source", ["<A", "{", "{`", "<A b={", "<!--", "export const a = {", "$$", ":::", "<A b='", "```"]
)
def test_unfinished_source_is_read_without_fault(source: str) -> None:
    read(f"Before\n\n{source}\n\nAfter")
    read(f"Before {source} after", "md")


def test_page_of_thousands_of_tags_is_read_in_a_moment() -> None:
    source = "<A>\n\n- {x} text\n\n</A>\n\n" * 3_000
    started = time.process_time()
    assert len(texts(source)) == 3_000
    assert time.process_time() - started < 20
