"""Writes unicode.json: what Rust's library does with each character, as hashes of blocks.

Run with tokenizers 0.23.2: python3 unicode.py > unicode.json
"""

import json

from tokenizers import Regex, __version__, normalizers, pre_tokenizers

BLOCK = 4096
STARTS = [*range(0, 0x20000, BLOCK), 0x20000, 0x2A000, 0x2F000, 0xE0000, 0xF0000]

# A character, and it beside others with which it may be combined.
SURROUNDED = ["@", "@\u0323\u0301", "e@", "a@a"]

NORMALIZERS = {
    **{name: {"type": name} for name in ["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Nmt", "StripAccents"]},
    "Strip": {"type": "Strip", "strip_left": True, "strip_right": True},
    "BertNormalizer": {
        "type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": True,
        "lowercase": False,
    },
}
PATTERNS = ["\\w", "\\s", "\\d", "\\h", ".", "[\\w]", "\\b", "(?i:[a-z])", "[[:punct:]]", "[[:alnum:]]", "[[:space:]]"]
PATTERNS += [f"\\p{{{name}}}" for name in "L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp".split()]
PATTERNS += [f"\\p{{{name}}}" for name in "Alpha Alnum Space Word Any ASCII".split()]
PATTERNS += [
    f"\\p{{{name}}}"
    for name in "Arabic Armenian Bengali Cyrillic Devanagari Ethiopic Georgian Greek Hangul Han Hebrew Hiragana Katakana Khmer "
    "Lao Latin Myanmar Tamil Telugu Thai".split()
]
PRE_TOKENIZERS = {
    **{name: {"type": name} for name in ["BertPreTokenizer", "Whitespace", "WhitespaceSplit"]},
    "Digits": {"type": "Digits", "individual_digits": True},
    "Punctuation": {"type": "Punctuation", "behavior": "Isolated"},
    **{
        pattern: {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
        for pattern in PATTERNS
    },
}


def hashed(text: str) -> str:
    """FNV-1a of the UTF-16 units."""
    value = 0x811C9DC5
    units = text.encode("utf-16-le")
    for i in range(0, len(units), 2):
        value = ((value ^ (units[i] | units[i + 1] << 8)) * 0x01000193) & 0xFFFFFFFF
    return f"{value:08x}"


def built(module, part: dict):
    """The component, without the tokenizer that would hold it."""
    options = {key: value for key, value in part.items() if key != "type"}
    if part["type"] == "Split":
        return module.Split(Regex(options["pattern"]["Regex"]), "isolated", options["invert"])
    if part["type"] == "Strip":
        return module.Strip(left=True, right=True)
    if part["type"] == "Punctuation":
        return module.Punctuation("isolated")
    return getattr(module, part["type"])(**options)


def blocks(run, forms):
    result = ""
    for start in STARTS:
        chars = [chr(code) for code in range(max(start, 1), start + BLOCK) if not 0xD800 <= code <= 0xDFFF]
        result += hashed("".join(run(form.replace("@", char)) + "\0" for char in chars for form in forms)) if chars else ""
    return result


normalized = {}
for name, part in NORMALIZERS.items():
    normalizer = built(normalizers, part)
    normalized[name] = {"part": part, "blocks": blocks(normalizer.normalize_str, SURROUNDED)}
split = {}
for name, part in PRE_TOKENIZERS.items():
    pre_tokenizer = built(pre_tokenizers, part)
    pieces = lambda text: "\1".join(piece for piece, _ in pre_tokenizer.pre_tokenize_str(text))
    split[name] = {"part": part, "blocks": blocks(pieces, ["a@a"])}
print(json.dumps({
    "version": __version__, "block": BLOCK, "starts": STARTS, "surrounded": SURROUNDED, "normalizers": normalized,
    "pre_tokenizers": split,
}, separators=(",", ":")))
