"""The article group: which source counts, and what of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.parse import main_nodes
from scraper.parse.article import Evidence, article_of, description_of
from scraper.parse.jsonld import Graph, types_of
from scraper.parse.main_nodes import MainNodes
from scraper.record import Article

URL = "https://www.example.com/news/story.html"
MICRODATA = {
    "@type": ["https://schema.org/NewsArticle"],
    "publisher": [
        {"@type": ["https://schema.org/Organization"], "name": ["Items"], "logo": ["https://i.example/l"]}
    ],
    "articleSection": ["Drinks"],
    "keywords": ["pots, cans"],
    "license": ["https://i.example/by"],
    "image": ["https://i.example/a.png"],
    "description": ["In items"],
}
ARTICLE = {
    "@type": "NewsArticle",
    "headline": "LD headline",
    "author": {"@type": "Person", "name": "Ann Lee"},
    "publisher": {"@id": "#org"},
    "datePublished": "2024-01-05T10:15:30+0100",
    "dateModified": "2024-01-06",
    "articleSection": ["World", "Asia"],
    "keywords": ["tea", "Tea", "cups, saucers"],
    "image": [{"@type": "ImageObject", "url": "/a.jpg"}, "/b.jpg"],
    "license": "https://creativecommons.org/licenses/by/4.0/",
    "description": "What &amp; why",
}
ORGANIZATION = {
    "@type": "Organization",
    "@id": "#org",
    "name": "The Example",
    "logo": {"@type": "ImageObject", "url": "/logo.png"},
}


def article(**said: Any) -> Article:
    return article_of(Evidence(url=URL, base=URL, **said))


def test_all_of_it_from_json_ld() -> None:
    assert article(jsonld=[ORGANIZATION, ARTICLE]) == Article(
        headline="LD headline",
        site_name="The Example",
        author=["Ann Lee"],
        publisher="The Example",
        published="2024-01-05T10:15:30+01:00",
        modified="2024-01-06",
        section="World",
        tags=["tea", "cups", "saucers"],
        image="https://www.example.com/a.jpg",
        logo="https://www.example.com/logo.png",
        license="https://creativecommons.org/licenses/by/4.0/",
        page_type="article",
    )


def test_nothing_gives_nothing() -> None:
    assert article() == Article()


# Each source of a field, the first first; taking them away one by one shows the order.
SOURCES: dict[str, list[tuple[str, Any, Any]]] = {
    "headline": [
        ("jsonld", [ARTICLE], "LD headline"),
        ("og", {"title": ["OG title"]}, "OG title"),
        ("twitter", {"title": "Card title"}, "Card title"),
        ("h1s", ["Heading"], "Heading"),
        ("titles", ["Document"], "Document"),
    ],
    "site_name": [
        ("og", {"site_name": ["OG site"]}, "OG site"),
        ("jsonld", [ARTICLE, ORGANIZATION], "The Example"),
        ("meta", {"application-name": ["App"]}, "App"),
    ],
    "image": [
        ("og", {"image": ["data:image/png;base64,", "/og.png"]}, "https://www.example.com/og.png"),
        ("twitter", {"image": "card.png"}, "https://www.example.com/news/card.png"),
        ("jsonld", [ARTICLE], "https://www.example.com/a.jpg"),
        ("links", {"image_src": [("/src.png", "")]}, "https://www.example.com/src.png"),
        ("items", [MICRODATA], "https://i.example/a.png"),
    ],
    "publisher": [
        ("jsonld", [ARTICLE, ORGANIZATION], "The Example"),
        ("meta", {"article:publisher": ["Meta"], "dc.publisher": ["DC"]}, "Meta"),
        ("items", [MICRODATA], "Items"),
    ],
    "section": [
        ("jsonld", [ARTICLE], "World"),
        ("meta", {"article:section": ["Asia"]}, "Asia"),
        ("items", [MICRODATA], "Drinks"),
    ],
    "logo": [
        ("jsonld", [ARTICLE, ORGANIZATION], "https://www.example.com/logo.png"),
        ("og", {"logo": ["/og.png"]}, "https://www.example.com/og.png"),
        ("items", [MICRODATA], "https://i.example/l"),
    ],
    "published": [
        ("jsonld", [ARTICLE], "2024-01-05T10:15:30+01:00"),
        ("meta", {"article:published_time": ["2024-02-01"], "date": ["2024-02-02"]}, "2024-02-01"),
        ("items", [{"@type": ["https://schema.org/Article"], "datePublished": ["2024-02-05"]}], "2024-02-05"),
        ("times", [("2024-02-06", "x"), ("2024-02-07", "entry-date published updated")], "2024-02-07"),
    ],
    "modified": [
        ("jsonld", [ARTICLE], "2024-01-06"),
        ("meta", {"article:modified_time": ["2024-02-01"], "last-modified": ["2024-02-02"]}, "2024-02-01"),
        ("items", [{"@type": ["https://schema.org/Article"], "dateModified": ["2024-02-05"]}], "2024-02-05"),
        ("times", [("2024-02-07", "published updated"), ("2024-02-08", "Updated")], "2024-02-08"),
    ],
    "author": [
        ("jsonld", [ARTICLE], ["Ann Lee"]),
        ("meta", {"author": ["https://x.com/b", "Bob Ray"], "article:author": ["Cy Dent"]}, ["Bob Ray"]),
        ("links", {"author": [("/cy", "By Cy Dent")]}, ["Cy Dent"]),
        ("items", [{"@type": ["https://schema.org/Article"], "author": ["Di Esk"]}], ["Di Esk"]),
    ],
    "tags": [
        ("jsonld", [ARTICLE], ["tea", "cups", "saucers"]),
        ("meta", {"article:tag": ["milk", "sugar"], "news_keywords": ["x"]}, ["milk", "sugar"]),
        ("links", {"tag": [("/t/a", "spoons")]}, ["spoons"]),
        ("items", [MICRODATA], ["pots", "cans"]),
    ],
    "license": [
        ("links", {"license": [("/l", "")]}, "https://www.example.com/l"),
        ("jsonld", [ARTICLE], "https://creativecommons.org/licenses/by/4.0/"),
        ("meta", {"dc.rights": ["CC BY", "https://example.org/by"]}, "https://example.org/by"),
        ("items", [MICRODATA], "https://i.example/by"),
    ],
}


@pytest.mark.parametrize("name", SOURCES)
def test_the_order_of_the_sources(name: str) -> None:
    sources = SOURCES[name]
    for at, (_, _, expected) in enumerate(sources):
        said = {kind: value for kind, value, _ in sources[at:]}
        assert getattr(article(**said), name) == expected


@pytest.mark.parametrize(
    ("meta", "author"),
    [
        ({"article:author": ["https://www.facebook.com/ann", "Ann Lee"]}, ["Ann Lee"]),
        ({"article:author": ["https://www.facebook.com/ann"], "dc.creator": ["Lee, Ann"]}, ["Ann Lee"]),
        ({"citation_author": ["Lee, Ann", "Ray, Bob C."]}, ["Ann Lee", "Bob C. Ray"]),
        ({"author": ["admin"], "parsely-author": ["Ann Lee"]}, ["Ann Lee"]),
    ],
)
def test_authors_in_meta(meta: dict[str, list[str]], author: list[str]) -> None:
    assert article(meta=meta).author == author


@pytest.mark.parametrize(
    ("title", "site", "headline"),
    [
        ("Tea rises | The Example", "The Example", "Tea rises"),
        ("Tea rises - Example", "The Example", "Tea rises"),
        ("Tea rises \u2013 The Example News", "The Example", "Tea rises"),
        ("The Example: Tea rises", "The Example", "Tea rises"),
        ("Example \u00bb Tea rises", "Example", "Tea rises"),
        ("Tea rises | NY", "The New York Times", "Tea rises | NY"),
        ("Tea rises | NYT", "The New York Times", "Tea rises"),
        ("茶\uff5c例のサイト", "例のサイト", "茶"),
        ("Tea_Beispiel", "Beispiel", "Tea"),
        ("Tea rises - World - The Example", "The Example", "Tea rises - World"),
        # The host's name, when no other is given.
        ("Tea rises | Example", None, "Tea rises"),
        ("Tea rises | example.com", None, "Tea rises"),
        ("Tea rises | Example.com", None, "Tea rises"),
        # Not the site's.
        ("Tea - a history", "The Example", "Tea - a history"),
        ("Tea: a history", None, "Tea: a history"),
        ("Spider-Man returns - again", "Spider", "Spider-Man returns - again"),
        ("How Example works", "Example", "How Example works"),
        ("Example | Example", "Example", "Example"),
        ("The Example", "The Example", "The Example"),
        (" | The Example", "The Example", " | The Example"),
    ],
)
def test_the_site_is_cut_off_the_headline(title: str, site: str | None, headline: str) -> None:
    assert article(titles=[title], og={"site_name": [site]} if site else {}).headline == headline


def test_a_headline_that_was_cut_for_search_engines_is_not_taken() -> None:
    cut = {"@type": "Article", "headline": "Tea rises and\u2026"}
    assert article(jsonld=[cut], og={"title": ["Tea rises and rises"]}).headline == "Tea rises and rises"
    assert article(jsonld=[cut], og={"title": ["Cups"]}).headline == "Tea rises and\u2026"


def test_several_h1_are_no_headline() -> None:
    assert article(h1s=["a", "b"], titles=["Document"]).headline == "Document"


def test_a_front_page_is_none_of_its_articles() -> None:
    stories = [{**ARTICLE, "headline": f"Story {at}", "url": f"https://example.com/{at}"} for at in range(3)]
    front = article(jsonld=stories)
    assert (front.headline, front.author, front.page_type) == (None, [], None)
    own = {**ARTICLE, "headline": "Own", "mainEntityOfPage": {"@id": "http://example.com/news/story.html#x"}}
    assert article(jsonld=[*stories, own]).headline == "Own"


def test_the_web_page_helps_out() -> None:
    page = {"@type": "WebPage", "datePublished": "2024-03-01", "primaryImageOfPage": {"@id": "#i"}}
    image = {"@type": "ImageObject", "@id": "#i", "contentUrl": "https://cdn.example.com/i.jpg"}
    found = article(jsonld=[page, image, {"@type": "Article", "headline": "H", "author": {"@id": "#nobody"}}])
    assert (found.headline, found.published, found.image) == (
        "H",
        "2024-03-01",
        "https://cdn.example.com/i.jpg",
    )
    assert found.author == []


@pytest.mark.parametrize(
    ("types", "og", "page_type"),
    [
        (["Article"], [], "article"),
        (["https://schema.org/Recipe"], ["article"], "recipe"),
        ([["Thing", "Product"]], ["website"], "product"),
        (["VideoObject", "NewsArticle"], [], "article"),
        (["WebPage", "Organization"], ["article"], "article"),
        (["BreadcrumbList"], [], None),
        ([], ["Website"], "website"),
        ([], ["video.movie"], "video"),
        ([], ["og:product"], "product"),
        ([], ["music.song"], "audio"),
        ([], ["my_namespace:thing"], None),
    ],
)
def test_page_types(types: list[Any], og: list[str], page_type: str | None) -> None:
    objects = [{"@type": one} for one in types]
    assert article(jsonld=objects, og={"type": og}).page_type == page_type


def test_the_main_entity_is_the_subject() -> None:
    page = {"@type": "ItemPage", "mainEntity": {"@type": "Product", "name": "Cup"}}
    assert (article(jsonld=[page]).headline, article(jsonld=[page]).page_type) == ("Cup", "product")


def test_the_description_is_read_as_a_reader_would() -> None:
    nodes, items = MainNodes([ARTICLE], url=URL), MainNodes([MICRODATA], url=URL)
    assert description_of(nodes, items) == description_of(nodes) == "What & why"
    assert description_of(MainNodes([], url=URL), items) == "In items"


def test_license_texts_are_no_urls() -> None:
    assert article(jsonld=[{"@type": "Article", "license": "CC BY 4.0"}]).license is None


def test_what_a_web_page_refers_to_as_its_main_entity_is_still_one_node() -> None:
    story = {**ARTICLE, "@id": "#story"}
    page = {"@type": "WebPage", "mainEntity": {"@id": "#story"}}
    assert article(jsonld=[page, story]).headline == "LD headline"
    assert article(jsonld=[page, page, {"@type": "Organization", "subjectOf": story}]).author == ["Ann Lee"]


def test_references_to_one_node_are_not_each_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def counting(node: dict[str, Any]) -> frozenset[str]:
        asked.append(node)
        return types_of(node)

    monkeypatch.setattr(main_nodes, "types_of", counting)
    subject = {"@id": "#a", "@type": ["Article", *map(str, range(900))]}
    pages = [{"@type": "WebPage", "mainEntity": [{"@id": "#a"}] * 900}] * 50
    assert article(jsonld=[subject, *pages]).page_type == "article"
    assert len(asked) < 4 * len(pages)


def test_logos_that_all_publishers_share_are_not_each_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main_nodes, "MAX_VALUES", 3)
    looked_at: list[object] = []

    def counting(graph: Graph, value: object) -> object:
        looked_at.append(value)
        return resolved(graph, value)

    resolved = Graph._resolved
    monkeypatch.setattr(Graph, "_resolved", counting)
    logo = {"@id": "#l", "url": ["no"] * 999, "contentUrl": ["no"] * 999}
    houses = [{"@type": "Organization", "logo": [{"@id": "#l"}] * 999} for _ in range(9)]
    assert article(jsonld=[{"@type": "Article"}, logo, *houses]).logo is None
    assert len(looked_at) < 3 * main_nodes.MAX_TRIED * (2 * main_nodes.MAX_TRIED + 9)


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("x.jpg", "https://www.example.com/news/x.jpg"),
        (["a.WebP?w=1", "b.png"], "https://www.example.com/news/a.WebP?w=1"),
        ({"@type": "ImageObject", "url": "x.svg#i"}, "https://www.example.com/news/x.svg#i"),
        ("Figure 2.png", None),
        ("cover", None),
        ("cover.", None),
        (".png", None),
        ("page.html", None),
        ("cid:x.jpg", None),
        ("what?x.jpg", None),
    ],
)
def test_an_image_may_be_named_by_its_file_alone(value: Any, url: str | None) -> None:
    organization = {"@type": "Organization", "logo": value}
    found = article(jsonld=[{"@type": "Article", "image": value}, organization])
    assert (found.image, found.logo) == (url, url)


KEYS = [*ARTICLE, "name", "mainEntity", "@id", "url", "logo", "mainEntityOfPage"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("/x"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
        | st.fixed_dictionaries(
            {"@type": st.sampled_from(["Article", "WebPage", "Product", "Person"]), "name": inner}
        )
    ),
)
NODES = st.dictionaries(st.sampled_from(KEYS), VALUES).map(lambda node: {"@type": "Article", **node})
TEXTS = st.lists(st.text(max_size=20), max_size=3)


@given(
    st.lists(NODES, max_size=3), st.dictionaries(st.sampled_from(["title", "image", "type", "logo"]), TEXTS)
)
def test_whatever_a_page_says_the_article_can_be_written(
    objects: list[dict[str, Any]], og: dict[str, list[str]]
) -> None:
    found = article(jsonld=objects, og=og, titles=og.get("title", []), meta={"author": og.get("type", [])})
    assert msgspec.json.decode(msgspec.json.encode(found), type=Article) == found
    assert all(url is None or url.startswith("http") for url in (found.image, found.logo, found.license))


@pytest.mark.parametrize(
    ("said", "headline"),
    [
        ({"og": {"title": ["Boats | Harbour"]}, "h1s": ["Boats"]}, "Boats"),
        ({"og": {"title": ["Boats\uff5c\u6e2f"]}, "h1s": ["Boats"]}, "Boats"),
        ({"og": {"title": ["Boats - a history"]}, "h1s": ["Boats"]}, "Boats - a history"),
        ({"og": {"title": ["Boats | old | Harbour"]}, "h1s": ["Boats"]}, "Boats | old | Harbour"),
        ({"og": {"title": ["Boats | Harbour"]}, "h1s": ["Boats", "Ships"]}, "Boats | Harbour"),
        ({"og": {"title": ["Boats | Harbour"]}, "h1s": ["Ships"]}, "Boats | Harbour"),
    ],
)
def test_a_site_of_which_the_page_does_not_say_the_name(said: dict[str, Any], headline: str) -> None:
    assert article(**said).headline == headline


def test_a_house_is_what_a_page_is_about_on_its_own_page_alone() -> None:
    hotel = {"@type": "Hotel", "name": "The Anchor"}
    assert article(jsonld=[hotel]).page_type is None
    assert article(jsonld=[{**hotel, "url": URL}]).page_type == "place"
    front = article_of(Evidence(url="https://www.example.com/", base=URL, jsonld=[hotel], h1s=["Welcome"]))
    assert (front.page_type, front.headline) == ("place", "Welcome")


def test_a_headline_that_is_a_description_of_what_the_page_is_headed_with() -> None:
    novel = {"@type": "Article", "headline": "1851 novel by Herman Melville", "name": "Moby-Dick"}
    assert article(jsonld=[novel], h1s=["Moby-Dick"]).headline == "Moby-Dick"
    assert article(jsonld=[novel], h1s=["Another"]).headline == "1851 novel by Herman Melville"
    cased = {"@type": "Article", "headline": "Moby-dick", "name": "Moby-Dick"}
    assert article(jsonld=[cased], h1s=["Moby-Dick"]).headline == "Moby-dick"


def test_a_question_is_what_its_page_is_about_and_one_of_a_faq_is_not() -> None:
    question = {
        "@type": "Question",
        "name": "Why?",
        "author": {"name": "Ann Lee"},
        "datePublished": "2024-01-05",
    }
    asked = article(jsonld=[{"@type": "QAPage", "mainEntity": question}])
    assert (asked.page_type, asked.headline, asked.author) == ("discussion", "Why?", ["Ann Lee"])
    assert asked.published == "2024-01-05"
    listed = article(jsonld=[{"@type": "FAQPage", "mainEntity": [question]}], h1s=["Questions"])
    assert (listed.page_type, listed.headline, listed.author) == ("faq", "Questions", [])
