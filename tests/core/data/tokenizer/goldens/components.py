"""Writes components.json: the ids that Rust's library gives for awkward texts, with every component and option.

Run with tokenizers 0.23.2: python3 components.py > components.json

A case is a tokenizer.json without what stands in "base", with the ids of each text (null where Rust fails), and the
texts of these ids, with and without special tokens, where a decoder is under test.
"""

import base64
import itertools
import json
import sys

from tokenizers import Tokenizer, __version__

TEXTS = [
    "",
    " ",
    "\n",
    "Hello, world! It's 2024; don't we'LL?",
    "  two  spaces \t tab\n\nlines\r\n x ",
    "½²٢Ⅳ 3٣ ①x¾ 10⁻³ 〇一",
    "e\u0301 é ǅ ﬁ \u212b q\u0307\u0323 \u1e9b\u0323",
    "👩‍👧 👍🏽🇩🇪 ❤️a",
    "a\x01b\x7f\x85c\u200b\u200d\ufeff\ufffd\u00ad\ue000\u0378.",
    "日本語テスト、中文。한국 각",
    "n\u00a0e\u2003i\u3000j\u202fk\u2028l",
    "«q» “x” –… ¿?¡ $+<=>^`|~@#%&*_-",
    "İ ΣΑΣ. ßẞ ǅ",
    "a" * 24,
    "<s>hi</s> x<mask>y <unk><0x0A> <mask> z",
    "▁a▁▁b ▁ c",
    "ab#cd </w>",
    "مرحبا हिन्दी ไทย",
    "㎏ ﷺ ｱｶﾞ ½",
    "𝕳𝖊 𐐷𐞃 \U00016d67\U00016d67 \ua7ce\U00016ea0 \U000105d2\u0307",
    "abcabcab abab ba cabba",
]

FLAGS = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}


def added(id, content, **flags):
    return {"id": id, "content": content, **FLAGS, **flags}


BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
ASCII = [chr(code) for code in range(33, 127)]


def vocab(*tokens):
    return {token: i for i, token in enumerate(dict.fromkeys(tokens))}


def bpe(tokens, merges=(), **options):
    return {"type": "BPE", "vocab": vocab(*tokens), "merges": [list(merge) for merge in merges], **options}


# Every character but a piece's first has the prefix, so that the ids show where pieces begin.
CHARS = sorted({*ASCII, "▁", *"".join(TEXTS)})
PROBE = bpe([*BYTES, *(f"#{char}" for char in CHARS)], continuing_subword_prefix="#", byte_fallback=True)

BASE = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "model": PROBE}

SPECIALS = ["<unk>", "<s>", "</s>", "<mask>"]
MERGES = [("a", "b"), ("ab", "c"), ("b", "a"), ("ab", "ab"), ("abc", "abc"), ("a", "a"), ("aa", "aa"), ("▁", "a")]
LETTERS = [*SPECIALS, "▁", *ASCII, *dict.fromkeys("".join(merge) for merge in MERGES)]
# The unknown characters of a text with these are many.
FEW = ["<unk>", "a", "b", "c", "▁", *dict.fromkeys("".join(merge) for merge in MERGES)]
PIECES = ["<unk>", "▁", "a", "b", "c", "ab", "▁ab", "cab", "bc", "l", "o", "lo", "Hell", "é", "日本", "x", "y"]
SPACES = {"normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}}
WORDS = {"pre_tokenizer": {"type": "Whitespace"}}


def unigram(pieces, **options):
    return {"type": "Unigram", "vocab": [[piece, -1.5 - i / 7] for i, piece in enumerate(pieces)], **options}


cases = []
refused = []


def case(name, decodes=None, **changes):
    """`decodes` are lists of ids; without it the ids of the texts are decoded if there is a decoder."""
    try:
        tokenizer = Tokenizer.from_str(json.dumps({**BASE, **changes}))
    except BaseException as error:
        refused.append({"name": name, "json": changes})
        print(name, str(error)[:100], file=sys.stderr)
        return
    encoded = {True: [], False: []}
    for special in encoded:
        for text in TEXTS if decodes is None else []:
            try:
                encoded[special].append(tokenizer.encode(text, add_special_tokens=special).ids)
            except BaseException as error:
                print(name, repr(text), str(error)[:100], file=sys.stderr)
                encoded[special].append(None)
    record = {"name": name, "json": changes}
    if decodes is None:
        record["ids"] = encoded[False]
        if encoded[True] != encoded[False]:
            record["with_special"] = encoded[True]
    if "decoder" in changes:
        record["decodes"] = []
        for ids in decodes if decodes is not None else [ids for ids in encoded[False] if ids]:
            row = {"ids": ids} if decodes is not None else {}
            for key, skip in [("text", False), ("skipped", True)]:
                try:
                    row[key] = tokenizer.decode(ids, skip_special_tokens=skip)
                except BaseException as error:
                    print(name, ids, str(error)[:100], file=sys.stderr)
                    row[key] = None
            if row["text"] == row["skipped"]:
                del row["skipped"]
            record["decodes"].append(row)
    cases.append(record)


def options(**lists):
    for values in itertools.product(*lists.values()):
        yield dict(zip(lists, values))


def label(values):
    return " ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in values.items())


# Normalizers.
for name in ["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Nmt", "StripAccents", "ByteLevel"]:
    case(f"normalizer {name}", normalizer={"type": name})
for values in options(strip_left=[True, False], strip_right=[True, False]):
    case(f"normalizer Strip {label(values)}", normalizer={"type": "Strip", **values})
BERT = [
    (True, True, None, True),
    (True, True, None, False),
    (False, True, True, False),
    (True, False, False, True),
    (False, False, True, True),
    (False, False, False, False),
]
for clean, chinese, accents, lower in BERT:
    values = {"clean_text": clean, "handle_chinese_chars": chinese, "strip_accents": accents, "lowercase": lower}
    case(f"normalizer BertNormalizer {label(values)}", normalizer={"type": "BertNormalizer", **values})
for prefix in ["▁", "", "xy "]:
    case(f"normalizer Prepend {prefix!r}", normalizer={"type": "Prepend", "prepend": prefix})
REPLACES = [({"String": " "}, "▁"), ({"String": "a"}, "bb"), ({"String": ""}, "-"), ({"Regex": " {2,}"}, " ")]
for pattern, content in [*REPLACES, ({"Regex": "x*"}, "$1"), ({"Regex": "\\s+$"}, "")]:
    case(
        f"normalizer Replace {label(pattern)} by {content!r}",
        normalizer={"type": "Replace", "pattern": pattern, "content": content},
    )
case(
    "normalizer Sequence",
    normalizer={
        "type": "Sequence",
        "normalizers": [
            {"type": "NFD"},
            {"type": "Sequence", "normalizers": [{"type": "StripAccents"}, {"type": "Lowercase"}]},
            {"type": "Strip", "strip_left": True, "strip_right": False},
            {"type": "Prepend", "prepend": "_"},
        ],
    },
)
case("normalizer Sequence of none", normalizer={"type": "Sequence", "normalizers": []})



def double_array(entries):
    """A trie of bytes as darts-clone lays it out, for few entries: each node's children stand at a place of their own."""
    units = {0: 0}
    tree = {}
    for key, value in entries.items():
        node = tree
        for byte in key:
            node = node.setdefault(byte, {})
        node[None] = value
    free = [1]

    def place(node, at):
        # The children stand at `base ^ byte`; the value, as the child 0, at `base`.
        base = free[0] * 256
        free[0] += 1
        units[at] = units.get(at, 0) | (at ^ base) << 10 | (256 if None in node else 0)
        if None in node:
            units[base] = 0x80000000 | node[None]
        for byte, child in node.items():
            if byte is not None:
                units[base ^ byte] = byte
        for byte, child in node.items():
            if byte is not None:
                place(child, base ^ byte)

    place(tree, 0)
    return [units.get(i, 0x000000FF if i % 256 else 0) for i in range(free[0] * 256)]


def charsmap(pairs):
    texts = b""
    entries = {}
    for key, text in pairs.items():
        entries[key.encode()] = len(texts)
        texts += text.encode() + b"\0"
    trie = b"".join(unit.to_bytes(4, "little") for unit in double_array(entries))
    return base64.b64encode(len(trie).to_bytes(4, "little") + trie + texts).decode()


PRECOMPILED = charsmap({"½": "1/2", "e\u0301": "é", "\t": " ", "\r\n": "\n", "①": "1", "日": "sun ", "\u200d": "", "👍": "+1", "x": "y"})
case("normalizer Precompiled", normalizer={"type": "Precompiled", "precompiled_charsmap": PRECOMPILED})

# Pre-tokenizers.
for name in ["BertPreTokenizer", "Whitespace", "WhitespaceSplit", "UnicodeScripts"]:
    case(f"pre_tokenizer {name}", pre_tokenizer={"type": name})
for values in options(add_prefix_space=[True, False], use_regex=[True, False]):
    case(
        f"pre_tokenizer ByteLevel {label(values)}", pre_tokenizer={"type": "ByteLevel", "trim_offsets": True, **values}
    )
for delimiter in [" ", "a", "日"]:
    case(
        f"pre_tokenizer CharDelimiterSplit {delimiter!r}",
        pre_tokenizer={"type": "CharDelimiterSplit", "delimiter": delimiter},
    )
for individual in [True, False]:
    case(f"pre_tokenizer Digits {individual}", pre_tokenizer={"type": "Digits", "individual_digits": individual})
for length in [1, 3, 100]:
    case(f"pre_tokenizer FixedLength {length}", pre_tokenizer={"type": "FixedLength", "length": length})
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
for behavior in BEHAVIORS:
    case(f"pre_tokenizer Punctuation {behavior}", pre_tokenizer={"type": "Punctuation", "behavior": behavior})
for scheme, split, replacement in itertools.product(["always", "never", "first"], [True, False], ["▁", "_"]):
    if replacement == "_" and split is False:
        continue
    values = {"replacement": replacement, "prepend_scheme": scheme, "split": split}
    case(
        f"pre_tokenizer Metaspace {label(values)}",
        pre_tokenizer={"type": "Metaspace", **values},
        added_tokens=[added(len(PROBE["vocab"]), "<mask>"), added(len(PROBE["vocab"]) + 1, "x", normalized=True)],
    )
for behavior, invert, pattern in itertools.product(
    BEHAVIORS, [True, False], [{"String": "b"}, {"Regex": "[ab]+|\\d"}, {"Regex": "a*"}]
):
    if pattern == {"Regex": "a*"} and (invert or behavior in ["Contiguous", "MergedWithPrevious"]):
        continue
    case(
        f"pre_tokenizer Split {behavior} {label(pattern)} {'inverted' if invert else ''}",
        pre_tokenizer={"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert},
    )
SEQUENCES = {
    "of SmolLM": [{"type": "Digits", "individual_digits": True}, {"type": "ByteLevel", "add_prefix_space": False,
                                                                 "trim_offsets": True, "use_regex": True}],
    "of T5": [{"type": "WhitespaceSplit"}, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always",
                                            "split": True}],
    "of Falcon": [
        {"type": "Punctuation", "behavior": "Contiguous"},
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        {"type": "Digits", "individual_digits": False},
        {"type": "Split", "pattern": {"Regex": "[0-9][0-9][0-9]"}, "behavior": "Isolated", "invert": False},
    ],
    "that removes the start": [{"type": "WhitespaceSplit"}, {"type": "Metaspace", "replacement": "▁",
                                                             "prepend_scheme": "first", "split": False}],
    "of none": [],
}
for name, parts in SEQUENCES.items():
    case(f"pre_tokenizer Sequence {name}", pre_tokenizer={"type": "Sequence", "pretokenizers": parts})

# Patterns of published tokenizers, and of every kind that Oniguruma reads.
LLAMA3 = (
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
    "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
)
GPT4O = (
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    "|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
)
PATTERNS = [
    LLAMA3,
    LLAMA3.replace("{1,3}", ""),
    GPT4O,
    LLAMA3.replace("?\\p{L}", "?+\\p{L}").replace("N}]+", "N}]++"),
    " ?[^(\\s|[.,!?…。，、।۔،])]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+",
    "[一-龥぀-ゟ゠-ヿ]+",
    "\\w+|\\W",
    "^a|a$|\\Ab|b\\z|b\\Z",
    "\\bа|\\b.|\\B",
    ".",
    "(?m).{2}",
    "(?m:.)(?-m:.)",
    "(?i:[a-e]k|i)|K",
    "[[:alpha:]]+|[[:^space:][:digit:]]",
    "[[:punct:]]|[[:alnum:]]{2}|[[:word:]]",
    "[^\\W\\d_]+|[\\p{^L}]{,3}",
    "\\p{Lu}\\p{Ll}|\\P{Letter}|\\p{^M}\\p{M}+",
    "\\p{Han}+|\\p{Hiragana}|\\p{katakana}+|\\p{Hangul}|\\p{Arabic}+|\\p{Latin}",
    "\\h+|\\H",
    "\\S{2,3}?|a{1,2}|\\s{1,}",
    "a*+a|b++|[ab]?+c",
    "\\x{61}|\\x62|\\u0063|\\t|\\n|\\r|\\/|\\-|\\_|\\.|\\\\",
    "[\\]a-c^-]|[-x]|[+-]|}|\\{",
    "(?:ab|a)(?=b|c)|c(?!a)",
    "(a)(?<n>b)|(?:)c",
    "a|",
    "(?:a|b)*?c",
    "\\p{Nd}|\\p{No}|\\p{Nl}|\\p{Sm}|\\p{Sc}|\\p{Sk}|\\p{So}|\\p{Pd}|\\p{Zs}|\\p{Mn}",
    "(?<=a)b|(?<!\\p{L})\\p{L}+",
    "[\\p{L}&&[^\\p{Han}]]+|[\\p{Han}&&\\p{L}]|[^\\w&&[^-]&&\\S]",
    # Kimi's.
    "[\\p{Han}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]*"
    "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*",
    # What is refused.
    "(?<=ab)b",
    "(?<!a|b)b",
    "(a)\\1",
    "(?>a+)b",
    "(?:ab)++",
    "a{2}?",
    "a{1,2}+",
    "(?i)ss|st",
    "(?i)é",
    "(?i)\\p{Lu}",
    "[a&&]",
    "\\X",
    "\\R",
    "a\\K",
    "\\Ga",
    "(?x) a b",
    "(?#c)a",
    "\\101",
    "(?:a?)*b",
    "a(?i)b|c",
    "\\p{Cherokee}",
]
for pattern in PATTERNS:
    case(
        f"pattern {pattern}",
        pre_tokenizer={"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False},
    )

# Models.
for values in options(
    byte_fallback=[True, False], fuse_unk=[True, False], unk_token=["<unk>", None, "<none>"], tokens=["few", "bytes"]
):
    tokens = values.pop("tokens")
    if tokens == "bytes" and not values["byte_fallback"]:
        continue
    # Without a few bytes, characters that have them are unknown.
    model = bpe([*FEW, *(BYTES[:0xE0] if tokens == "bytes" else [])], MERGES, **values)
    case(f"model BPE {tokens} {label(values)}", model=model, **SPACES)
for values in options(ignore_merges=[True, False], pre_tokenizer=[None, {"type": "WhitespaceSplit"}]):
    model = bpe([*LETTERS, "cabba", "bab", "lo"], MERGES, unk_token="<unk>", ignore_merges=values["ignore_merges"])
    case(f"model BPE {label(values)}", model=model, pre_tokenizer=values["pre_tokenizer"])
WORD_ENDS = [*(f"{char}</w>" for char in "abcdefy"), "ab</w>", "abab</w>"]
case(
    "model BPE with end_of_word_suffix",
    model=bpe([*LETTERS, *WORD_ENDS], [*MERGES, ("a", "b</w>"), ("ab", "ab</w>")], unk_token="<unk>",
              end_of_word_suffix="</w>"),
    **WORDS,
)
case(
    "model BPE with continuing_subword_prefix",
    model=bpe([*LETTERS, *(f"##{char}" for char in "abcdefy"), "abca", "##bc"], [("##b", "##c"), ("a", "##b"),
                                                                              ("ab", "##c"), ("abc", "##a")],
              unk_token="<unk>", continuing_subword_prefix="##", fuse_unk=True),
    **WORDS,
)
case("model BPE with merges as texts", model={**bpe(LETTERS), "merges": ["#version: 0.2", "a b", "ab c", "ab ab"]})
case("model BPE with a merge twice", model=bpe(LETTERS, [("a", "b"), ("ab", "c"), ("b", "a"), ("a", "b")]))
LEGACY = bpe(LETTERS, MERGES)
del LEGACY["type"]
case("model of no type", model=LEGACY)
for values in options(byte_fallback=[True, False], unk_id=[0, None, 3], tokens=["few", "bytes"]):
    tokens = values.pop("tokens")
    if tokens == "bytes" and not values["byte_fallback"]:
        continue
    pieces = [*PIECES, *(BYTES if tokens == "bytes" else [])]
    case(f"model Unigram {tokens} {label(values)}", model=unigram(pieces, **values), **SPACES)
EQUAL = {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], *([piece, -1.0] for piece in [*"abc", "ab", "ba", "bc"])]}
case("model Unigram with equal scores", model=EQUAL)
case("model Unigram with a token twice", model={**EQUAL, "vocab": [*EQUAL["vocab"], ["ab", -0.5], ["", -1.0]]})
for values in options(max_input_chars_per_word=[100, 5], continuing_subword_prefix=["##", ""], unk_token=["<unk>", "<none>"]):
    tokens = [*SPECIALS, *"abcHdo", "ab", "world", "##o", "##ab", "##c", "##b", "##a", "##ll", "ell", "Hel", "lo", "l"]
    case(f"model WordPiece {label(values)}", model={"type": "WordPiece", "vocab": vocab(*tokens), **values}, **WORDS)
for unk_token in ["<unk>", "<none>"]:
    model = {"type": "WordLevel", "vocab": vocab(*SPECIALS, "Hello", ",", "world", "abab", "c"), "unk_token": unk_token}
    case(f"model WordLevel {unk_token}", model=model, **WORDS)
for pre_tokenizer in [None, {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}]:
    case(
        f"model without tokens {pre_tokenizer and 'in pieces'}", model=bpe([], []), pre_tokenizer=pre_tokenizer
    )

# Post-processors.
TOKENS = [added(i, token) for i, token in enumerate(SPECIALS)]
PIECE_A = {"Sequence": {"id": "A", "type_id": 0}}
PIECE_B = {"Sequence": {"id": "B", "type_id": 1}}


def template(single, **rest):
    names = {piece["SpecialToken"]["id"] for piece in [*single, *rest.get("pair", [])] if "SpecialToken" in piece}
    tokens = {name: {"id": name, "ids": [SPECIALS.index(name), 3], "tokens": [name, "<mask>"]} for name in names}
    return {"type": "TemplateProcessing", "single": single, "pair": rest.get("pair", [PIECE_A, PIECE_B]),
            "special_tokens": tokens}


def special(token):
    return {"SpecialToken": {"id": token, "type_id": 0}}


PROCESSORS = {
    "BertProcessing": {"type": "BertProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1]},
    "RobertaProcessing": {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1], "trim_offsets": True,
                          "add_prefix_space": False},
    "ByteLevel": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
    "TemplateProcessing": template([special("<s>"), PIECE_A, special("</s>")]),
    "TemplateProcessing twice A": template([PIECE_A, special("<s>"), PIECE_A]),
    "TemplateProcessing of none": template([]),
}
PROCESSORS["Sequence"] = {
    "type": "Sequence", "processors": [PROCESSORS["ByteLevel"], PROCESSORS["TemplateProcessing"]],
}
for first, second in itertools.permutations(["BertProcessing", "RobertaProcessing", "TemplateProcessing"], 2):
    PROCESSORS[f"Sequence {first} {second}"] = {
        "type": "Sequence", "processors": [PROCESSORS[first], PROCESSORS[second]],
    }
PROCESSORS["Sequence of templates"] = {
    "type": "Sequence",
    "processors": [template([special("<s>"), PIECE_A]), template([PIECE_A], pair=[PIECE_B, special("</s>"), PIECE_A])],
}
ALL_TEXTS = TEXTS
TEXTS = ["", "ab c", "<s>ab"]
for name, processor in PROCESSORS.items():
    case(f"post_processor {name}", model=bpe(LETTERS, MERGES), added_tokens=TOKENS, post_processor=processor)

# Added tokens.
TEXTS = [
    "x<mask>y", " <mask> ", "a <mask>\n\t b", "<mask><mask>  <mask>", "_<mask>é", "日<mask>本", "ABC abc", "héllo HÉLLO",
    "<s>  <mask>x</s>", "<mask>٢", "😀<mask>😀", "<mask", "abcabcab", "  ab  ", "<mask>\u00a0\u3000x", "a\u200d<mask>\u0301",
]
NORMALIZERS = {"no normalizer": None, "Lowercase": {"type": "Lowercase"}, "Prepend": {"type": "Prepend", "prepend": "▁"}}
NEXT = len(LETTERS)
for values in options(lstrip=[True, False], rstrip=[True, False], single_word=[True, False], normalized=[True, False]):
    for name, normalizer in NORMALIZERS.items():
        if name != "Lowercase" and (values["lstrip"] != values["rstrip"]):
            continue
        case(
            f"added tokens {label(values)} {name}",
            model=bpe(LETTERS, MERGES, unk_token="<unk>"),
            normalizer=normalizer,
            added_tokens=[
                *(added(i, token) for i, token in enumerate(SPECIALS[:3])), added(3, "<mask>", **values),
                added(NEXT, "ABC", special=False, **values), added(NEXT + 1, "HÉL", **{**values, "special": False}),
                added(NEXT + 2, "ABCABC", special=False, **values),
            ],
        )
case(
    "added tokens that begin alike",
    model=bpe(LETTERS, MERGES),
    added_tokens=[added(LETTERS.index("abc"), "abc"), added(LETTERS.index("a"), "a"), added(NEXT, "abca  "),
                  added(NEXT + 1, "cab", lstrip=True, rstrip=True)],
)
for values in options(lstrip=[True, False], rstrip=[True, False], normalized=[True, False]):
    case(
        f"added tokens of white space {label(values)}",
        model=bpe(LETTERS, MERGES),
        added_tokens=[added(NEXT, " ", **values), added(NEXT + 1, "\n", **values)],
    )

# Decoders: of tokens that no text has.
TOKENS_TO_DECODE = [
    "<s>", "<mask>", "▁Hello", "▁", "world", "##ing", "##", "</w>", "lo</w>", "<0xE2>", "<0x82>", "<0xAC>", "<0x0A>",
    "<0xff>", "<0x+1>", "Ġthe", "ĠÃ©", "Ã", "é", "日", " ", "  x  ", "▁▁a▁", "|", "<pad>", "n't", "'s", "do", "not", "do not", ".",
    "'", "aaa", "\u200b", "\ufeff", "<0xEF>", "<0xBB>", "<0xBF>", "ï»¿", "😀", "Ċ",
]
MODEL = {"type": "WordLevel", "vocab": vocab(*TOKENS_TO_DECODE), "unk_token": "<s>"}
COUNT = len(TOKENS_TO_DECODE)
STEPS = [1, 2, 3, 5, 7, 11, 13]
IDS = [[i * step % COUNT for i in range(start, start + 14)] for start, step in enumerate(STEPS)]
IDS += [[token] for token in range(COUNT)]
IDS += [[9, 10, 11], [9, 10], [9, 10, 11, 12, 13], [13, 13], [35, 36, 37, 2], [2, 2, 2], [17, 18], [0, 2, 0, 999], [27, 28]]
DECODERS = [
    {"type": "ByteFallback"},
    {"type": "Fuse"},
    {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
    *({"type": "BPEDecoder", "suffix": suffix} for suffix in ["</w>", "", "l"]),
    *({"type": "CTC", "pad_token": pad, "word_delimiter_token": delimiter, "cleanup": cleanup}
      for pad, delimiter in [("<pad>", "|"), ("", "")] for cleanup in [True, False]),
    *({"type": "WordPiece", "prefix": prefix, "cleanup": cleanup} for prefix in ["##", ""] for cleanup in [True, False]),
    *({"type": "Metaspace", "replacement": replacement, "prepend_scheme": scheme, "split": True}
      for replacement in ["▁", "a"] for scheme in ["always", "never", "first"]),
    *({"type": "Strip", "content": content, "start": start, "stop": stop}
      for content, start, stop in [(" ", 1, 0), (" ", 2, 0), (" ", 0, 1), ("a", 1, 1), ("a", 3, 1), ("日", 9, 0), ("a", 2, 2)]),
    *({"type": "Replace", "pattern": pattern, "content": content}
      for pattern, content in [({"String": "▁"}, " "), ({"String": ""}, "-"), ({"Regex": "a+|$"}, "!"), ({"Regex": "^▁"}, "")]),
    {"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
    {"type": "Sequence", "decoders": [
        {"type": "Sequence", "decoders": [{"type": "WordPiece", "prefix": "##", "cleanup": False}]}, {"type": "ByteFallback"}]},
    {"type": "Sequence", "decoders": []},
    None,
]
DECODED = [added(0, "<s>"), added(1, "<mask>", normalized=True), added(18, "é", special=False, normalized=True)]
for decoder in DECODERS:
    case(
        f"decoder {json.dumps(decoder, ensure_ascii=False)}", IDS, model=MODEL, decoder=decoder, added_tokens=DECODED,
        normalizer={"type": "Prepend", "prepend": "_"} if decoder is None else None,
    )

# What is the same in many cases is written once.
shared = {}
for record in [*cases, *refused]:
    for key in ["model", "added_tokens"]:
        value = record["json"].get(key)
        if value is not None:
            text = json.dumps(value, sort_keys=True)
            record["json"][key] = shared.setdefault(text, len(shared))
decoded_ids = [row["ids"] for row in cases[-1]["decodes"]]
for record in cases:
    if "decodes" in record and [row.get("ids") for row in record["decodes"]] == decoded_ids:
        record["decodes"] = [[row["text"], *([row["skipped"]] if "skipped" in row else [])] for row in record["decodes"]]


def texts_of(record):
    count = len(record.get("ids", []))
    return {3: 1, 16: 2, len(ALL_TEXTS): 0}.get(count)


for record in cases:
    if "ids" in record:
        record["texts"] = texts_of(record)
print(json.dumps({
    "version": __version__,
    "base": BASE,
    "shared": [json.loads(text) for text in shared],
    "texts": [ALL_TEXTS, ["", "ab c", "<s>ab"], TEXTS],
    "decoded": decoded_ids,
    "cases": cases,
    "refused": refused,
}, ensure_ascii=False, separators=(",", ":")))
