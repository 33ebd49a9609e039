r"""Writes plain_templates.json: what jinja2 makes of small templates where undefined names are errors.

Run with jinja2 3.1 and Python 3.11: python3 plain_templates.py > plain_templates.json
The environment is the one that benchmarks' templates are rendered in. A case is [template, text], or [template, null]
where jinja2 fails.
"""

import json
import sys

from jinja2 import Environment, StrictUndefined, TemplateError

environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)

VARIABLES = {
    "question": " Which one?\n",
    "choices": {"text": ["red", "it's \"blue\"", "naïve 🦊"], "label": ["A", "B", "3"]},
    "answerKey": "B",
    "label": 1,
    "score": 2.5,
    "none": None,
    "empty": "",
    "rows": [{"a": 1}, {"a": 2}],
}

TEMPLATES = [
    "Question: {{question}}\nAnswer:",
    "{{question}}\n",
    "{{question.strip()}}\n\n",
    "{{choices.text}}",
    "{{choices.label.index(answerKey)}}",
    "{{[choices.text[0], answerKey]}}",
    "{{ {'a': label} }}",
    "{% if label == 1 %}\n  one\n{% else %}\n  other\n{% endif %}\n",
    "  {% set x = 'a' %}\n{{ x }}\n",
    "{%- for each in choices.text -%}\n {{ loop.index }}. {{ each }}\n{% endfor %}",
    "{# a comment #}\nafter",
    "{% raw %}{{ x }}{% endraw %}\nafter",
    "{% set p = 'Q: a\n\nQ: b'%}{{p + '\n' + question}}",
    "{{ missing }}",
    "{{ missing.x }}",
    "{{ question.missing }}",
    "{{ choices.missing }}",
    "{{ choices['missing'] }}",
    "{{ rows[5] }}",
    "{{ missing is defined }}",
    "{{ choices.missing is defined }}",
    "{{ missing is none }}",
    "{{ missing is string }}",
    "{{ missing|default('d') }}",
    "{{ missing|d('d') ~ 1 }}",
    "{{ missing|upper }}",
    "{{ missing|length }}",
    "{{ missing|join(',') }}",
    "{{ missing|first }}",
    "{{ missing|list }}",
    "{{ missing|string }}",
    "{{ missing|items|list }}",
    "{{ 'a' ~ missing }}",
    "{{ missing == 1 }}",
    "{{ 1 == missing }}",
    "{{ missing in [1] }}",
    "{{ 'a' in missing }}",
    "{{ missing and 1 }}",
    "{{ 1 and missing }}",
    "{{ 0 and missing }}",
    "{{ 1 or missing }}",
    "{{ missing or 1 }}",
    "{{ not missing }}",
    "{{ 1 if missing else 2 }}",
    "{{ 1 if false }}",
    "{% if missing %}a{% endif %}",
    "{% if missing is defined and missing %}a{% else %}b{% endif %}",
    "{% for x in missing %}a{% endfor %}",
    "{% for x in rows if x.a > 1 %}{{ x.a }}{% endfor %}",
    "{% for x in rows if x.b %}{{ x.a }}{% endfor %}",
    "{% set x = missing %}ok",
    "{% set x = missing %}{{ x }}",
    "{{ [missing] }}",
    "{{ question.replace(missing, '') }}",
    "{{ ' '.join(missing) }}",
    "{{ dict(a=1).a }}",
    "{{ none }}{{ empty }}{{ score }}{{ 2.0 }}",
    "{{ question|trim|upper }}",
    "{{ rows|map(attribute='a')|join('+') }}",
    "{{ rows|map(attribute='b')|join('+') }}",
    "{{ rows|sum(attribute='a') }}",
    "{{ 'ABC'[label] }}",
    "{{ 'ABCD'.find(answerKey) }}",
    "{{ raise_exception('x') }}",
    "{{ strftime_now('%Y') }}",
    "{% macro m(x) %}[{{ x is defined }}]{% endmacro %}{{ m(missing) }}{{ m() }}",
    "{{ namespace(a=1).a }}",
    "{{ missing() }}",
    "{{ missing + 1 }}",
    "{{ missing[0] }}",
    "{{ missing is iterable }}",
    "{{ missing is mapping }}",
    "{{ missing is eq 1 }}",
    "{% filter upper %}abc{% endfilter %}",
    "{%+ if true %}a{%+ endif %}\n b",
    "\n  {%- if true %}\na\n  {%- endif -%}\n\nb\n",
]


def render(template):
    try:
        return environment.from_string(template).render(**VARIABLES)
    except (TemplateError, TypeError):
        return None


json.dump(
    {"variables": VARIABLES, "cases": [[template, render(template)] for template in TEMPLATES]},
    sys.stdout,
    ensure_ascii=True,
    indent=0,
)
