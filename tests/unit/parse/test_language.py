"""The language of texts, in twenty of them."""

# ruff: noqa: RUF001 - letters of other scripts
from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from scraper.errors import UsageError
from scraper.parse import language
from scraper.parse.language import MAX_CHARACTERS, detected_language

if TYPE_CHECKING:
    from collections.abc import Iterator

SENTENCES = {
    "en": "The council approved a new plan for cycling lanes in the city centre after two years",
    "de": "Der Stadtrat hat nach zwei Jahren Debatte einen neuen Plan für Radwege in der",
    "fr": "Le conseil municipal a approuvé un nouveau plan de pistes cyclables au centre-ville",
    "es": "El ayuntamiento aprobó un nuevo plan de carriles bici en el centro de la ciudad tras",
    "pt": "A câmara municipal aprovou um novo plano de ciclovias no centro da cidade depois de",
    "it": "Il consiglio comunale ha approvato un nuovo piano di piste ciclabili nel centro",
    "nl": "De gemeenteraad heeft na twee jaar debat een nieuw plan voor fietspaden in het",
    "sv": "Kommunfullmäktige har godkänt en ny plan för cykelbanor i centrum efter två års",
    "da": "Byrådet har efter to års debat godkendt en ny plan for cykelstier i midtbyen.",
    "fi": "Kaupunginvaltuusto hyväksyi kahden vuoden keskustelun jälkeen uuden suunnitelman",
    "pl": "Rada miasta po dwóch latach debaty przyjęła nowy plan ścieżek rowerowych w centrum.",
    "cs": "Městská rada po dvou letech debat schválila nový plán cyklostezek v centru města.",
    "hu": "A városi tanács kétévnyi vita után elfogadta a belvárosi kerékpárutak új tervét. A",
    "tr": "Belediye meclisi iki yıllık tartışmanın ardından şehir merkezindeki bisiklet yolları",
    "ru": "Городской совет после двух лет споров утвердил новый план велосипедных дорожек в",
    "uk": "Міська рада після двох років суперечок затвердила новий план велосипедних доріжок у",
    "el": "Το δημοτικό συμβούλιο ενέκρινε ύστερα από δύο χρόνια συζητήσεων ένα νέο σχέδιο για",
    "ar": "وافق مجلس المدينة بعد عامين من النقاش على خطة جديدة لمسارات الدراجات في وسط المدينة،",
    "ja": "市議会は二年間の議論の末、中心街の自転車道の新しい計画を承認しました。住民はより",
    "zh": "经过两年的讨论，市议会批准了市中心自行车道的新计划。居民要求更安全的街道，而商店",
    "ko": "시의회는 두 해에 걸친 논의 끝에 도심 자전거 도로의 새 계획을 승인했습",
    "hi": "नगर परिषद ने दो साल की बहस के बाद शहर के",
    "th": "สภาเมืองอนุมัติแผนใหม่สำหรับทางจักรยานใน",
    "vi": "Hội đồng thành phố đã thông qua kế hoạch mới về làn đường xe đạp ở trung tâm sau hai",
}  # fmt: skip


@pytest.fixture
def _fresh() -> Iterator[None]:
    language._classifier.cache_clear()
    yield
    language._classifier.cache_clear()


@pytest.mark.parametrize("code", SENTENCES)
def test_a_sentence(code: str) -> None:
    pytest.importorskip("py3langid")
    found = detected_language(SENTENCES[code])
    assert found is not None
    assert found.code == code
    assert 0 < found.confidence <= 1


@pytest.mark.parametrize("text", ["", "Hello", "12 345 678 901 234", "\ud800", "- | - | - | - | -"])
def test_too_little_text_is_no_guess(text: str) -> None:
    assert detected_language(text) is None


@pytest.mark.parametrize(
    "text", ["123 abc() {}; " * 3, "\ud800\udfff\0 some words of text", "\U0001f600" * 50]
)
def test_odd_text_is_no_error(text: str) -> None:
    pytest.importorskip("py3langid")
    found = detected_language(text)
    assert found is None or len(found.code) in {2, 3}


def test_only_the_beginning_is_read() -> None:
    pytest.importorskip("py3langid")
    english = (SENTENCES["en"] + " ") * (MAX_CHARACTERS // 50)
    assert detected_language(english + SENTENCES["ru"] * 1000) == detected_language(english)


@pytest.mark.usefixtures("_fresh")
def test_without_the_library_one_line_tells_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    with pytest.raises(UsageError, match=r"^[^\n]*pip install py3langid$"):
        detected_language("a text that is long enough")
