/** Quantized models with something changed: a UserError in one line, or numbers that the file has. @module */
import { equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { openModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { UserError } from "../../../core/error.ts";
import { withFolder } from "../_tiny.ts";
import { writeInt4 } from "./_int4_fixtures.ts";
import { writeNf4 } from "./_nf4_fixtures.ts";

const RUNS = 300;

const KINDS: Record<string, (dir: string) => Promise<unknown>> = {
  "bitsandbytes' nf4": (dir) => writeNf4(dir),
  "nf4, quantized twice": (dir) => writeNf4(dir, { isDouble: true }),
  GPTQ: (dir) => writeInt4(dir, { method: "gptq" }),
  AWQ: (dir) => writeInt4(dir, { method: "awq" }),
};

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: number[] }>;

/** Sizes, counts and other values that a header or a config may claim. */
const value = fc.constantFrom<unknown>(0, 1, -1, 3, 8, 32, 64, 2 ** 31, 2 ** 53, 1.5, null, "4", "nf4", true, [], {});

const change = fc.oneof(
  fc.record({ what: fc.constant("shape"), tensor: fc.nat(), at: fc.nat(3), to: fc.nat(300) }),
  fc.record({ what: fc.constant("flip"), tensor: fc.nat() }),
  fc.record({
    what: fc.constant("dtype"),
    tensor: fc.nat(),
    to: fc.constantFrom("F32", "F16", "BF16", "U8", "I32", "NF4", "INT4Z", "X"),
  }),
  fc.record({ what: fc.constant("name"), tensor: fc.nat(), to: fc.nat() }),
  fc.record({ what: fc.constant("offset"), tensor: fc.nat(), at: fc.nat(1), to: fc.nat(2 ** 20) }),
  fc.record({ what: fc.constant("config"), tensor: fc.nat(), to: value }),
  fc.record({ what: fc.constant("byte"), tensor: fc.nat(), to: fc.nat(255) }),
);

/** The folder's files with one thing changed. */
function changed(
  { file, config }: { file: Uint8Array; config: string },
  { what, tensor, at = 0, to }: { what: string; tensor: number; at?: number; to?: unknown },
): { file: Uint8Array; config: string } {
  const length = Number(new DataView(file.buffer).getBigUint64(0, true));
  const header: Header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  const names = Object.keys(header).filter((name) => /proj/.test(name));
  const name = names[tensor % names.length]!;
  const entry = header[name]!;
  if (what === "config") {
    const whole = JSON.parse(config);
    const keys = Object.keys(whole.quantization_config);
    whole.quantization_config[keys[tensor % keys.length]!] = to;
    return { file, config: JSON.stringify(whole) };
  }
  if (what === "byte") {
    const copy = file.slice();
    // Of the header, or of what a quant_state or an index holds.
    copy[8 + tensor % (file.length - 8)] = to as number;
    return { file: copy, config };
  }
  if (what === "shape") entry.shape[at % Math.max(1, entry.shape.length)] = to as number;
  if (what === "flip") entry.shape.reverse();
  if (what === "dtype") entry.dtype = to as string;
  if (what === "offset") entry.data_offsets[at] = to as number;
  if (what === "name") {
    delete header[name];
    header[names[(to as number) % names.length]!] = entry;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const result = new Uint8Array(8 + text.length + file.length - 8 - length);
  new DataView(result.buffer).setBigUint64(0, BigInt(text.length), true);
  result.set(text, 8);
  result.set(file.subarray(8 + length), 8 + text.length);
  return { file: result, config };
}

for (const [kind, write] of Object.entries(KINDS)) {
  Deno.test(`${RUNS} changed models of ${kind} are each refused in one line, or read`, () =>
    withFolder(async (dir) => {
      await write(dir);
      const file = await Deno.readFile(`${dir}/model.safetensors`);
      const config = await Deno.readTextFile(`${dir}/config.json`);
      let refused = 0;
      const property = fc.asyncProperty(change, async (made) => {
        const whole = changed({ file, config }, made);
        await Deno.writeFile(`${dir}/model.safetensors`, whole.file);
        await Deno.writeTextFile(`${dir}/config.json`, whole.config);
        try {
          const folder = await openModelFolder(dir);
          for (const [name, { shape }] of folder.weights.tensors) {
            equal((await folder.readTensor(name)).length, shape.reduce((product, size) => product * size, 1));
          }
        } catch (error) {
          ok(error instanceof UserError, `${error}, of ${JSON.stringify(made)}`);
          ok(!/[\n\r]/.test(error.message), error.message);
          refused++;
        }
      });
      await fc.assert(property, { seed: 1, numRuns: RUNS });
      ok(refused > RUNS / 3 && refused < RUNS, `${refused} refused`);
    }));
}
