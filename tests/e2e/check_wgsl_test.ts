import { equal, match } from "node:assert/strict";
import { TEST_PROCESS_ENV } from "../../tools/test_process.ts";

const TOOL = new URL("../../tools/check_wgsl.ts", import.meta.url).pathname;

/** Runs the tool on one text. */
async function check(code: string): Promise<{ code: number; out: string; err: string }> {
  const path = await Deno.makeTempFile({ suffix: ".wgsl" });
  try {
    await Deno.writeTextFile(path, code);
    const args = [
      "run",
      "--quiet",
      "--frozen",
      "--no-check",
      "--no-prompt",
      "--allow-read",
      "--allow-ffi",
      "--ignore-env",
      TOOL,
      path,
    ];
    const { code: status, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, env: TEST_PROCESS_ENV })
      .output();
    const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes).replaceAll(path, "FILE");
    return { code: status, out: text(stdout), err: text(stderr) };
  } finally {
    await Deno.remove(path);
  }
}

/** A kernel whose lanes wait for each other behind `condition`. */
function waiting(condition: string): string {
  return `@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_id) local: vec3u, @builtin(workgroup_id) group: vec3u) {
  if (${condition}) {
    return;
  }
  workgroupBarrier();
  x[local.x] = 1u;
}
`;
}

Deno.test("check:wgsl refuses a barrier that not all lanes pass, on one line, and takes one that all do", async () => {
  const good = await check(waiting("group.x > 3u"));
  // Dawn comes from npm; where it cannot be had the tool says so.
  if (good.out.includes("NOT RUN")) return console.log("check:wgsl: NOT RUN, Dawn's package cannot be had");
  equal(good.err, "");
  match(good.out, /^check:wgsl: 1 pipelines, 0 refused/);
  equal(good.code, 0);
  const bad = await check(waiting("local.x > 3u"));
  match(
    bad.err,
    /^FILE \(file\): :7:3 error: 'workgroupBarrier' must only be called from uniform control flow; :4:3 note: .*\n$/,
  );
  match(bad.out, /^check:wgsl: 1 pipelines, 1 refused/);
  equal(bad.code, 1);
});
