/** Chat templates that hang, grow, reach out of their sandbox, or do not parse. @module */
import { deepEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import { compileChatTemplate } from "../../../../core/data/tokenizer/chat_template.ts";
import { type Case, passesOrRefuses, refuseAll } from "../../../_shared/refusal.ts";
import { CHATML } from "../_fixtures.ts";

const MESSAGES = [{ role: "user", content: "2+2?" }, { role: "assistant", content: "4" }];
const SPECIAL = { bos_token: "<s>", eos_token: "<|im_end|>" };

function render(chat_template: string, messages: readonly { role: string; content: string }[] = MESSAGES): string {
  const template = compileChatTemplate({ chat_template }, { dir: "m", jinja: null, specialTokens: SPECIAL })!;
  return template(messages, { addGenerationPrompt: true });
}

const loops = (body: string, times = 3): string =>
  "{% for i in range(9999) %}".repeat(times) + body + "{% endfor %}".repeat(times);
/** A namespace n with a text, a list and a mapping; then `step` so many times. */
const growing = (times: number, step: string, end = ""): string =>
  `{% set n = namespace(s='ab', l=['a'], o={'a': 1}) %}{% for i in range(${times}) %}${step}{% endfor %}${end}`;
const half = growing(16, "{% set n.s = n.s ~ n.s %}");

const COMPILE = /^Cannot compile the chat template of m\/tokenizer_config\.json: ./;
const RENDER = /^Cannot render the chat template of m\/tokenizer_config\.json: ./;
const LONG = /: it takes too long/;
const LARGE = /: (it makes (a (text|list) of |too much text)|it takes too long)/;
const DEEP = /: it nests too deeply$/;

const HOSTILE: Case<string>[] = [
  ["nested loops", loops("x"), LONG],
  ["nested loops with nothing in them", loops(""), LONG],
  [
    "loops over one list",
    `{% set r = range(9999) %}${loops("", 1).replace("range(9999)", "r").repeat(1)}${
      loops("{% for j in r if false %}{% endfor %}", 2)
    }`,
    LONG,
  ],
  ["a loop of comments", loops("{# #}"), LONG],
  ["a loop of sets", loops("{% set a = i %}"), LONG],
  ["a loop of conditions", loops("{% if i %}{% else %}{% endif %}"), LONG],
  ["a long range", "{% for i in range(1000000000) %}{% endfor %}", /range\(\) has 1000000000 elements/],
  ["a range downwards", "{{ range(5, -1000000000, -1) }}", /range\(\) has 1000000005 elements/],
  ["an endless range", "{{ range(1, 5, 0) }}", /range\(\) arg 3 must not be zero/],
  ["a range of 10 ** 300", "{{ range(10 ** 300) }}", /range\(\) has 1e\+300 elements/],
  ["a range of no number", "{{ range('5') }}", /range: an int is expected, not str/],
  ["a macro that calls itself", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", DEEP],
  [
    "a macro that calls itself twice",
    "{% macro f(n) %}{% if n < 60 %}{{ f(n+1) }}{{ f(n+1) }}{% endif %}{% endmacro %}{{ f(0) }}",
    LONG,
  ],
  ["a text that doubles", growing(64, "{% set n.s = n.s ~ n.s %}"), LARGE],
  ["a text that doubles with +", growing(64, "{% set n.s = n.s + n.s %}"), LARGE],
  ["a text that doubles by format", growing(64, "{% set n.s = [n.s, n.s] | join %}"), LARGE],
  ["a list that doubles", growing(64, "{% set n.l = n.l + n.l %}"), LARGE],
  ["a list of lists", growing(64, "{% set n.l = [n.l, n.l] %}", "{{ n.l | tojson }}"), LARGE],
  ["a list of lists, as text", growing(64, "{% set n.l = [n.l, n.l] %}", "{{ n.l ~ '' }}"), LARGE],
  [
    "two lists of lists",
    growing(
      40,
      "{% set n.l = [n.l, n.l] if i else ['a', 'a'] %}{% set n.o = [n.o, n.o] if i else ['a', 'a'] %}",
      "{{ n.l == n.o }}",
    ),
    LARGE,
  ],
  ["a tuple of tuples", growing(64, "{% set n.l = (n.l, n.l) %}", "{{ {n.l: 1} }}"), /unhashable type: 'list'/],
  ["a tuple of tuples as a key", growing(64, "{% set n.s = (n.s, n.s) %}", "{{ {n.s: 1} }}"), LARGE],
  ["a mapping of mappings", growing(64, "{% set n.o = {'a': n.o, 'b': n.o} %}", "{{ n.o | tojson }}"), LARGE],
  ["a list in a list in a list", growing(9999, "{% set n.l = [n.l] %}", "{{ n.l }}"), DEEP],
  ["JSON in JSON in JSON", growing(9999, "{% set n.l = [n.l] %}", "{{ n.l | tojson }}"), DEEP],
  ["a long list, compared with itself", growing(9999, "{% set n.l = [n.l] %}", "{{ n.l == [n.l] }}"), DEEP],
  ["a namespace in itself", growing(1, "{% set n.n = n %}", "{{ n }}"), DEEP],
  ["a namespace as JSON", growing(1, "{% set n.n = n %}", "{{ n | tojson }}"), /Namespace is not JSON serializable/],
  ["a replacement of everything", `${half}{{ n.s | replace('a', n.s) | length }}`, RENDER],
  ["a replacement of nothing", `${half}{{ n.s.replace('', 'x' * 9) }}{{ n.s.replace('', n.s[:99]) }}`, RENDER],
  ["an endless indent", "{{ 'a\nb' | indent(1000000000) }}", RENDER],
  ["an endless indent of JSON", "{{ [1] | tojson(indent=1000000000) }}", RENDER],
  ["a long separator", `${half}{{ range(9999) | join(n.s) | length }}`, RENDER],
  ["slices of a text", `${half}${loops("{{ n.s[1:] | length }}")}`, LONG],
  ["a text again and again in capitals", `${half}${loops("{{ n.s | upper | length }}")}`, LONG],
  ["a method again and again", `${half}${loops("{{ n.s.upper() | length }}")}`, LONG],
  [
    "a split again and again",
    `${growing(12, "{% set n.s = n.s ~ n.s %}")}${loops("{{ n.s.split('a') | length }}")}`,
    LONG,
  ],
  ["JSON again and again", loops("{{ range(9999) | list | tojson | length }}"), LONG],
  ["a sort again and again", loops("{{ range(9999) | sort(reverse=true) | length }}"), LONG],
  ["a search again and again", `{% set r = range(9999) %}${loops("{{ -1 in r }}")}`, LONG],
  [
    "a sort of long texts",
    `${half}{% set n.l = [] %}{% for i in range(60) %}{% set n.l = n.l + [n.s ~ i] %}{% endfor %}${
      loops("{{ n.l | sort | length }}")
    }`,
    LARGE,
  ],
  [
    "a sort of long texts by an attribute",
    `${half}{{ range(9999) | sort(attribute='x') }}${loops("{{ [{'a': n.s ~ i}] * 999 | sort(attribute='a') }}")}`,
    RENDER,
  ],
  ["a search for the longest text", `${half}${loops("{{ ([n.s ~ 1, n.s ~ 2] * 99) | max | length }}")}`, LARGE],
  ["unique long texts", `${half}${loops("{{ ([n.s ~ i, n.s ~ 2] * 99) | unique | list | length }}")}`, LARGE],
  ["a text ten billion times", "{{ 'x' * 10000000000 }}", LARGE],
  ["a text 10 ** 300 times", "{{ 'x' * 10 ** 300 }}", LARGE],
  ["a list ten billion times", "{{ [1] * 10000000000 }}", LARGE],
  ["texts again and again", `${half}${loops("{{ (n.s * 15) | length }}")}`, LARGE],
  ["texts that are kept", `${half}{% for i in range(9999) %}{% set n.l = n.l + [n.s ~ i] %}{% endfor %}`, LARGE],
  [
    "wide texts that are kept",
    `${half}{% for i in range(9999) %}{% set n.l = n.l + [(n.s ~ '🦊' ~ i)[1:]] %}{% endfor %}`,
    LARGE,
  ],
  ["a wide number", "{{ '%1000000000d' % 1 }}", LARGE],
  ["a wide number, from a list", "{{ '%*d' % (1000000000, 1) }}", LARGE],
  ["a long number", "{{ '%.1000000000d' % 1 }}", LARGE],
  ["a long fraction", "{{ '%.1000000000f' % 1 }}", /a precision of 1000000000 digits/],
  ["fractions again and again", loops("{{ '%.4000f' % 1e300 }}"), LONG],
  ["a wide field", "{{ '{:1000000000}'.format(1) }}", LARGE],
  ["a wide field of a field", "{{ '{:{}}'.format(1, 1000000000) }}", LARGE],
  ["fields in fields", "{{ '{:{:{}}}'.format(1, 2, 3) }}", /Max string recursion/],
  ["a text of braces", `{{ ('{' * 100000).format() }}${loops("{{ ('{{' * 10000).format() | length }}")}`, LONG],
  ["a wide text", "{{ 'x'.center(1000000000) }}", LARGE],
  ["a wide text to the left", "{{ 'x'.ljust(10 ** 30) }}", LARGE],
  ["a wide filter", "{{ 'x' | center(1000000000) }}", LARGE],
  ["many zeros", "{{ 'x'.zfill(1000000000) }}", LARGE],
  ["long tabs", "{{ ('\t' * 9999).expandtabs(1000000000) }}", LARGE],
  ["a batch with a filling", "{{ [1] | batch(1000000000, 2) | list }}", LARGE],
  ["slices without elements", "{{ [1] | slice(1000000000) | list }}", LONG],
  ["a power of powers", "{{ 9 ** (9 ** 9) }}", /an integer of more than 4300 digits/],
  [
    "a number that doubles",
    growing(64, "{% set n.i = (n.i or 9) * (n.i or 9) %}"),
    /an integer of more than 4300 digits/,
  ],
  ["a number of many digits", `{{ ${"9".repeat(100_000)} }}`, COMPILE],
  [
    "a text as a number",
    `${half}{{ n.s.replace('a', '1').replace('b', '1') | int }}`,
    /an integer of more than 4300 digits/,
  ],
  ["numbers again and again", loops("{{ 10 ** 4000 | string | length }}"), LONG],
  ["lines again and again", `${half}${loops("{{ n.s.replace('a', '\n') | indent | length }}")}`, LARGE],
  ["a long indent of many lines", `${half}{{ n.s.replace('a', '\n') | indent(9999) }}`, LARGE],
  ["a long indent of a long list", "{{ range(9999) | list | tojson(indent=9999) }}", LARGE],
  ["JSON of one text again and again", `${half}{{ ([n.s] * 9999) | tojson }}`, LARGE],
  ["a list of one text as text", `${half}{{ [n.s] * 9999 }}`, LARGE],
  ["a text joined again and again", `${half}{{ ([n.s] * 9999) | join }}`, LARGE],
  ["a text joined by a method", `${half}{{ n.s.join(n.s) }}`, LARGE],
  ["a text replaced by a method", `${half}{{ n.s.replace('a', n.s) }}`, LARGE],
  ["escapes of escapes", growing(64, "{% set n.s = ('<' ~ n.s) | e | string | e %}{% set n.s = n.s ~ n.s %}"), LARGE],
  ["an address of addresses", growing(64, "{% set n.s = (n.s ~ n.s ~ '%') | urlencode %}"), LARGE],
  ["a text in quotes in quotes", growing(64, "{% set n.s = [n.s ~ '\\\\'] | string %}"), LARGE],
  ["a list of letters again and again", `${half}${loops("{{ n.s | list | length }}")}`, LARGE],
  ["a text turned around again and again", `${half}${loops("{{ n.s | reverse | length }}")}`, LARGE],
  ["a length again and again", `${half}${loops("{{ (n.s ~ '🦊') | length }}")}`, LARGE],
  ["a letter again and again", `${half}{% set n.s = n.s ~ '🦊' %}${loops("{{ n.s[60000] }}")}`, LONG],
  [
    "a comparison again and again",
    `${half}{% set n.t = n.s ~ 'x' %}{% set n.u = n.s ~ 'y' %}${loops("{{ n.t < n.u }}")}`,
    LONG,
  ],
  [
    "an equality again and again",
    `${half}{% set n.t = n.s ~ 'x' %}{% set n.u = n.s ~ 'y' %}${loops("{{ n.t == n.u }}")}`,
    LONG,
  ],
  ["a strip again and again", `${half}${loops("{{ n.s.strip('ab') }}")}`, LARGE],
  ["a date of many letters", `${half}{{ strftime_now(n.s.replace('a', '%c')) | length }}`, RENDER],
  ["a loop that calls itself", "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}", DEEP],
  [
    "a loop of loops that calls itself",
    "{% for i in [1, 2] recursive %}{{ loop([1, 2]) }}{% endfor %}",
    /too deeply|too long/,
  ],
  [
    "a macro with a macro as its caller",
    "{% macro f() %}{% call f() %}{{ caller() }}{% endcall %}{% endmacro %}{{ f() }}",
    DEEP,
  ],
  [
    "arguments of a list",
    `{% macro f() %}{{ varargs | length }}{% endmacro %}${loops("{{ f(*range(9999)) }}")}`,
    LARGE,
  ],
  ["a generator of generators", growing(9999, "{% set n.l = n.l | map('upper') %}", "{{ n.l | list }}"), DEEP],
  ["sums of lists", "{{ ([[1]] * 9999) | sum(start=[]) | length }}", LARGE],
  ["nots without end", `{{ ${"not ".repeat(50_000)}1 }}`, DEEP],
  ["signs without end", `{{ ${"-".repeat(50_000)}1 }}`, DEEP],
  ["sums without end", `{{ 1${" + 1".repeat(50_000)} }}`, DEEP],
  ["filters without end", `{{ 1${"|abs".repeat(50_000)} }}`, DEEP],
  ["attributes without end", `{{ {}${".x".repeat(50_000)} }}`, DEEP],
  ["choices without end", `{{ ${"1 if 0 else ".repeat(15_000)}1 }}`, DEEP],
  ["comparisons without end", `{{ 1${" < 1".repeat(50_000)} ${"(".repeat(50_000)}`, COMPILE],
  ["loops in loops in loops", "{% for i in [1] %}".repeat(9000), DEEP],
  ["mappings in mappings", `{{ ${"{1:".repeat(20_000)}1${"}".repeat(20_000)} }}`, DEEP],
  ["raw text without end", "{% raw %}{%".repeat(25_000), COMPILE],
  ["comments without end", "{#".repeat(100_000), COMPILE],
  ["spaces in a tag", `{%${" ".repeat(200_000)}`, COMPILE],
  ["spaces before signs", `{{ 1 -}}${" ".repeat(200_000)}`.repeat(1) + "{%-", COMPILE],
  ["a template of a megabyte", "x".repeat(1 << 20), COMPILE],
  ["brackets without end", `{{ ${"(".repeat(20_000)}`, COMPILE],
  ["brackets in brackets", `{{ ${"(".repeat(5000)}1${")".repeat(5000)} }}`, COMPILE],
  ["expressions without end", "{{".repeat(20_000), COMPILE],
  ["a text without end", `{{ '${"\\".repeat(20_000)}`, COMPILE],
];

const BROKEN: Case<string>[] = [
  ["an open expression", "{{ messages", COMPILE],
  ["an open block", "{% for m in messages %}", COMPILE],
  ["an open comment", "{# x", COMPILE],
  ["a block that is not open", "{% endfor %}", COMPILE],
  ["an unknown block", "{% include 'a' %}", COMPILE],
  ["an import", "{% import 'os' as os %}", COMPILE],
  [
    "an unknown filter",
    "{{ 1 }}\n{{ messages | nothing }}",
    /^Cannot compile .*: line 2: there is no filter 'nothing'$/,
  ],
  [
    "an unknown filter under a condition",
    "{% if 1 %}{{ 1 | nothing }}{% endif %}",
    /^Cannot render .*: line 1: there is no filter 'nothing'$/,
  ],
  ["an unknown test", "{{ messages is nothing }}", /^Cannot compile .*: line 1: there is no test 'nothing'$/],
  ["a filter that is not supported", "{{ messages | pprint }}", COMPILE],
  ["a function that is not supported", "{{ lipsum() }}", /'lipsum' is not supported/],
  ["a method that is not supported", "{{ 'a'.encode() }}", /'encode' of a str is not supported/],
  ["an attribute that is not supported", "{{ (5).real }}", /'real' of a int is not supported/],
  [
    "a block that is not supported",
    "{% autoescape true %}{% endautoescape %}",
    /the tag 'autoescape' is not supported/,
  ],
  ["a way by an attribute", "{{ messages | attr('__class__') | attr('x') }}", RENDER],
  ["an unknown function", "{{ open('/etc/passwd') }}", RENDER],
  ["an unknown method", "{{ messages.pop() }}", RENDER],
  ["a loop over a number", "{% for i in 5 %}{% endfor %}", RENDER],
  ["a sum of undefined", "{{ nothing + 1 }}", RENDER],
  ["what it says itself", "{{ raise_exception('Roles must\nalternate \x1b[2J') }}", /: Roles must alternate \[2J$/],
  ["Python's way out", "{{ ''.__class__.__mro__[1].__subclasses__() }}", RENDER],
  ["JavaScript's way out", "{{ messages.constructor.constructor('return Deno')() }}", RENDER],
  ["a function's way out", "{{ raise_exception.constructor('return Deno')() }}", RENDER],
  ["a way out by a key", "{{ messages[0]['constructor']['constructor']('return Deno')() }}", RENDER],
  ["a way out by range", "{{ range['constructor']('return Deno')() }}", RENDER],
  ["the prototype of a mapping", "{{ {}['__proto__']['x']() }}", RENDER],
];

/** The most that a template may add to the memory in use, in bytes. */
const MAX_GROWTH = 2e8;

Deno.test("compileChatTemplate() stops a hostile template before it takes time or memory", async () => {
  const grown: string[] = [];
  await refuseAll(HOSTILE, (source) => {
    const before = Deno.memoryUsage().rss;
    try {
      render(source);
    } finally {
      const growth = Deno.memoryUsage().rss - before;
      if (growth > MAX_GROWTH) grown.push(`${growth} bytes for ${source.slice(0, 200)}`);
    }
  });
  deepEqual(grown, []);
});

Deno.test("compileChatTemplate() names what is wrong with a template, and lets none out", () =>
  refuseAll(BROKEN, (source) => render(source)));

Deno.test("compileChatTemplate() renders what a template may do, however long the conversation", () => {
  type Messages = typeof MESSAGES;
  const of = (role: string, messages: Messages): Messages => messages.filter((message) => message.role === role);
  const cases: [string, (messages: Messages) => string][] = [
    [CHATML, (messages) =>
      messages.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join("") +
      "<|im_start|>assistant\n"],
    [
      "{% set ns = namespace(last=-1, s='') %}{% for m in messages %}{% if m.role == 'user' %}" +
      "{% set ns.last = loop.index0 %}{% set ns.s = ns.s ~ m.content %}{% endif %}{% endfor %}{{ ns.last }}{{ ns.s }}",
      (messages) =>
        `${messages.findLastIndex(({ role }) => role === "user")}${
          of("user", messages).map(({ content }) => content).join("")
        }`,
    ],
    [
      "{% for m in messages[::-1] %}{{ m.content | trim | upper }}{{ messages[loop.index0 - 1].role }}{% endfor %}",
      (messages) =>
        messages.toReversed().map(({ content }, i) => content.trim().toUpperCase() + messages.at(i - 1)!.role).join(""),
    ],
    [
      "{% macro turn(m, end='') %}[{{ m.role }}] {{ m.content }}{{ end }}{% endmacro %}" +
      "{% for m in messages %}{{ turn(m, end=eos_token) }}{% endfor %}",
      (messages) => messages.map(({ role, content }) => `[${role}] ${content}<|im_end|>`).join(""),
    ],
    [
      "{{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | join(', ') }}",
      (messages) => of("user", messages).map(({ content }) => content).join(", "),
    ],
    [
      "{{ messages | length }}{{ messages | tojson(indent=2) }}",
      (messages) => `${messages.length}${JSON.stringify(messages, null, 2)}`,
    ],
    [
      "{{ messages[0].content.split('+')[0] }}{{ messages[0].content[1:] }}{{ 'a' if tools is none else 'b' }}",
      ([first]) => `${first!.content.split("+")[0]}${first!.content.slice(1)}a`,
    ],
  ];
  const long = Array.from(
    { length: 2000 },
    (_, i) => ({ role: i % 2 ? "assistant" : "user", content: `turn ${i} `.repeat(9) }),
  );
  const large = [{ role: "user", content: "a word ".repeat(1 << 19) }];
  for (const [source, expected] of cases) {
    for (const messages of [MESSAGES, long, large]) ok(render(source, messages) === expected(messages), source);
  }
});

Deno.test("compileChatTemplate() renders or refuses a template with anything changed", async () => {
  const piece = fc.constantFrom(
    ...[
      "{{",
      "}}",
      "{%",
      "%}",
      "{#",
      "#}",
      "{%-",
      "-%}",
      " messages ",
      " for i in ",
      "endfor",
      " if ",
      "endif",
      "'",
      "\\",
    ],
    ...[
      "(",
      ")",
      "[",
      "]",
      "{",
      "}",
      ".",
      ",",
      "|",
      "~",
      "**",
      "//",
      "range(99)",
      "set x = ",
      "macro f(a)",
      "endmacro",
    ],
  );
  const change = fc.record({
    at: fc.nat(CHATML.length),
    cut: fc.nat(12),
    text: fc.oneof(piece, fc.string({ maxLength: 5 })),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      const source = changes.reduce(
        (text, { at, cut, text: put }) => text.slice(0, at) + put + text.slice(at + cut),
        CHATML,
      );
      await passesOrRefuses(() => render(source));
    }),
    { numRuns: 500 },
  );
});
