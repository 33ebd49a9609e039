import { equal, rejects } from "node:assert/strict";
import { LineLog } from "../../../core/files/json_lines.ts";
import { withFolder } from "../_tiny.ts";

Deno.test("LineLog appends lines to what is there", () =>
  withFolder(async (dir) => {
    const path = `${dir}/metrics.jsonl`;
    await (await LineLog.open(path, () => true)).append({ step: 1, loss: 0.5 });
    const log = await LineLog.open(path, () => true);
    await log.append({ step: 2, loss: 0.25 });
    await log.append({ step: 3, loss: 0.125 });
    equal(await Deno.readTextFile(path), '{"step":1,"loss":0.5}\n{"step":2,"loss":0.25}\n{"step":3,"loss":0.125}\n');
  }));

Deno.test("LineLog names a line that is no JSON object, unless it is the last", () =>
  withFolder(async (dir) => {
    const path = `${dir}/metrics.jsonl`;
    for (const line of ["not JSON", "", "null", "[1]", "\0\0\0", "[".repeat(5000)]) {
      await Deno.writeTextFile(path, `{"step":1}\n${line}\n{"step":2}\n`);
      await rejects(
        LineLog.open(path, () => true),
        /^UserError: Cannot read .*metrics.jsonl:2: it is no JSON object, expected a line that this program wrote; mend or delete it$/,
      );
      await Deno.writeTextFile(path, `{"step":1}\n${line}\n`);
      await LineLog.open(path, () => true);
      equal(await Deno.readTextFile(path), '{"step":1}\n');
    }
  }));

Deno.test("LineLog drops a torn last line, and those that will be written again", () =>
  withFolder(async (dir) => {
    const path = `${dir}/metrics.jsonl`;
    await Deno.writeTextFile(path, '{"step":1}\n{"step":2}\n{"step":3}\n{"step":4}\n{"st');
    await (await LineLog.open(path, ({ step }) => Number(step) <= 3)).append({ step: 4 });
    equal(await Deno.readTextFile(path), '{"step":1}\n{"step":2}\n{"step":3}\n{"step":4}\n');
  }));

Deno.test("LineLog drops a whole last line without its newline, as it may be torn too", () =>
  withFolder(async (dir) => {
    const path = `${dir}/metrics.jsonl`;
    await Deno.writeTextFile(path, '{"step":1}\n{"step":2}');
    await LineLog.open(path, () => true);
    equal(await Deno.readTextFile(path), '{"step":1}\n');
  }));

Deno.test("LineLog names a file that cannot be written", () =>
  withFolder(async (dir) => {
    const log = await LineLog.open(`${dir}/away/metrics.jsonl`, () => true);
    await rejects(log.append({ step: 1 }), /^UserError: Cannot write .*metrics.jsonl/);
    await rejects(LineLog.open(dir, () => true), /^UserError: Cannot read /);
  }));
