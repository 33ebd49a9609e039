import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { StoppedError } from "../../../core/error.ts";
import { RunJournal } from "../../../core/run/run_journal.ts";
import { readJsonLines } from "../../_shared/trajectory.ts";
import { withFolder } from "../_tiny.ts";

const exists = (path: string): Promise<boolean> => Deno.stat(path).then(() => true, () => false);

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !await holds(); tries++) {
    ok(tries < 100, "it never came");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

Deno.test("RunJournal keeps what a run notes and how far it is, and hands both on", () =>
  withFolder(async (dir) => {
    const notes: string[] = [];
    const events: number[] = [];
    {
      await using journal = await RunJournal.open(dir, {
        onNote: (line) => notes.push(line),
        onProgress: ({ done }) => events.push(done),
      });
      await journal.follow(async () => {
        using _watched = journal.watch({ bytes: 7 });
        journal.onNote("a\nb");
        journal.onProgress({ stage: "generate", iteration: 1, done: 3, total: 9, tokens: 5 });
        journal.onProgress({ stage: "generate", iteration: 1, done: 4, total: 9, tokens: 6 });
        await until(() => exists(`${dir}/progress.json`));
        const { at: _, seconds: __, tokens_per_second, ...progress } = JSON.parse(
          await Deno.readTextFile(`${dir}/progress.json`),
        );
        deepEqual(progress, {
          stage: "generate",
          iteration: 1,
          done: 3,
          total: 9,
          tokens: 5,
          before: 3,
          device_bytes: 7,
        });
        equal(tokens_per_second, 0);
        await journal.endStage();
        equal(await exists(`${dir}/progress.json`), false);
        // What follows is shown at once.
        journal.onProgress({ stage: "label", iteration: 1, done: 0, total: 9 });
        await until(() => exists(`${dir}/progress.json`));
      });
    }
    deepEqual([notes, events], [["a\nb"], [3, 4, 0]]);
    const log = await readJsonLines<Record<string, unknown>>(`${dir}/log.jsonl`);
    deepEqual(log.map(({ at: _, begin, ...line }) => begin ? Object.keys(begin) : line), [
      ["dnpo", "deno", "system"],
      { note: "a\nb" },
      { end: "done" },
    ]);
    match(String(log[0]!.at), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    equal(await exists(`${dir}/progress.json`), false);
  }));

Deno.test("RunJournal logs how a run ended", () =>
  withFolder(async (dir) => {
    for (const error of [new StoppedError("stopped"), new Error("no more memory")]) {
      await using journal = await RunJournal.open(dir, {});
      await rejects(journal.follow(() => Promise.reject(error)));
    }
    const log = await readJsonLines<Record<string, unknown>>(`${dir}/log.jsonl`);
    deepEqual(log.filter(({ end }) => end).map(({ end, problem }) => [end, problem]), [
      ["stopped", undefined],
      ["failed", "no more memory"],
    ]);
  }));

Deno.test("RunJournal stops the run where .stop appears, but not for one that was there before", () =>
  withFolder(async (dir) => {
    await Deno.writeTextFile(`${dir}/.stop`, "");
    const notes: string[] = [];
    const own = new AbortController();
    {
      await using journal = await RunJournal.open(dir, { signal: own.signal, onNote: (line) => notes.push(line) });
      await new Promise((resolve) => setTimeout(resolve, 1300));
      equal(journal.signal.aborted, false);
      await Deno.writeTextFile(`${dir}/.stop`, "");
      await until(() => Promise.resolve(journal.signal.aborted));
      equal(own.signal.aborted, false);
    }
    deepEqual(notes, ["Stopping after the step at hand, as the run's page asks"]);
    equal(await exists(`${dir}/.stop`), false);
    await using journal = await RunJournal.open(dir, { signal: own.signal });
    own.abort();
    equal(journal.signal.aborted, true);
  }));

Deno.test("RunJournal lets a run go on where nothing can be written", () =>
  withFolder(async (dir) => {
    await using journal = await RunJournal.open(`${dir}/none`, {});
    journal.onProgress({ stage: "optimize", done: 0, total: 1 });
    equal(await journal.follow(() => Promise.resolve(3)), 3);
  }));
