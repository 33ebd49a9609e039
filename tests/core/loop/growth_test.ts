import { watchGeneration, watchTraining } from "../../_shared/growth.ts";
import { withTinyModel } from "../_tiny.ts";

/** What a process's memory may waver by within so short a time. */
const MOST_BYTES = 64 * 2 ** 20;

Deno.test("training holds the same buffers and bind groups once every kind of batch was seen", () =>
  withTinyModel(async ({ dir }) => {
    await watchTraining(dir, { steps: 60, warm: 35, mostBytes: MOST_BYTES });
  }));

Deno.test("generation holds the same buffers and bind groups once all slots were in use", () =>
  withTinyModel(async ({ dir }) => {
    await watchGeneration(dir, { rows: 500, warm: 100, mostBytes: MOST_BYTES });
  }));
