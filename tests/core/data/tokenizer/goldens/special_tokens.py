"""Writes special_tokens.json: the special tokens that transformers finds in folders of several kinds.

Run with transformers 5.18: python3 special_tokens.py > special_tokens.json
"""

import json
import pathlib
import tempfile

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoTokenizer

NAMES = ["bos_token", "eos_token", "unk_token", "pad_token"]
TEXTS = ["a b", "a<|im_end|>", "a <extra> b", "a </s>b", "<|endoftext|>x"]


def tokenizer_json(*added: AddedToken, vocab=("<s>", "</s>", "<|endoftext|>")) -> dict:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [*letters, *vocab]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens(list(added))
    return json.loads(tokenizer.to_str())


def special(text: str, **options) -> AddedToken:
    return AddedToken(text, special=True, normalized=False, **options)


def record(text: str, **options) -> dict:
    plain = {"lstrip": False, "rstrip": False, "single_word": False, "normalized": False, "special": True}
    return {"content": text, **plain, **options}


BASE = tokenizer_json(special("<s>"), special("</s>"), special("<|endoftext|>"))
BARE = tokenizer_json()
# 256 letters, then the three tokens of the vocabulary.
NEXT = 259

FOLDERS = {
    "strings in tokenizer_config.json": (BASE, {"tokenizer_config.json": {"bos_token": "<s>", "eos_token": "</s>"}}),
    "records in tokenizer_config.json": (
        BASE,
        {"tokenizer_config.json": {"eos_token": {"__type": "AddedToken", **record("</s>")}, "pad_token": "</s>"}},
    ),
    "special_tokens_map.json alone": (
        BASE,
        {
            "tokenizer_config.json": {},
            "special_tokens_map.json": {"bos_token": "<s>", "eos_token": record("</s>")},
        },
    ),
    "special_tokens_map.json over tokenizer_config.json": (
        BASE,
        {
            "tokenizer_config.json": {"eos_token": "<|endoftext|>", "bos_token": "<s>"},
            "special_tokens_map.json": {"eos_token": "</s>"},
        },
    ),
    "tokenizer_config.json with added_tokens_decoder over special_tokens_map.json": (
        BASE,
        {
            "tokenizer_config.json": {
                "eos_token": "<|endoftext|>",
                "added_tokens_decoder": {"258": record("<|endoftext|>")},
            },
            "special_tokens_map.json": {"eos_token": "</s>", "bos_token": "<s>"},
        },
    ),
    "no tokenizer_config.json": (BASE, {"special_tokens_map.json": {"eos_token": "</s>"}}),
    "defaults of GPT2Tokenizer": (BASE, {"tokenizer_config.json": {"tokenizer_class": "GPT2Tokenizer"}}),
    "defaults of GPT2TokenizerFast": (BASE, {"tokenizer_config.json": {"tokenizer_class": "GPT2TokenizerFast"}}),
    "defaults of LlamaTokenizerFast": (BASE, {"tokenizer_config.json": {"tokenizer_class": "LlamaTokenizerFast"}}),
    "defaults of Qwen2Tokenizer": (BASE, {"tokenizer_config.json": {"tokenizer_class": "Qwen2Tokenizer"}}),
    "defaults of GPTNeoXTokenizerFast": (BASE, {"tokenizer_config.json": {"tokenizer_class": "GPTNeoXTokenizerFast"}}),
    "a null over a class's default": (
        BASE,
        {"tokenizer_config.json": {"tokenizer_class": "GPT2Tokenizer", "bos_token": None}},
    ),
    "no defaults of PreTrainedTokenizerFast": (
        BASE,
        {"tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast"}},
    ),
    "added_tokens.json": (
        BASE,
        {
            "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast"},
            "special_tokens_map.json": {"eos_token": "<|im_end|>"},
            "added_tokens.json": {"<extra>": NEXT + 1, "<|im_end|>": NEXT},
        },
    ),
    "added_tokens.json over a vocabulary's token": (
        BARE,
        {
            "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>"},
            "added_tokens.json": {"</s>": 257},
        },
    ),
    "added_tokens_decoder": (
        BASE,
        {
            "tokenizer_config.json": {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "eos_token": "<|im_end|>",
                "added_tokens_decoder": {
                    str(NEXT): record("<extra>", special=False, lstrip=True, normalized=True),
                    str(NEXT + 1): record("<|im_end|>"),
                },
            },
        },
    ),
    "added_tokens_decoder over tokenizer.json's flags": (
        BASE,
        {
            "tokenizer_config.json": {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "eos_token": "</s>",
                "added_tokens_decoder": {"257": record("</s>", lstrip=True)},
            },
        },
    ),
    "an eos_token that is a plain token of the vocabulary": (
        BARE,
        {"tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>"}},
    ),
    "an eos_token that is an added token, not special": (
        tokenizer_json(AddedToken("</s>", special=False, normalized=False)),
        {"tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>"}},
    ),
}


def golden(json_text: dict, files: dict) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in {"tokenizer.json": json_text, **files}.items():
            (pathlib.Path(folder) / name).write_text(json.dumps(content))
        tokenizer = AutoTokenizer.from_pretrained(folder)
        ids = [tokenizer(text, add_special_tokens=False).input_ids for text in TEXTS]
        return {
            "files": files,
            "tokens": {name: getattr(tokenizer, name) for name in NAMES},
            "eos_token_id": tokenizer.eos_token_id,
            "ids": ids,
            "texts": [tokenizer.decode(each, skip_special_tokens=True) for each in ids],
        }


tokenizers = {"base": BASE, "bare": BARE}
cases = []
for name, (json_text, files) in FOLDERS.items():
    key = next((key for key, value in tokenizers.items() if value is json_text), name)
    tokenizers[key] = json_text
    cases.append({"name": name, "tokenizer": key, **golden(json_text, files)})
# The letters' vocabulary is long: each tokenizer is written once.
print(json.dumps({"texts": TEXTS, "tokenizers": tokenizers, "cases": cases}, ensure_ascii=False))
