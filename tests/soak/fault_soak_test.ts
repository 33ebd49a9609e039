/** A run that dies at any change of a file, and is started again, gives the bytes of one that was left alone. @module */
import { equal } from "node:assert/strict";
import { dieAndGoOn } from "../core/loop/_faults.ts";
import { withInput } from "../core/loop/_runs.ts";

Deno.test("train() that dies at any of its changes of files goes on to the same bytes, and to no note of damage", () =>
  withInput(async (dir) => {
    const count = await dieAndGoOn(dir, { iterations: 2, choose: (changes) => [...changes.keys()] });
    console.log(`killed at ${count} changes`);
    equal(count > 200, true, `${count}`);
  }));
