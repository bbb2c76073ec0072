"""Makes the subsets of this folder; see README.md. usage: subset.py PRETENDARD-DIR JETBRAINS-DIR"""

import subprocess
import sys

from fontTools.ttLib import TTFont

SIGNS = "\u2010\u2011\u2012–—‘’“”„•…‹›→←↑↓↔⇒↳✓✗·×÷−≈≠≤≥▶□「」\ufffd"


def ksx1001():
    """The 2,350 syllables of KS X 1001: rows 16 to 40 of EUC-KR; and the letters that they are made of, row 4."""
    for row in [0xA4, *range(0xB0, 0xC9)]:
        for cell in range(0xA1, 0xFF):
            try:
                yield bytes([row, cell]).decode("euc_kr")
            except UnicodeDecodeError:
                pass


def subset(source, to, text, name):
    subprocess.run(
        ["pyftsubset", source, "--text=" + text, "--output-file=" + to, "--no-hinting", "--layout-features=kern",
         "--notdef-outline", "--no-glyph-names", "--name-IDs=0,1,2,3,4,5,6,13,14", "--name-languages=0x409"],
        check=True)
    if name is None:
        return
    # Pretendard is a Reserved Font Name: what is made of it must be called otherwise (OFL 1.1, condition 3).
    font = TTFont(to)
    style = font["name"].getDebugName(2)
    for record in font["name"].names:
        full = {1: name, 3: name + " " + style, 4: name + " " + style, 6: name.replace(" ", "") + "-" + style}
        if record.nameID in full:
            record.string = full[record.nameID]
    if "CFF " in font:
        cff = font["CFF "].cff
        cff.fontNames[0] = name.replace(" ", "") + "-" + style
        top = cff.topDictIndex[0]
        top.FullName, top.FamilyName = name + " " + style, name
    font.save(to)


latin = "".join(map(chr, [*range(0x20, 0x7F), *range(0xA0, 0x100)])) + SIGNS
hangul = "".join(ksx1001())
pretendard, jetbrains = sys.argv[1:]
subset(pretendard + "/Pretendard-Regular.otf", "sans.otf", latin + hangul, "Podpath Sans")
subset(pretendard + "/Pretendard-Bold.otf", "sans-bold.otf", latin + hangul, "Podpath Sans")
subset(jetbrains + "/JetBrainsMono-Regular.ttf", "mono.ttf", latin, None)
subset(jetbrains + "/JetBrainsMono-Bold.ttf", "mono-bold.ttf", latin, None)
