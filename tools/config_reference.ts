/** The text of docs/configuration.md, made from the config's schema and the facts about its keys. @module */
import { configJsonSchema } from "../core/config/config.ts";
import { knownKeys } from "../core/config/config_keys.ts";
import { CONFIG_EXAMPLES } from "./config_examples.ts";

/** The part of JSON Schema that zod writes. */
interface Schema {
  type?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  anyOf?: Schema[];
  allOf?: Schema[];
  $ref?: string;
  $defs?: Record<string, Schema>;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
}

const INTRODUCTION = `<!-- deno-fmt-ignore-file -->

# Configuration

Every key of a config, made from its schema by \`deno task docs\`. A config is a YAML file; its keys are Hugging Face's
and TRL's, and what it leaves out has the default given here. \`--set key=value\` overrides a key on the command line.
Where the type says "or a list of them", a list has one entry per iteration, and its last entry repeats. The column
"TRL, transformers" names the classes there that have the key under the same name, or the key's name there.
`;

/** The page's text. */
export function configReference(schema: Schema = configJsonSchema()): string {
  const top: [string, Schema][] = [];
  const sections: [string, Schema, Schema][] = [];
  const collect = (path: string, key: Schema): void => {
    const section = sectionOf(key, schema);
    if (section === null) top.push([path, key]);
    else sections.push([path, key, section]);
  };
  for (const [name, key] of Object.entries(schema.properties ?? {})) collect(name, key);
  const parts = [INTRODUCTION + exampleOf(""), table("", top, schema)];
  const printed: Section[] = [];
  while (sections.length > 0) {
    const [path, key, section] = sections.shift()!;
    const rows: [string, Schema][] = [];
    const inner: typeof sections = [];
    for (const [name, child] of Object.entries(section.properties ?? {})) {
      const nested = sectionOf(child, schema);
      if (nested === null) rows.push([name, child]);
      else inner.push([`${path}.${name}`, child, nested]);
    }
    sections.unshift(...inner);
    const places = foreignNames(path);
    const about = [key.description, kindOf(key, schema), places && `TRL, transformers: ${places}.`].filter(Boolean);
    const { own, others } = withoutRepeats(rows, printed);
    printed.push({ path, rows });
    parts.push(`\n## ${path}\n\n${about.join(" ")}\n\n${exampleOf(path)}${table(path, own, schema)}${others}`);
  }
  return parts.join("\n").replace(/[ \t]+$/gm, "");
}

interface Section {
  path: string;
  rows: readonly [string, Schema][];
}

function exampleOf(path: string): string {
  const example = CONFIG_EXAMPLES[path];
  return example === undefined ? "" : `\`\`\`yaml\n${example}\`\`\`\n\n`;
}

/** The rows that no earlier section has, where one has at least half of them, and a sentence about the others. */
function withoutRepeats(
  rows: readonly [string, Schema][],
  printed: readonly Section[],
): { own: readonly [string, Schema][]; others: string } {
  for (const earlier of printed) {
    const known = new Map(earlier.rows.map(([name, schema]) => [name, JSON.stringify(schema)]));
    const own = rows.filter(([name, schema]) => known.get(name) !== JSON.stringify(schema));
    if (2 * own.length > rows.length) continue;
    const anchor = earlier.path.replaceAll(".", "");
    const names = rows.filter((row) => !own.includes(row)).map(([name]) => `\`${name}\``);
    const others = own.length === 0
      ? `Its keys are those of [${earlier.path}](#${anchor}).\n`
      : `\nThe keys ${names.join(", ")} are as in [${earlier.path}](#${anchor}).\n`;
    return { own, others };
  }
  return { own: rows, others: "" };
}

function resolved(schema: Schema, root: Schema): Schema {
  const name = schema.$ref?.replace("#/$defs/", "");
  return name === undefined ? schema : resolved(root.$defs?.[name] ?? {}, root);
}

/** The mapping with named keys that a value may be, alone, in a list or among other types; null for a plain value. */
function sectionOf(schema: Schema, root: Schema): Schema | null {
  const here = resolved(schema, root);
  if (here.properties !== undefined) return here;
  for (const branch of [...here.anyOf ?? [], ...here.allOf ?? [], ...here.items ? [here.items] : []]) {
    const found = sectionOf(branch, root);
    if (found !== null) return found;
  }
  return null;
}

/** What a section may be besides a mapping. */
function kindOf(schema: Schema, root: Schema): string {
  const kinds = typeOf(schema, root);
  return kinds === "a mapping" ? "" : `It is ${kinds}.`;
}

/** The places of a key in TRL or transformers; empty if they do not have it. */
function foreignNames(path: string): string {
  return (knownKeys().get(path)?.facts.hf ?? []).map((place) => `\`${place}\``).join(", ");
}

function table(section: string, rows: readonly [string, Schema][], root: Schema): string {
  if (rows.length === 0) return "";
  const cells = rows.map(([name, schema]) => ({
    key: `\`${name}\``,
    type: typeOf(schema, root),
    default: schema.default === undefined ? "" : `\`${JSON.stringify(schema.default)}\``,
    "TRL, transformers": foreignNames(section === "" ? name : `${section}.${name}`),
    "what it is": cell(schema.description ?? ""),
  }));
  // The column is left out if the other libraries have none of the keys.
  const heads = (Object.keys(cells[0]!) as (keyof typeof cells[0])[])
    .filter((head) => head !== "TRL, transformers" || cells.some((row) => row[head] !== ""));
  const line = (words: readonly string[]): string => `| ${words.join(" | ")} |`;
  const lines = [
    line(heads),
    line(heads.map(() => "---")),
    ...cells.map((row) => line(heads.map((head) => row[head]))),
  ];
  return lines.join("\n") + "\n";
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("\n", " ");
}

function bounds({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: Schema): string {
  const parts = [
    minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER ? `≥ ${minimum}` : null,
    exclusiveMinimum !== undefined ? `> ${exclusiveMinimum}` : null,
    maximum !== undefined && maximum < 2 ** 24 - 1 ? `≤ ${maximum}` : null,
    exclusiveMaximum !== undefined ? `< ${exclusiveMaximum}` : null,
  ].filter((part) => part !== null);
  return parts.length > 0 ? ` ${parts.join(", ")}` : "";
}

/** A type in words, such as `number ≥ 0, or a list of them`. */
function typeOf(schema: Schema, root: Schema): string {
  const here = resolved(schema, root);
  if (here.const !== undefined) return `\`${here.const}\``;
  if (here.enum !== undefined) return here.enum.map((value) => `\`${value}\``).join(", ");
  if (here.allOf !== undefined) return here.allOf.map((branch) => typeOf(branch, root)).join(" and ");
  if (here.anyOf !== undefined) {
    const kinds: string[] = [];
    for (const branch of here.anyOf) {
      const item = resolved(branch, root).items;
      const isList = item !== undefined && here.anyOf.some((other) => typeOf(other, root) === typeOf(item, root));
      const kind = isList ? "a list of them" : typeOf(branch, root);
      if (!kinds.includes(kind)) kinds.push(kind);
    }
    return kinds.join(" or ");
  }
  switch (here.type) {
    case "object":
      return "a mapping";
    case "array":
      return `a list of ${here.items === undefined ? "values" : `(${typeOf(here.items, root)})`}`;
    case "string":
      return "text";
    case "boolean":
      return "`true`, `false`";
    case "integer":
    case "number":
      return here.type + bounds(here);
    default:
      return "any";
  }
}
