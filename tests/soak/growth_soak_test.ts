/** Nothing grows over long runs. @module */
import { watchGeneration, watchTraining } from "../_shared/growth.ts";
import { withTinyModel } from "../core/_tiny.ts";

/** What a process's memory may waver by. */
const MOST_BYTES = 16 * 2 ** 20;

Deno.test("1,000 optimizer steps hold the same buffers, bind groups and memory", () =>
  withTinyModel(async ({ dir }) => {
    console.log(await watchTraining(dir, { steps: 1000, warm: 100, mostBytes: MOST_BYTES }));
  }));

Deno.test("10,000 generated rows hold the same buffers, bind groups and memory", () =>
  withTinyModel(async ({ dir }) => {
    console.log(await watchGeneration(dir, { rows: 10_000, warm: 1000, mostBytes: MOST_BYTES }));
  }));
