import { equal, match } from "node:assert/strict";
import { DAWN, fetchDawn } from "../../tools/fetch_dawn.ts";
import { denoArgs } from "../_shared/dnpo.ts";

Deno.test("Dawn's file is loaded with the permission for it, and with no other", async () => {
  try {
    await fetchDawn();
  } catch (error) {
    return console.log(`Dawn: NOT RUN, ${error}`);
  }
  const doctor = async (...permissions: string[]): Promise<{ code: number; out: string }> => {
    const [run, ...rest] = denoArgs(["doctor"]);
    const env = { NO_COLOR: "1", RUST_BACKTRACE: "0", DNPO_CACHE: "", DNPO_WEBGPU: "dawn", DNPO_DAWN: DAWN };
    const args = [run!, "--no-prompt", ...permissions, ...rest];
    const { code, stdout } = await new Deno.Command(Deno.execPath(), { args, env, stdin: "null" }).output();
    return { code, out: new TextDecoder().decode(stdout) };
  };
  for (const permissions of [[], ["--allow-ffi=/elsewhere/dawn.node"]]) {
    const { code, out } = await doctor(...permissions);
    match(out, /Cannot open Dawn: \S+\/\.dawn\/dawn\.node may not be loaded, expected the file and the permission/);
    equal(code, 1);
  }
  const { code, out } = await doctor(`--allow-ffi=${DAWN}`);
  // With an older driver Dawn has no adapter, which it can only say once it is loaded.
  const found = /^webgpu {6}Dawn, which runs take \(dawn\)\ndevice {6}high-performance: .+ \(taken\)$/m.test(out);
  if (!found) match(out, /Cannot open a GPU device: no WebGPU adapter was found/);
  equal(code, found ? 0 : 1);
});
