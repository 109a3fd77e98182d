"""Fetches what `static/fonts` holds, cuts each face to what a certificate can need, and records what came from where.

Run `python tools/fonts.py` after changing a version or a repertoire below. It needs npm, apt-get and dpkg-deb, and asks
the registries they are configured for; to run or test the project nobody needs any of them.
"""

import hashlib
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from fontTools import subset
from fontTools.ttLib import TTFont

FONTS = Path(__file__).resolve().parents[1] / "static" / "fonts"
RECORD = "LICENSES.md"


class Package(NamedTuple):
    manager: str
    name: str
    version: str

    @property
    def label(self) -> str:
        return f"{self.manager} {self.name} {self.version}"


class Source(NamedTuple):
    """One face: where it lies inside its package, under which name it is kept, and which OpenType features with it."""

    package: Package
    path: str
    name: str
    features: tuple[str, ...] = ()
    """None named: those that every text uses."""


GARAMOND = Package("npm", "@expo-google-fonts/eb-garamond", "0.4.3")
AMIRI = Package("npm", "@expo-google-fonts/amiri", "0.4.1")
FRANK_RUHL = Package("npm", "@expo-google-fonts/frank-ruhl-libre", "0.4.1")
NOTO = Package("Debian", "fonts-noto-core", "20201225-1")
NOTO_CJK = Package("Debian", "fonts-noto-cjk", "1:20220127+repack1-1")

LATIN = ("kern", "liga", "calt", "ccmp", "locl", "mark", "mkmk", "smcp")
NOTO_SCRIPTS = (
    *("Armenian", "Bengali", "Devanagari", "Ethiopic", "Georgian", "Gujarati", "Gurmukhi", "Kannada", "Khmer"),
    *("Lao", "Malayalam", "Myanmar", "Sinhala", "Tamil", "Telugu", "Thai"),
)
SOURCES = (
    Source(GARAMOND, "400Regular/EBGaramond_400Regular.ttf", "EBGaramond-Regular.ttf", LATIN),
    Source(GARAMOND, "400Regular_Italic/EBGaramond_400Regular_Italic.ttf", "EBGaramond-Italic.ttf", LATIN),
    Source(AMIRI, "400Regular/Amiri_400Regular.ttf", "Amiri-Regular.ttf"),
    Source(FRANK_RUHL, "400Regular/FrankRuhlLibre_400Regular.ttf", "FrankRuhlLibre-Regular.ttf"),
    Source(NOTO, "truetype/noto/NotoSerif-Regular.ttf", "NotoSerif-Regular.ttf", LATIN),
    *(
        Source(NOTO, f"truetype/noto/NotoSerif{script}-Regular.ttf", f"NotoSerif{script}-Regular.ttf")
        for script in NOTO_SCRIPTS
    ),
    Source(NOTO_CJK, "opentype/noto/NotoSerifCJK-Regular.ttc", "NotoSerifCJK-Regular.otf"),
)

SIMPLIFIED_CHINESE = 2
"""The face of the CJK collection whose forms hold where no language asks for others."""
CJK_FEATURES = ("ccmp", "locl", "ljmo", "vjmo", "tjmo")
CJK_LANGUAGES = ("DFLT.dflt", "hani.dflt", "hani.JAN ", "kana.dflt", "kana.JAN ", "hang.dflt", "hang.KOR ")
CHARACTER_SETS = ("gbk", "big5", "euc_jis_2004", "iso2022_kr")
JAMO = frozenset(range(0x1100, 0x1200))
"""Of which the font composes the Hangul syllables that the Korean character set lacks."""
PUNCTUATION = frozenset({*range(0x20, 0x7F), 0xB7, *range(0x2010, 0x2028), *range(0x2030, 0x203C)})
GENERAL_STANDARD = (
    "㑇㑊㕮㘎㙍㙘㙦㛃㛚㛹㟃㠇㠓㤘㥄㧐㧑㧟㫰㬊㬎㬚㭎㭕㮾㰀㳇㳘㳚㴔㵐㶲㸆㸌㺄㻬㽏㿠䁖䂮䃅䃎䅟䌹䎃䎖䏝䏡䏲䐃䓖䓛䓨䓫䓬"
    "䗖䗛䗪䗴䜣䝙䢺䢼䣘䥽䦃䲟䲠䲢䴓䴔䴕䴖䴗䴘䴙䶮𠂇𠃌𠅤𠙶𠳐𡎚𡐓𣗋𣲗𣲘𣸣𤈎𤣩𤧛𤨁𤩽𤫉𥔲𥕢𥖨𥻗𦈡𦒍𦙶𦝼𦭜𦰡𧢲𧺯𧿹𨐈𨙸𨚕"
    "𨟠𨭉𨱇𨱏𨱑𨱔𨸏𨺙𩠐𩽾𩾃𩾌𪟝𪣻𪤗𪨰𪨶𪩘𪾢𫄧𫄨𫄷𫄸𫇭𫌀𫍣𫍯𫍲𫍽𫐄𫐐𫐓𫑡𫓧𫓯𫓶𫓹𫔍𫔎𫔶𫖮𫖯𫖳𫗧𫗴𫘜𫘝𫘦𫘧𫘨𫘪𫘬𫚕𫚖𫚭"
    "𫛭𫞩𫟅𫟦𫟹𫟼𫠆𫠊𫠜𫢸𫫇𫭟𫭢𫭼𫮃𫰛𫵷𫶇𫷷𫸩𬀩𬀪𬂩𬃊𬇕𬇙𬇹𬉼𬊈𬊤𬌗𬍛𬍡𬍤𬒈𬒔𬒗𬕂𬘓𬘘𬘡𬘩𬘫𬘬𬘭𬘯𬙂𬙊𬙋𬜬𬜯𬞟𬟁𬟽𬣙"
    "𬣞𬣡𬣳𬤇𬤊𬤝𬨂𬨎𬩽𬪩𬬩𬬭𬬮𬬱𬬸𬬹𬬻𬬿𬭁𬭊𬭎𬭚𬭛𬭤𬭩𬭬𬭯𬭳𬭶𬭸𬭼𬮱𬮿𬯀𬯎𬱖𬱟𬳵𬳶𬳽𬳿𬴂𬴃𬴊𬶋𬶍𬶏𬶐𬶟𬶠𬶨𬶭𬶮𬷕𬸘"
    "𬸚𬸣𬸦𬸪𬹼𬺈𬺓"
)
"""Characters of China's General Standard (2013) that those sets lack; most of them live on in names."""


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        for source in SOURCES:
            folder = _unpacked(source.package, Path(temporary))
            original = next(folder.rglob(source.path))
            target = FONTS / source.name
            (_cut_cjk if source.package is NOTO_CJK else _cut)(original, target, source.features)
            rows.append(_row(source, original, target))
        licence = next((Path(temporary) / "eb-garamond").rglob("LICENSE_FONT")).read_text(encoding="utf-8")
    (FONTS / RECORD).write_text(_record(rows, licence), encoding="utf-8")


def _unpacked(package: Package, temporary: Path) -> Path:
    folder = temporary / package.name.rpartition("/")[2]
    if folder.exists():
        return folder
    folder.mkdir()
    if package.manager == "npm":
        _run("npm", "pack", "--silent", f"{package.name}@{package.version}", folder=folder)
        with tarfile.open(next(folder.glob("*.tgz"))) as archive:
            archive.extractall(folder, filter="data")
    else:
        _run("apt-get", "download", "-qq", f"{package.name}={package.version}", folder=folder)
        _run("dpkg-deb", "-x", str(next(folder.glob("*.deb"))), ".", folder=folder)
    return folder


def _run(*command: str, folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - fixed words and the names above


def _cut(original: Path, target: Path, features: Iterable[str]) -> None:
    """All characters; no hints, which print does not use, and no features that nobody asks for."""
    font = TTFont(original, recalcTimestamp=False)
    cutter = subset.Subsetter(_options(features))
    cutter.populate(unicodes=font.getBestCmap())
    cutter.subset(font)
    font.save(target)


def _options(features: Iterable[str]) -> subset.Options:
    options = subset.Options()
    options.hinting = False
    options.layout_features = list(features) or options.layout_features
    options.name_IDs = [0, 1, 2, 4, 5, 6, 13, 14]
    return options


def _cut_cjk(original: Path, target: Path, _features: Iterable[str]) -> None:
    """The Han characters, kana and Hangul that names use, and the Japanese forms of those in daily use in Japan."""
    wanted = JAMO.union(PUNCTUATION, map(ord, GENERAL_STANDARD), *map(_encodable, CHARACTER_SETS))
    kanji = _encodable("shift_jis", lambda code: code[0] < 0x98)  # JIS level 1
    glyphs = _reachable(original, kanji, ["locl"]) | _reachable(original, JAMO, ["ccmp", "ljmo", "vjmo", "tjmo"])
    options = _cjk_options(CJK_FEATURES)
    options.layout_closure = False  # `glyphs` has what may be reached: not the forms of five languages for everything
    font = TTFont(original, fontNumber=SIMPLIFIED_CHINESE, lazy=True, recalcTimestamp=False)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=wanted.intersection(font.getBestCmap()), glyphs=glyphs)
    cutter.subset(font)
    font.save(target)


def _cjk_options(features: Iterable[str]) -> subset.Options:
    options = _options(features)
    options.layout_scripts = list(CJK_LANGUAGES)
    options.drop_tables += ["VORG", "vhea", "vmtx", "BASE"]
    return options


def _reachable(original: Path, characters: Iterable[int], features: Iterable[str]) -> set[str]:
    """The glyphs that these features may turn these characters into."""
    font = TTFont(original, fontNumber=SIMPLIFIED_CHINESE, lazy=True)
    cutter = subset.Subsetter(_cjk_options(features))
    cutter.populate(unicodes=characters)
    cutter.subset(font)
    return set(cutter.glyphs_retained)


def _encodable(codec: str, wanted: Callable[[bytes], bool] = bool) -> set[int]:
    """The East Asian characters of a legacy character set."""
    found = set()
    for point in (*range(0x2E80, 0xA000), *range(0xAC00, 0xD7A4), *range(0xFF00, 0xFFF0), *range(0x20000, 0x2FA20)):
        try:
            code = chr(point).encode(codec)
        except UnicodeEncodeError:
            continue
        if wanted(code):
            found.add(point)
    return found


def _row(source: Source, original: Path, target: Path) -> str:
    notice = TTFont(target, lazy=True)["name"].getDebugName(0)
    sums = f"`{_sha256(original)}` | `{_sha256(target)}`"
    return f"| {source.name} | {source.package.label} | {original.name} | {sums} | {notice} |"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _record(rows: Iterable[str], licence: str) -> str:
    lines = [
        "# Fonts of the certificate",
        "",
        "Written by `tools/fonts.py`; do not edit. Each file was cut from one in the package named beside it, without",
        "hints and without what a certificate cannot need. All are under the SIL Open Font License 1.1, given below.",
        "",
        "| file | package | cut from | SHA-256 of that | SHA-256 | copyright |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
        "## SIL Open Font License 1.1",
        "",
        "```",
        licence[licence.index("-----") :].strip(),
        "```",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
