r"""Writes chat_rows.json: how TRL tokenizes conversations with tools, calls, parts and variables of the template.

Run with trl 1.13, transformers 5.18, datasets 5.0: python3 chat_rows.py > chat_rows.json

A row goes through datasets' JSON loader, then through the trainer's own _prepare_dataset. A result is a list of sides
(prompt, chosen, rejected; prompt, completion; or the whole), each [text of the ids, first 16 digits of the SHA-256 of
the ids as little-endian u16]; {"mask": ...} after a whole has its assistant_masks as text. {"error": class} where TRL
fails. Templates and rows are written for this test.
"""

import hashlib
import json
import logging
import pathlib
import sys
import tempfile
import types

import datasets
import jinja2
import numpy
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from trl import DPOTrainer, SFTTrainer

logging.disable(logging.CRITICAL)
datasets.disable_progress_bars()

SPECIAL = ["<s>", "<|eot|>", "<|head|>", "<|end|>"]


def tokenizer_of(template) -> PreTrainedTokenizerFast:
    tokens = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *SPECIAL]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="<|eot|>")
    fast.chat_template = template
    return fast


QWEN_LIKE = """
{%- if tools %}
    {{- '<|head|>system\n' }}
    {%- if messages[0].role == 'system' %}{{- messages[0].content + '\n\n' }}{%- endif %}
    {{- 'Tools, one a line, within <tools></tools>:\n<tools>' }}
    {%- for tool in tools %}{{- '\n' }}{{- tool | tojson }}{%- endfor %}
    {{- '\n</tools>\nCall one within <call></call>.<|eot|>\n' }}
{%- elif messages[0].role == 'system' %}
    {{- '<|head|>system\n' + messages[0].content + '<|eot|>\n' }}
{%- else %}
    {{- '<|head|>system\nYou help.<|eot|>\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == 'user' or (message.role == 'system' and not loop.first) %}
        {{- '<|head|>' + message.role + '\n' + message.content + '<|eot|>\n' }}
    {%- elif message.role == 'assistant' %}
        {{- '<|head|>assistant\n' }}
        {%- generation %}
        {%- if message.content %}{{- message.content }}{%- endif %}
        {%- for call in message.tool_calls or [] %}
            {%- if call.function %}{%- set call = call.function %}{%- endif %}
            {%- if not loop.first or message.content %}{{- '\n' }}{%- endif %}
            {{- '<call>\n{"name": "' + call.name + '", "arguments": ' }}
            {%- if call.arguments is string %}{{- call.arguments }}{%- else %}{{- call.arguments | tojson }}{%- endif %}
            {{- '}\n</call>' }}
        {%- endfor %}
        {{- '<|eot|>' }}
        {%- endgeneration %}
        {{- '\n' }}
    {%- elif message.role == 'tool' %}
        {%- if loop.first or messages[loop.index0 - 1].role != 'tool' %}{{- '<|head|>user' }}{%- endif %}
        {{- '\n<result>\n' + message.content + '\n</result>' }}
        {%- if loop.last or messages[loop.index0 + 1].role != 'tool' %}{{- '<|eot|>\n' }}{%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|head|>assistant\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\n\n</think>\n\n' }}{%- endif %}
{%- endif %}
"""

LLAMA_LIKE = """
{{- bos_token }}
{%- if not tools is defined %}{%- set tools = none %}{%- endif %}
{%- if not date_string is defined %}{%- set date_string = '26 Jul 2024' %}{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content'] | trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = '' %}
{%- endif %}
{{- '<|head|>system<|end|>\n\nToday Date: ' + date_string + '\n\n' }}
{%- if tools is not none %}
    {{- 'You have these functions:\n\n' }}
    {%- for t in tools %}{{- t | tojson(indent=4) }}{{- '\n\n' }}{%- endfor %}
{%- endif %}
{{- system_message }}{{- '<|eot|>' }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|head|>' + message['role'] + '<|end|>\n\n' + message['content'] | trim + '<|eot|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if message.tool_calls | length != 1 %}{{- raise_exception('one call at a time!') }}{%- endif %}
        {%- set call = message.tool_calls[0].function %}
        {{- '<|head|>assistant<|end|>\n\n{"name": "' + call.name + '", "parameters": ' }}
        {{- call.arguments | tojson }}{{- '}<|eot|>' }}
    {%- else %}
        {{- '<|head|>ipython<|end|>\n\n' }}
        {%- if message.content is mapping or message.content is iterable %}
            {{- message.content | tojson }}
        {%- else %}
            {{- message.content }}
        {%- endif %}
        {{- '<|eot|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|head|>assistant<|end|>\n\n' }}{%- endif %}
"""

MISTRAL_LIKE = """
{%- set users = messages | selectattr('role', 'equalto', 'user') | list %}
{{- bos_token }}
{%- for message in messages %}
    {%- if message['role'] == 'system' %}
        {{- '[SYSTEM]' + message['content'] + '[/SYSTEM]' }}
    {%- elif message['role'] == 'user' %}
        {%- if tools is not none and message == users[-1] %}
            {{- '[AVAILABLE_TOOLS] [' }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != 'return' %}
                    {%- if val is string %}{{- '"' + key + '": "' + val + '"' }}
                    {%- else %}{{- '"' + key + '": ' + val | tojson }}{%- endif %}
                    {%- if not loop.last %}{{- ', ' }}{%- endif %}
                {%- endfor %}
                {{- '}}' }}{%- if not loop.last %}{{- ', ' }}{%- endif %}
            {%- endfor %}
            {{- '][/AVAILABLE_TOOLS]' }}
        {%- endif %}
        {{- '[INST] ' + message['content'] + '[/INST]' }}
    {%- elif message.tool_calls is defined and message.tool_calls is not none %}
        {{- '[TOOL_CALLS] [' }}
        {%- for call in message.tool_calls %}
            {%- set out = call.function | tojson %}
            {{- out[:-1] }}
            {%- if call.id is defined %}{{- ', "id": "' + call.id + '"' }}{%- endif %}
            {{- '}' }}{%- if not loop.last %}{{- ', ' }}{%- endif %}
        {%- endfor %}
        {{- ']' + eos_token }}
    {%- elif message['role'] == 'assistant' %}
        {{- ' ' + message['content'] | trim + eos_token }}
    {%- elif message['role'] == 'tool' %}
        {{- '[TOOL_RESULTS] {"content": ' + message.content | string + '}[/TOOL_RESULTS]' }}
    {%- else %}
        {{- raise_exception('no such role: ' + message['role']) }}
    {%- endif %}
{%- endfor %}
"""

PARTS = """
{%- for message in messages %}
    {{- '<|head|>' + message.role + '\n' }}
    {%- if message.content is string %}{{- message.content | trim }}
    {%- elif message.content is none or message.content is undefined %}{{- 'nothing' }}
    {%- else %}
        {%- for part in message.content %}
            {%- if part.type == 'text' %}{{- part.text | trim }}{%- if part.cache is defined %}{{- '*' }}{%- endif %}
            {%- endif %}
            {{- '/' }}
        {%- endfor %}
    {%- endif %}
    {%- for call in message.tool_calls or [] %}{{- call.function | tojson }}{%- endfor %}
    {{- '<|eot|>\n' }}
{%- endfor %}
{%- for document in documents or [] %}{{- '[' + document.title + '] ' }}{%- endfor %}
{%- if add_generation_prompt %}{{- '<|head|>assistant\n' }}{%- endif %}
"""

NAMED = {"default": MISTRAL_LIKE, "tool_use": LLAMA_LIKE}

TEMPLATES = {"qwen": QWEN_LIKE, "llama": LLAMA_LIKE, "mistral": MISTRAL_LIKE, "parts": PARTS, "named": NAMED}

TEXT = [name for name in TEMPLATES if name != "parts"]


def tool(name: str, description: str, **properties) -> dict:
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def call(name: str, arguments, **more) -> dict:
    return {"type": "function", "function": {"name": name, "arguments": arguments}, **more}


def user(content: str) -> dict:
    return {"role": "user", "content": content}


def assistant(content, **more) -> dict:
    return {"role": "assistant", "content": content, **more}


WEATHER = tool("weather", "Tells the weather — “now”.", city={"type": "string", "description": "<Zürich> & 'co'"})
ADD = tool(
    "add",
    "Adds.",
    a={"type": "number", "default": None, "minimum": -1},
    b={"type": ["number", "null"], "enum": [1, 0.5, True, None]},
)
ASK = [{"role": "system", "content": "Be brief."}, user("How is it in Zürich?")]
CALL = assistant(None, tool_calls=[call("weather", {"city": "Zürich"})])
RESULT = {"role": "tool", "name": "weather", "content": '{"degrees": 7}'}

ROWS = {
    "calls against text": {
        "prompt": ASK,
        "chosen": [CALL],
        "rejected": [assistant("I cannot know.")],
        "tools": [WEATHER, ADD],
    },
    "tools as text": {
        "prompt": ASK[1:],
        "chosen": [CALL],
        "rejected": [assistant("I cannot know.")],
        "tools": json.dumps([ADD, WEATHER]),
    },
    "no tools in the list": {"prompt": ASK, "chosen": [assistant("Yes.")], "rejected": [assistant(" No. ")], "tools": []},
    "null as text": {"prompt": ASK, "completion": [assistant("Yes.")], "tools": "null"},
    "a call and its result": {
        "prompt": [*ASK, CALL, RESULT],
        "completion": [assistant("Seven degrees.")],
        "tools": [WEATHER],
    },
    "calls without content, arguments as text": {
        "prompt": ASK,
        "completion": [
            {"role": "assistant", "tool_calls": [call("weather", '{"city": "Zürich"}', id="abc123456")]},
            RESULT,
            assistant("Seven."),
        ],
        "tools": [WEATHER],
    },
    "several calls, and text beside them": {
        "prompt": ASK,
        "completion": [assistant("Let me see.", tool_calls=[call("add", {"a": 1, "b": 0.5}), call("add", {})])],
        "tools": [ADD],
    },
    "numbers": {
        "prompt": ASK,
        "completion": [assistant("", tool_calls=[call("add", {"a": 2.0, "b": 9007199254740993})])],
        "tools": [tool("add", "Adds.", a={"default": 1e30, "maximum": -0.0})],
    },
    "numbers of tools as text": {
        "prompt": ASK,
        "completion": [assistant("Yes.")],
        "tools": '[{"type": "function", "function": {"name": "f", "limit": 1.50, "big": 98765432109876543210}}]',
    },
    "prompts that the calls alone tell apart": {
        "chosen": [*ASK, assistant("", tool_calls=[call("add", {"a": 1, "b": 2})]), RESULT, assistant("Three.")],
        "rejected": [*ASK, assistant("", tool_calls=[call("add", {"a": 1, "b": 3})]), RESULT, assistant("Three.")],
        "tools": [ADD],
    },
    "a whole conversation": {
        "messages": [*ASK, CALL, RESULT, assistant("Seven degrees."), user("And now?"), assistant("Eight.")],
        "tools": [WEATHER],
    },
    "variables": {
        "prompt": ASK,
        "chosen": [assistant("<think>\n\n</think>\n\nYes.")],
        "rejected": [assistant("<think>\n\n</think>\n\nNo.")],
        "chat_template_kwargs": {"enable_thinking": False, "date_string": "1 May 2025"},
    },
    "special tokens among the variables": {
        "prompt": ASK,
        "completion": [assistant("Yes.")],
        "chat_template_kwargs": {"bos_token": "<|end|>"},
    },
    "tools among the variables": {
        "prompt": ASK,
        "completion": [assistant("Yes.")],
        "tools": [WEATHER],
        "chat_template_kwargs": {"tools": [ADD]},
    },
    "no tools among the variables": {
        "prompt": ASK,
        "completion": [assistant("Yes.")],
        "tools": [WEATHER],
        "chat_template_kwargs": {"tools": None},
    },
    "an empty system turn": {
        "prompt": [{"role": "system", "content": ""}, user("Hm?")],
        "chosen": [assistant("Yes.")],
        "rejected": [assistant("")],
    },
    "an empty system turn and tools": {
        "prompt": [{"role": "system", "content": ""}, user("Hm?")],
        "completion": [assistant("Yes.")],
        "tools": [WEATHER],
    },
}

PART_ROWS = {
    "documents": {
        "prompt": ASK,
        "completion": [assistant("Yes.")],
        "chat_template_kwargs": {"documents": [{"title": "Weather", "text": "Rain."}]},
    },
    "parts": {
        "prompt": [{"role": "user", "content": [{"type": "text", "text": " How is"}, {"type": "text", "text": "it? "}]}],
        "chosen": [assistant([{"type": "text", "text": "Fine.", "cache": True}])],
        "rejected": [assistant("Bad.")],
    },
    "no parts": {"prompt": [user("Hm?")], "completion": [assistant([])]},
    "parts that quote parts": {
        "prompt": [{"role": "user", "content": [{"type": "text", "text": "What is {'type': 'text', 'text': 1}?"}]}],
        "completion": [assistant("A part.")],
    },
    "calls without content": {"prompt": ASK, "completion": [{"role": "assistant", "tool_calls": [call("add", {})]}]},
}

ARGS = types.SimpleNamespace(
    dataset_num_proc=None,
    max_length=None,
    truncation_mode="keep_start",
    assistant_only_loss=True,
    dataset_text_field="text",
    use_liger_kernel=False,
    shuffle_dataset=False,
)


def side(tokenizer, ids) -> list:
    digest = hashlib.sha256(numpy.array(ids, dtype="<u2").tobytes()).hexdigest()
    return [tokenizer.decode(ids), digest[:16]]


def prepare(row: dict, template) -> list | dict:
    tokenizer = tokenizer_of(template)
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "row.jsonl")
        file.write_text(json.dumps(row) + "\n")
        loaded = datasets.load_dataset("json", data_files=str(file), split="train", cache_dir=folder)
        kinds = "chosen" in row
        masks = not kinds and "messages" in row and isinstance(template, str) and "generation %}" in template
        args = types.SimpleNamespace(**{**vars(ARGS), "assistant_only_loss": masks})
        trainer = types.SimpleNamespace(
            _tokenizer=tokenizer, chat_template=None, completion_only_loss=False, _is_vision_dataset=False
        )
        try:
            if kinds:
                done = DPOTrainer._prepare_dataset(trainer, loaded, tokenizer, args, "train")[0]
                return [side(tokenizer, done[f"{key}_ids"]) for key in ("prompt", "chosen", "rejected")]
            done = SFTTrainer._prepare_dataset(trainer, loaded, tokenizer, args, False, None, "train")[0]
        except (jinja2.TemplateError, TypeError, ValueError) as error:
            return {"error": type(error).__name__}
        ids = done["input_ids"]
        if "messages" not in row:
            mask = done["completion_mask"]
            border = mask.index(1)
            return [side(tokenizer, ids[:border]), side(tokenizer, ids[border:])]
        if not masks:
            return [side(tokenizer, ids)]
        written = [id for id, label in zip(ids, done["labels"]) if label != -100]
        return [side(tokenizer, ids), {"mask": tokenizer.decode(written)}]


def main() -> None:
    cases = []
    for names, rows in ((TEXT, ROWS), (["parts"], PART_ROWS)):
        for name, row in rows.items():
            cases.append({"name": name, "row": row, "sides": {key: prepare(row, TEMPLATES[key]) for key in names}})
    json.dump(
        {
            "tokenizer": json.loads(tokenizer_of(None).backend_tokenizer.to_str()),
            "templates": TEMPLATES,
            "cases": cases,
        },
        sys.stdout,
        ensure_ascii=False,
        indent=1,
    )
    print()


main()
