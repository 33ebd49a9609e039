import assert from "node:assert/strict";
import { describeError } from "../../cli/run_program.ts";
import { UserError } from "../../core/error.ts";
import { runSource } from "./_process.ts";

/** A process that runs this body as a command. */
function runBody(body: string, options: Parameters<typeof runSource>[1] = {}) {
  return runSource(`import { run } from "./run_program.ts";\nDeno.exit(await run(async () => { ${body} }));`, options);
}

Deno.test("run() passes the exit code on", async () => {
  assert.deepEqual(await runBody("return 130;"), { code: 130, out: "", err: "" });
});

Deno.test("run() prints what the operating system refuses as one line", async () => {
  const { code, err } = await runBody('await Deno.writeTextFile(".", "x"); return 0;', {
    permissions: ["--allow-write"],
  });
  assert.equal(code, 1);
  assert.match(err, /^error: [^\n]+ \(os error \d+\): writefile '\.'\n$/);
});

Deno.test("run() ends without a word where nobody reads the output any more", async () => {
  const body = 'import { print } from "./print.ts";\nimport { run } from "./run_program.ts";\n' +
    'Deno.exit(await run(async () => { while (true) print(Deno.stdout)("x\\n"); }));';
  assert.deepEqual(await runSource(body, { closes: true }), { code: 0, out: "", err: "" });
});

Deno.test("run() names a missing permission", async () => {
  const { code, err } = await runBody('await Deno.readTextFile("/etc/hosts"); return 0;', { permissions: [] });
  assert.equal(code, 1);
  assert.match(
    err,
    /^error: Permission is missing: Requires read access to "\/etc\/hosts", run again with .*--allow-read.*\n$/,
  );
});

Deno.test("run() prints a bug as one line, and its trace only where DNPO_DEBUG asks for it", async () => {
  const bug = "(undefined as unknown as string[]).map(String); return 0;";
  const plain = await runBody(bug, { permissions: ["--allow-env=DNPO_DEBUG"] });
  assert.equal(plain.code, 1);
  assert.match(
    plain.err,
    /^error: TypeError: [^\n]+\nThis is a bug of dnpo\. With DNPO_DEBUG=1 in the environment the trace is shown, for a report\.\n$/,
  );
  const unasked = await runBody(bug, { permissions: [], env: { DNPO_DEBUG: "1" } });
  assert.equal(unasked.err, plain.err);
  const traced = await runBody(bug, { permissions: ["--allow-env=DNPO_DEBUG"], env: { DNPO_DEBUG: "1" } });
  assert.equal(traced.code, 1);
  assert.match(traced.err, /^error: TypeError: [^\n]+\nTypeError: [^\n]+\n +at /);
});

Deno.test("run() prints each of a config's problems as a line", async () => {
  const { code, err } = await runSource(
    `
    import { run } from "./run_program.ts";
    import { loadConfig } from "./../core/config/config.ts";
    Deno.exit(await run(async () => {
      await loadConfig(undefined, { set: ["training.bata=1", "iterations=0"] });
      return 0;
    }));`,
    { permissions: ["--ignore-env"] },
  );
  assert.equal(code, 1);
  assert.equal(
    err,
    "error: --set iterations: expected a number ≥ 1, got 0\n" +
      'error: --set training.bata: unknown key, did you mean "training.beta"?\n',
  );
});

Deno.test("describeError() takes UserError and DeviceError for the user's, and others for bugs", () => {
  assert.deepEqual(describeError(new UserError("Cannot do this")), { lines: ["Cannot do this"], isBug: false });
  class DeviceError extends Error {
    override readonly name = "DeviceError";
  }
  assert.deepEqual(describeError(new DeviceError("Lost the\ndevice")), { lines: ["Lost the device"], isBug: false });
  assert.deepEqual(describeError(new Error("oh")), { lines: ["Error: oh"], isBug: true });
  assert.deepEqual(describeError("oh"), { lines: ["thrown: oh"], isBug: true });
  const node = Object.assign(new TypeError("bad"), { code: "ERR_INVALID_ARG_TYPE" });
  assert.deepEqual(describeError(node), { lines: ["TypeError: bad"], isBug: true });
  const disk = Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
  assert.deepEqual(describeError(disk), { lines: [disk.message], isBug: false });
});

Deno.test("describeError() says that memory ran out", () => {
  assert.throws(() => new ArrayBuffer(2 ** 52), (error) => {
    assert.deepEqual(describeError(error), { lines: ["Out of memory: Array buffer allocation failed"], isBug: false });
    return true;
  });
});

Deno.test("describeError() lets no control characters through", () => {
  const hostile = 'Cannot read "\x1b[2J\x07x"\nand\u009by';
  assert.deepEqual(describeError(new UserError(hostile)).lines, ['Cannot read " [2J x" and y']);
  assert.deepEqual(describeError(new UserError([hostile, "b"])).lines, ['Cannot read " [2J x" and y', "b"]);
});
