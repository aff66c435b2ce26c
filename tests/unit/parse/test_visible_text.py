"""What a reader sees of a page, and that both parsers agree on it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.parse.document import open_document
from scraper.parse.text import fold, lines

PARSERS = ("fast", "beautifulsoup")
BOTH = pytest.mark.parametrize("parser", PARSERS)


def visible(markup: str, *, parser: str) -> str:
    return fold(open_document(f"<!doctype html>{markup}", parser=parser).visible_text())


@BOTH
@pytest.mark.parametrize(
    ("markup", "seen"),
    [
        # Elements that are never displayed
        ("<title>t</title><p>a<script>b</script><style>c</style><template>d</template>e", "ae"),
        ("a<noscript><p>b</noscript>c", "ac"),
        ("<video>old browser</video><canvas>x</canvas><iframe>y</iframe>z", "z"),
        ("<svg><title>t</title><desc>d</desc><text>shown</text></svg>", "shown"),
        ("<math><semantics><mi>x</mi><annotation>\\x</annotation></semantics></math>", "x"),
        ("<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>字", "漢字"),
        ("<p>a<!-- b -->c", "ac"),
        # Attributes that hide
        ("<p hidden>a</p><p hidden=''>b</p><p hidden=until-found>c</p><p HIDDEN=false>d</p>e", "e"),
        ("<p aria-hidden=true>a", "a"),
        ("<input type=hidden value=a><input value=b>c", "c"),
        ("<img alt=a>b", "b"),
        ("<div popover>a</div><dialog open popover>b</dialog><dialog>c</dialog>", "b"),
        ("<p style='display:none'>a<b>b</b></p><p style='DISPLAY: NONE'>c</p><p style='x:none'>d", "d"),
        ("<p style='visibility:hidden'>a</p><p style='overflow:hidden'>b", "b"),
        ("<p style='display:none'><b style='display:none'>a</b></p>b", "b"),
        ("a<span style='display:none'>b</span>c", "ac"),
        # A page that is hidden until a script has run
        ("<html hidden style='display:none'><body style='visibility:hidden' hidden>a", "a"),
        # Disclosure
        ("<details><summary>a</summary>b<p>c</p></details>d", "a d"),
        ("<details open><summary>a</summary>b<p>c</p></details>d", "a b c d"),
        ("<details>b<summary>a</summary><summary>c</summary></details>", "a"),
        ("<details>b</details>c", "c"),
        ("<details><div><summary>a</summary></div></details>c", "c"),
        ("<details><summary>a<details>b<summary>c</summary></details></summary>d</details>", "a c"),
        ("<details><summary hidden>a</summary>b</details>c", "c"),
        # Where words end
        ("<p>a<br>b<p>c<hr>d<div>e</div>f", "a b c d e f"),
        ("<table><tr><td>a<td>b<tr><th>c</table>", "a b c"),
        ("<ul><li>a<li>b</ul><dl><dt>c<dd>d</dl>", "a b c d"),
        ("<select><option>a<option>b</select><textarea>c</textarea><button>d</button>", "a b c d"),
        ("<b>f</b>oo<wbr>bar<span>s</span> x<sub>2</sub>", "foobars x2"),
        ("<p>a<a href=x>b</a>, <code>c</code>d", "ab, cd"),
        ("<pre>a\n\n   b\tc</pre>", "a b c"),
        ("hy&shy;phen zero&ZeroWidthSpace;width no&nbsp;break", "hyphen zerowidth no break"),
        ("", ""),
    ],
)
def test_what_is_seen(parser: str, markup: str, seen: str) -> None:
    assert visible(markup, parser=parser) == seen


@BOTH
@pytest.mark.parametrize(
    ("markup", "seen"),
    [
        ("<p>a<img alt=x>b <input value=x>c<button>d</button>e<embed>f</p>g", "a b c d e f\ng"),
        ("<p>a <select><option>b<option>c</select>d<textarea>e</textarea>f", "a b c d e f"),
        ("<p>a<svg><g><path/><text>b<tspan>c</tspan></text></g><desc>x</desc></svg>d", "a b c d"),
        ("<p>a<svg><title>x</title><path/></svg>b", "a b"),
        ("<p>a <svg hidden><text>x</text></svg>b", "a b"),
        ("<p>a <math><mi>x</mi><mo>=</mo><mn>1</mn></math>, b", "a x = 1 , b"),
        ("<p>a<picture><source srcset=x><img></picture>b", "a b"),
        ("<p>a<button>b<b>c</b></button>d<span>e<img></span>f", "a bc de f"),
        ("<img><p>a</p><button>b</button><div>c</div>", "a\nb\nc"),
        ("<pre>a\n  b <b>c\nd</b>\n\ne</pre>f\ng", "a\nb c\nd\ne\nf g"),
        ("<p>a\nb<br>c<custom-x>d</custom-x>", "a b\nc\nd"),
        ("<svg><foreignObject><p>a<b>b</b></p><p>c</p></foreignObject></svg>d", "ab c d"),
    ],
)
def test_lines_end_where_a_reader_sees_them_end(parser: str, markup: str, seen: str) -> None:
    markup = f"<!doctype html>{markup}"
    text = open_document(markup, parser=parser).visible_text(in_lines=True)
    assert lines(text) == seen
    assert text.split() == open_document(markup, parser=parser).visible_text().split()


_PIECE = st.sampled_from(
    [
        "<div>", "</div>", "<p hidden>", "<p>", "</p>", "<details>", "<details open>", "</details>",
        "<summary>", "</summary>", "<dialog>", "</dialog>", "<span style='display:none'>", "<span>",
        "</span>", "<div style='visibility:hidden'>", "<div popover>", "<br>", "a", "b ", "&shy;", "\n",
        "<img>", "<button>", "</button>", "<pre>", "</pre>", "<svg>", "</svg>",
    ]
)  # fmt: skip


@given(st.lists(_PIECE, max_size=8))
def test_hidden_text_is_hidden_to_both(pieces: list[str]) -> None:
    # Well nested, since the parsers mend what is not in ways of their own.
    markup = "".join(_nested(pieces))
    fast, soup = (visible(f"<body>{markup}", parser=parser) for parser in PARSERS)
    assert fast == soup
    fast, soup = (
        lines(open_document(f"<body>{markup}", parser=parser).visible_text(in_lines=True))
        for parser in PARSERS
    )
    assert fast == soup


def _nested(pieces: list[str]) -> list[str]:
    """Keep end tags that end the last element opened, and close the rest."""
    found: list[str] = []
    is_open: list[str] = []
    for piece in pieces:
        if piece.startswith("</"):
            if not is_open or piece != f"</{is_open[-1]}>":
                continue
            is_open.pop()
        elif piece.startswith("<") and piece not in {"<br>", "<img>"}:
            name = piece.strip("<>").split()[0]
            if is_open and is_open[-1] in {"p", "span", "summary", "button", "svg"}:
                continue
            is_open.append(name)
        found.append(piece)
    return [*found, *(f"</{name}>" for name in reversed(is_open))]


@BOTH
@pytest.mark.parametrize(
    "markup",
    [
        "<details>" * 20_000 + "a",
        "<details><summary>" * 10_000 + "a",
        "<p style=display:none>" * 20_000 + "a",
        "<div style=display:none>" * 20_000 + "a",
        "<p style='" + "/*" * 100_000 + "none'>a",
        "<p style='" + "display:none;display:block;" * 20_000 + "'>a",
        "<details>" + "<b>x</b>" * 20_000 + "</details>",
    ],
    ids=["details", "summary", "styled", "nested styled", "comments", "declarations", "children"],
)  # fmt: skip
@pytest.mark.no_cover  # its subject is what it costs; smaller input comes to the same lines
def test_much_that_is_hidden_is_no_error(parser: str, markup: str) -> None:
    assert visible(markup, parser=parser) in {"", "a"}
