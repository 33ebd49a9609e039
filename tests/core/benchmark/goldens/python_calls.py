r"""Writes python_calls.json: what CPython's random, re, ast, json and numpy's char make of small inputs.

Run with Python 3.11 and numpy: python3 python_calls.py > python_calls.json, and deno fmt
"""

import ast
import hashlib
import json
import math
import random
import re
import sys

import numpy as np


def draws(seed):
    bits = random.Random(seed)
    floats = random.Random(seed)
    samples = []
    for n, k in [(1, 1), (4, 3), (8, 8), (21, 5), (22, 5), (85, 6), (86, 6), (85, 21), (277, 22), (278, 25), (40000, 11)]:
        rnd = random.Random(seed)
        samples.append([n, k, [rnd.sample(range(n), k) for _ in range(3)]])
    chosen = random.Random(seed).choices(range(7), k=9)
    return {
        "seed": seed,
        "bits": [bits.getrandbits(k) for k in [32, 1, 5, 31, 32, 8]],
        "floats": [floats.random() for _ in range(4)],
        "samples": samples,
        "chosen": chosen,
    }


TEXTS = [
    "",
    "a",
    "The answer is 12.",
    "#### 1,234\n#### -5.",
    "x = $12.50, y = -3; z: 4.",
    "line one\nline two\n",
    "naïve 🦊 ÄÖ ß 3٤5",
    "aaa bbb  AbA\tend.",
    "#### #### 7 ####",
    "(A) or (B)? A. yes",
]
PATTERNS = [
    r"#### (\-?[0-9\.\,]+)",
    r"(-?[$0-9.,]{2,})|(-?[0-9]+)",
    r"(?s).*#### ",
    r".*#### ",
    r",",
    r"\$",
    r"\.$",
    r"^line",
    r"(?m)^line (\w+)$",
    r"(?i)a+",
    r"(?i:a)b",
    r"(?P<letter>[A-D])\)",
    r"\(([A-D])\)|([A-D])\.",
    r"\b\w+\b",
    r"\B\w",
    r"x*",
    r"|a",
    r"a*?",
    r"(a|aa)(b)?",
    r"(?:a|b)+?",
    r"(\d+)",
    r"[^\w\s]",
    r"[\s\S]$",
    r"(?a)\w+",
    r"\d{2}",
    r"[a-c]{1,2}",
    r"[0-9]{,2}4",
    r"a{2,}?",
    r"[]a]+",
    r"[^]a]",
    r"[a\-]+",
    r"\S+(?=x)",
    r"(a)\1",
    r"\Aline",
    r"end\.\Z",
    r"\u00e4|\xc4|ß",
    r"🦊",
    r"(a?)b",
    r"((a)|(b))+",
    r"is (.*)\.",
    r"[.]",
    r"\.\s*",
    r"a{x}",
    r"{",
    r"(?<=is )(.*)(?=\.)",
    r"(?<!#)#+(?! )",
    r"(?<=🦊.)\w",
    r"\w(?=\w*\d)",
    r"(?=a|b)[a-z]+(?<=a|b|d)",
    r"(?!.*z)y",
]


def regexps():
    cases = []
    for pattern in PATTERNS:
        found = [[re.findall(pattern, text), re.sub(pattern, "", text)] for text in TEXTS]
        cases.append([pattern, found])
    return cases


LITERALS = [
    "['a', \"it's\", 'b\\n\\'']",
    "[]",
    "['x',]",
    "('a', 'b')",
    "('a')",
    "(1,)",
    "{'a': [1, -2, 2.5], 'b': None, 'c': True}",
    "'one' 'two'",
    "12",
    "-3",
    "1e3",
    "['\\x41\\u00e9\\U0001f98a\\101\\q']",
    "  ['a']",
    "['a'] ",
    "007",
    "[1 2]",
    "[,]",
    "['a'",
    "abc",
    "['a'] + ['b']",
    "",
    "{'a'}",
    "'a\nb'",
    "[1,,2]",
    "\n['a']",
]


def literals():
    cases = []
    for text in LITERALS:
        try:
            value = ast.literal_eval(text)
            cases.append([text, {"value": sorted(value) if isinstance(value, set) else value}])
        except (SyntaxError, ValueError):
            cases.append([text, {"error": True}])
    return cases


DOCUMENTS = [
    {"question": "Wie heißt \"es\"?\n\t🦊 \u2028\x7f", "n": 1, "f": 2.0, "g": 1e-07, "h": 1e22, "big": 2**60},
    {"choices": {"text": ["a", "b"], "label": []}, "none": None, "yes": True, "empty": {}},
]
TARGETS = [3, "text", [1, 2], ["it's", 'say "x"'], None, True, 2.0, {"a": "b"}]


def digest(text):
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def hashes():
    return {
        "documents": [
            [json.dumps(doc), digest(json.dumps(doc, indent=2, ensure_ascii=False))] for doc in DOCUMENTS
        ],
        "targets": [[json.dumps(target), digest(str(target))] for target in TARGETS],
    }


def settled(text, regexes=None, case=False, punctuation=False, numbers=False):
    """The text as the program's exact match compares it, with numpy's functions on arrays of one text."""
    if regexes is not None:
        for each in regexes:
            text = np.array([re.sub(each, "", text)])[0]
    array = np.asarray([text])
    if case:
        array = np.char.lower(array)
    for is_on, chars in [(punctuation, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"), (numbers, "0123456789")]:
        if is_on:
            array = np.char.translate(array, table=str.maketrans("", "", chars))
    return array


PAIRS = [["Paris", "paris"], ["12.", "12"], ["a\x00", "a"], ["$1,000.", "#### 1000"], ["İ", "i̇"], ["ΑΣ", "ας"], ["x1", "x2"]]
SETTINGS = [
    {},
    {"case": True},
    {"punctuation": True},
    {"numbers": True},
    {"case": True, "regexes": [",", "\\$", "(?s).*#### ", "\\.$"]},
]


def matches():
    return [
        [settings, [bool((settled(a, **settings) == settled(b, **settings))[0]) for a, b in PAIRS]]
        for settings in SETTINGS
    ]


def bootstrap(values, iterations):
    """The deviation of exp(-mean) over samples that are drawn with replacement, 1000 by each seed."""
    drawn = []
    for seed in range(iterations // 1000):
        rnd = random.Random(seed)
        for _ in range(1000):
            some = rnd.choices(values, k=len(values))
            drawn.append(math.exp(-(sum(some) / len(some))))
    mean = sum(drawn) / len(drawn)
    return math.sqrt(sum((x - mean) ** 2 for x in drawn) / (len(drawn) - 1))


VALUES = [-1.5, -0.25, -3.0, -0.75, -2.0]
json.dump(
    {
        "draws": [draws(seed) for seed in [0, 42, 1234, 2**32 - 1, 2**40 + 3]],
        "texts": TEXTS,
        "regexps": regexps(),
        "literals": literals(),
        "hashes": hashes(),
        "pairs": PAIRS,
        "matches": matches(),
        "bootstrap": {"values": VALUES, "iterations": 3000, "stderr": bootstrap(VALUES, 3000)},
    },
    sys.stdout,
    ensure_ascii=True,
)
