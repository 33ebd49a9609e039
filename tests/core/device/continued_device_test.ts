/** The kernels and the width of vectors that a run goes on with, and what is said where the environment asks for others. */
import { deepEqual, match } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { withFolder } from "../../_shared/dnpo.ts";

/** Opens a run's device again and again with other variables; prints families, notes and errors, a list of each. */
const SCRIPT = `
import { loadConfig } from "./core/config/config.ts";
import { openRunDevice } from "./core/device/run_device.ts";
const config = await loadConfig(undefined, { set: ["autotune=false"] });
const [record, ...asked] = Deno.args;
const opened = [];
for (const one of asked) {
  const [name, value] = one.split("=");
  for (const other of ["DNPO_KERNELS", "LP_NATIVE_VECTOR_WIDTH"]) Deno.env.delete(other);
  Deno.env.set(name, value);
  const notes = [];
  try {
    const device = await openRunDevice(config, { model: undefined, record, onNote: (line) => notes.push(line) });
    opened.push([device.family, notes.join("\\n"), device.name]);
    device.destroy();
  } catch (error) {
    opened.push([error.name, error.message, ""]);
  }
}
console.log(JSON.stringify(opened));
`;

/** What a process of its own opens, which may read these variables. */
async function opened(
  record: string,
  asked: readonly string[],
): Promise<[family: string, said: string, name: string][]> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", SCRIPT, record, ...asked],
    cwd: fileURLToPath(new URL("../../../", import.meta.url)),
    env: { DNPO_CACHE: "", XDG_RUNTIME_DIR: "/tmp", NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  match(text, /^\[.*\]\n$/, new TextDecoder().decode(stderr));
  return JSON.parse(text);
}

Deno.test("openRunDevice() goes on with the family of kernels that a run began with, unless DNPO_KERNELS names the other", () =>
  withFolder(async (dir) => {
    const record = `${dir}/kernels.json`;
    const [first] = await opened(`${dir}/own.json`, ["DNPO_KERNELS="]);
    const own = first![0];
    const other = own === "cpu" ? "gpu" : "cpu";
    const named = [other, "", other, own].map((family) => `DNPO_KERNELS=${family}`);
    const families = (await opened(record, named)).map(([family, said]) => [family, said]);
    deepEqual(families, [
      [other, ""],
      [other, `The run goes on with the ${other} kernels that it began with, though DNPO_KERNELS is not set`],
      [other, ""],
      [
        own,
        `Warning: the run began with ${other} kernels, and goes on with ${own} ones, as DNPO_KERNELS says: ` +
        "the last digits will differ",
      ],
    ]);
    deepEqual(JSON.parse(await Deno.readTextFile(record)).family, other);
  }));

Deno.test("openRunDevice() refuses what is no width of vectors, and says where a run goes on with its own", () =>
  withFolder(async (dir) => {
    const record = `${dir}/kernels.json`;
    const width = (bits: string): string => `LP_NATIVE_VECTOR_WIDTH=${bits}`;
    const [refused, begun, kept] = await opened(record, ["300", "128", "512"].map(width));
    const expected = 'Cannot choose the width of vectors: LP_NATIVE_VECTOR_WIDTH is "300", expected 128, 256 or 512';
    deepEqual(refused, ["UserError", expected, ""]);
    const isLavapipe = begun![2].includes("128 bits");
    const said = "The run goes on with vectors of 128 bits, as it began: LP_NATIVE_VECTOR_WIDTH is 512";
    deepEqual([begun![1], kept![1]], ["", isLavapipe ? said : ""]);
    // In another process too, whose driver is loaded anew.
    deepEqual(await opened(record, [width("512")]), [kept]);
  }));
