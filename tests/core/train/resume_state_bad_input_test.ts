/** Files of the noise generator and of a stopped run that are not what they should be. @module */
import { createNoise } from "../../../core/train/noise_generator.ts";
import { loadState, newestState, readStateRecord } from "../../../core/train/resume_state.ts";
import { wholeBuffers } from "../../../core/train/state_buffer.ts";
import { ownState } from "../../../core/train/state_transfer.ts";
import { commands, device } from "../../_shared/device.ts";
import { type Case, refuseAll } from "../../_shared/refusal.ts";
import { counting, rawSafetensors, type RawTensor, safetensors, withFolder } from "../checkpoint/_fixtures.ts";

const SHAPE = { vocab: 6, hidden: 8 };
const weight = counting([6, 8], 0);
const bias = counting([6], 0);
const WHOLE = safetensors({ weight, bias });
const as = (dtype: string, { shape }: RawTensor, size: number): RawTensor => ({
  dtype,
  shape,
  bytes: new Uint8Array(shape.reduce((a, b) => a * b, 1) * size),
});

const NOISES: Case<Uint8Array>[] = [
  ["nothing", new Uint8Array(), /noise\.safetensors: it has 0 bytes/],
  ["no safetensors", new TextEncoder().encode("linear, please: 1 2 3 4 5 6"), /noise\.safetensors: the header length/],
  ["a header length of 2 ** 60", rawSafetensors("{}", new Uint8Array(), 2n ** 60n), /the header length is \d+/],
  ["a cut", WHOLE.slice(0, -1), /noise\.safetensors: .*cut off/],
  ["no weight", safetensors({ bias }), /"weight" from \S+noise\.safetensors: .*expected \[6, 8\]/],
  ["no bias", safetensors({ weight }), /"bias" from \S+noise\.safetensors: .*expected \[6\]/],
  ["other names", safetensors({ "noise.weight": weight, "noise.bias": bias }), /"weight" from .*not there/],
  ["the weight transposed", safetensors({ weight: counting([8, 6], 0), bias }), /shape is \[8, 6\], expected \[6, 8\]/],
  ["another vocabulary", safetensors({ weight: counting([7, 8], 0), bias }), /shape is \[7, 8\], expected \[6, 8\]/],
  ["a flat weight", safetensors({ weight: counting([48], 0), bias }), /shape is \[48\], expected \[6, 8\]/],
  ["a bias with two dimensions", safetensors({ weight, bias: counting([6, 1], 0) }), /"bias" .*shape is \[6, 1\]/],
  ["an empty bias", safetensors({ weight, bias: counting([0], 0) }), /"bias" .*shape is \[0\]/],
  ["a weight of I64", safetensors({ weight: as("I64", weight, 8), bias }), /dtype is I64, expected F32/],
  ["a bias of I32", safetensors({ weight, bias: as("I32", bias, 4) }), /"bias" .*dtype is I32, expected F32/],
  ["a weight of U8", safetensors({ weight: as("U8", weight, 1), bias }), /dtype is U8, expected F32/],
];

Deno.test("createNoise() names what is wrong with the file of noise.init", () =>
  withFolder(async (dir) => {
    const init = `${dir}/noise.safetensors`;
    await refuseAll(NOISES, async (file) => {
      await Deno.writeFile(init, file);
      await createNoise(commands, { shape: SHAPE, init, seed: 0, iteration: 0 });
    });
    const paths: Case<string>[] = [
      ["a file that is missing", `${dir}/nothing.safetensors`, /nothing\.safetensors: there is no such file/],
      ["a folder", dir, /it is not a file/],
      ["a word", "gaussian", /Cannot read gaussian: /],
    ];
    await refuseAll(paths, (init) => createNoise(commands, { shape: SHAPE, init, seed: 0, iteration: 0 }));
  }));

const state = (metadata: Record<string, unknown>, values: RawTensor = counting([4], 0)): Uint8Array => {
  const entry = { dtype: values.dtype, shape: values.shape, data_offsets: [0, values.bytes.length] };
  return rawSafetensors(JSON.stringify({ __metadata__: metadata, values: entry }), values.bytes);
};
const RECORD = { step: 1, tokens: 2, pending: [{ loss: null }], last: {}, origin: {} };
const GOOD = { dnpo_state: JSON.stringify(RECORD) };

/** A state whose record has these keys over the good one's. */
const recorded = (keys: Record<string, unknown>): Uint8Array =>
  state({ dnpo_state: JSON.stringify({ ...RECORD, ...keys }) });

const STATES: Case<Uint8Array>[] = [
  ["nothing", new Uint8Array(), /step-1\.safetensors: it has 0 bytes/],
  ["no safetensors", new Uint8Array(64).fill(120), /step-1\.safetensors: the header length/],
  ["a cut header", state(GOOD).slice(0, 40), /step-1\.safetensors: .*cut off/],
  ["a cut", state(GOOD).slice(0, -1), /step-1\.safetensors: .*cut off/],
  ["a byte more", new Uint8Array([...state(GOOD), 0]), /step-1\.safetensors: it has \d+ bytes, expected/],
  ["a model's weights", safetensors({ values: counting([4], 0) }), /no "dnpo_state", expected a state/],
  ["another program's state", state({ format: "pt" }), /no "dnpo_state", expected a state/],
  ["a record that is no text", state({ dnpo_state: { step: 1 } }), /"__metadata__" has \{"step":1\}|nests deeper/],
  ["a record that is no JSON", state({ dnpo_state: "{step" }), /its record is no JSON; delete the file to start/],
  ["a record that is a list", state({ dnpo_state: "[1]" }), /"step" of its record is \[1\], expected an object/],
  ["another step", recorded({ step: 2 }), /"step" of its record is 2, expected 1 as in the file's name/],
  ["tokens below 0", recorded({ tokens: -1 }), /"tokens" of its record is -1, expected a number of tokens/],
  ["no pending steps", recorded({ pending: 7 }), /"pending" of its record is 7, expected a list/],
  ["a pending step of text", recorded({ pending: [{ loss: "1" }] }), /"pending" of its record is .+, expected a list/],
  ["no last line", recorded({ last: null }), /"last" of its record is null, expected numbers/],
  ["no settings", recorded({ origin: "dnpo" }), /"origin" of its record is "dnpo", expected the settings/],
  ["values of another size", state(GOOD, counting([5], 0)), /"values" is 20 bytes, expected 16/],
  ["values of another dtype", state(GOOD, as("F16", counting([4], 0), 2)), /"values" is 8 bytes, expected 16/],
  ["a model that is none", recorded({ origin: { begun: { folder: 7 } } }), /CRC-32 .*; delete the file to start/],
  [
    "a sealed state without its seal",
    recorded({ origin: { begun: { folder: "m", files: {} } } }),
    /the CRC-32 .* at its end; delete/,
  ],
  ["other values", safetensors({ moments: counting([4], 0) }), /state|"values" is 0 bytes/],
];

Deno.test("readStateRecord() and loadState() name what is wrong with a saved state", () =>
  withFolder(async (dir) => {
    const path = `${dir}/step-1.safetensors`;
    const values = device.alloc(16, "values");
    await refuseAll(STATES, async (file) => {
      await Deno.writeFile(path, file);
      const saved = (await newestState(dir))!;
      await readStateRecord(saved);
      await loadState(saved, { transfer: ownState(device), buffers: wholeBuffers({ values }) });
    });
    device.free(values);
  }));
