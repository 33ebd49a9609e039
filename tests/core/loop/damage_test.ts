/** What a run reads back of its own files: a changed byte in a state or model is refused, changed rows are told. @module */
import { deepEqual, equal, match, notDeepEqual, rejects } from "node:assert/strict";
import { train } from "../../../core/loop/train_run.ts";
import { readRun } from "../../../core/run/read_run.ts";
import { type ResolvedConfig, UserError } from "../../../mod.ts";
import { readJsonLines } from "../../_shared/trajectory.ts";
import { walk } from "../../e2e/_files.ts";
import { configOf, withChat, withInput } from "./_runs.ts";

/** Runs `train` until the optimizer has done `step` steps of an iteration, and stops it. */
async function stopAt(config: ResolvedConfig, { iteration, step }: { iteration: number; step: number }): Promise<void> {
  const stop = new AbortController();
  const onProgress = (event: { stage: string; iteration?: number; done: number }): void => {
    if (event.stage === "optimize" && event.iteration === iteration && event.done === step) stop.abort();
  };
  await rejects(train(config, { signal: stop.signal, onProgress }), /^StoppedError/);
}

/** Trains, and returns what was noted. */
async function notesOf(config: ResolvedConfig): Promise<string[]> {
  const notes: string[] = [];
  await train(config, { onNote: (line) => notes.push(line) });
  return notes;
}

async function refused(config: ResolvedConfig, expected: RegExp, what: string): Promise<void> {
  await rejects(train(config), (error: Error) => {
    equal(error instanceof UserError, true, `${what}: ${error.stack}`);
    equal(error.message.includes("\n"), false, what);
    match(error.message, expected, what);
    return true;
  });
}

/** Files by their paths in a folder. */
async function filesOf(dir: string): Promise<Record<string, Uint8Array>> {
  const paths = await walk(dir);
  return Object.fromEntries(
    await Promise.all(paths.map(async (path) => [path.slice(dir.length + 1), await Deno.readFile(path)])),
  );
}

async function restore(dir: string, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  await Deno.remove(dir, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) {
    const path = `${dir}/${name}`;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.writeFile(path, bytes);
  }
}

const TRAINING = { max_steps: 4, save_steps: 1, save_total_limit: 3 };

Deno.test("a changed byte in any file of a model or state of the run ends it in a line that names the file", () =>
  withChat(async (dir) => {
    const generation = { max_new_tokens: 4 };
    const config = await configOf(dir, { iterations: 2, generation, training: TRAINING });
    await stopAt(config, { iteration: 1, step: 2 });
    const run = `${dir}/run`;
    const files = await filesOf(run);
    const names = Object.keys(files).filter((name) => /\/(model|state)\//.test(name));
    deepEqual(
      names.map((name) => name.replace(/.*\//, "")).sort(),
      ["config.json", "generation_config.json", "model.safetensors", "step-1.safetensors", "step-2.safetensors"].concat(
        ["step-3.safetensors", "tokenizer.json", "tokenizer_config.json"],
      ),
    );
    for (const name of names) {
      const bytes = files[name]!;
      const places = name.endsWith(".safetensors") ? [0, 40, bytes.length >> 1, bytes.length - 1] : [bytes.length >> 1];
      for (const at of places) {
        const changed = Uint8Array.from(bytes);
        changed[at]! ^= 4;
        await Deno.writeFile(`${run}/${name}`, changed);
        const what = `byte ${at} of ${name}`;
        if (name.includes("/model/")) {
          const file = name.replaceAll(".", "\\.");
          await refused(
            config,
            new RegExp(
              `^Cannot use a model of the run: \\S+/${file} has SHA-256 \\S{16}…, expected \\S{16}… as it was ` +
                "written; delete \\S+/iteration-0/model and \\S+/iteration-1 to train them again$",
            ),
            what,
          );
        } else if (name.endsWith("step-3.safetensors")) {
          await refused(config, /^Cannot \S+ .*step-3\.safetensors: .*; delete the file to go on from step 2$/, what);
        }
      }
      await Deno.writeFile(`${run}/${name}`, bytes);
    }
    // Files that make another tokenizer or model of it, or that are missing.
    await Deno.writeTextFile(`${run}/iteration-0/model/chat_template.jinja`, "{{ messages }}");
    await refused(
      config,
      /iteration-0\/model\/chat_template\.jinja is there \(SHA-256 .*\), expected none as it was/,
      "",
    );
    await Deno.remove(`${run}/iteration-0/model/chat_template.jinja`);
    await Deno.writeTextFile(`${run}/iteration-0/model/notes.txt`, "not a part of the model");
    await Deno.remove(`${run}/iteration-0/model/tokenizer_config.json`);
    await refused(config, /iteration-0\/model\/tokenizer_config\.json is missing, expected one with SHA-256 /, "");
    await restore(run, files);

    // Pairs in another order are other data than all of the states are of.
    const pairs = `${run}/iteration-1/pairs.jsonl`;
    const rows = (await Deno.readTextFile(pairs)).trimEnd().split("\n");
    await Deno.writeTextFile(pairs, rows.reverse().join("\n") + "\n");
    await refused(
      config,
      /: data is .*, expected .* as in \S+step-3\.safetensors; delete \S+\/iteration-1\/state to start this iteration again$/,
      "",
    );
    await restore(run, files);

    // The older state is checked as the newest is, where the newest is deleted.
    await Deno.remove(`${run}/iteration-1/state/step-3.safetensors`);
    const older = Uint8Array.from(files["iteration-1/state/step-2.safetensors"]!);
    older[older.length - 50]! ^= 1;
    await Deno.writeFile(`${run}/iteration-1/state/step-2.safetensors`, older);
    await refused(
      config,
      /step-2\.safetensors: its bytes have the CRC-32 .*; delete the file to go on from step 1$/,
      "",
    );
    await Deno.remove(`${run}/iteration-1/state/step-2.safetensors`);

    // What is deleted is made again: the same bytes in the end as of a run that was left alone.
    await Deno.remove(`${run}/iteration-0/model`, { recursive: true });
    await Deno.remove(`${run}/iteration-1`, { recursive: true });
    deepEqual((await notesOf(config)).filter((line) => /checksum|changed/.test(line)), []);
    const whole = await configOf(dir, { iterations: 2, generation, training: TRAINING, output_dir: `${dir}/whole` });
    await train(whole);
    for (const name of ["metrics.jsonl", "model/model.safetensors", "iteration-0/model/model.safetensors"]) {
      deepEqual(await Deno.readFile(`${run}/${name}`), await Deno.readFile(`${dir}/whole/${name}`), name);
    }
  }));

Deno.test("an evaluation with another digit ends the run in a line that names the file", () =>
  withInput(async (dir) => {
    const data = { train: `${dir}/rows.jsonl`, eval: `${dir}/rows.jsonl` };
    const config = await configOf(dir, { iterations: 1, data, training: TRAINING });
    await train(config);
    const kept = await filesOf(`${dir}/run`);
    for (const name of ["evaluation.json", "iteration-0/evaluation.json"]) {
      const text = new TextDecoder().decode(kept[name]);
      await Deno.writeTextFile(
        `${dir}/run/${name}`,
        text.replace(/\d(?=,|\n)/, (digit) => `${(Number(digit) + 1) % 10}`),
      );
      await refused(
        config,
        /^Cannot use \S+evaluation\.json: it has SHA-256 \S{16}…, expected \S{16}… as it was written; delete the file to evaluate again$/,
        name,
      );
      await Deno.remove(`${dir}/run/${name}`);
      deepEqual((await notesOf(config)).filter((line) => /checksum|changed/.test(line)), []);
      deepEqual(await Deno.readFile(`${dir}/run/${name}`), kept[name], name);
    }
    const again = await filesOf(`${dir}/run`);
    deepEqual(again["summary.json"], kept["summary.json"]);
  }));

/** A row of the file with another value of `key`. */
async function edit(path: string, line: number, key: string, value: unknown): Promise<void> {
  const lines = (await Deno.readTextFile(path)).split("\n");
  lines[line] = JSON.stringify({ ...JSON.parse(lines[line]!), [key]: value });
  await Deno.writeTextFile(path, lines.join("\n"));
}

Deno.test("responses and pairs that were edited are used as they are, noted in a line, and recorded", () =>
  withInput(async (dir) => {
    const config = await configOf(dir, { iterations: 1, training: TRAINING });
    const run = `${dir}/run`;
    await stopAt(config, { iteration: 0, step: 0 });
    const [responses, pairs] = [`${run}/iteration-0/responses.jsonl`, `${run}/iteration-0/pairs.jsonl`];
    await Deno.remove(pairs);
    await Deno.remove(`${run}/iteration-0/state`, { recursive: true }).catch(() => {});
    await edit(responses, 2, "generated_ids", [9, 9, 2]);
    const notes: string[] = [];
    const stop = new AbortController();
    const onNote = (line: string): void => void notes.push(line);
    const onProgress = ({ stage }: { stage: string }): void => stage === "optimize" ? stop.abort() : undefined;
    await rejects(train(config, { onNote, onProgress, signal: stop.signal }), /^StoppedError/);
    const changed = notes.filter((line) => line.includes("changed"));
    equal(changed.length, 1, notes.join("\n"));
    match(
      changed[0]!,
      /^\S+\/iteration-0\/responses\.jsonl was changed since it was written \(SHA-256 \S{16}…, then \S{16}…\): the run goes on with it as it is, and records it as edited$/,
    );
    // Whoever follows the run by its folder reads the same.
    const log = await readJsonLines<{ note?: string; begin?: unknown }>(`${run}/log.jsonl`);
    const own = log.slice(log.findLastIndex(({ begin }) => begin !== undefined));
    deepEqual(own.flatMap(({ note }) => note ?? []), notes);
    match(await Deno.readTextFile(pairs), /"rejected_ids":\[9,9,2\]/);
    await Deno.remove(`${run}/iteration-0/state`, { recursive: true }).catch(() => {});
    await edit(pairs, 0, "chosen_ids", [7, 7, 2]);
    const more = (await notesOf(config)).filter((line) => line.includes("changed"));
    equal(more.length, 1, more.join("\n"));
    match(more[0]!, /iteration-0\/pairs\.jsonl was changed/);

    const edited = ["iteration-0/pairs.jsonl", "iteration-0/responses.jsonl"];
    deepEqual((await readRun(run)).edited, edited);
    deepEqual(JSON.parse(await Deno.readTextFile(`${run}/summary.json`)).edited, edited);
    match(
      await Deno.readTextFile(`${run}/report.html`),
      /Edited by hand .*<code>iteration-0\/pairs\.jsonl, iteration-0/,
    );
    // The edits tell: it is another model than without them.
    const plain = await configOf(dir, { iterations: 1, training: TRAINING, output_dir: `${dir}/plain` });
    deepEqual((await notesOf(plain)).filter((line) => line.includes("changed")), []);
    equal((await readRun(`${dir}/plain`)).edited.length, 0);
    const weights = (name: string): Promise<Uint8Array> => Deno.readFile(`${dir}/${name}/model/model.safetensors`);
    notDeepEqual(await weights("run"), await weights("plain"));
  }));

Deno.test("rows of a part of the responses that were edited are kept, noted and recorded; a torn last line is not noted", () =>
  withInput(async (dir) => {
    const config = await configOf(dir, {
      iterations: 1,
      training: { max_steps: 1 },
      generation: { batch_size: 2, seed: 5 },
    });
    const run = `${dir}/run`;
    const stop = new AbortController();
    const onProgress = ({ stage, done }: { stage: string; done: number }): void =>
      stage === "generate" && done >= 5 ? stop.abort() : undefined;
    await rejects(train(config, { signal: stop.signal, onProgress }), /^StoppedError/);
    const partial = `${run}/iteration-0/responses.partial.jsonl`;
    const kept = await filesOf(run);
    const lines = (await Deno.readTextFile(partial)).split("\n");
    equal(lines.length >= 5, true, `${lines.length}`);
    const resume = async (text: string): Promise<string[]> => {
      await restore(run, kept);
      await Deno.writeTextFile(partial, text);
      return (await notesOf(config)).filter((line) => /changed|checksum/.test(line));
    };
    const whole = lines.join("\n");
    deepEqual(await resume(whole), []);
    const left = await Deno.readTextFile(`${run}/iteration-0/responses.jsonl`);
    deepEqual((await walk(`${run}/iteration-0`)).filter((path) => path.includes("partial")), []);
    // A torn line, a line too few, none at all, zeros as after a power cut: all come out as one that was left alone.
    for (
      const text of [whole.slice(0, -9), `${whole}{"row":`, lines.slice(0, 2).join("\n") + "\n", "", `${whole}\0\0`]
    ) {
      deepEqual(await resume(text), [], JSON.stringify(text.slice(-20)));
      equal(await Deno.readTextFile(`${run}/iteration-0/responses.jsonl`), left);
      deepEqual((await readRun(run)).edited, []);
    }
    const ids = JSON.stringify({ ...JSON.parse(lines[1]!), generated_ids: [8, 8, 8, 2] });
    const notes = await resume(lines.toSpliced(1, 1, ids).join("\n"));
    equal(notes.length, 1, notes.join("\n"));
    match(notes[0]!, /\/iteration-0\/responses\.partial\.jsonl:2 was changed since it was written \(SHA-256 /);
    match(await Deno.readTextFile(`${run}/iteration-0/responses.jsonl`), /"generated_ids":\[8,8,8,2\]/);
    deepEqual((await readRun(run)).edited, ["iteration-0/responses.partial.jsonl"]);
  }));
