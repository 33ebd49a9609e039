/** Weights that lie: headers, ranges, shapes, dtypes, shards. @module */
import { join } from "node:path";
import fc from "fast-check";
import { openModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { type Case, passesOrRefuses, refuseAll } from "../../_shared/refusal.ts";
import {
  counting,
  rawSafetensors,
  type RawTensor,
  safetensors,
  tinyTensors,
  withFolder,
  writeModel,
} from "./_fixtures.ts";

type Entry = { dtype?: unknown; shape?: unknown; data_offsets?: unknown };
type Header = Record<string, unknown>;

const WHOLE = safetensors(tinyTensors());
const LENGTH = Number(new DataView(WHOLE.buffer).getBigUint64(0, true));
const TEXT = new TextDecoder().decode(WHOLE.subarray(8, 8 + LENGTH));
const DATA = WHOLE.slice(8 + LENGTH);
const NORM = "model.norm.weight";
const HEAD = "lm_head.weight";

const FILE = /model\.safetensors/;
const AT_NORM = /"model\.norm\.weight" from \S+model\.safetensors: .*expected/;
const AT_HEAD = /"lm_head\.weight" from \S+model\.safetensors: .*expected/;

/** The file with another header length. */
const stating = (length: bigint): Uint8Array => rawSafetensors(TEXT, DATA, length);
const textual = (text: string, data = DATA): Uint8Array => rawSafetensors(text, data);
const edited = (edit: (header: Header) => void, data = DATA): Uint8Array => {
  const header: Header = JSON.parse(TEXT);
  edit(header);
  return textual(JSON.stringify(header), data);
};
/** The file with other keys in a tensor's entry; undefined takes a key away. */
const entry = (name: string, change: Entry): Uint8Array =>
  edited((header) => header[name] = { ...header[name] as Entry, ...change });
/** A well-formed file whose tensors are not the model's. */
const tensors = (change: (all: Record<string, RawTensor>) => void): Uint8Array => {
  const all = tinyTensors();
  change(all);
  return safetensors(all);
};
const bytes = (text: string, insert: number[]): Uint8Array => {
  const at = TEXT.indexOf(text) + text.length;
  const encoded = [
    ...new TextEncoder().encode(TEXT.slice(0, at)),
    ...insert,
    ...new TextEncoder().encode(TEXT.slice(at)),
  ];
  const file = rawSafetensors("", new Uint8Array([...encoded, ...DATA]), BigInt(encoded.length));
  return file;
};
const normOffsets = (JSON.parse(TEXT)[NORM] as { data_offsets: [number, number] }).data_offsets;
const [begin, end] = normOffsets;

const FILES: Case<Uint8Array>[] = [
  ...[0n, 1n, 2n ** 24n, 2n ** 31n, 2n ** 32n, 2n ** 40n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n].map(
    (length): Case<Uint8Array> => [`header length ${length}`, stating(length), /header length is \d+ bytes, expected/],
  ),
  ["header length of the whole file", stating(BigInt(WHOLE.length)), /header length is/],
  ["header length to the end", stating(BigInt(WHOLE.length - 8)), /deeper than 3|UTF-8|not JSON/],
  ["header length one short", stating(BigInt(LENGTH - 1)), /not JSON/],
  ["header length one long", stating(BigInt(LENGTH + 1)), /not JSON|UTF-8/],
  ...[0, 1, 7, 8, 9, 20, 8 + LENGTH - 1, 8 + LENGTH, 8 + LENGTH + 1, WHOLE.length - 4, WHOLE.length - 1].map(
    (length): Case<Uint8Array> => [`cut after ${length} bytes`, WHOLE.slice(0, length), FILE],
  ),
  ["a byte more", new Uint8Array([...WHOLE, 0]), /bytes, expected \d+ from its header/],
  ["a page more", new Uint8Array([...WHOLE, ...new Uint8Array(4096)]), /expected \d+ from its header/],
  ["no JSON", textual("x".repeat(64)), /begins with 120/],
  ["a list", textual("[]"), /begins with 91/],
  ["null", textual("null"), /begins with/],
  ["no tensors", textual("{}"), /expected 10 from its header/],
  ["no tensors, no data", textual("{}", new Uint8Array()), /missing, expected \[6, 8\] from config\.json/],
  ["an open brace", textual("{ "), /not JSON/],
  ["a comma at the end", textual(TEXT.slice(0, -1) + ",}"), /not JSON/],
  ["two objects", textual(TEXT + "{}"), /not JSON/],
  ["single quotes", textual(TEXT.replaceAll('"', "'")), /not JSON/],
  ["a comment", textual(TEXT.replace("{", "{/* */")), /not JSON/],
  ["a space before", textual(" " + TEXT), /begins with 32/],
  ["a byte order mark", textual("\ufeff" + TEXT), /begins with 239/],
  ["zeros after", textual(TEXT + "\0\0"), /not JSON/],
  ["no UTF-8 in a name", bytes('"lm_', [0xff, 0xfe]), /not UTF-8/],
  ["half a character in a name", bytes('"lm_', [0xe2, 0x82]), /not UTF-8/],
  ["a newline in a name", bytes('"lm_', [10]), /not JSON/],
  ["brackets without end", textual(`{"a":${"[".repeat(100_000)}`), /deeper than 3/],
  ["braces without end", textual('{"a":'.repeat(20_000)), /deeper than 3/],
  ["a name twice", textual(TEXT.replace("{", `{"${NORM}":1,`)), /"model\.norm\.weight" occurs twice/],
  ["an escaped name twice", textual(TEXT.replace("{", `{"\\u006dodel.norm.weight":1,`)), /norm\.weight" occurs twice/],
  ["a key twice", textual(TEXT.replace('{"dtype":"F32"', '{"dtype":"F32","dtype":"F32"')), /"dtype" occurs twice/],
  ["metadata twice", textual(TEXT.replace("{", '{"__metadata__":{},"__metadata__":{},')), /occurs twice/],
  ["metadata null", edited((header) => header.__metadata__ = null), /"__metadata__" is null/],
  ["metadata a list", edited((header) => header.__metadata__ = []), /"__metadata__" is \[\]/],
  ["a number in the metadata", edited((header) => header.__metadata__ = { format: 1 }), /has 1 under "format"/],
  ["a tensor null", edited((header) => header[NORM] = null), AT_NORM],
  ["a tensor a list", edited((header) => header[NORM] = []), AT_NORM],
  ["a tensor a string", edited((header) => header[NORM] = "F32"), AT_NORM],
  ["a tensor empty", edited((header) => header[NORM] = {}), AT_NORM],
  ["no dtype", entry(NORM, { dtype: undefined }), /dtype is undefined|dtype is missing/],
  ["no shape", entry(NORM, { shape: undefined }), AT_NORM],
  ["no data_offsets", entry(NORM, { data_offsets: undefined }), AT_NORM],
  ...["f32", "F4", "I128", "", "toString", "__proto__", 4, null, ["F32"], {}].map(
    (dtype): Case<Uint8Array> => [`dtype ${JSON.stringify(dtype)}`, entry(NORM, { dtype }), AT_NORM],
  ),
  ...[null, "8", 8, {}, [-1], [1.5], ["8"], [null], [2 ** 53], [2 ** 40, 2 ** 40], [1e300], [], [7], [9]].map(
    (shape): Case<Uint8Array> => [`shape ${JSON.stringify(shape)}`, entry(NORM, { shape }), AT_NORM],
  ),
  ["a shape of shapes", entry(NORM, { shape: [[8]] }), /deeper than 3/],
  ["thousands of dimensions", entry(NORM, { shape: new Array(50_000).fill(2) }), AT_NORM],
  [
    "infinite by 1e999",
    textual(TEXT.replace('"shape":[8]', '"shape":[1e999]')),
    /shape is \[null\]|expected a list of sizes/,
  ],
  ...[null, "0-32", [], [begin], [begin, end, end], [end, begin], [-32, 0], [begin + 0.5, end + 0.5], ["0", "32"]].map(
    (range): Case<Uint8Array> => [`range ${JSON.stringify(range)}`, entry(NORM, { data_offsets: range }), AT_NORM],
  ),
  ["a range beyond the file", entry(NORM, { data_offsets: [DATA.length, DATA.length + 32] }), AT_NORM],
  ["a range far beyond the file", entry(NORM, { data_offsets: [0, 2 ** 52], shape: [2 ** 50] }), AT_NORM],
  ["a range over another tensor", entry(NORM, { data_offsets: [0, 32] }), /overlaps another tensor/],
  ["a range a byte off", entry(NORM, { data_offsets: [begin - 1, end - 1] }), /overlaps another tensor|hole/],
  ["the same range twice", edited((header) => header.copy = header[NORM]), /overlaps another tensor/],
  ["a hole", edited((header) => delete header["model.layers.0.mlp.up_proj.weight"]), /leaves a hole/],
  ["a hole at the end", edited((header) => delete header[NORM]), /from its header/],
  ["a tensor that is not there", tensors((all) => delete all[NORM]), /"model\.norm\.weight" .*missing, expected \[8\]/],
  ["a tensor too many", tensors((all) => all.extra = counting([3], 0)), /"extra" .*no part of the model/],
  ["a name with ..", tensors((all) => all["../../etc/passwd"] = counting([1], 0)), /no part of the model/],
  ["a name with a line's end", tensors((all) => all["a\nb"] = counting([1], 0)), /"a\\nb" .*no part of the model/],
  [
    "the name __proto__",
    tensors((all) => Object.defineProperty(all, "__proto__", { value: counting([1], 0), enumerable: true })),
    /__proto__|from its header/,
  ],
  ["another shape", tensors((all) => all[HEAD] = counting([8, 6], 0)), AT_HEAD],
  ["a shape flattened", tensors((all) => all[HEAD] = counting([48], 0)), AT_HEAD],
  ["a shape with a dimension more", tensors((all) => all[HEAD] = counting([1, 6, 8], 0)), AT_HEAD],
  ["a size of 0", tensors((all) => all[HEAD] = counting([0, 8], 0)), AT_HEAD],
  ["a vocabulary of one more", tensors((all) => all[HEAD] = counting([7, 8], 0)), AT_HEAD],
  ...(["BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "I16", "U16", "I32", "U32", "I64", "C64"] as const).map(
    (dtype): Case<Uint8Array> => {
      const size = /64/.test(dtype) ? 8 : /32/.test(dtype) ? 4 : /16/.test(dtype) ? 2 : 1;
      const tensor = { dtype, shape: [8], bytes: new Uint8Array(8 * size) };
      return [
        `weights of ${dtype}`,
        tensors((all) => all[NORM] = tensor),
        /dtype is \w+, expected F32, F16, BF16 or F64/,
      ];
    },
  ),
];

Deno.test("openModelFolder() names what is wrong with a safetensors file", () =>
  withFolder(async (dir) => {
    await writeModel(dir);
    await refuseAll(FILES, async (file) => {
      await Deno.writeFile(join(dir, "model.safetensors"), file);
      await openModelFolder(dir);
    });
  }));

const SHARD = "model-00001-of-00002.safetensors";
const index = (map: unknown): string => JSON.stringify({ metadata: {}, weight_map: map });
const WHERE = Object.fromEntries(Object.keys(tinyTensors()).map((name) => [name, SHARD]));
const REST = Object.fromEntries(Object.entries(WHERE).filter(([name]) => name !== NORM));
const INDEX = /model\.safetensors\.index\.json/;

const INDICES: Case<string>[] = [
  ["nothing", "", /index\.json: it is not JSON/],
  ["no JSON", "weights", /index\.json: it is not JSON/],
  ["a list", "[]", /index\.json: it is \[\]/],
  ["null", "null", /index\.json: it is null/],
  ["no map", "{}", /"weight_map" is undefined|"weight_map" is missing/],
  ["a map null", index(null), /"weight_map" is null/],
  ["a map a list", index([SHARD]), /"weight_map" is \["model/],
  ["a map a string", index(SHARD), /"weight_map" is "model/],
  ["an empty map", index({}), /"weight_map" is \{\}/],
  ...[
    "../model.safetensors",
    "../../etc/passwd",
    "/etc/passwd",
    "/etc/x.safetensors",
    "sub/a.safetensors",
    "a\\b.safetensors",
    "C:x.safetensors",
    "a\0.safetensors",
    "..",
    ".",
    "",
    "model.bin",
    "https://host/a.safetensors",
    ".safetensors/",
    1,
    null,
    [SHARD],
    {},
  ].map((file): Case<string> => [
    `a file ${JSON.stringify(file)}`,
    index({ ...WHERE, [NORM]: file }),
    /index\.json: the file of "model\.norm\.weight" is .*, expected NAME\.safetensors/,
  ]),
  [
    "a shard that is missing",
    index({ ...WHERE, [NORM]: "model-00002-of-00002.safetensors" }),
    /00002-of-00002\.safetensors" is missing/,
  ],
  [
    "a shard that is a folder",
    index({ [NORM]: "folder.safetensors", ...REST }),
    /folder\.safetensors: it is not a file/,
  ],
  ["a shard that is no safetensors", index({ [NORM]: "text.safetensors", ...REST }), /text\.safetensors: /],
  ["a link that leads nowhere", index({ ...WHERE, [NORM]: "link.safetensors" }), /link\.safetensors" is missing/],
  ["a tensor that no shard has", index({ ...WHERE, extra: SHARD }), /"extra" .*it is not in that file/],
  ["a tensor that the index lacks", index(Object.fromEntries(Object.entries(WHERE).slice(1))), /says null, expected/],
  ["the name __proto__", index(WHERE).replace('"weight_map":{', `"weight_map":{"__proto__":"${SHARD}",`), /__proto__/],
  ["a tensor twice", index({ ...WHERE, [NORM]: "twice.safetensors" }), INDEX],
];

Deno.test("openModelFolder() names what is wrong with an index of shards, and opens nothing outside the folder", () =>
  withFolder(async (root) => {
    const dir = join(root, "model");
    await writeModel(dir);
    await Deno.rename(join(dir, "model.safetensors"), join(dir, SHARD));
    await Deno.copyFile(join(dir, SHARD), join(root, "model.safetensors"));
    await Deno.copyFile(join(dir, SHARD), join(dir, "twice.safetensors"));
    await Deno.mkdir(join(dir, "folder.safetensors"));
    await Deno.writeTextFile(join(dir, "text.safetensors"), "version https://git-lfs.github.com/spec/v1\n");
    await Deno.symlink("nowhere", join(dir, "link.safetensors"));
    await refuseAll(INDICES, async (text) => {
      await Deno.writeTextFile(join(dir, "model.safetensors.index.json"), text);
      await openModelFolder(dir);
    });
  }));

Deno.test("openModelFolder() opens or refuses a safetensors file with anything changed", () =>
  withFolder(async (dir) => {
    await writeModel(dir);
    const number = fc.oneof(fc.nat(4000), fc.constantFrom(-1, 0.5, 2 ** 31, 2 ** 53, 1e300));
    const value = fc.oneof(number, fc.array(number, { maxLength: 4 }), fc.jsonValue(), fc.constantFrom("F16", "I64"));
    const inEntry = fc.tuple(
      fc.constantFrom(...Object.keys(tinyTensors())),
      fc.constantFrom("dtype", "shape", "data_offsets"),
      value,
    ).map(([name, key, item]) => entry(name, { [key]: item }));
    const inBytes = fc.array(fc.tuple(fc.nat(8 + LENGTH + 40), fc.nat(255)), { minLength: 1, maxLength: 8 }).map(
      (changes) => {
        const file = WHOLE.slice();
        for (const [at, byte] of changes) file[at] = byte;
        return file;
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof(inEntry, inBytes), async (file) => {
        await Deno.writeFile(join(dir, "model.safetensors"), file);
        await passesOrRefuses(() => openModelFolder(dir));
      }),
      { numRuns: 400 },
    );
  }));
