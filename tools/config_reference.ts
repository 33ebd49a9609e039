/** Writes docs/configuration.md from the config's schema: deno task docs. @module */
import { configJsonSchema } from "../core/config/config.ts";

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
Where the type says "or a list of them", a list has one entry per iteration, and its last entry repeats.
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
  const parts = [INTRODUCTION, table(top, schema)];
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
    parts.push(`\n## ${path}\n\n${key.description ?? ""} ${kindOf(key, schema)}\n\n${table(rows, schema)}`);
  }
  return parts.join("\n").replace(/[ \t]+$/gm, "");
}

function resolved(schema: Schema, root: Schema): Schema {
  const name = schema.$ref?.replace("#/$defs/", "");
  return name === undefined ? schema : resolved(root.$defs?.[name] ?? {}, root);
}

/** The mapping with named keys that a value may be, alone, in a list or beside something else; null for a plain value. */
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

function table(rows: readonly [string, Schema][], root: Schema): string {
  if (rows.length === 0) return "";
  const lines = rows.map(([name, schema]) => {
    const value = schema.default === undefined ? "" : `\`${JSON.stringify(schema.default)}\``;
    return `| \`${name}\` | ${typeOf(schema, root)} | ${value} | ${cell(schema.description ?? "")} |`;
  });
  return ["| key | type | default | what it is |", "| --- | --- | --- | --- |", ...lines].join("\n") + "\n";
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

if (import.meta.main) await Deno.writeTextFile("docs/configuration.md", configReference());
