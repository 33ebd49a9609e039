/** Errors of the operating system for which Deno has no class and no code. */
import { deepEqual, equal, match } from "node:assert/strict";
import { describeError } from "../../../cli/run_program.ts";
import { UserError } from "../../../core/error.ts";
import { explainIoError } from "../../../core/files/io.ts";
import { withFolder } from "../../_shared/dnpo.ts";

Deno.test("a file that grows beyond its limit is told in one line with its path", () =>
  withFolder(async (dir) => {
    const io = new URL("../../../core/files/atomic.ts", import.meta.url).href;
    const script = `import { writeFileAtomic } from "${io}";
      try { await writeFileAtomic("${dir}/large.bin", new Uint8Array(1 << 20)); }
      catch (error) { console.log(error.name + ": " + error.message); }`;
    await Deno.writeTextFile(`${dir}/write.ts`, script);
    const deno = `"${Deno.execPath()}" run --no-check --quiet --allow-read --allow-write "${dir}/write.ts"`;
    const { stdout, stderr } = await new Deno.Command("bash", {
      // Without the trap, the signal of the limit would end the process.
      args: ["-c", `trap "" XFSZ; ulimit -f 16; ${deno}`],
      env: { RUST_BACKTRACE: "0" },
      stdin: "null",
    }).output();
    const text = new TextDecoder().decode(stdout);
    equal(text, `UserError: Cannot write ${dir}/large.bin: File too large\n`, new TextDecoder().decode(stderr));
  }));

Deno.test("errors that only their message tells from others are the machine's, not the program's", () => {
  for (const text of ["Disk quota exceeded (os error 122)", "Stale file handle (os error 116)"]) {
    const explained = explainIoError(new Error(text), "Cannot write a");
    equal(explained instanceof UserError, true);
    match((explained as Error).message, /^Cannot write a: [A-Z][a-z ]+$/);
    deepEqual(describeError(new Error(text)), { lines: [text], isBug: false });
  }
  const other = new Error("os error");
  equal(explainIoError(other, "Cannot write a"), other);
  equal(describeError(other).isBug, true);
});
