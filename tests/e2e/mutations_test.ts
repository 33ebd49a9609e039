/** Hostile input through the command line: one line, exit code 1, nothing half-written, nothing run. @module */
import { deepEqual, doesNotMatch, equal, match } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import denoConfig from "../../deno.json" with { type: "json" };
import {
  type Config,
  dnpo,
  runConfig,
  taskCommand,
  withFolder,
  withoutWarnings,
  writeConfig,
} from "../_shared/dnpo.ts";
import { jsonLines, tinyPairs, tinyRows, writeTinyModel } from "../_shared/tiny_model.ts";
import { bpeTokenizer, CHATML, writeTokenizer } from "../core/data/_fixtures.ts";
import { walk } from "./_files.ts";

interface Case {
  what: string;
  command: "score" | "optimize" | "train" | "label" | "sft";
  /** Breaks the good input in `dir`: model/ (with a tokenizer), pairs.jsonl, rows.jsonl. */
  spoil?: (dir: string) => Promise<void>;
  config?: (dir: string) => Record<string, unknown>;
  args?: string[];
  /** What is printed, `DIR` standing for the folder. */
  error: RegExp;
}

const CHAT = { chosen: [{ role: "user", content: "a" }, { role: "assistant", content: "b" }] };
const CHAT_PAIR = { ...CHAT, rejected: [CHAT.chosen[0], { role: "assistant", content: "c" }] };
const RESPONSE = {
  row: 0,
  prompt: "",
  prompt_ids: [1],
  response: "",
  response_ids: [4],
  generated: "",
  generated_ids: [5],
  finished: true,
};

const template = async (dir: string, chat_template: string): Promise<void> => {
  await writeTokenizer(`${dir}/model`, { config: { chat_template } });
  await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines([CHAT_PAIR]));
};
const responses = async (dir: string, rows: readonly unknown[] = [RESPONSE]): Promise<void> => {
  await Deno.mkdir(`${dir}/run/iteration-0`, { recursive: true });
  await Deno.writeTextFile(`${dir}/run/iteration-0/responses.jsonl`, jsonLines(rows));
};
const verifier = (text: string) => async (dir: string): Promise<void> => {
  await responses(dir);
  await Deno.writeTextFile(`${dir}/verifier.ts`, text);
};
const judged = (dir: string): Record<string, unknown> => ({
  labels: { judge: "verifier", verifier: `${dir}/verifier.ts` },
});

const CASES: Case[] = [
  {
    what: "a header length of 2 ** 60",
    command: "score",
    spoil: (dir) =>
      Deno.writeFile(`${dir}/model/model.safetensors`, new Uint8Array([0, 0, 0, 0, 0, 0, 0, 16, 123, 125])),
    error:
      /^error: Cannot read DIR\/model\/model\.safetensors: the header length is 1152921504606846976 bytes, expected/,
  },
  {
    what: "an index that leads out of the folder",
    command: "score",
    spoil: async (dir) => {
      await Deno.rename(`${dir}/model/model.safetensors`, `${dir}/outside.safetensors`);
      const weight_map = { "model.norm.weight": "../outside.safetensors" };
      await Deno.writeTextFile(`${dir}/model/model.safetensors.index.json`, JSON.stringify({ weight_map }));
    },
    error: /^error: Cannot read DIR\/\S+index\.json: the file of "model\.norm\.weight" is "\.\.\/outside\.safetensors"/,
  },
  {
    what: "a chat template that hangs",
    command: "score",
    spoil: (dir) => template(dir, "{% for i in range(9999) %}".repeat(5) + "{% endfor %}".repeat(5)),
    error:
      /^error: Cannot tokenize DIR\/pairs\.jsonl:1 \(row 0\): Cannot render the chat template of .*: it takes too long/,
  },
  {
    what: "a chat template that grows",
    command: "optimize",
    spoil: (dir) =>
      template(dir, "{% set n = namespace(s='ab') %}{% for i in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor %}"),
    error: /^error: Cannot tokenize DIR\/pairs\.jsonl:1 \(row 0\): .*: it makes a text of \d+ characters/,
  },
  {
    what: "a chat template that does not parse",
    command: "score",
    spoil: (dir) => template(dir, "{% for %}"),
    error: /^error: Cannot compile the chat template of DIR\/model\/tokenizer_config\.json: /,
  },
  {
    what: "a pattern that looks behind",
    command: "score",
    spoil: (dir) => {
      const pre_tokenizer = { type: "Split", pattern: { Regex: "(?<=ab)b" }, behavior: "Isolated", invert: false };
      return writeTokenizer(`${dir}/model`, { json: { ...bpeTokenizer(), pre_tokenizer } });
    },
    error:
      /^error: Cannot load the tokenizer DIR\/model\/tokenizer\.json: the pattern "\(\?<=ab\)b": it looks behind for more than a character, which is not supported$/m,
  },
  {
    what: "a tokenizer that is cut off",
    command: "optimize",
    spoil: (dir) => Deno.truncate(`${dir}/model/tokenizer.json`, 1000),
    error: /^error: Cannot read DIR\/model\/tokenizer\.json: it is not JSON/,
  },
  {
    what: "a config.json without end",
    command: "score",
    spoil: (dir) => Deno.writeTextFile(`${dir}/model/config.json`, "[".repeat(1 << 20)),
    error: /^error: Cannot read DIR\/model\/config\.json: it is not JSON \(it nests deeper than 1000 levels\)/,
  },
  {
    what: "code that a config.json names",
    command: "score",
    spoil: async (dir) => {
      const path = `${dir}/model/config.json`;
      const config = JSON.parse(await Deno.readTextFile(path));
      await Deno.writeTextFile(path, JSON.stringify({ ...config, auto_map: { AutoModel: "modeling.Model" } }));
    },
    error: /^error: Cannot use DIR\/model\/config\.json: "auto_map" is .*, expected it absent/,
  },
  {
    what: "pairs that are no UTF-8",
    command: "optimize",
    spoil: (dir) => Deno.writeFile(`${dir}/pairs.jsonl`, new Uint8Array([123, 34, 255, 34, 125, 10])),
    error: /^error: Cannot read DIR\/pairs\.jsonl:1: the line is not valid UTF-8/,
  },
  {
    what: "a line of 10 MB",
    command: "optimize",
    spoil: (dir) => Deno.writeTextFile(`${dir}/pairs.jsonl`, `${jsonLines(tinyPairs(1))}${"[".repeat(10 << 20)}\n`),
    error: /^error: Cannot read DIR\/pairs\.jsonl:2: not valid JSON/,
  },
  {
    what: "rows that are all malformed, skipped",
    command: "sft",
    spoil: (dir) => Deno.writeTextFile(`${dir}/rows.jsonl`, "{}\n[]\nnull\n"),
    config: (dir) => ({ data: { train: `${dir}/rows.jsonl`, on_bad_row: "skip" } }),
    error: /^error: Cannot use DIR\/rows\.jsonl: all 3 rows are malformed, the first \(DIR\/rows\.jsonl:1\): /,
  },
  {
    what: "several wrong settings",
    command: "train",
    config: () => ({ iterations: 0, training: { beta: -1, loss_type: "dpo" }, nois: "none" }),
    error: /^(error: DIR\/run\.yaml:\d+:\d+ (iterations|training\.beta|training\.loss_type|nois): [^\n]+\n){4}$/,
  },
  {
    what: "a --set that is no setting",
    command: "optimize",
    args: ["--set", "training.bata=\x1b[2J"],
    error: /^error: --set training\.bata: unknown key, did you mean "training\.beta"\?/,
  },
  {
    what: "an output folder that is a file",
    command: "optimize",
    config: (dir) => ({ output_dir: `${dir}/pairs.jsonl/run` }),
    error: /^error: Cannot make the .*folder DIR\/pairs\.jsonl\/run: /,
  },
  {
    what: "a noise generator that is no safetensors",
    command: "optimize",
    config: (dir) => ({ noise: { init: `${dir}/rows.jsonl` } }),
    error: /^error: Cannot read DIR\/rows\.jsonl: the header length is/,
  },
  {
    what: "responses of another shape",
    command: "label",
    spoil: (dir) => responses(dir, [RESPONSE, { ...RESPONSE, finished: "yes" }]),
    error: /^error: Cannot read DIR\/run\/iteration-0\/responses\.jsonl:2: "finished" is the string "yes"/,
  },
  {
    what: "a verifier that does not parse",
    command: "label",
    spoil: verifier("export default ("),
    config: judged,
    error: /^error: Cannot load verifier DIR\/verifier\.ts: /,
  },
  {
    what: "a verifier that throws",
    command: "label",
    spoil: verifier("export default () => { throw new Error('no\\n  at nowhere'); };"),
    config: judged,
    error: /^error: Cannot score row 0 with DIR\/verifier\.ts: no \(verifier\.ts:1:30\)$/m,
  },
  {
    what: "a verifier that scores with NaN",
    command: "label",
    spoil: verifier("export default () => NaN;"),
    config: judged,
    error: /^error: Cannot score row 0 with DIR\/verifier\.ts: it returned NaN, expected a finite number/,
  },
  {
    what: "a verifier that is forbidden",
    command: "label",
    spoil: verifier("Deno.writeTextFileSync(import.meta.dirname + '/marker', ''); export default () => 1;"),
    config: judged,
    args: ["--no-verifier"],
    error: /^error: Cannot run verifier DIR\/verifier\.ts: --no-verifier forbids it/,
  },
  {
    what: "a verifier of the evaluation that is forbidden",
    command: "train",
    spoil: verifier("Deno.writeTextFileSync(import.meta.dirname + '/marker', ''); export default () => 1;"),
    config: (dir) => ({
      data: { train: `${dir}/rows.jsonl`, eval: `${dir}/rows.jsonl` },
      labels: { judge: "human", verifier: `${dir}/verifier.ts` },
    }),
    args: ["--no-verifier"],
    error: /^error: Cannot run verifier DIR\/verifier\.ts: --no-verifier forbids it, and the evaluation needs it/,
  },
];

for (const { what, command, spoil, config, args = [], error } of CASES) {
  Deno.test(`${command} ends with one line at ${what}`, () =>
    withInput(async (dir, good) => {
      await spoil?.(dir);
      const settings = { ...good, ...config?.(dir) };
      const before = await walk(dir);
      const path = `${dir}/run.yaml`;
      if (command !== "score") await Deno.writeTextFile(path, JSON.stringify(settings, null, 1));
      const input = command === "score" ? ["--model", `${dir}/model`, "--pairs", `${dir}/pairs.jsonl`] : [path];
      const { code, out, err: told } = await dnpo([command, ...input, "--quiet", ...args]);
      const err = withoutWarnings(told);
      match(err.replaceAll(dir, "DIR"), error);
      match(err, /^(error: [^\n]+\n)+$/);
      // deno-lint-ignore no-control-regex
      doesNotMatch(err, /[\x00-\x09\x0b-\x1f\x7f]| at \S+:\d+:\d+\)/);
      if (what !== "several wrong settings") equal(err.split("\n").length, 2, err);
      deepEqual([code, out], [1, ""]);
      const added = (await walk(dir)).filter((path) => !before.includes(path)).map((path) => path.slice(dir.length));
      // The config that the test wrote, and what a run that began leaves behind.
      const expected =
        /^\/run\.yaml$|^\/run\/(\.lock|config\.yaml|stage\.yaml|checksums\.json|kernels\.json|reference_logps\.safetensors|summary\.json|log\.jsonl|timings\.jsonl)$/;
      deepEqual(added.filter((path) => !expected.test(path)), []);
    }));
}

Deno.test("score and optimize run nothing that lies in a model's folder", () =>
  withInput(async (dir, good) => {
    const mark = (name: string): string => `${JSON.stringify(`${dir}/ran-${name}`)}`;
    for (
      const name of ["verifier.ts", "mod.ts", "index.js", "tokenizer.mjs", "model.cjs", "deno.json.ts", "config.ts"]
    ) {
      await Deno.writeTextFile(`${dir}/model/${name}`, `Deno.writeTextFileSync(${mark(name)}, "");`);
    }
    await Deno.writeTextFile(`${dir}/model/modeling_llama.py`, `open(${mark("py")}, "w")`);
    await Deno.writeTextFile(`${dir}/model/deno.json`, JSON.stringify({ imports: { yaml: "./index.js" } }));
    await template(dir, CHATML);
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(4)));
    const scored = await dnpo(["score", "--model", `${dir}/model`, "--pairs", `${dir}/pairs.jsonl`, "--quiet"]);
    deepEqual([scored.code, scored.err], [0, ""]);
    await runConfig("optimize", good);
    deepEqual((await walk(dir)).filter((path) => path.includes("/ran-")), []);
    // Nor does the model that is handed out carry it on.
    deepEqual((await walk(`${dir}/run/model`)).filter((path) => /\.(ts|js|mjs|cjs|py)$/.test(path)), []);
  }));

const TASKS = Object.entries(denoConfig.tasks).map(([name, task]) =>
  [name, taskCommand(typeof task === "string" ? { command: task } : task)] as const
);

/** What the tasks that load a library may load: its one file. */
const LIBRARIES: Readonly<Record<string, string>> = {
  "check:wgsl": ".dawn/dawn.node",
  "dnpo:dawn": ".dawn/dawn.node",
  "dnpo:mpi": "$DNPO_MPI",
};

Deno.test("no task of deno.json asks for all permissions, and for ffi only those that load a library, for its one file", () => {
  for (const [name, command] of TASKS) {
    doesNotMatch(command, /--allow-all|(^|\s)-A(\s|$)|--allow-env(?!=)|--allow-run(?!=)|--allow-sys(?!=)/, name);
    const file = LIBRARIES[name];
    deepEqual(command.match(/--allow-ffi\S*/g), file === undefined ? null : [`--allow-ffi=${file}`], name);
  }
});

Deno.test("dnpo:dawn differs from dnpo by Dawn's file alone", () => {
  const [dnpo, withDawn] = [denoConfig.tasks.dnpo, denoConfig.tasks["dnpo:dawn"]].map((task) => taskCommand(task));
  const less = withDawn!.replace("deno task -q dawn && ", "").replace(" --allow-ffi=.dawn/dawn.node", "")
    .replace('DNPO_WEBGPU=dawn DNPO_DAWN="$(pwd)/.dawn/dawn.node" ', "");
  equal(less, dnpo);
});

const FLAGS = /deno run (.*) cli\/main\.ts$/.exec(taskCommand(denoConfig.tasks.dnpo))![1]!.split(" ");

Deno.test("dnpo names a permission that is missing in one line", () =>
  withInput(async (dir, good) => {
    const config = await writeConfig(good);
    const score = ["score", "--model", `${dir}/model`, "--pairs", `${dir}/pairs.jsonl`];
    // Variables are asked for by packages, which read them as absent with --ignore-env.
    const env = FLAGS.filter((flag) => flag.startsWith("--allow-env="));
    const root = fileURLToPath(new URL("../../", import.meta.url));
    const cases: [flag: string, args: string[], error: RegExp, instead?: string][] = [
      ["--ignore-env", ["optimize", config, "--quiet"], /Permission is missing: .* env access to "\w+".*--allow-env/],
      ["--allow-write", ["optimize", config, "--quiet"], /write access to "DIR\/run".*--allow-write/],
      ["--allow-read", score, /missing: Cannot load the command "score": Requires read access to ".*--allow-read/],
      [
        "--allow-read",
        ["optimize", config, "--quiet"],
        /read access to "DIR\/run\.yaml".*--allow-read/,
        `--allow-read=${root}`,
      ],
      ["--allow-read", score, /read access to "DIR\/model.*".*--allow-read/, `--allow-read=${root}`],
    ];
    for (const [flag, args, error, instead] of cases) {
      equal(FLAGS.filter((other) => other === flag).length, 1, `${flag} is among the task's`);
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          ...FLAGS.filter((other) => other !== flag && (flag !== "--ignore-env" || !env.includes(other))),
          ...(instead === undefined ? [] : [instead]),
          "--no-prompt",
          "cli/main.ts",
          ...args,
        ],
        cwd: root,
        env: { NO_COLOR: "1", RUST_BACKTRACE: "0" },
        stdin: "null",
      }).output();
      const [out, told] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)) as [string, string];
      const err = withoutWarnings(told);
      match(err.replaceAll(dir, "DIR"), error);
      match(err, /^error: [^\n]+\n$/);
      deepEqual([code, out], [1, ""]);
    }
    deepEqual(await walk(`${dir}/run`), []);
  }));

/** A folder with a model and its tokenizer, pairs and rows that work, and a config for them. */
function withInput(use: (dir: string, good: Config) => Promise<void>): Promise<void> {
  return withFolder(async (dir) => {
    await writeTinyModel(`${dir}/model`);
    await writeTokenizer(`${dir}/model`);
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(4)));
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(tinyRows(4)));
    await use(dir, {
      model: `${dir}/model`,
      pairs: `${dir}/pairs.jsonl`,
      output_dir: `${dir}/run`,
      data: { train: `${dir}/rows.jsonl` },
      training: { per_device_train_batch_size: 2, max_steps: 1, logging_steps: 1 },
      generation: { max_new_tokens: 4 },
    });
  });
}
