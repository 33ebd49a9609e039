import { deepEqual, ok } from "node:assert/strict";
import { DTYPE_NAMES } from "../../core/dtype.ts";
import { cacheBytes, gigabytes, trainingBytes } from "../../tools/memory_table.ts";
import { withFolder } from "../_shared/dnpo.ts";

/** Adapters of rank 16 over an int4 base, layers computed again. */
const LIGHT = { lora: { r: 16 }, quantization: "int4", training: { gradient_checkpointing: true } };

Deno.test("a model of 7B shape trains on pairs of 1,024 tokens a side within 9.5 GB (DNPO) and 7.5 GB (DPO)", () =>
  withFolder(async (dir) => {
    const dpo = await trainingBytes(dir, "Zephyr-7B", { ...LIGHT, method: "dpo", noise: "none" });
    const dnpo = await trainingBytes(dir, "Zephyr-7B", { ...LIGHT, method: "dnpo", noise: { update: "joint" } });
    // 7.24e9 parameters, of which embedding and LM head are bfloat16 and the rest 4.5 bits, are 4.45e9 bytes.
    ok(dpo > 4.45e9 && dpo <= 7.5e9, `DPO takes ${dpo} bytes`);
    const page = await Deno.readTextFile(new URL("../../docs/memory.md", import.meta.url));
    const rows = page.split("\n").filter((line) => line.startsWith("| Zephyr-7B"));
    for (const [i, bytes] of [dpo, dnpo].entries()) {
      const cell = rows[i]!.split("|")[5]!;
      ok(cell.trim().endsWith(`/ ${gigabytes(bytes)}`), `docs/memory.md has ${cell}, deno task docs:memory writes it`);
    }
    // k and v of 32 layers with 8 heads of 128, of 32 rows of 1,024 tokens.
    const numbers = 2 * 32 * 8 * 128 * 32 * 1024;
    deepEqual(DTYPE_NAMES.map((dtype) => cacheBytes("Zephyr-7B", dtype) / numbers), [4, 2, 2]);
    const cells = rows[2]!.split("|").slice(2, 4).map((cell) => cell.trim());
    deepEqual(cells, [gigabytes(4 * numbers), gigabytes(2 * numbers)]);
    // The generator's values, gradients and moments are 16 bytes for each of 32,000 · 4,097 numbers.
    ok(dnpo - dpo > 16 * 32_000 * 4097 && dnpo <= 9.5e9, `DNPO takes ${dnpo} bytes`);
  }));
