/** A run that began before there were checksums goes on, and says that it cannot be checked. @module */
import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { openSafetensorsAt } from "../../../core/checkpoint/stored_weights.ts";
import { writeSafetensors } from "../../../core/checkpoint/write_safetensors.ts";
import { train } from "../../../core/loop/train_run.ts";
import { readJsonLines } from "../../_shared/trajectory.ts";
import { configOf, withInput } from "./_runs.ts";

Deno.test("train() goes on with a run without checksums, to the same bytes, and says so in one line", () =>
  withInput(async (dir) => {
    const keys = { iterations: 2, training: { max_steps: 4, save_steps: 1 } };
    const config = await configOf(dir, keys);
    const stop = new AbortController();
    const onProgress = (event: { stage: string; iteration?: number; done: number }): void => {
      if (event.stage === "optimize" && event.iteration === 1 && event.done === 2) stop.abort();
    };
    await rejects(train(config, { signal: stop.signal, onProgress }), /^StoppedError/);
    await Deno.remove(`${dir}/run/checksums.json`);
    const path = `${dir}/run/iteration-1/state/step-3.safetensors`;
    const { metadata, tensors, readBytes } = await openSafetensorsAt(path);
    const record = JSON.parse(metadata.dnpo_state!);
    delete record.origin.begun;
    const entries = [...tensors].filter(([name]) => name !== "crc32").map(([name, { shape }]) => ({
      ...{ name, dtype: "F32" as const, shape },
      bytes: () => readBytes(name),
    }));
    await writeSafetensors(path, entries, { metadata: { dnpo_state: JSON.stringify(record) } });
    const notes: string[] = [];
    await train(config, { onNote: (line) => notes.push(line) });
    const told = notes.filter((line) => /checksum|changed/.test(line));
    equal(told.length, 1, told.join("\n"));
    // It is told before work begins, and stands in the run's log all the same.
    const log = await readJsonLines<{ note?: string }>(`${dir}/run/log.jsonl`);
    equal(log.filter(({ note }) => note === told[0]).length, 1);
    match(told[0]!, /^\S+ has no checksum, as the run began before there were any, .*: it cannot be checked, nor can /);
    await train(await configOf(dir, { ...keys, output_dir: `${dir}/whole` }));
    for (const name of ["metrics.jsonl", "model/model.safetensors"]) {
      deepEqual(await Deno.readFile(`${dir}/run/${name}`), await Deno.readFile(`${dir}/whole/${name}`), name);
    }
  }));
