r"""Writes templates.json: what jinja2 makes of small chat templates, in the environment of transformers.

Run with jinja2 3.1 and Python 3.11: python3 templates.py > templates.json
A case is [template, text], or [template, {"error": class}]. Every template gets the same variables.
"""

import datetime
import json
import sys

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(Extension):
    """The tag of transformers' AssistantTracker, which writes what is in it."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_write"), [], [], body).set_lineno(line)

    def _write(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
environment.filters["tojson"] = tojson
environment.globals["raise_exception"] = raise_exception
environment.globals["strftime_now"] = lambda form: datetime.datetime(2026, 11, 5, 7, 8, 9).strftime(form)

TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Wetter für <Stadt> & \"Umland\"",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
    },
}
VARIABLES = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "  2+2?\n"},
        {"role": "assistant", "content": "\tFour.\n\n  indented", "thinking": "<think>\nsum\n</think>\n\n 4"},
        {"role": "user", "content": "naïve 🦊🦊 ça va?"},
    ],
    "bos_token": "<s>",
    "eos_token": "</s>",
    "add_generation_prompt": True,
    "tools": None,
    "documents": None,
    "empty": "",
    "text": "Hello World",
    "fox": "a🦊b𝒳c",
    "lines": "one\n  two\n\nthree",
    "html": "<a href=\"x\">'&'</a>",
    "quote": "it's",
    "both": "it's \"both\"\\ \t\x01\x7f\u00e9\u200b\ud7ff",
    "odd_space": "\u2003x\ufeff\x1c \x85y\u3000",
    "yes": True,
    "no": False,
    "zero": 0,
    "one": 1,
    "big": 12345678901234,
    "half": 0.5,
    "tiny": 1.5e-07,
    "numbers": [3, 1, 2],
    "mixed": [1, "a", None, True, 2.5, ["x", {"k": "v"}]],
    "words": ["pear", "Apple", "fig", "apple"],
    "map": {"b": 1, "a": [1, 2], "C": None},
    "keys": {"items": "own", "get": 5, "name": "n"},
    "tool": TOOL,
    "call": {"function": {"name": "f", "arguments": {"x": 1, "s": "ü\n", "f": 1.5, "n": None, "b": False}}},
    "people": [
        {"name": "Ann", "age": 31, "tags": ["x"], "in": {"city": "Bonn"}},
        {"name": "bob", "age": 25, "tags": [], "in": {"city": "Ulm"}},
        {"name": "Cy", "age": 31, "in": {"city": "Bonn"}},
    ],
}

# Each group is a text of templates, one a line; "\n" in a template is written as ⏎.
CASES = r"""
# printing
{{ true }} {{ none }} {{ 1 }} {{ 1.0 }} {{ yes }} {{ nothing }} {{ half }} {{ tiny }} {{ big }}
{{ mixed }}
{{ map }}
{{ (1,) }} {{ (1, 'a') }} {{ () }} {{ [] }} {{ {} }}
{{ messages[0] }}
{{ [quote] }} {{ [both] }} {{ ['\n\t\r\\'] }} {{ [odd_space] }} {{ [fox] }}
{{ 1e16 }} {{ 1e15 }} {{ 123456789.125 }} {{ 1e-4 }} {{ 1e-5 }} {{ 1.5e300 }} {{ 0.1 + 0.2 }} {{ -0.0 }}
{{ 10 ** 20 }} {{ 2 ** 100 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }}
{{ 1 / 2 }} {{ 4 / 2 }} {{ 2 ** -1 }} {{ 2 ** 0.5 }} {{ 1_000 }} {{ 0x1F }} {{ 0b11 }} {{ 0o17 }} {{ 1.5e3 }}
{{ true + 1 }} {{ true * 3 }} {{ -true }} {{ +5 }} {{ 2 * 3.0 }} {{ -2 ** 2 }} {{ 2 ** 3 ** 2 }}
{{ range(5) }} {{ range(1, 6, 2) }} {{ range(3) | list }} {{ range(5)[1] }} {{ range(5)[-1] }} {{ range(0) | length }}
{{ map.items() }} {{ map.keys() }} {{ map.values() }}
{{ namespace(a=1, b='x') }}
{{ [nothing] }}
{{ {'a': {1: 2.0}, 'b': (none, true)} }}
{{ {1: 'a', true: 'b', 1.0: 'c'} }}
{{ 1e400 }} {{ -1e400 }} {{ 1e400 - 1e400 }}
{{ 'a' 'b' "c" }} {{ '\x41\u00e9\U0001F98A\101\q' }} {{ "it's" }} {{ 'say "x"' }}
{% macro m(a) %}x{% endmacro %}{{ m }}
{{ -1 }} {{ - 1 }} {{ 5 - -1 }} {{ 1 - 1 }} {{ 1.e }}
{{ 007 }}
# equality and order
{{ '' == false }} {{ 0 == false }} {{ 1 == true }} {{ 1 == 1.0 }} {{ '1' == 1 }} {{ none == false }} {{ '' == none }}
{{ [] == false }} {{ [1, 2] == [1, 2.0] }} {{ (1, 2) == [1, 2] }} {{ {'a': 1} == {'a': true} }} {{ nothing == none }}
{{ nothing == nada }} {{ nothing != 1 }} {{ 'a' != 'b' }} {{ none != none }} {{ range(3) == range(0, 3) }}
{% if messages[0].content == false %}none{% else %}some{% endif %} {% if empty == false %}f{% elif empty %}t{% else %}e{% endif %}
{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 'a' < 'b' }} {{ 'Z' < 'a' }} {{ [1, 2] < [1, 3] }} {{ 1 < 1.5 }} {{ true < 2 }}
{{ '𝒳' > '\uffee' }} {{ 'a' <= 'a' }} {{ 3 >= 2 > 1 == 1 }} {{ 1 in [1.0] }} {{ true in [1] }}
{{ 'a' < 1 }}
{{ none < 1 }}
{{ {} < {} }}
{{ 'ell' in text }} {{ 'x' not in text }} {{ '' in '' }} {{ 'a' in map }} {{ 1 in map }} {{ 2 in numbers }} {{ 'x' in nothing }}
{{ 1 in text }}
{{ 1 in 5 }}
{{ [1] in map }}
{{ not '' }} {{ not [] }} {{ not {} }} {{ not 0.0 }} {{ not nothing }} {{ not none }} {{ not 'a' }} {{ not range(0) }}
{{ 'a' and 'b' }} {{ '' or 'd' }} {{ 0 and 1 }} {{ none or false }} {{ 'x' and '' or 'z' }} {{ not 1 == 2 }}
{{ 'y' if yes else 'n' }} {{ 'y' if no }} {{ 'y' if no else 'z' if no else 'w' }} {{ ('y' if no) is defined }}
# operators
{{ 'a' ~ 1 ~ none ~ true ~ 1.0 ~ [1] ~ nothing }}
{{ 'a' + 1 }}
{{ 'a' + map }}
{{ 'a' + none }}
{{ 'a' + nothing }}
{{ 1 + '1' }}
{{ 'ab' + 'cd' }} {{ [1] + [2] }} {{ (1,) + (2,) }} {{ 1 + 2.5 }}
{{ [1] + (2,) }}
{{ 'ab' * 3 }} {{ 3 * 'ab' }} {{ [0] * 3 }} {{ 'x' * -1 }}| {{ 'x' * true }} {{ (1,) * 2 }}
{{ 'a' * 1.5 }}
{{ 1 / 0 }}
{{ 1 // 0 }}
{{ 5 % 0 }}
{{ -'a' }}
{{ 'a' - 'b' }}
{{ map + map }}
{{ none ~ '' }}|{{ '' ~ '' }}|{{ 1 ~ 2 }}
{{ 1 + 2 ~ 3 }}
{{ 2 * 3 ~ 4 }} {{ 'a' ~ 'b' | upper }} {{ ('a' ~ 'b') | upper }} {{ -1 | abs }} {{ (-1) | abs }}
# percent
{{ '%s' % 1 }} {{ '%s-%s' % ('a', none) }} {{ '%d' % 3.7 }} {{ '%5d|%-5d|%05d|%+d|% d' % (1, 2, 3, 4, 5) }}
{{ '%.2f %f %.0f %8.3f' % (1.005, 2, 2.5, 3.14159) }} {{ '%e %.1E %g %G' % (12345.678, 0.00012, 1e20, 0.0001) }}
{{ '%x %X %#x %o %#o' % (255, 255, 255, 8, 8) }} {{ '%c%c' % (65, 'z') }} {{ '%r %a' % ('ü', 'ü') }} {{ '%%' % () }}
{{ '%(a)s %(b)d' % {'a': 'x', 'b': 2} }} {{ '%10s|%-10s|%.2s' % ('abc', 'abc', 'abc') }} {{ '%*d' % (5, 42) }}
{{ '%s' % [1, 2] }} {{ '%s' % map }}
{{ '%s %s' % 1 }}
{{ '%d' % 'a' }}
{{ '%s' % (1, 2) }}
{{ '%y' % 1 }}
{{ 'plain' % 1 }}
{{ '%i %u' % (2, 3) }} {{ '%-+6.1f|' % 2.25 }} {{ '%s' % true }} {{ '%d' % true }} {{ '%5s%%' % 50 }} {{ '%s' % fox }}
# format
{{ '{} {}'.format(1, 'a') }} {{ '{1}{0}'.format('a', 'b') }} {{ '{x}'.format(x=5) }} {{ '{{}}'.format() }}
{{ '{:>5}|{:<5}|{:^5}|{:*^7}|{:5}|{:5}'.format('a', 'b', 'c', 'd', 'e', 6) }}
{{ '{:.2f} {:,} {:_} {:+d} {:05d} {:x} {:#x} {:b} {:e} {:%}'.format(3.14159, 1234567, 1234567, 3, 42, 255, 255, 5, 12345.678, 0.25) }}
{{ '{0[a]} {1.name} {0[k]}'.format({'a': 1, 'k': [1]}, people[0]) }}
{{ '{0[a]} {1[0]}'.format({'a': 1}, [7]) }} {{ '{!r} {!s}'.format('a', 'b') }} {{ '{:{}}|'.format('a', 4) }}
{{ '{}'.format(none) }} {{ '{}'.format([1, 'a']) }} {{ '{}'.format(1.0) }} {{ '{:.3}'.format('abcdef') }} {{ '{:g}'.format(1e10) }}
{{ '{:d}'.format('a') }}
{{ '{}'.format() }}
{{ '{'.format() }}
{{ '{:>3}'.format(none) }}
{{ '%s-%s' | format('a', 1) }} {{ '%(x)s' | format(x=2) }} {{ '{:.1f}'.format(0.25) }} {{ '{:.1f}'.format(0.35) }} {{ '{:,.2f}'.format(1234567.891) }}
{{ '{:>8.3f}|{:<8}|{:08.2f}|{:=+6d}'.format(3.14159, 1.5, -3.14159, 7) }} {{ '{:c}'.format(65) }} {{ '{:.0f}'.format(0.5) }}
# strip
[{{ '  a  '.strip() }}] [{{ 'xxaxx'.strip('x') }}] [{{ 'xyaxy'.lstrip('xy') }}] [{{ 'a\n\n'.rstrip('\n') }}] [{{ messages[2].content.lstrip('\n') }}]
[{{ '\n  code'.lstrip('\n') }}] [{{ '\t\n x '.strip('\n') }}] [{{ 'abc'.strip('') }}] [{{ ' a '.strip(none) }}] [{{ odd_space.strip() }}]
[{{ odd_space | trim }}] [{{ 'xax' | trim('x') }}] [{{ messages[2].content | trim }}] [{{ '\ufeffa\x1f' | trim }}] [{{ nothing | trim }}]
[{{ 'aŝb]^-a'.strip('a-]') }}] [{{ '🦊a🦊'.strip('🦊') }}] [{{ 5 | trim }}] [{{ none | trim }}]
{{ '  a'.strip(1) }}
# split
{{ 'a b  c '.split() }} {{ 'a,b,,c'.split(',') }} {{ 'a,b,c'.split(',', 1) }} {{ ' a b c '.split(none, 1) }} {{ ''.split() }} {{ ''.split(',') }}
{{ 'a,b,c'.rsplit(',', 1) }} {{ ' a b  c '.rsplit(none, 1) }} {{ 'a b c'.rsplit() }} {{ 'abc'.rsplit('x') }} {{ 'a--b--c'.rsplit('--', maxsplit=1) }}
{{ 'a</think>b</think>c'.split('</think>')[-1] }} {{ messages[2].thinking.split('</think>')[-1].lstrip('\n') }} {{ 'x'.split('</think>')[0] }}
{{ 'abc'.split('') }}
{{ 'a\x1cb\u2003c'.split() }} {{ lines.splitlines() }} {{ 'a\r\nb\x0bc\u2028d'.splitlines() }} {{ 'a\nb\n'.splitlines(true) }} {{ 'a,b'.split(sep=',') }}
{{ 'a=b=c'.partition('=') }} {{ 'a=b=c'.rpartition('=') }} {{ 'abc'.partition('x') }} {{ 'abc'.rpartition('x') }}
# methods of text
{{ 'abcabc'.find('c') }} {{ 'abcabc'.find('c', 3) }} {{ 'abc'.find('z') }} {{ 'abcabc'.rfind('b') }} {{ fox.find('b') }} {{ 'abc'.index('b') }} {{ 'aaa'.count('a') }} {{ 'aaaa'.count('aa') }} {{ ''.find('') }} {{ 'ab'.count('') }}
{{ 'abc'.index('z') }}
{{ 'abc'.startswith('a') }} {{ 'abc'.startswith(('x', 'ab')) }} {{ 'abc'.endswith('bc') }} {{ 'abc'.startswith('b', 1) }} {{ 'abc'.endswith('b', 0, 2) }} {{ ''.startswith('') }}
{{ 'abc'.startswith(1) }}
{{ 'aBc'.upper() }} {{ 'aBc'.lower() }} {{ 'hello wORLD'.title() }} {{ 'hELLO wORLD'.capitalize() }} {{ 'aBc'.swapcase() }} {{ 'straße'.upper() }} {{ 'ẞ'.casefold() }} {{ "they're 2nd".title() }}
{{ 'a-b-c'.replace('-', '+') }} {{ 'a-b-c'.replace('-', '+', 1) }} {{ 'abc'.replace('', '.') }} {{ fox.replace('', '.') }} {{ 'abc'.replace('b', '') }} {{ 'a$1b'.replace('$1', '$&') }}
{{ '-'.join(['a', 'b']) }} {{ ''.join(('x', 'y')) }} {{ ', '.join(map) }} {{ '-'.join('abc') }} {{ '-'.join([]) }}|
{{ '-'.join([1, 2]) }}
{{ 'ab'.center(7, '*') }} {{ 'abc'.center(6, '*') }} {{ 'ab'.ljust(5) }}| {{ 'ab'.rjust(5, '.') }} {{ '42'.zfill(5) }} {{ '-42'.zfill(5) }} {{ '🦊'.center(5, '*') }}
{{ 'abc'.isalpha() }} {{ 'ab1'.isalnum() }} {{ '12'.isdigit() }} {{ '²'.isdigit() }} {{ '²'.isdecimal() }} {{ '½'.isnumeric() }} {{ ' \t'.isspace() }} {{ ''.isalpha() }} {{ 'abc'.islower() }} {{ 'AB1'.isupper() }} {{ '1'.islower() }} {{ 'Ab Cd'.istitle() }} {{ 'é'.isascii() }}
{{ 'prefix-x'.removeprefix('prefix-') }} {{ 'x.txt'.removesuffix('.txt') }} {{ 'abc'.removesuffix('x') }} {{ 'a\tb'.expandtabs(4) }}
{{ 'x'.nope() }}
{{ 'x'.nope }}|{{ 'x'.nope is defined }} {{ text.upper is defined }} {{ text.__class__ }}|
{{ text.__class__.__name__ }}
{{ 'a'.upper(1) }}
{{ 'a'.find() }}
{{ 'a'.strip(chars='a') }}
# code points
{{ fox | length }} {{ fox[1] }} {{ fox[-1] }} {{ fox[1:4] }} {{ fox[::-1] }} {{ fox | reverse }} {{ fox | first }} {{ fox | last }} {{ fox | list }} {{ fox[9] is defined }}
{{ '🦊🦊'.find('🦊', 1) }} {{ fox.upper() }} {{ messages[3].content | length }} {{ '%3s|' % '🦊' }} {{ '{:>3}'.format('🦊') }} {{ '🦊x'.ljust(4, '-') }} {% for c in fox %}[{{ c }}]{% endfor %}
{{ text[0] }} {{ text[-1] }} {{ text[1:4] }} {{ text[:-1] }} {{ text[::2] }} {{ text[10:0:-3] }} {{ text[99:] }}| {{ text[-3:] }} {{ numbers[1:] }} {{ numbers[::-1] }} {{ (1, 2, 3)[:2] }} {{ range(9)[2:5] }}
{{ text[none] }}|{{ text['x'] }}|{{ text[1.0] }}|{{ numbers['0'] }}|{{ numbers[true] }}|{{ numbers[5] }}|
{{ text[::0] }}
{{ map[1:] }}
{{ one[:1] }}
{{ 'plain' % nothing }} {{ 'plain' % {} }} {{ 'plain' % [] }}
{{ numbers[0:'a'] }}
# containers
{{ map.a }} {{ map['b'] }} {{ map.C }} {{ map.zzz }}| {{ map.get('b') }} {{ map.get('z') }} {{ map.get('z', 5) }} {{ map.a.1 }} {{ map.a[-1] }}
{{ keys.items() | list }} {{ keys['items'] }} {{ keys.name }} {{ keys.get('get') }} {{ keys['get'] }} {{ keys['nope'] is defined }}
{% for k, v in map.items() %}{{ k }}={{ v }};{% endfor %} {% for k in map %}{{ k }}{% endfor %} {% for k, v in map | items %}{{ k }}{% endfor %} {{ map | length }} {{ map | list }}
{{ numbers.index(2) }} {{ numbers.count(3) }} {{ (1, 2).index(2) }} {{ numbers.copy() }} {{ map.copy() }}
{{ numbers.append(4) }}
{{ numbers.pop() }}
{{ map.update({}) }}
{{ numbers.append }}|
{{ map.x.y }}
{{ nothing.x }}
{{ nothing['x'] }}
{{ none.x }}|{{ none['x'] }}|{{ 5.x }}
{{ (5).x }}|{{ true.y }}|{{ 1.5 .z }}
{{ nothing() }}
{{ map() }}
{{ text() }}
{{ {'a': 1}.a }} {{ {'a': 1}['a'] }} {{ dict(a=1, b=2) }} {{ dict({'x': 1}, y=2) }} {{ dict([('a', 1)]) }} {{ {'a': 1, 'a': 2} }}
{{ {[1]: 2} }}
{{ [1, 2, [3]][2][0] }} {{ [[1, 2], [3, 4]][1][0] }} {{ [1, 2,] }} {{ (1, 2,) }} {{ {'a': 1,} }}
{% set a, b = 1, 2 %}{{ a }}{{ b }} {% set a, b = b, a %}{{ a }}{{ b }} {% set x = 1, 2 %}{{ x }} {% set (p, q) = 'xy' %}{{ p }}{{ q }}
{% set a, b = 1, 2, 3 %}
{% for a, b in [1, 2] %}{% endfor %}
# filters of text
{{ 'hello world' | title }} {{ 'hELLO' | capitalize }} {{ text | upper | lower }} {{ 'it\'s a-b (c)' | title }} {{ 5 | upper }} {{ none | lower }}
{{ 'a-b' | replace('-', '+') }} {{ 'aaa' | replace('a', 'b', 2) }} {{ 5 | replace('5', 'x') }} {{ 'abc' | replace('', '-') }}
{{ lines | indent }}⏎{{ lines | indent(2, true) }}⏎{{ lines | indent(2, blank=true) }}⏎{{ lines | indent('> ', first=True) }}⏎{{ 'a\n' | indent(2) }}|{{ '' | indent(2, true) }}|
{{ 'x' | center(5) }}| {{ 'abc def ghi' | wordcount }} {{ 'Hello big world' | truncate(9) }} {{ 'Hello big world' | truncate(9, true) }} {{ 'Hello' | truncate(3) }} {{ 'Hello big world' | truncate(11, false, '…', 0) }}
{{ html | escape }} {{ html | e | length }} {{ html | safe }} {{ html }} {{ '<' + ('<' | safe) }} {{ ('<' | e) ~ '<' }} {{ '<b>' | safe | upper }} {{ ('<' | safe) == '<' }} {{ ['<' | safe] }}
{{ '5' | int + 1 }} {{ 'x' | int }} {{ 'x' | int(7) }} {{ 3.9 | int }} {{ '0x1f' | int(base=16) }} {{ '1_0' | int }} {{ ' 5 ' | int }} {{ '3.7' | int }} {{ none | int }} {{ true | int }} {{ '1e3' | float }} {{ 'x' | float }} {{ '2' | float }} {{ 1 | float }} {{ 'nan' | float }} {{ 'inf' | float }}
{{ 2.5 | round }} {{ 3.5 | round }} {{ 2.675 | round(2) }} {{ 1.25 | round(1) }} {{ 42 | round }} {{ 42.55 | round(1, 'floor') }} {{ 42.51 | round(1, 'ceil') }} {{ 1234 | round(-2) }} {{ -2.5 | round }} {{ 2 | round(1) }} {{ 2.5 | round | int }}
{{ 1 | string + 'a' }} {{ none | string }} {{ [1] | string }} {{ 1.0 | string }} {{ 'a b&c/ü' | urlencode }}
# filters of lists
{{ numbers | sort }} {{ words | sort }} {{ words | sort(case_sensitive=true) }} {{ numbers | sort(reverse=true) }} {{ people | sort(attribute='age') | map(attribute='name') | list }} {{ people | sort(attribute='age,name') | map(attribute='name') | join }}
{{ mixed | sort }}
{{ numbers | max }} {{ numbers | min }} {{ words | max }} {{ [] | max }}| {{ people | max(attribute='age') }} {{ numbers | sum }} {{ people | sum(attribute='age') }} {{ [] | sum }} {{ [0.1, 0.2] | sum }} {{ [1] | sum(start=5) }}
{{ numbers | join }} {{ mixed | join('-') }} {{ people | join(', ', attribute='name') }} {{ text | join('.') }} {{ map | join }} {{ [] | join('x') }}| {{ nothing | join }}|
{{ numbers | first }} {{ numbers | last }} {{ [] | first }}| {{ [] | first is defined }} {{ numbers | length }} {{ numbers | count }} {{ nothing | length }} {{ map | first }}
{{ 5 | length }}
{{ none | length }}
{{ 5 | first }}
{{ numbers | reverse | list }} {{ 'abc' | reverse }} {{ words | unique | list }} {{ words | unique(case_sensitive=true) | list }} {{ [1, 1.0, true, 2] | unique | list }} {{ 'abc' | list }} {{ map | dictsort }} {{ map.a | list }} {{ {'b': 1, 'A': 2} | dictsort(true) }} {{ {'b': 1, 'A': 2} | dictsort(by='value', reverse=true) }}
{{ people | map(attribute='name') | list }} {{ people | map(attribute='in.city') | list }} {{ people | map(attribute='tags', default='-') | list }} {{ words | map('upper') | list }} {{ words | map('replace', 'p', 'b') | list }} {{ ['a b', 'c'] | map('length') | sum }}
{{ messages | selectattr('role', 'equalto', 'user') | list | length }} {{ people | selectattr('tags') | map(attribute='name') | list }} {{ people | rejectattr('age', 'gt', 30) | map(attribute='name') | join }} {{ people | selectattr('tags', 'defined') | list | length }} {{ people | selectattr('in.city', '==', 'Bonn') | list | length }}
{{ 'abc' | selectattr('x') | list }} {{ text | selectattr('upper') | list | length }} {{ ['a', 'b'] | selectattr('role', 'equalto', 'x') | list }} {{ ['a'] | selectattr('role', 'undefined') | list }}
{{ numbers | select('odd') | list }} {{ numbers | reject('odd') | list }} {{ mixed | select | list }} {{ mixed | select('string') | list }} {{ numbers | select('in', [1, 2]) | list }} {{ [0, 1, ''] | reject | list }} {{ numbers | select('gt', 1) | join }}
{{ numbers | select('nope') | list }}
{{ numbers | map('nope') | list }}
{{ numbers | map | list }}
{{ numbers | select('odd') | length }}
{{ (numbers | select('odd'))[0] }}|{{ (numbers | select('odd')) | first }} {% set g = numbers | select('odd') %}{{ g | list }}{{ g | list }} {{ 1 if numbers | select('gt', 9) else 0 }}
{{ numbers | batch(2) | list }} {{ numbers | batch(2, 'x') | list }} {{ range(7) | slice(3) | list }} {{ range(7) | slice(3, 'f') | list }}
{% for g, items in people | groupby('age') %}{{ g }}:{{ items | map(attribute='name') | join(',') }};{% endfor %} {{ (people | groupby('age'))[0].grouper }} {{ (people | groupby('in.city') | first).list | length }}
{{ nothing | default('d') }} {{ none | default('d') }} {{ '' | default('d') }}| {{ '' | default('d', true) }} {{ nothing | d('x') }} {{ none | default('d', boolean=true) }} {{ map.z | default({}) }} {{ nothing | default }}|
{{ map | attr('a') }}| {{ text | attr('upper') is defined }}
{{ 'x' | nope }}
{% if false %}{{ 1 | nope }}{% endif %}
{% if false %}{{ 1 is nope }}{% endif %}
# tojson
{{ tool | tojson }} {{ call.function.arguments | tojson }} {{ html | tojson }} {{ fox | tojson }} {{ both | tojson }} {{ '\x85\u2028' | tojson }}
{{ tool | tojson(indent=2) }}⏎{{ {} | tojson(indent=2) }} {{ [] | tojson(indent=1) }} {{ [[], {}, [1]] | tojson(indent=1) }} {{ [1] | tojson(indent=0) }} {{ [1, {'a': 2}] | tojson(indent='\t') }}
{{ map | tojson(sort_keys=true) }} {{ map | tojson(separators=(',', ':')) }} {{ map | tojson(indent=1, separators=(',', ': ')) }} {{ 'ü🦊' | tojson(ensure_ascii=true) }} {{ [1, 1.0, 1e20, true, none, (1, 2)] | tojson }} {{ {1: 2, true: 3, none: 4, 1.5: 5} | tojson }}
{{ nothing | tojson }}
{{ range(3) | tojson }}
{{ map.items() | tojson }}
{{ map.items() | list | tojson }} {{ 1e400 | tojson }} {{ '' | tojson }} {{ ('<' | safe) | tojson }} {{ {(1, 2): 3} | list }}
{{ {(1, 2): 3} | tojson }}
# tests
{{ 1 is number }} {{ true is number }} {{ true is integer }} {{ 1.0 is float }} {{ 1 is float }} {{ '1' is string }} {{ none is none }} {{ nothing is none }} {{ nothing is defined }} {{ nothing is undefined }} {{ true is boolean }} {{ 1 is boolean }} {{ true is true }} {{ 1 is true }} {{ false is false }} {{ 0 is false }}
{{ 'a' is iterable }} {{ map is iterable }} {{ 5 is iterable }} {{ nothing is iterable }} {{ none is iterable }} {{ 'a' is sequence }} {{ map is sequence }} {{ range(3) is sequence }} {{ map.items() is sequence }} {{ (numbers | select) is sequence }} {{ nothing is sequence }} {{ map is mapping }} {{ numbers is mapping }} {{ messages is not string }}
{{ 4 is even }} {{ 3 is odd }} {{ 9 is divisibleby(3) }} {{ 9 is divisibleby 3 }} {{ 1 is eq(1) }} {{ 1 is equalto 1.0 }} {{ 2 is gt 1 }} {{ 2 is lt(1) }} {{ 1 is in [1] }} {{ 1 is not in [1] }} {{ none is sameas none }} {{ 1 is ne 2 }} {{ 'abc' is lower }} {{ 'ABC' is upper }} {{ text.upper is callable }} {{ text is callable }} {{ 'upper' is filter }} {{ 'odd' is test }} {{ 'a' is escaped }} {{ 3 is ge 3 }}
{{ 'a' is even }}
{{ 1 is nope }}
{{ not 1 is odd }} {{ 1 is odd and 2 is even }} {{ 1 is not odd or true }} {{ 'x' if 1 is odd else 'y' }} {{ nothing is not defined and 1 }}
{{ messages is sameas messages }} {{ [] is sameas [] }} {{ true is sameas 1 }}
# white space
  {% if true %}⏎x⏎  {% endif %}⏎y
a⏎  {%- if true -%}⏎  x⏎  {%- endif %}⏎⏎y
a  {%+ if true +%}⏎x{% endif %}⏎⏎b
{{ 'a' }}⏎{{ 'b' }}⏎⏎
a⏎
a⏎⏎
⏎⏎a
{# c #}⏎x {# d -#}⏎  y⏎  {#- e #} z⏎    {# own line #}⏎w⏎  {#+ kept #}⏎v
  {{- 'a' -}}  ⏎ b {{ 'c' -}}⏎ d
{% raw %}{{ x }} {% if %}{# no #}{% endraw %}|  {%- raw -%}  y  {%- endraw -%}  z
x⏎  {% raw %}⏎  {{ y }}⏎  {% endraw %}⏎z
a {% set x = 1 %}⏎b⏎	{% set y = 2 %}⏎c {{ x }}  {% if x %}d{% endif %}  e
{{ '{{' }} {{ '%}' }} {{ "}}" }} {{ {'a': {'b': 1}} }} {{ {'a': {'b': 1}}}}
{%if true%}a{%else%}b{%endif%}{%for i in[1,2]%}{{i}}{%endfor%}
x {% raw %}
{{ 'a' -}}     {{- 'b' }}{{ 5 -3 }}{{- 1 }}{{+ 2 }}
# statements
{% for m in messages %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }};{% endfor %}
{% for m in messages %}{{ loop.previtem.role if loop.previtem is defined }}<{{ m.role }}>{{ loop.nextitem.role if not loop.last }} {% endfor %}
{% for x in [] %}a{% else %}none{% endfor %} {% for x in numbers if x > 1 %}{{ loop.index }}{{ x }}{% else %}e{% endfor %} {% for x in nothing %}a{% else %}u{% endfor %} {% for x in numbers if x > 9 %}{% else %}e{% endfor %}
{% for x in numbers %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% if x == 2 %}{% break %}{% endif %}{% endfor %} {% for x in 'ab' %}{% for y in 'cd' %}{% if y == 'd' %}{% break %}{% endif %}{{ x }}{{ y }}{{ loop.depth }}{% endfor %}{% endfor %}
{% for x in numbers %}{{ loop.cycle('a', 'b') }}{{ loop.changed(x > 1) }}{% endfor %} {% for x in [1, [2, [3]]] recursive %}{{ x if x is number else '[' ~ loop(x) ~ ']' }}{% endfor %}
{% for x in numbers %}{{ x }}{% continue %}{% else %}e{% endfor %} {% for x in numbers %}{{ x }}{% break %}{% else %}e{% endfor %} {% for x in numbers %}{% with y = x %}{% if y == 1 %}{% break %}{% endif %}{{ y }}{% endwith %}{% else %}e{% endfor %}
{% for x in numbers %}a{% set t %}b{% if x == 1 %}{% continue %}{% endif %}{% endset %}{{ t }}{% filter upper %}c{% if x == 2 %}{% break %}{% endif %}{% endfilter %}{% endfor %}
{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }} {% if true %}{% set x = 9 %}{% endif %}{{ x }}
{% set ns = namespace(n=0, l=[]) %}{% for i in numbers %}{% set ns.n = ns.n + i %}{% set ns.l = ns.l + [i] %}{% endfor %}{{ ns.n }}{{ ns.l }} {{ ns['n'] }} {{ ns.zzz }}|
{% set map.x = 1 %}
{% set t %}a{{ 1 }}⏎b{% endset %}[{{ t }}] {% set u | upper %}x{{ 'y' }}{% endset %}{{ u }} {% set v | replace('a', 'b') | upper %}aca{% endset %}{{ v }}
{% with a = 1, b = 2 %}{{ a }}{{ b }}{% set c = 3 %}{% endwith %}{{ c }}{{ a }}| {% with %}{{ 5 }}{% endwith %}
{% filter upper %}a{{ 'b' }}{% endfilter %} {% filter replace('a', 'x') | trim %} aba {% endfilter %}
{% macro f(a, b=2, c=a) %}{{ a }}-{{ b }}-{{ c }};{% endmacro %}{{ f(1) }}{{ f(1, 3) }}{{ f(1, c=4) }}{{ f(a='x') }}{{ f() }} {{ f.name }} {{ f.arguments }}
{% macro f(a) %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 2, 3, x=4) }} {{ f() }}
{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, 2) }}
{% macro f(a) %}{{ a }}{% endmacro %}{{ f(b=2) }}
{% macro f(a, a2=1) %}{{ a }}{% endmacro %}{{ f(1, a=2) }}
{% macro f() %}[{{ caller() }}]{% endmacro %}{% call f() %}x{{ 1 }}{% endcall %} {% macro g() %}{{ caller('u', n=2) }}{% endmacro %}{% call(v, n) g() %}{{ v }}{{ n }}{% endcall %}
{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }} {{ f(1) | length }} {{ f(2) ~ 'x' }}
{% macro outer() %}{{ y }}{% endmacro %}{% set y = 5 %}{{ outer() }} {% for i in [1] %}{% macro inner() %}{{ i }}{% endmacro %}{{ inner() }}{% endfor %}
{% macro f() %}{% set z = 1 %}{{ z }}{% endmacro %}{{ f() }}{{ z }}| {% set loop = 3 %}{% for i in [1] %}{{ loop.index }}{% endfor %}{{ loop }}
{% generation %}a{{ 1 }}{% endgeneration %}⏎b{% generation -%} c {%- endgeneration %}
{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{{ loop.index }}{% set q = 1 %}{% endgeneration %}⏎{% endif %}{% endfor %}{{ q }}
{% block a %}x{{ bos_token }}{% endblock %} {% block b scoped %}y{% endblock b %}
{% if 1 %}a{% elif 2 %}b{% else %}c{% endif %} {% if 0 %}a{% elif 2 %}b{% endif %} {% if '' %}a{% elif none %}b{% else %}c{% endif %}
{{ raise_exception('No: ' ~ messages[0].role) }}
{{ strftime_now('%Y-%m-%d %H:%M:%S %d %b %B %a %A %j %y %I %p %% %e %-d %D %F %T') }}
{{ raise_exception }}
{% for i in range(3) %}{{ i }}{% endfor %} {% for i in range(5, 0, -2) %}{{ i }}{% endfor %}
{{ range(100001) }}
{{ range('5') }}
{{ range(1, 5, 0) }}
{{ range(2.0) }}
{% include 'x' %}
{% extends 'x' %}
{% import 'x' as y %}
{% do 1 %}
{% unknown %}
{% if %}
{% for x in %}{% endfor %}
{% endif %}
{% if true %}
{% for x in [1] %}{% endif %}
{{ 1
{{ }}
{% %}
{{ (1 }}
{{ 1] }}
{{ 'a }}
{{ a b }}
{{ 1 2 }}
{{ a..b }}
{{ f(a=1, 2) }}
{{ x | }}
{{ x is }}
{{ x ! y }}
{{ a = 1 }}
{# open
{% set 1 = 2 %}
{% set true = 2 %}
{% for true in [1] %}{% endfor %}
{% macro f(a=1, b) %}{% endmacro %}
{% break %}
{{ loop }}|{% for i in [1] %}{{ loop }}{% endfor %}
{% set j = joiner(',') %}{{ j() }}a{{ j() }}b {% set c = cycler(1, 2) %}{{ c.next() }}{{ c.next() }}{{ c.next() }}
{{ 5 is sameas 5 }} {{ (2.0).is_integer() }}
{{ f(*[1, 2]) }}
{% macro f(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ f(*[1, 2]) }}{{ f(**{'a': 3, 'b': 4}) }}{{ f(1, *[2]) }}
{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}
{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\n' + system_message + '\n<</SYS>>\n\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}{{ '[INST] ' + content.strip() + ' [/INST]' }}{% endfor %}
{%- for message in messages[::-1] %}⏎  {%- set index = (messages|length - 1) - loop.index0 %}⏎{{ index }}:{{ message.role }}⏎{% endfor %}
{{ ['a', 'b'] | map('upper') }}
{{ text.upper }}
{% set x %}{{ 1 }}{% endset %}{{ x is string }} {{ x + 'a' }} {{ x == '1' }} {% macro m() %}t{% endmacro %}{{ m() == 't' }} {{ m() is string }}
{{ 'a' if true else nope() }} {{ true or nope() }} {{ false and nope() }}
{{ messages | tojson | length }} {{ messages | string | length }} {{ messages[-1]['content'][:5] }} {{ messages[-1].content[-3:] }}
# names that are set after they are read within, and other names
{% block a %}{{ one }}{% endblock %}{% set one = 1 %}
{% for x in numbers %}{{ one }}{% endfor %}{% set one = 1 %}{{ one }}
{% for x in numbers %}{{ one }}{% endfor %}{% if 1 %}{% set one = 1 %}{% endif %}{{ one }}
{{ one }}{% for x in numbers %}{{ one }}{% endfor %}{% set one = 1 %}
{% macro f() %}{{ one }}{% endmacro %}{{ f() }}{% set one = one %}{{ f() }}
{% macro f() %}{{ one }}{% endmacro %}{{ f() }}{% set one = 2 %}{{ f() }}
{% for x in numbers %}{% for y in numbers %}{{ one }}{% endfor %}{% set one = 1 %}{% endfor %}{{ one }}
{% for x in numbers %}{% for y in numbers %}{{ one }}{% endfor %}{% set one = 1 %}{% endfor %}
{% for x in numbers %}{% block b scoped %}{{ one }}{{ x }}{% endblock %}{% set one = 1 %}{% endfor %}
{% with a=one %}{% for x in numbers %}{{ one }}{% endfor %}{% set one = 3 %}{{ one }}{% endwith %}
{% for x in numbers if one %}{{ one }}{% endfor %}{% set one = 1 %}
{% for x in [one] %}{% endfor %}{% for x in numbers %}{{one}}{% endfor %}{% set one = 1 %}
{% macro f(a=one) %}{{ a }}{% for i in numbers %}{{ one }}{% endfor %}{% set one = 1 %}{% endmacro %}{{ f() }}
{% macro f(a) %}{{ a }}{% for i in numbers %}{{ one }}{% endfor %}{% set one = 1 %}{% endmacro %}{{ f() }}
{% call undefd() %}{% endcall %}{% set undefd = 1 %}
{% if one %}{% for x in numbers %}{{ one }}{% endfor %}{% set one = 1 %}{% endif %}
{% if false %}{% elif 1 %}{% for x in numbers %}{{ zero }}{% endfor %}{% set zero = 1 %}{% else %}{% set zero = 3 %}{% endif %}{{ zero }}
{% set one %}{% for x in numbers %}{{ one }}{% endfor %}{% endset %}{{ one }}
{% set one %}{{ one }}{% endset %}{{ one }}
{% filter upper %}{{ text }}{% endfilter %}{% set text = 1 %}
{% filter replace('a', text) %}a{{ text }}{% endfilter %}{% set text = 1 %}
{% set ns.a = 1 %}{% set ns = 1 %}
{% for x in numbers %}{{ m }}{% endfor %}{% macro m() %}{% endmacro %}
{% for x in numbers %}{% set loop = 1 %}{% endfor %}
{% for x in numbers %}{% macro f() %}{% set loop = 1 %}{% endmacro %}{% endfor %}
{% for x in numbers %}{% with loop = 1 %}{{ loop }}{% endwith %}{% endfor %}
{% for x in numbers %}{% macro f(loop) %}{{ loop }}{% endmacro %}{{ f(x) }}{% endfor %}
{% set a, = (1,) %}{{ a }}
{% set a | length %}xyz{% endset %}{{ a + 1 }}
{% filter list %}a{% endfilter %}
{% filter safe %}a{% endfilter %}
{% filter e %}<{% endfilter %}
{{ 'inf'|float|int }}
{{ 'nan'|float|int(7) }}
{{ '１２'|int }}{{ '𝟙𝟘'|int }}{{ '٣.٥'|float }}{{ '-٣'|int }}{{ 'x٣'|int }}
{{ '%d' % '٣'|int }}
{{ range(10)[2:5] }}{{ range(10)[5:2] }}{{ range(0,10,3)[::2] }}{{ range(10)[::-1] }}{{ range(0)[1:] }}{{ range(9)[7:1:-2] }}{{ range(4)[-1:2] == range(0) }}
{% print 1 %}{% print 'a' ~ 2 %}
{% macro f(caller='z') %}[{{ caller() }}]{% endmacro %}{% call f() %}x{% endcall %}
{% call(a, a) one() %}{% endcall %}
{% macro f(kwargs) %}{{ kwargs }}{% endmacro %}{{ f(1) }}
{% macro f(varargs=2) %}{{ varargs }}{% endmacro %}{{ f() }}{{ f(3) }}
{% macro f(loop=1) %}{{ loop }}{% endmacro %}{{ f() }}
{% macro self() %}{% endmacro %}
{% for x in numbers recursive %}{{ one }}{% endfor %}{% set one = 2 %}
{% for x in numbers, recursive %}{{ x }}{% endfor %}
{% for x in numbers if x recursive %}{{ x }}{% endfor %}
{% generation %}{{ one }}{% set one = 3 %}{{ one }}{% endgeneration %}{{ one }}
{% generation %}{% set q = 3 %}{% for x in numbers %}{{ q }}{% endfor %}{% endgeneration %}
{% for x in numbers %}{{ q }}{% set q = x %}{% endfor %}
{% set q = 0 %}{% for x in numbers %}{{ q }}{% set q = x %}{% endfor %}{{ q }}
{% for x in numbers %}{% if x > 1 %}{% set zero = x %}{% endif %}{{ zero }}{% endfor %}{{ zero }}
{% for m in messages %}{{ bos_token }}{{ m.role }}{% endfor %}{% set bos_token = 'x' %}
{% macro f() %}{{ bos_token }}{% endmacro %}{% set bos_token = bos_token ~ '!' %}{{ f() }}
{% set b = 1 %}{% macro f() %}{% set b = b + 1 %}{{ b }}{% endmacro %}{{ f() }}{{ f() }}
{% for i in numbers %}{{ loop.index }}{% for j in numbers %}{% set loop2 = loop %}{{ loop2.index }}{% endfor %}{% endfor %}
{% if 1 %}{% macro g() %}G{% endmacro %}{% endif %}{% for i in numbers %}{{ g() }}{% endfor %}
{% for i in numbers %}{{ g() }}{% endfor %}{% macro g() %}G{% endmacro %}
{% block a %}{% for x in numbers %}{{ one }}{% endfor %}{% set one = 1 %}{{ one }}{% endblock %}{{ one }}
{% set one = 3 %}{% block a %}{% set one = one + 1 %}{{ one }}{% endblock %}{{ one }}
{% set _p = 3 %}{% block a %}{{ _p }}{% endblock %}
{% for x in numbers %}{% set k = x %}{% block a %}{{ k }}{% endblock %}{% endfor %}
{% with k=1 %}{% block a %}{{ k }}{% endblock %}{% endwith %}
{% with k=1 %}{% block a scoped %}{{ k }}{% endblock %}{% endwith %}
{% if 1 %}{% set k=1 %}{% block a %}{{ k }}{% endblock %}{% endif %}
{% for loop in numbers %}{{ loop }}{% endfor %}
{% for a, in [(1,)] %}{{ a }}{% endfor %}
{% macro f(caller) %}[{{ caller }}]{% endmacro %}{{ f(1) }}
{% macro f(a, a) %}{% endmacro %}
{% filter length %}abc{% endfilter %}
{{ '٣' | int }} {{ '１２' | float }}
{{ 'naïve🦊'[::-1] }} {{ 'abcdef'[-1:-4:-1] }} {{ 'abcdef'[::99999999999999999999] }}
{% macro f(x=1) %}[{{ caller }}{{ caller.name }}]{% endmacro %}{% call f() %}x{% endcall %}{{ f }}
"""


def golden(template: str):
    try:
        text = environment.from_string(template).render(**VARIABLES)
        # An address differs from run to run.
        return {"error": "address"} if " at 0x" in text else text
    except Exception as error:
        return {"error": type(error).__name__}


cases = []
for line in CASES.split("\n"):
    if line != "" and not (line.startswith("# ") and "{" not in line):
        template = line.replace("⏎", "\n")
        cases.append([template, golden(template)])
variables = json.dumps(VARIABLES, ensure_ascii=True)
rows = ",\n".join(json.dumps(case, ensure_ascii=True) for case in cases)
sys.stdout.write(f'{{"variables": {variables},\n"cases": [\n{rows}\n]}}\n')
