/** Benchmarks on logical ranks: the numbers of one process. @module */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import type { ChoiceIds } from "../../../core/benchmark/encode_request.ts";
import { loadTokenizer } from "../../../core/data/tokenizer/tokenizer.ts";
import { StoppedError } from "../../../core/error.ts";
import { choiceLogps, type ChoiceOptions } from "../../../core/evaluate/choice_logps.ts";
import type { UntilRow } from "../../../core/evaluate/continue_rows.ts";
import { generateUntil, type UntilOptions } from "../../../core/evaluate/generate_until.ts";
import { runEvaluation } from "../../../core/evaluate/run_evaluation.ts";
import { type AnyModel, freeModel, loadFrozenModel } from "../../../core/model/model.ts";
import { RunChecksums } from "../../../core/run/run_checksums.ts";
import { shareModel } from "../../../core/run/share_model.ts";
import { commands, device } from "../../_shared/device.ts";
import { type WatchedCrew, withCrew } from "../cluster/_crew.ts";
import { MODEL, withTasks, WORDS } from "../loop/_word_tasks.ts";

const tokenizer = await loadTokenizer(MODEL);
const checksums = await RunChecksums.open(null);

/** Runs `use` with the quick start's model, and with what makes it one of a crew. */
async function withModel(
  use: (model: AnyModel, share: (watched: WatchedCrew) => Promise<AnyModel>) => Promise<void>,
): Promise<void> {
  const model = await loadFrozenModel(device, MODEL);
  try {
    await use(model, ({ crew }) => shareModel({ crew, checksums }, model, { dir: MODEL, quantization: "none" }));
  } finally {
    freeModel(model);
  }
}

/** Token ids of a simple rule, below the quick start's vocabulary of 32. */
function ids(count: number, seed: number): number[] {
  return Array.from({ length: count }, (_, i) => 3 + (seed * 7 + i * (5 + seed) + (i * i) % 11) % 29);
}

const SHOTS = ids(12, 40);

/** One to four choices, some of which begin as others do, and half of which have a beginning that many share. */
const DOCUMENTS: ChoiceIds[][] = Array.from({ length: 14 }, (_, d) =>
  Array.from({ length: 1 + d % 4 }, (_, c) => ({
    context: [...d % 2 === 0 ? SHOTS : [], ...ids(3 + d, d)],
    continuation: [4 + c, ...ids(d % 3, c)],
  })));

const told = (): { events: unknown[]; hooks: Pick<ChoiceOptions, "onDocument" | "onProgress"> } => {
  const events: unknown[] = [];
  return {
    events,
    hooks: {
      onDocument: (document, scores) => void events.push([document, structuredClone(scores)]),
      onProgress: (progress) => void events.push(progress),
    },
  };
};

for (const ranks of [1, 2, 3]) {
  Deno.test(`choiceLogps() on ${ranks} ranks gives, in the order of one process, what one gives`, () =>
    withModel(async (model, share) => {
      const options = { documents: DOCUMENTS, sharedPrefix: SHOTS, batchTokens: 40 };
      const alone = told();
      const expected = await choiceLogps(commands, model, { ...options, ...alone.hooks });
      ok(expected.flat().some(({ isGreedy }) => isGreedy) && expected.flat().some(({ isGreedy }) => !isGreedy));
      // Some tasks have fewer batches than there are ranks.
      await withCrew({ ranks, taskIds: 100 }, async (watched) => {
        const shared = await share(watched);
        const together = told();
        deepEqual(await choiceLogps(commands, shared, { ...options, ...together.hooks }), expected);
        deepEqual(together.events, alone.events);
        ok(watched.tasks.length > 2);
        deepEqual(await choiceLogps(commands, shared, { documents: [[]] }), [[]]);
      });
    }));

  Deno.test(`generateUntil() on ${ranks} ranks gives the answers of one process`, () =>
    withModel(async (model, share) => {
      const rows = ["sort ba>", "flip abcd>", "sort fedcba>", "flip a>", "sort ca>", "flip dbcae>", "sort dbca>"]
        .map((text, i): UntilRow => ({
          ids: tokenizer.encode(text, { addSpecialTokens: false }),
          until: i % 2 === 0 ? ["c", "?"] : [],
          maxNewTokens: 1 + 5 * i,
        }));
      const answered = async (asked: AnyModel): Promise<unknown> => {
        const [given, progress] = [[] as unknown[], [] as { done: number; total: number; tokens: number }[]];
        const hooks: Partial<UntilOptions> = {
          onAnswer: (row, answer) => void (given[row] = answer),
          onProgress: (now) => progress.push(now),
        };
        const answers = await generateUntil(commands, asked, tokenizer, { rows, batchSize: 2, ...hooks });
        deepEqual(given, answers);
        deepEqual(progress, progress.toSorted((a, b) => a.tokens - b.tokens || a.done - b.done));
        return { answers, first: progress[0], last: progress.at(-1)!.done };
      };
      const expected = await answered(model);
      await withCrew({ ranks, taskIds: 40 }, async (watched) => {
        deepEqual(await answered(await share(watched)), expected);
        deepEqual(new Set(watched.tasks), new Set(["continue"]));
        ok(watched.tasks.length > 1);
      });
    }));
}

Deno.test("a signal stops all ranks, which then take the next task", () =>
  withModel(async (model, share) => {
    const options = { documents: DOCUMENTS, batchTokens: 20 };
    const expected = await choiceLogps(commands, model, options);
    const before = device.bytes;
    await withCrew({ ranks: 2 }, async (watched) => {
      const shared = await share(watched);
      const stopped = new StoppedError("The evaluation was stopped");
      const choosing = new AbortController();
      const onDocument = (): void => choosing.abort();
      await rejects(choiceLogps(commands, shared, { ...options, onDocument, signal: choosing.signal }), stopped);
      const writing = new AbortController();
      const rows = [1, 2, 3, 4].map((seed) => ({ ids: ids(3, seed), until: [], maxNewTokens: 99 }));
      const onProgress = ({ tokens }: { tokens: number }): void => void (tokens > 0 && writing.abort());
      const asked = { rows, batchSize: 1, onProgress, signal: writing.signal };
      await rejects(generateUntil(commands, shared, tokenizer, asked), stopped);
      equal(watched.crew.isBroken, false);
      deepEqual(await choiceLogps(commands, shared, options), expected);
    });
    equal(device.bytes, before, "its memory is freed");
  }));

Deno.test("runEvaluation() on two ranks keeps the answers, and writes the samples, of one process", () =>
  withTasks(async (dir) => {
    const files = async (folder: string): Promise<Record<string, string>> => {
      const found: Record<string, string> = {};
      for await (const { name } of Deno.readDir(folder)) {
        const kind = /^(answers|samples_choose|samples_write)/.exec(name)?.[1];
        if (kind !== undefined) found[kind] = await Deno.readTextFile(`${folder}/${name}`);
      }
      // Answers that are written are kept as they end.
      const lines = found.answers!.split("\n");
      return { ...found, answers: [...lines.slice(0, WORDS.length), ...lines.slice(WORDS.length).sort()].join("\n") };
    };
    const run = async (output: string, watched: WatchedCrew | null): Promise<Record<string, string>> => {
      const [entry] = await runEvaluation(MODEL, {
        options: { tasks: "choose,write", batchTokens: 20 },
        output,
        taskFiles: [`${dir}/choose.yaml`, `${dir}/write.yaml`],
      }, { crew: watched?.crew ?? null });
      return await files(entry!.files.results.replace(/\/[^/]+$/, ""));
    };
    const alone = await run(`${dir}/alone`, null);
    deepEqual(Object.keys(alone).sort(), ["answers", "samples_choose", "samples_write"]);
    await withCrew({ ranks: 2, isMet: true }, async (watched) => {
      deepEqual(await run(`${dir}/together`, watched), alone);
      deepEqual(watched.tasks, ["choices", "continue"]);
    });
  }));
