import { equal } from "node:assert/strict";
import { dieAndGoOn } from "./_faults.ts";
import { withInput } from "./_runs.ts";

/** Where a file and its checksum part: one has taken its place and the other has not. */
const BETWEEN =
  /rename \S+\.tmp to \S+\/checksums\.json$|rename \S+ to \S+\/iteration-0\/\w+(\.jsonl)?$|write \S+partial/;

Deno.test("train() that dies between a file and its checksum goes on to the same bytes, and to no note of damage", () =>
  withInput(async (dir) => {
    const choose = (changes: readonly string[]): number[] => {
      const between = [...changes.keys()].filter((i) => BETWEEN.test(changes[i]!));
      // Of the rows of a part of the responses, two.
      const rows = between.filter((i) => /partial/.test(changes[i]!) && /^write/.test(changes[i]!));
      return [...between.filter((i) => !rows.includes(i)), ...rows.slice(4, 8)];
    };
    const count = await dieAndGoOn(dir, { iterations: 1, choose });
    equal(count >= 10, true, `${count}`);
  }));
