/** A run's settings: those that were set, and apart from them those that have their defaults. @module */
import { knownKeys } from "../config/config_keys.ts";
import type { RunView } from "../run/run_reader.ts";
import { isRecord } from "../values.ts";
import { escapeMarkup } from "./markup.ts";

/** The section's content; text that is not a YAML mapping is shown as it is. */
export function settingsSection({ settings, config }: Pick<RunView, "settings" | "config">): string {
  if (settings === null) return "";
  if (Object.keys(config).length === 0) return `<pre class="text">${escapeMarkup(settings)}</pre>`;
  const { set, rest } = splitSettings(config);
  return `<h3>Set for this run</h3>${table(set)}` +
    (rest.length === 0
      ? ""
      : `<details id="defaults"><summary>${defaultsTitle(rest)}</summary>${table(rest)}</details>`);
}

/** A setting: its dotted key, and its value as text. */
export interface Setting {
  key: string;
  value: string;
}

/** The settings that were set, and those that have their defaults. */
export function splitSettings(config: RunView["config"]): { set: Setting[]; rest: Setting[] } {
  const all = leaves(config).map(([key, value]) => ({ key, value }));
  return {
    set: all.filter(({ key, value }) => !isDefault(key, value, config)),
    rest: all.filter(({ key, value }) => isDefault(key, value, config)),
  };
}

/** The title of settings that have their defaults. */
export function defaultsTitle(rest: readonly Setting[]): string {
  return rest.length === 1 ? "1 setting that has its default" : `${rest.length} settings that have their defaults`;
}

function table(rows: readonly Setting[]): string {
  const of = (part: typeof rows): string =>
    `<table class="left"><tbody>${
      part.map(({ key, value }) =>
        `<tr><th scope="row"><code>${escapeMarkup(key)}</code></th><td>${escapeMarkup(value)}</td></tr>`
      ).join("")
    }</tbody></table>`;
  const half = Math.ceil(rows.length / 2);
  return `<div class="keys">${
    [rows.slice(0, half), rows.slice(half)].filter((part) => part.length > 0).map(of).join("")
  }</div>`;
}

/** Whether a setting has the value that it has where it is not set. */
function isDefault(key: string, value: string, { method }: RunView["config"]): boolean {
  const path = key.replaceAll(/\.\d+(?=\.|$)/g, "");
  if (path === "noise" && value === "none" && method !== "dnpo") return true;
  if (path === "training.loss_type" && value === "sft" && method === "sft") return true;
  const known = knownKeys().get(path);
  if (known === undefined || known.default === undefined) return false;
  const [standard] = leaves(known.default);
  return standard?.[1] === value;
}

/** Dotted keys with their values as text. */
function leaves(value: unknown, path = ""): [string, string][] {
  if (isRecord(value) || (Array.isArray(value) && value.some(isRecord))) {
    return Object.entries(value).flatMap(([key, inner]) => leaves(inner, path === "" ? key : `${path}.${key}`));
  }
  if (!Array.isArray(value)) return [[path, plain(value)]];
  return [[path, value.length === 0 ? "none" : value.map(plain).join(", ")]];
}

/** A value as text, small numbers as configs have them: `1e-6`. */
function plain(value: unknown): string {
  const isSmall = typeof value === "number" && value !== 0 && Math.abs(value) < 1e-3;
  return isSmall ? value.toExponential() : String(value);
}
