/** Chat templates that hang, grow, reach out of their sandbox, or do not parse. @module */
import { equal } from "node:assert/strict";
import { Template } from "@huggingface/jinja";
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
const LARGE = /: it makes a (text|list) of /;

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
  ["an endless range", "{{ range(1, 5, 0) }}", /range\(\) step must not be zero/],
  ["a range of 10 ** 300", "{{ range(10 ** 300) }}", /range\(\) takes/],
  ["a range of no number", "{{ range('5') }}", /range\(\) takes/],
  ["a macro that calls itself", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", RENDER],
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
  ["a tuple of tuples", growing(64, "{% set n.l = (n.l, n.l) %}"), LARGE],
  ["a mapping of mappings", growing(64, "{% set n.o = {'a': n.o, 'b': n.o} %}", "{{ n.o | tojson }}"), LARGE],
  ["a namespace in itself", growing(1, "{% set n.n = n %}", "{{ n | tojson }}"), /namespace/],
  [
    "namespaces in namespaces",
    "{% set a = namespace(x=1) %}{% set b = namespace(a=a, c=a) %}{{ b | tojson }}",
    /namespace/,
  ],
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
  ["JSON again and again", loops("{{ range(9999) | tojson | length }}"), LONG],
  ["a sort again and again", loops("{{ range(9999) | sort(reverse=true) | length }}"), LONG],
  ["a search again and again", `{% set r = range(9999) %}${loops("{{ -1 in r }}")}`, LONG],
  ["a template of a megabyte", "x".repeat(1 << 20), COMPILE],
  ["spaces before a block", `${" ".repeat(200_000)}{{ 1 }}`, COMPILE],
  ["lines before a block", `${"\n".repeat(200_000)}{%- if true %}{% endif %}`, COMPILE],
  ["brackets without end", `{{ ${"(".repeat(20_000)}`, COMPILE],
  ["brackets in brackets", `{{ ${"(".repeat(5000)}1${")".repeat(5000)} }}`, COMPILE],
  ["expressions without end", "{{".repeat(20_000), COMPILE],
  ["a text without end", `{{ '${"\\".repeat(20_000)}`, COMPILE],
  ["conditions in conditions", `{% if true %}${"{% elif true %}".repeat(12_000)}{% endif %}`, /chat template/],
];

const BROKEN: Case<string>[] = [
  ["an open expression", "{{ messages", COMPILE],
  ["an open block", "{% for m in messages %}", COMPILE],
  ["an open comment", "{# x", COMPILE],
  ["a block that is not open", "{% endfor %}", COMPILE],
  ["an unknown block", "{% include 'a' %}", COMPILE],
  ["an import", "{% import 'os' as os %}", COMPILE],
  ["an unknown filter", "{{ messages | attr('__class__') }}", RENDER],
  ["an unknown test", "{{ messages is nothing }}", RENDER],
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

Deno.test("compileChatTemplate() stops a hostile template", () => refuseAll(HOSTILE, (source) => render(source)));

Deno.test("compileChatTemplate() names what is wrong with a template, and lets none out", () =>
  refuseAll(BROKEN, (source) => render(source)));

Deno.test("compileChatTemplate() renders what a template may do as the package does, however long the conversation", () => {
  const sources = [
    CHATML,
    "{% set ns = namespace(last=-1, s='') %}{% for m in messages %}{% if m.role == 'user' %}" +
    "{% set ns.last = loop.index0 %}{% set ns.s = ns.s ~ m.content %}{% endif %}{% endfor %}{{ ns.last }}{{ ns.s }}",
    "{% for m in messages[::-1] %}{{ m.content | trim | upper }}{{ messages[loop.index0 - 1].role }}{% endfor %}",
    "{% macro turn(m, end='') %}[{{ m.role }}] {{ m.content }}{{ end }}{% endmacro %}" +
    "{% for m in messages %}{{ turn(m, end=eos_token) }}{% endfor %}",
    "{{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | join(', ') }}",
    "{{ messages | length }}{{ messages | tojson(indent=2) }}{{ True }}{{ false }}{{ None }}{{ range(5, 1, -2) }}",
    "{% for i in range(1, 4) %}{% if i == 2 %}{% continue %}{% endif %}{{ i }}{% endfor %}{{ strftime_now('%Y') }}",
    "{{ messages[0].content.split('+')[0] }}{{ messages[0].content[1:] }}{{ 'a' if tools is none else 'b' }}",
  ];
  const long = Array.from(
    { length: 2000 },
    (_, i) => ({ role: i % 2 ? "assistant" : "user", content: `turn ${i} `.repeat(9) }),
  );
  const large = [{ role: "user", content: "a word ".repeat(1 << 19) }];
  for (const source of sources) {
    for (const messages of [MESSAGES, long, large]) {
      const variables = { ...SPECIAL, messages, add_generation_prompt: true, tools: null, documents: null };
      equal(render(source, messages), new Template(source).render(variables));
    }
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
