import { deepEqual, equal, match, notEqual, ok, rejects } from "node:assert/strict";
import { openSafetensorsAt } from "../../../core/checkpoint/stored_weights.ts";
import { folderDigests } from "../../../core/checkpoint/folder_identity.ts";
import { writeSafetensors } from "../../../core/checkpoint/write_safetensors.ts";
import { sha256 } from "../../../core/files/digest.ts";
import type { PairIds } from "../../../core/model/pack.ts";
import { responseLogps } from "../../../core/model/row_logps.ts";
import { addRejectedLogps, readReferenceLogps } from "../../../core/train/kept_reference.ts";
import { pairRows } from "../../../core/train/training_rows.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { commands, device } from "../../_shared/device.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";
import { pairIds, withTinyModel } from "../_tiny.ts";
import { run, stoppedAt } from "./_optimize.ts";

const TRAINING = { per_device_train_batch_size: 2, max_steps: 4 };
const NOISE = { update: "joint", learning_rate: 1e-2 };

async function readLogps(path: string): Promise<{ chosen: number[]; rejected: number[] }> {
  const file = await openSafetensorsAt(path);
  return { chosen: [...await file.readFloat32("chosen")], rejected: [...await file.readFloat32("rejected")] };
}

/** Adds `by` to every chosen log-probability of the file, whose key stays; its checksum follows, or is left as it was. */
async function shift(path: string, by: number, { sums = true }: { sums?: boolean } = {}): Promise<void> {
  const { metadata } = await openSafetensorsAt(path);
  const logps = await readLogps(path);
  const entries = (["chosen", "rejected"] as const).map((name) => {
    const values = Float32Array.from(logps[name], (x) => name === "chosen" ? x + by : x);
    const bytes = (): Promise<Uint8Array> => Promise.resolve(new Uint8Array(values.buffer));
    return { name, dtype: "F32" as const, shape: [values.length], bytes };
  });
  const sha = await sha256(...await Promise.all(entries.map(async ({ bytes }) => Uint8Array.from(await bytes()))));
  await writeSafetensors(path, entries, { metadata: sums ? { ...metadata, sha256: sha } : metadata });
}

Deno.test("the reference's log-probabilities are those of the responses one by one, of the rows that are used", () =>
  withTinyModel(async ({ dir, model }) => {
    const rows = pairIds(10);
    await run(dir, { training: TRAINING, data: pairRows(rows), name: "a" });
    const { chosen, rejected } = await readLogps(`${dir}/a-reference_logps.safetensors`);
    const score = async (side: "chosenIds" | "rejectedIds"): Promise<number[]> => [
      ...await responseLogps(commands, model, {
        rows: rows.slice(0, 8).map((row) => ({ ...row, responseIds: row[side] })),
      }),
    ];
    // Bit for bit: with a shared prompt, and in another batch. Rows 8 and 9 come in no step.
    deepEqual(chosen, [...await score("chosenIds"), NaN, NaN]);
    deepEqual(rejected, [...await score("rejectedIds"), NaN, NaN]);
    await run(dir, { training: TRAINING, data: pairRows(rows), noise: NOISE, name: "b" });
    const noised = await readLogps(`${dir}/b-reference_logps.safetensors`);
    deepEqual(noised.chosen, chosen);
    // Those that the steps compute; the head that draws noise sums in another order.
    assertClose(noised.rejected.slice(0, 8), rejected.slice(0, 8), { rtol: 1e-5 });
    deepEqual(noised.rejected.slice(8), [NaN, NaN]);
  }));

Deno.test("with noise the rejected responses' numbers are kept by row, whatever the order and the parts, and over a stop", () =>
  withTinyModel(async ({ dir, model }) => {
    const rows = pairIds(10);
    const data = pairRows(rows);
    // Three steps an epoch, of which the last has two rows; two passes of each kind over a batch.
    const training = {
      per_device_train_batch_size: 2,
      gradient_accumulation_steps: 2,
      max_steps: 6,
      shuffle: true,
      save_steps: 2,
    };
    const noise = { update: "alternating", noise_steps: 2, model_steps: 2, learning_rate: 1e-2 };
    await run(dir, { training, data, noise, name: "whole" });
    const { rejected } = await readLogps(`${dir}/whole-reference_logps.safetensors`);
    const scored = await responseLogps(commands, model, {
      rows: rows.map((row) => ({ ...row, responseIds: row.rejectedIds })),
    });
    assertClose(rejected, [...scored], { rtol: 1e-5 });
    // The step at hand is finished, so that one stop is within the first epoch and one after it.
    for (const step of [1, 4]) {
      const stop = new AbortController();
      const options = { training, data, noise, name: `stopped-${step}` };
      const onStep = (done: number): void => done === step ? stop.abort() : undefined;
      equal(await stoppedAt(run(dir, { ...options, signal: stop.signal, onStep })), step + 1);
      await run(dir, options);
      const bytes = (name: string): Promise<Uint8Array> => Deno.readFile(`${dir}/${name}-reference_logps.safetensors`);
      deepEqual(await bytes(`stopped-${step}`), await bytes("whole"));
    }
  }));

Deno.test("with noise a file that was damaged by the end of the training stays as it is, and ends no run", () =>
  withTinyModel(async ({ dir }) => {
    const path = `${dir}/a-reference_logps.safetensors`;
    await run(dir, { training: TRAINING, noise: NOISE, name: "a" });
    await shift(path, 1, { sums: false });
    const shifted = await Deno.readFile(path);
    for (const damaged of [shifted, new TextEncoder().encode("not safetensors")]) {
      const onStep = (done: number): void => done === 1 ? Deno.writeFileSync(path, damaged) : undefined;
      await Deno.remove(`${dir}/a`, { recursive: true }).catch(() => {});
      await Deno.remove(`${dir}/a.jsonl`);
      await run(dir, { training: TRAINING, noise: NOISE, name: "a", onStep });
      deepEqual(await Deno.readFile(path), damaged);
    }
  }));

Deno.test("rejected responses' log-probabilities are not written beside those of chosen ones that do not fit a checksum", () =>
  withTinyModel(async ({ dir }) => {
    const path = `${dir}/a-reference_logps.safetensors`;
    await run(dir, { training: TRAINING, noise: NOISE, name: "a" });
    const { rejected } = await readLogps(path);
    const other = Float32Array.from(rejected, () => -1);
    await addRejectedLogps(path, other.subarray(1));
    deepEqual((await readLogps(path)).rejected, rejected, "nor beside those of other rows");
    await addRejectedLogps(path, other);
    deepEqual((await readLogps(path)).rejected, [...other]);
    await shift(path, 1, { sums: false });
    const damaged = await Deno.readFile(path);
    await addRejectedLogps(path, Float32Array.from(rejected));
    deepEqual(await Deno.readFile(path), damaged);
    await Deno.writeTextFile(path, "not safetensors");
    await addRejectedLogps(path, other);
    equal(await Deno.readTextFile(path), "not safetensors");
    await Deno.remove(path);
    await addRejectedLogps(path, other);
    await rejects(Deno.stat(path), Deno.errors.NotFound);
  }));

Deno.test("the first step's margins are exactly 0: policy and reference agree bit for bit", () =>
  withTinyModel(async ({ dir }) => {
    for (const noise of ["none", NOISE]) {
      const { lines } = await run(dir, { training: TRAINING, noise });
      deepEqual([lines[0]!["rewards/chosen"], lines[0]!["rewards/rejected"]], [0, 0]);
    }
  }));

Deno.test("the kept log-probabilities are used where they fit, and else computed again, with a line that says why", () =>
  withTinyModel(async ({ dir }) => {
    const path = `${dir}/a-reference_logps.safetensors`;
    const notes: string[] = [];
    const onNote = (line: string): void => void notes.push(line);
    const margin = async (rows = pairIds(8)): Promise<number> => {
      notes.length = 0;
      const { lines } = await run(dir, { training: TRAINING, data: pairRows(rows), name: "a", onNote });
      await Deno.remove(`${dir}/a.jsonl`);
      return lines[0]!["rewards/chosen"]!;
    };
    /** Computes them again, and notes why. */
    const again = async (why: RegExp, rows?: PairIds[]): Promise<void> => {
      equal(await margin(rows), 0);
      equal(notes.length, 1);
      const start = `The reference's log-probabilities are computed again: ${path} `;
      ok(notes[0]!.startsWith(start), notes[0]);
      match(notes[0]!.slice(start.length), why);
    };
    equal(await margin(), 0);
    deepEqual(notes, []);
    await shift(path, 1);
    notEqual(await margin(), 0, "they are read");
    deepEqual(notes, []);
    await again(/^is of other rows$/, pairIds(8).toReversed());
    await again(/^is of other rows$/);
    // Of which the steps use the same.
    await again(/^is of other rows$/, [...pairIds(8), pairIds(9)[8]!]);
    await again(/^is of other rows$/);
    await shift(path, 1);
    await writeTinyModel(`${dir}/model`, { seed: 9 });
    await again(/^is of another model$/);
    await shift(path, 1);
    device.tuning = { family: device.family === "cpu" ? "gpu" : "cpu", tiles: {} };
    try {
      await again(/^was computed with kernels "[^"]+", expected "[^"]+"$/);
    } finally {
      device.tuning = null;
    }
    await again(/^was computed with kernels /);
    await shift(path, 1);
    // The same adapter under another WebGPU, whose compiler rounds elsewhere.
    const named = device as { webGpu: string | undefined };
    const own = named.webGpu;
    named.webGpu = "another";
    try {
      await again(/^was computed with device "[^"]+", expected "[^"]+, another"$/);
    } finally {
      named.webGpu = own;
    }
    await again(/^was computed with device "[^"]+, another", expected /);
    await shift(path, 1, { sums: false });
    await again(/^is damaged$/);
    await Deno.writeTextFile(path, "not safetensors");
    await again(/^is damaged$/);
  }));

Deno.test("log-probabilities that were computed in another precision are not read", () =>
  withTinyModel(async ({ dir, model }) => {
    const rows = pairIds(2);
    await run(dir, { training: { per_device_train_batch_size: 2, max_steps: 1 }, data: pairRows(rows), name: "a" });
    const files = await folderDigests(model.folder);
    const path = `${dir}/a-reference_logps.safetensors`;
    const kept = { path, rows, used: [0, 1], rejected: true, files, quantization: "none" as const };
    notEqual(await readReferenceLogps(commands, kept), null);
    notEqual(await readReferenceLogps(commands, { ...kept, precision: "float32" }), null);
    equal(await readReferenceLogps(commands, { ...kept, precision: "float16" }), null);
  }));
