/** How many states are kept, and what a killed process leaves of them. @module */
import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { writeSafetensors } from "../../../core/checkpoint/write_safetensors.ts";
import { loadState, newestState, readStateRecord, saveState } from "../../../core/train/resume_state.ts";
import type { Origin } from "../../../core/train/state_record.ts";
import { wholeBuffers } from "../../../core/train/state_buffer.ts";
import { ownState } from "../../../core/train/state_transfer.ts";
import { device } from "../../_shared/device.ts";
import { withFolder, withTinyModel } from "../_tiny.ts";
import { run, stoppedAt } from "./_optimize.ts";

const origin = {} as Origin;

async function namesIn(dir: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(dir), ({ name }) => name)).sort();
}

Deno.test("saveState() keeps the newest states, by number and not by name, and removes what killed saves left", () =>
  withFolder(async (dir) => {
    const values = device.alloc(16, "values");
    const save = (step: number, keep: number): Promise<void> =>
      saveState(dir, {
        transfer: ownState(device),
        buffers: wholeBuffers({ values }),
        record: { step, tokens: 1, pending: [], last: {}, origin },
        keep,
      });
    equal(await newestState(dir), null);
    for (const step of [2, 4, 8, 10]) await save(step, 3);
    deepEqual(await namesIn(dir), ["step-10.safetensors", "step-4.safetensors", "step-8.safetensors"]);
    // As where it was killed between the rename and the removal, and once while it wrote.
    for (const name of ["step-2.safetensors", "step-6.safetensors.tmp"]) {
      await Deno.writeTextFile(`${dir}/${name}`, "x");
    }
    await Deno.writeTextFile(`${dir}/notes.txt`, "mine");
    const saved = (await newestState(dir))!;
    deepEqual([saved.step, saved.advice], [10, "delete the file to go on from step 8"]);
    equal((await readStateRecord(saved)).record.step, 10);
    await save(12, 3);
    deepEqual(await namesIn(dir), ["notes.txt", "step-10.safetensors", "step-12.safetensors", "step-8.safetensors"]);
    await save(14, 1);
    deepEqual(await namesIn(dir), ["notes.txt", "step-14.safetensors"]);
    equal((await newestState(dir))!.advice, "delete the file to start this iteration again");
    // What is newest stays, whatever is in the way of removing the rest.
    await Deno.mkdir(`${dir}/step-1.safetensors/full`, { recursive: true });
    await rejects(save(16, 1), /^UserError: Cannot remove the old state .*step-1\.safetensors: [^\n]+$/);
    equal((await newestState(dir))!.step, 16);
    device.free(values);
  }));

Deno.test("loadState() uploads what saveState() wrote, in pieces", () =>
  withFolder(async (dir) => {
    const [a, b] = [Uint32Array.from({ length: 10 }, (_, i) => i + 1), Uint32Array.of(7, 8)];
    const [transfer, record] = [ownState(device), { step: 1, tokens: 1, pending: [], last: {}, origin }];
    const from = { a: device.upload(a, "a"), b: device.upload(b, "b") };
    const to = { a: device.alloc(40, "a"), b: device.alloc(8, "b") };
    await saveState(dir, { transfer, buffers: wholeBuffers(from), record, keep: 1 });
    equal(
      (await loadState((await newestState(dir))!, { transfer, buffers: wholeBuffers(to), pieceBytes: 16 })).length,
      0,
    );
    deepEqual(new Uint32Array(await device.read(to.a)), a);
    deepEqual(new Uint32Array(await device.read(to.b)), b);
    // A state of an older version lacks what it may lack, and nothing else.
    const more = { ...to, c: device.alloc(8, "c") };
    const saved = (await newestState(dir))!;
    deepEqual(await loadState(saved, { transfer, buffers: wholeBuffers(more), mayLack: ["b", "c"] }), ["c"]);
    await rejects(
      loadState(saved, { transfer, buffers: wholeBuffers(more) }),
      /^UserError: Cannot resume from .*: "c" is 0 bytes, expected 8;/,
    );
    for (const slice of [from.a, from.b, ...Object.values(more)]) device.free(slice);
  }));

Deno.test("a state with any changed byte is refused in one line that says what to delete; one without a seal is told apart", () =>
  withFolder(async (dir) => {
    const values = device.alloc(64, "values");
    const begun = { folder: "model", files: { "config.json": "0".repeat(64) } };
    const record = { step: 4, tokens: 1, pending: [{ loss: 1 }], last: {}, origin: { ...origin, begun } };
    await saveState(dir, { transfer: ownState(device), buffers: wholeBuffers({ values }), record, keep: 1 });
    const saved = (await newestState(dir))!;
    deepEqual(await readStateRecord(saved), { record, isSealed: true });
    const bytes = await Deno.readFile(saved.path);
    let sums = 0;
    for (let i = 0; i < bytes.length; i++) {
      const changed = Uint8Array.from(bytes);
      changed[i]! ^= 1 << (i % 7);
      await Deno.writeFile(saved.path, changed);
      await rejects(readStateRecord(saved), ({ name, message }: Error) => {
        equal(name, "UserError", `byte ${i}: ${message}`);
        match(
          message,
          /^Cannot [^\n]*step-4\.safetensors[^\n]*; delete the file to start this iteration again$/,
          `byte ${i}`,
        );
        if (/CRC-32 [0-9a-f]{8}, expected [0-9a-f]{8} /.test(message)) sums++;
        return true;
      });
    }
    // Where the header cannot be read at all, that is what is said.
    equal(sums > bytes.length / 2, true, `${sums} of ${bytes.length}`);
    await writeSafetensors(saved.path, [], { metadata: { dnpo_state: JSON.stringify({ ...record, origin }) } });
    deepEqual(await readStateRecord(saved), { record: { ...record, origin }, isSealed: false });
    device.free(values);
  }));

Deno.test("training.save_total_limit: a run goes back to the state before where the newest is deleted, to the same bytes", () =>
  withTinyModel(async ({ dir }) => {
    const training = { max_steps: 7, save_steps: 1, save_total_limit: 3 };
    const whole = await run(dir, { training });
    const stop = new AbortController();
    const onStep = (done: number): void => done === 5 ? stop.abort() : undefined;
    await stoppedAt(run(dir, { training, name: "a", onStep, signal: stop.signal }));
    const left = await namesIn(`${dir}/a`);
    equal(left.length, 3, left.join());
    await Deno.remove(`${dir}/a/${left.at(-1)}`);
    const rest = await run(dir, { training, name: "a" });
    deepEqual(rest.lines, whole.lines);
    deepEqual(rest.weights, whole.weights);
  }));

Deno.test("training.save_minutes: states are saved by time too, which changes no number, and a run goes on from them", () =>
  withTinyModel(async ({ dir }) => {
    const training = { max_steps: 7, logging_steps: 3 };
    const whole = await run(dir, { training });
    // At most a tenth of the time is for saving, so that not every step saves.
    const saved = new Set<string>();
    const timed = { ...training, save_minutes: 1e-9 };
    const note = (done: number): void => {
      if (done > 0) { for (const { name } of Deno.readDirSync(`${dir}/all`)) saved.add(name); }
    };
    const all = await run(dir, { training: timed, name: "all", onStep: note });
    equal(saved.has("step-1.safetensors"), true, [...saved].join());
    deepEqual(all.lines, whole.lines);
    deepEqual(all.weights, whole.weights);
    // As where a process is killed: the states are as they are, and nobody saves another one.
    const killed = new Error("killed");
    const onStep = (done: number): void => {
      if (done === 2) throw killed;
    };
    await rejects(run(dir, { training: timed, name: "a", onStep }), killed);
    deepEqual(await namesIn(`${dir}/a`), ["step-1.safetensors"]);
    const rest = await run(dir, { training: { ...training, logging_steps: 3 }, name: "a" });
    deepEqual(rest.lines, whole.lines);
    deepEqual(rest.weights, whole.weights);
    // By default five minutes: a short run saves none.
    await rejects(run(dir, { training, name: "b", onStep }), killed);
    await rejects(namesIn(`${dir}/b`), Deno.errors.NotFound);
  }));
