/** Verifier modules that do not load, throw, or score with what is no number. @module */
import { verifierJudge } from "../../../core/label/verifier_judge.ts";
import { type Case, refuseAll } from "../../_shared/refusal.ts";
import { withFolder } from "../_tiny.ts";
import { responseRow } from "./_rows.ts";

const LIMIT = { seconds: 30 };
const LOAD = /^Cannot load verifier \S+\/verifier\.ts: \S/;
const USE = /^Cannot use verifier \S+\/verifier\.ts: its default export is \w+, expected a function/;
const SCORE = /^Cannot score row 3 with \S+\/verifier\.ts: \S/;
const NUMBER = /^Cannot score row 3 with \S+\/verifier\.ts: it returned .+, expected a finite number$/;

const body = (text: string): string => `export default () => { ${text} }`;

const MODULES: Case<string | Uint8Array>[] = [
  ["nothing", "", USE],
  ["no default export", "export const verify = () => 1;", USE],
  ["a number", "export default 1;", USE],
  ["an object", "export default { verify: () => 1 };", USE],
  ["null", "export default null;", USE],
  ["a mistake in the syntax", "export default (", LOAD],
  ["a word", "verifier", LOAD],
  ["Python", "def verify(prompt, response):\n    return 1.0\n", LOAD],
  ["no text", new Uint8Array([0xff, 0xfe, 0, 1, 2]), LOAD],
  ["an import of nothing", "import './nothing.ts'; export default () => 1;", LOAD],
  ["an import of an unknown name", "import { nothing } from 'node:fs'; export default () => nothing;", LOAD],
  ["an unknown scheme", "import 'gopher://x'; export default () => 1;", LOAD],
  ["a throw while it loads", "throw new Error('not\\nnow');", LOAD],
  ["a rejection while it loads", "await Promise.reject(new TypeError('no'));", LOAD],
  ["a throw of no error while it loads", "throw { code: 7 };", LOAD],
  ["a throw beside its loading", "setTimeout(() => { throw new Error('no'); }); await new Promise(() => {});", LOAD],
  [
    "an exit while it loads",
    "Deno.exit(0);",
    /^Cannot load verifier \S+: it ends its thread by Deno\.exit\(\), expected/,
  ],
  ["an exit", body("Deno.exit(0);"), /: it ends its thread by Deno\.exit\(\), expected an answer$/],
  ["a close", body("self.close();"), /: it ends its thread by close\(\), expected an answer$/],
  ["a later close", body("setTimeout(close); return new Promise(() => {});"), /: it ends its thread by close\(\), /],
  ["a throw", body("throw new Error('first\\nsecond');"), SCORE],
  ["a throw of an error without text", body("throw new RangeError('');"), /: RangeError \(verifier\.ts:1:\d+\)$/],
  ["a throw of a text", body("throw 'a\\nb';"), SCORE],
  ["a throw of nothing", body("throw undefined;"), /: it threw undefined$/],
  ["a throw of null", body("throw null;"), SCORE],
  ["a throw of an object", body("throw {};"), /: it threw an object$/],
  ["a throw of an object without a text", body("throw Object.create(null);"), /: it threw an object$/],
  ["a throw of an error whose text is none", body("const e = new Error(); e.message = 5; throw e;"), SCORE],
  ["a throw with control characters", body("throw new Error('\\x1b[2Jgone');"), SCORE],
  ["a throw of 10 MB", body("throw new Error('x'.repeat(10 << 20));"), SCORE],
  ["an undefined name", body("return missing;"), SCORE],
  ["a call of what is no function", body("return (1)();"), SCORE],
  ["recursion without end", "export default function f() { return f() + 1; }", SCORE],
  ["a class", "export default class {}", SCORE],
  ["a rejection", "export default async () => { throw new Error('later'); };", /: later \(verifier\.ts:1:\d+\)$/],
  ["a file that may not be read", body("return Deno.readTextFileSync('/nowhere').length;"), SCORE],
  ...["NaN", "Infinity", "-Infinity", "undefined", "null", "'1'", "1n", "[1]", "{}", "() => 1", "Symbol('a')"]
    .map(
      (value): Case<string> => [`the score ${value}`, `export default () => (${value});`, NUMBER],
    ),
  ["the score of an object without a text", body("return Object.create(null);"), NUMBER],
  ["the score of 10 MB", body("return 'x\\n'.repeat(5 << 20);"), NUMBER],
  ["a promise of NaN", "export default async () => NaN;", NUMBER],
  ["a promise of nothing", "export default async () => {};", NUMBER],
  [
    "a promise that throws when asked",
    body("return { then() { throw new Error('no'); } };"),
    /: no \(verifier\.ts:1:\d+\)$/,
  ],
];

Deno.test("verifierJudge() names module and row of what a verifier does wrong", () =>
  refuseAll(MODULES, (content) =>
    withFolder(async (dir) => {
      const data = typeof content === "string" ? new TextEncoder().encode(content) : content;
      await Deno.writeFile(`${dir}/verifier.ts`, data);
      using judge = await verifierJudge(`${dir}/verifier.ts`, LIMIT);
      await judge.score([responseRow(3)], () => {});
    })));

Deno.test("verifierJudge() takes a local file and nothing else", () => {
  const paths: Case<string>[] = [
    ["a file that is missing", "/nowhere/verifier.ts", /^Cannot load verifier \/nowhere\/verifier\.ts: /],
    ["a folder", "/", /^Cannot load verifier \/: /],
    ["an address", "https://example.com/verifier.ts", /^Cannot load verifier https:.+: Module not found "file:/],
    ["a package", "npm:left-pad", /^Cannot load verifier npm:left-pad: Module not found "file:/],
    ["code in an address", "data:text/javascript,export default () => 1", /^Cannot load verifier data:.+: Module not/],
    ["a part of Node", "node:fs", /^Cannot load verifier node:fs: Module not found "file:/],
  ];
  return refuseAll(paths, (path) => verifierJudge(path, LIMIT));
});
