/** Which products `training.precision` holds for, on a device that counts, and what refuses it. @module */
import { equal, ok, rejects, throws } from "node:assert/strict";
import { openModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { checkPrecision } from "../../../core/device/check_precision.ts";
import { train } from "../../../core/loop/train_run.ts";
import { planAdapter } from "../../../core/model/adapter_plan.ts";
import { planRun } from "../../../core/plan/plan_run.ts";
import { Rehearsing } from "../../../core/plan/rehearse.ts";
import { exampleRows, pairRows } from "../../../core/train/training_rows.ts";
import { attention, attentionBackward } from "../../../kernels/attention/attention.ts";
import { Commands } from "../../../kernels/device/commands.ts";
import { MATMUL_PRECISIONS, type MatmulPrecision } from "../../../kernels/device/precision.ts";
import { SUBGROUP_MATRIX } from "../../../kernels/device/subgroup_matrix.ts";
import { usualGpu } from "../../../kernels/device/usual_gpu.ts";
import { matmul } from "../../../kernels/matmul/matmul.ts";
import { device as own } from "../../_shared/device.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";
import { exampleIds, pairIds, settingsOf, withFolder } from "../_tiny.ts";
import { configOf, withInput } from "../loop/_runs.ts";

const REFUSED = /^UserError: Cannot train with training\.precision=float16: a usual GPU grants no matrix units /;

/** The names of the kernels of products, and of attention, that `work` records, on whatever device. */
async function productsOf(work: () => Promise<unknown>): Promise<string[]> {
  const { dispatch } = Commands.prototype;
  const names = new Set<string>();
  Commands.prototype.dispatch = function (kernel, call) {
    names.add(kernel.name);
    dispatch.call(this, kernel, call);
  };
  try {
    await work();
  } finally {
    Commands.prototype.dispatch = dispatch;
  }
  return [...names].filter((name) => /^(matmul (?!NN|NT|TN)|attention( |$)|attention_backward)/.test(name));
}

const isIn = (precision: MatmulPrecision) => (name: string): boolean =>
  precision === "float32" ? !MATRICES.test(name) : MATRICES.test(name) && name.includes(` ${precision} `);

const MATRICES = /^matmul matrix| on matrices /;

Deno.test("all products of training have its precision, and those of other scoring float32", () =>
  withFolder(async (dir) => {
    await writeTinyModel(`${dir}/model`);
    const folder = await openModelFolder(`${dir}/model`);
    const adapters = planAdapter(folder.config, () => ({ rank: 2, scale: 1 }));
    const pairs = pairRows(pairIds(4));
    const cases = [
      { rows: pairs, noise: { update: "joint" }, plan: null },
      { rows: pairs, noise: "none", plan: adapters },
      { rows: exampleRows(exampleIds(4)), noise: "none", plan: null, method: "sft" },
    ];
    for (const { rows, plan, ...keys } of cases) {
      for (const precision of MATMUL_PRECISIONS) {
        const settings = await settingsOf({ ...keys, training: { precision, max_steps: 1 } });
        const names = await productsOf(() =>
          new Rehearsing(usualGpu({ matrices: true })).optimize(folder, { rows, settings, plan, goesOn: false })
        );
        ok(names.length > 2, names.join());
        ok(names.every(isIn(precision)), `${precision}: ${names.join(", ")}`);
        ok(names.some((name) => name.startsWith("attention_backward_key")), names.join());
      }
    }
    const scored = await productsOf(() =>
      new Rehearsing(usualGpu({ matrices: true })).score(folder, { rows: pairIds(4) })
    );
    ok(scored.length > 0 && scored.every(isIn("float32")), scored.join());
  }));

Deno.test("a product's scratch is counted to the byte", () => {
  const [m, n, k] = [32, 64, 1100];
  const bytesIn = (precision: MatmulPrecision): number => {
    const device = usualGpu({ matrices: true });
    using commands = new Commands(device);
    const [c, a, b] = [m * n, m * k, n * k].map((size) => device.alloc(4 * size, "test"));
    const before = device.bytes;
    commands.inPrecision(precision, () => matmul(commands, { mode: "NT", c: c!, a: a!, b: b!, m, n, k }));
    return device.bytes - before;
  };
  // Three blocks of 512 steps run side by side, each with exponents, powers, numbers in float16, and sums of its own.
  const block = (parts: number): number => (4 + 8 + parts * 2 * 512) * (m + n) + 4 * m * n;
  equal(bytesIn("float16"), 3 * block(1));
  equal(bytesIn("float32x3"), 3 * block(2));
});

Deno.test("attention's scratch on matrix units is counted to the byte, by what its buffers can hold", () => {
  const [tokens, tiles, heads, kvHeads, headDim] = [100, 3, 4, 2, 20];
  const bytesIn = (precision: MatmulPrecision, tileCount: number, isBackward: boolean): number => {
    const device = usualGpu({ matrices: true });
    using commands = new Commands(device);
    const f32 = (elements: number) => device.alloc(4 * elements, "test");
    const batch = {
      position: f32(tokens),
      layout: f32(4 * tokens),
      tiles: f32(2 * tiles),
      tileCount,
      tokens,
      window: 0,
    };
    const buffers = { out: f32(tokens * heads * headDim), lse: f32(tokens * heads), qkv: f32(tokens * 8 * headDim) };
    const gradients = { dout: buffers.out, dqkv: buffers.qkv, saved: f32(2 * tokens * heads) };
    const before = device.bytes;
    commands.inPrecision(precision, () => {
      attention(commands, { ...batch, ...buffers, heads, kvHeads, headDim });
      if (isBackward) attentionBackward(commands, { ...batch, ...buffers, ...gradients, heads, kvHeads, headDim });
    });
    return device.bytes - before;
  };
  // Heads of 20 are filled up to 32 numbers; tokens to 112, to which each tile adds 16, and the last one's block 64.
  const slots = 112 + (tiles + 1) * 16 + 64;
  const bytes = (parts: number, planes: number, powers: number): number =>
    parts * 2 * 32 * slots * planes + 4 * powers * slots / 16 + 4 * tokens;
  for (const tileCount of [1, 3]) {
    equal(bytesIn("float16", tileCount, false), bytes(1, 8, 6));
    equal(bytesIn("float32x3", tileCount, false), bytes(2, 8, 6));
    equal(bytesIn("float32", tileCount, true), 0);
    // Backward q, k and dout lie both ways.
    equal(bytesIn("float16", tileCount, true), bytes(1, 2 * 4 + 2 * 2 + 2 + 2 * 4, 8));
    equal(bytesIn("float32x3", tileCount, true), bytes(2, 2 * 4 + 2 * 2 + 2 + 2 * 4, 8));
  }
});

Deno.test("inPrecision() holds for what its work records, and no longer where that throws", () => {
  using commands = new Commands(usualGpu());
  equal(commands.inPrecision("float16", () => commands.precision), "float16");
  throws(() =>
    commands.inPrecision("float32x3", () => {
      throw new Error("ends");
    }), /ends/);
  equal(commands.precision, "float32");
});

Deno.test("a precision that the device does not have is refused before a plan or a run begins", () =>
  withInput(async (dir) => {
    const device = usualGpu();
    throws(() => checkPrecision(device, "float16"), REFUSED);
    const wide = { title: "lavapipe", matrix: null, lavapipe: 26, features: new Set([SUBGROUP_MATRIX]) } as const;
    throws(
      () => checkPrecision(wide, "float16"),
      /lavapipe multiplies matrices .* of 256 bits alone, expected LP_NATIVE_VECTOR_WIDTH=256, or/,
    );
    checkPrecision(wide, "float32");
    for (const precision of MATMUL_PRECISIONS) checkPrecision(usualGpu({ matrices: true }), precision);
    const config = await configOf(dir, { training: { precision: "float16" } });
    await rejects(planRun(config, { device, time: false }), REFUSED);
    // Where the tests run on a device that has them, a run would begin.
    if (own.matrix !== null) return console.log("train's refusal: NOT RUN, the device has matrix units");
    await rejects(
      train({ ...config, webgpu: "deno" }),
      /grants no matrix units \(subgroup matrices\), expected DNPO_WEBGPU=dawn/,
    );
    await rejects(Deno.stat(`${dir}/run`), Deno.errors.NotFound);
  }));
