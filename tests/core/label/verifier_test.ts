import { deepEqual, rejects } from "node:assert/strict";
import { verifierJudge } from "../../../core/label/verifier.ts";
import { withFolder } from "../_tiny.ts";
import { responseRow } from "./_rows.ts";

/** The scores that a module of this text gives two rows, the second with a reference. */
function scored(text: string, done: number[] = []): ReturnType<Awaited<ReturnType<typeof verifierJudge>>["score"]> {
  return withFolder(async (dir) => {
    await Deno.writeTextFile(`${dir}/verifier.ts`, text);
    const rows = [responseRow(3), responseRow(8, { reference: { answer: 42 } })];
    return await (await verifierJudge(`${dir}/verifier.ts`)).score(rows, (count) => done.push(count));
  });
}

Deno.test("verifierJudge() scores both answers with the module's default export", async () => {
  const done: number[] = [];
  const text = `export default ({ prompt, response, reference }: Record<string, unknown>): Promise<number> =>
    Promise.resolve(String(prompt).length * 1000 + String(response).length + (reference?.answer ?? 0));`;
  deepEqual(await scored(text, done), [{ human: 8005, generated: 8009 }, { human: 8047, generated: 8051 }]);
  deepEqual(done, [1, 2]);
});

Deno.test("verifierJudge() names module and row of a score that is none, or of a throw", async () => {
  const text = (body: string): string =>
    `export default function ({ reference }) { if (reference) ${body}; return 0; }`;
  await rejects(
    scored(text("return NaN")),
    /^UserError: Cannot score row 8 with .*verifier.ts: it returned NaN, expected/,
  );
  await rejects(scored(text("return 'good'")), /it returned good, expected a finite number$/);
  await rejects(scored(text("throw new Error('no\\nway')")), /^UserError: Cannot score row 8 with .*verifier.ts: no$/);
  await rejects(scored(text("throw 7")), / row 8 with .*verifier.ts: .*7$/);
});

Deno.test("verifierJudge() names a module that does not load or exports no function", async () => {
  await rejects(
    scored("export default 3;"),
    /^UserError: Cannot use verifier .*: its default export is number, expected/,
  );
  await rejects(scored("export const score = () => 1;"), /its default export is undefined/);
  await rejects(scored("export default ("), /^UserError: Cannot load verifier .*verifier.ts: /);
  await rejects(verifierJudge("away/nothing.ts"), /^UserError: Cannot load verifier away\/nothing.ts: /);
});
