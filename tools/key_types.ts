/** The text of core/config/key_types.ts: the types of a resolved config, made from its keys. @module */
import type { z } from "zod";
import { type JudgeKind, JUDGES } from "../core/config/choices.ts";
import { columnKeys, dataKeys, dataSetKeys } from "../core/config/keys/data_keys.ts";
import { distributedKeys } from "../core/config/keys/distributed_keys.ts";
import { evaluateKeys } from "../core/config/keys/evaluate_keys.ts";
import { generationKeys } from "../core/config/keys/generation_keys.ts";
import {
  ensembleKeys,
  JUDGE_TEXTS,
  judgeKeys,
  kindKey,
  memberKeys,
  verifierPermissionKeys,
} from "../core/config/keys/judge_keys.ts";
import { factsOf, textOf, typeNameOf } from "../core/config/keys/key.ts";
import { loraKeys } from "../core/config/keys/lora_keys.ts";
import { noiseKeys } from "../core/config/keys/noise_keys.ts";
import { runKeys } from "../core/config/keys/run_keys.ts";
import { trainingKeys } from "../core/config/keys/training_keys.ts";

/** Columns of a line, as in the rest of the tree. */
const WIDTH = 120;

interface Field {
  name: string;
  type: string;
  optional: boolean;
  text: string;
}

interface Section {
  /** What follows `export interface`. */
  declaration: string;
  text: string;
  fields: Field[];
}

const HEAD = `/** The types of a config's keys. Written by \`deno task docs\` from keys/: not to be edited. @module */
import type {
  BenchmarkMetric,
  BestMetric,
  DeviceChoice,
  DtypeName,
  JudgeKind,
  LossType,
  MatmulPrecision,
  MemberKind,
  Method,
  Optimizer,
  Quantization,
  ReportTo,
  Schedule,
  WebGpuChoice,
} from "./choices.ts";
import type { PerIteration } from "./per_iteration.ts";

/** A data set, or several that are read one after the other. */
export type DataSourceConfig = string | (string | DataSetConfig)[];

/** A judge with what it takes, told apart by \`judge\`. */
export type AnyJudgeConfig =
${JUDGES.map((judge) => `  | ${judgeTypeName(judge)}`).join("\n")};
`;

/** The file's text. */
export function keyTypes(): string {
  const sections: Section[] = [
    section("DataColumns", "The name of a data set's column by what it is.", columnKeys),
    section("DataSetConfig", "One data set of several.", dataSetKeys),
    section("DataConfig", "Which rows are read, and how.", dataKeys),
    section("GenerationConfig", "How responses are sampled.", generationKeys),
    section("VerifierPermissions", "What a verifier may do; what is not listed is forbidden.", verifierPermissionKeys),
    section("JudgeConfig", "A judge as the config has it, whatever keys are set besides those that it takes.", {
      ...kindKey,
      ...judgeKeys,
    }),
    section("MemberConfig extends JudgeConfig", "A judge of an ensemble.", memberKeys),
    section("LabelsConfig extends JudgeConfig", "How chosen and rejected are told apart.", ensembleKeys),
    ...JUDGES.map(judgeSection),
    section(
      "TrainingConfig<Rate = number>",
      "How the policy is optimized; `Rate` is a number, or a list where it may differ between iterations.",
      trainingKeys,
    ),
    section("LoraConfig", "Low-rank adapters.", loraKeys),
    section("NoiseSection", "The noise generator and its training as the config has them.", noiseKeys),
    section("DistributedConfig", "How training is shared out among ranks.", distributedKeys),
    section("EvaluateConfig", "Benchmarks that are asked of the models of a run.", evaluateKeys),
    section("ResolvedConfig", "A config with every default filled in; lists per iteration are still lists.", runKeys),
  ];
  return [HEAD, ...sections.map(interfaceText)].join("\n");
}

function section(declaration: string, text: string, keys: Readonly<Record<string, z.ZodType>>): Section {
  return {
    declaration,
    text,
    fields: Object.entries(keys).map(([name, schema]) => ({
      name,
      type: typeOf(schema),
      optional: schema.def.type === "optional",
      text: textOf(schema),
    })),
  };
}

function judgeTypeName(judge: JudgeKind): string {
  const words = judge.split("-").map((word) => word[0]!.toUpperCase() + word.slice(1));
  return `${words.join("")}JudgeConfig`;
}

/** A judge with the keys that it takes. Keys that it needs, or that are filled in, are not optional. */
function judgeSection(judge: JudgeKind): Section {
  const keys = Object.entries({ ...judgeKeys, ...ensembleKeys })
    .filter(([, schema]) => factsOf(schema).of?.includes(judge) ?? true);
  const { fields, ...rest } = section(
    judgeTypeName(judge),
    `Judge ${judge}: ${JUDGE_TEXTS[judge]}.`,
    Object.fromEntries(keys),
  );
  const kind = { name: "judge", type: JSON.stringify(judge), optional: false, text: "Kind of the judge." };
  const taken = fields.map((field, i): Field => {
    const { needed = false, filledIn } = factsOf(keys[i]![1]);
    return { ...field, optional: field.optional && !needed && filledIn === undefined };
  });
  return { ...rest, fields: [kind, ...taken] };
}

/** The type of a key's value in a resolved config, by its name if it has one. */
function typeOf(schema: z.core.$ZodType): string {
  const name = typeNameOf(schema);
  if (name !== undefined) return name;
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case "string":
    case "number":
    case "boolean":
      return def.type;
    case "enum":
      return Object.values(def.entries).map((word) => JSON.stringify(word)).join(" | ");
    case "optional":
    case "default":
    case "prefault":
      return typeOf(def.innerType);
    case "array":
      return `${typeOf(def.element)}[]`;
    case "union":
      return def.options.map(typeOf).join(" | ");
    default:
      throw new Error(`tools/key_types.ts has no type for a ${def.type}; give it a name with named()`);
  }
}

function interfaceText({ declaration, text, fields }: Section): string {
  const lines = fields.flatMap(({ name, type, optional, text }) => [
    ...comment(text, "  "),
    `  ${name}${optional ? "?" : ""}: ${type};`,
  ]);
  return [...comment(text, ""), `export interface ${declaration} {`, ...lines, "}\n"].join("\n");
}

function comment(text: string, indent: string): string[] {
  const line = `${indent}/** ${text} */`;
  if (line.length <= WIDTH) return [line];
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`;
    if (`${indent} *${longer}`.length <= WIDTH) lines[lines.length - 1] = longer;
    else lines.push(` ${word}`);
  }
  return [`${indent}/**`, ...lines.map((text) => `${indent} *${text}`), `${indent} */`];
}
