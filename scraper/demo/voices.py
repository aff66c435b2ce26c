# ruff: noqa: RUF001, E501  the letters of other scripts are the point of this file
"""What the sample pages talk about, in many languages and scripts.

The texts are plain prose without markup characters, so that a page's truth is the text itself.
"""

from __future__ import annotations

from typing import NamedTuple


class Voice(NamedTuple):
    """One language to write pages in."""

    lang: str
    """The BCP 47 tag, as ``html lang`` gives it."""
    name: str
    """What the site is called."""
    topics: tuple[str, ...]
    """Titles; a page adds its number."""
    sentences: tuple[str, ...]
    """Prose for descriptions and paragraphs."""
    rtl: bool = False
    """Written from right to left."""


ENGLISH = Voice(
    "en",
    "The Harbour Gazette",
    ("Ferry timetable", "Repairing a wooden boat", "Tide tables explained", "Bread from the old mill"),
    (
        "The first ferry leaves before sunrise and returns with the evening tide.",
        "Bring a warm coat; the wind on the pier is stronger than it looks.",
        "Every plank was steamed, bent and fastened by hand.",
    ),
)

VOICES: tuple[Voice, ...] = (
    ENGLISH,
    Voice(
        "de",
        "Bergblatt",
        ("Wanderwege im Frühling", "Brücken über den Fluss", "Käse aus der Höhe", "Große Öfen, kleine Küchen"),
        (
            "Der Weg führt über grüne Wiesen bis zur Hütte am Gipfel.",
            "Für die Übernachtung genügt ein Anruf am Vortag.",
            "Äpfel und Nüsse wachsen gleich hinter dem Zaun.",
        ),
    ),
    Voice(
        "fr",
        "Le Carnet",
        ("Les marchés d’été", "Où dîner près du théâtre", "Leçons de cœur", "Façades et fenêtres"),
        (
            "Le marché ouvre à huit heures, même lorsqu’il pleut.",
            "Une nappe à carreaux, du pain frais et un peu de miel : voilà le goûter.",
            "L’œuvre complète est présentée dans la grande salle.",
        ),
    ),
    Voice(
        "es",
        "El Mirador",
        ("Recetas de otoño", "¿Cómo cuidar un jardín?", "Años de música", "El camino del río"),
        (
            "El niño encontró una piña bajo el árbol más alto.",
            "Mañana abrirá la exposición sobre la pesca antigua.",
            "Añada el azúcar despacio y espere diez minutos.",
        ),
    ),
    Voice(
        "pt-BR",
        "Diário da Praça",
        ("Estações do ano", "Canções da manhã", "Pães e corações", "Informações úteis"),
        (
            "A praça fica cheia de crianças depois da chuva.",
            "Não é preciso reservar: basta chegar cedo.",
            "O avô conta histórias do sertão todas as noites.",
        ),
    ),
    Voice(
        "it",
        "Il Quaderno",
        ("Perché il caffè è caldo", "Città e libertà", "La felicità in cucina"),
        ("Più lenta è la cottura, più ricco è il sapore.", "Lunedì la biblioteca resta chiusa."),
    ),
    Voice(
        "nl",
        "De Dijkwacht",
        ("Molens langs de vaart", "Eén fiets, twee wielen", "Zeeën van tijd"),
        ("De sluiswachter opent de deuren om zes uur.", "Neem reünieplaatjes en een thermosfles mee."),
    ),
    Voice(
        "pl",
        "Łąka i Las",
        ("Zażółć gęślą jaźń", "Pieśń o źródle", "Święto żniw"),
        ("Łódź płynie powoli przez mgłę.", "Wśród traw słychać śpiew świerszczy."),
    ),
    Voice(
        "cs",
        "Říční Listy",
        ("Žluťoučký kůň", "Příběhy z údolí", "Dům u řeky"),
        ("Děti běžely přes louku až k mlýnu.", "Čerstvý chléb voněl celým domem."),
    ),
    Voice(
        "tr",
        "Çınar Altı",
        ("İstanbul’da sabah", "Şeker ve çay", "Güneşli bir gün"),
        ("Balıkçılar ağlarını iskelede onarıyor.", "Çocuklar ağacın gölgesinde oyun oynadı."),
    ),
    Voice(
        "vi",
        "Bến Nước",
        ("Chợ nổi buổi sớm", "Phở và bánh mì", "Những con đường làng"),
        ("Thuyền chở đầy trái cây về đến bến.", "Mưa mùa hạ đến rồi đi rất nhanh."),
    ),
    Voice(
        "ru",
        "Северный вестник",
        ("Зимние дороги", "Чай у самовара", "Книги нашего детства", "Как построить лодку"),
        (
            "Поезд пришёл ранним утром, когда город ещё спал.",
            "Широкая река медленно несла свои воды к морю.",
            "Съешьте ещё этих мягких булочек и выпейте чаю.",
        ),
    ),
    Voice(
        "uk",
        "Степова хвиля",
        ("Їжа та ґанок", "Пісні над річкою", "Під старою вишнею"),
        ("Єва їде до міста щосуботи.", "Вітер колише жовте жито край села."),
    ),
    Voice(
        "bg",
        "Розова долина",
        ("Пътят към морето", "Утро в планината", "Хляб и сол"),
        ("Жълтите листа падат бавно върху площада.", "Всяка събота има пазар до гарата."),
    ),
    Voice(
        "el",
        "Το Φανάρι",
        ("Τα νησιά του Αιγαίου", "Ένα ταξίδι στη θάλασσα", "Ψωμί και ελιές"),
        ("Το καΐκι φεύγει με το πρώτο φως της ημέρας.", "Η γιαγιά φτιάχνει γλυκό από κυδώνι."),
    ),
    Voice(
        "he",
        "עיתון הנמל",
        ("שוק בבוקר", "דרך ההרים", "לחם וזיתים"),
        ("הסירה יוצאת עם עלות השחר.", "הילדים שיחקו בחצר עד הערב."),
        rtl=True,
    ),
    Voice(
        "ar",
        "جريدة الميناء",
        ("أسواق المدينة القديمة", "الطريق إلى البحر", "خبز وزيتون"),
        ("تغادر السفينة الميناء مع شروق الشمس.", "يجلس الشيوخ تحت الشجرة كل مساء."),
        rtl=True,
    ),
    Voice(
        "fa",
        "باغ کتاب",
        ("چای و گفتگو", "پل‌های شهر", "گل‌های بهاری"),
        ("کودکان در کوچه بازی می‌کنند.", "هوا پس از باران تازه و خنک است."),
        rtl=True,
    ),
    Voice(
        "zh-CN",
        "江边日报",
        ("早晨的市场", "怎样修理木船", "山里的茶园", "老城的桥"),
        ("第一班渡船在日出之前出发。", "孩子们在树下读书，老人们在河边下棋。", "雨后的空气又清又甜。"),
    ),
    Voice(
        "zh-TW",
        "港邊週報",
        ("夜市的滋味", "島嶼與燈塔", "舊書店導覽"),
        ("渡輪在日出以前離開碼頭。", "雨後的街道飄著茶香。"),
    ),
    Voice(
        "ja",
        "港のたより",
        ("朝の市場", "木の船を直す", "カタカナとひらがな", "峠の茶屋"),
        ("始発の船は日の出前に出ます。", "雨上がりの石畳は、とても静かです。", "パンの焼ける匂いがします。"),
    ),
    Voice(
        "ko",
        "항구 소식",
        ("아침 시장", "나무배 고치기", "산길의 찻집"),
        ("첫 배는 해가 뜨기 전에 떠납니다.", "비가 그친 뒤 골목은 조용했습니다."),
    ),
    Voice(
        "th",
        "ข่าวท่าเรือ",
        ("ตลาดเช้า", "ซ่อมเรือไม้", "ขนมปังและชา"),
        ("เรือเที่ยวแรกออกก่อนพระอาทิตย์ขึ้น", "หลังฝนตกอากาศเย็นสบาย"),
    ),
    Voice(
        "hi",
        "नदी समाचार",
        ("सुबह का बाज़ार", "लकड़ी की नाव", "चाय और कहानी"),
        ("पहली नाव सूरज निकलने से पहले चलती है।", "बारिश के बाद हवा ठंडी थी।"),
    ),
    Voice(
        "ta",
        "துறைமுகச் செய்தி",
        ("காலைச் சந்தை", "மரப் படகு"),
        ("முதல் படகு சூரிய உதயத்திற்கு முன் புறப்படும்.",),
    ),
    Voice(
        "ka",
        "მდინარის ამბები",
        ("დილის ბაზარი", "ხის ნავი"),
        ("პირველი ნავი მზის ამოსვლამდე გადის.",),
    ),
    Voice(
        "en-GB",
        "Emoji & Co",  # an ampersand, to be escaped wherever it is used
        ("Sail ⛵ and sun ☀️", "Astronauts 👩‍🚀 at lunch 🍜", "Flags 🇯🇵 🇧🇷", "Cafe\u0301 with combining marks: n\u0303, o\u0308"),
        ("Thumbs up 👍🏽 for a calm sea.", "Zalgo-free: a\u0302 e\u0301 i\u0300."),
    ),
)  # fmt: skip

BY_LANG: dict[str, Voice] = {voice.lang: voice for voice in VOICES}
