/** The card of a model that a run made: what it is, how and from what it was made, and its results. @module */
import { stringify } from "yaml";
import { iterationValues, parseSettings, type RunRecord } from "../run/read_run.ts";
import { safeLine } from "../safe_text.ts";
import { isRecord } from "../values.ts";
import { judgesOf, judgeText, lossOf, type Making, makingOf, noisesOf, valueAt } from "./card_making.ts";
import { useText } from "./card_use.ts";
import { number, PLUS_MINUS, plusMinus } from "./format_numbers.ts";
import { columnName } from "./iteration_curves.ts";
import { escapeMarkdown, markdownCode } from "./markup.ts";
import { mainKeys, measureOf } from "./measures.ts";
import { defaultsTitle, type Setting, splitSettings } from "./settings_section.ts";

/** A model or data set of the hub that the run used. */
export interface CardSource {
  /** As the config names it. */
  source: string;
  type: "model" | "dataset";
  repo: string;
  commit: string;
  config?: string;
  split?: string;
  license?: string;
  is_benchmark?: true;
}

/** What a card is made of. */
export interface CardOptions {
  /** The repository that the card is for, `org/name`. */
  repo: string;
  sources: readonly CardSource[];
  /** The figure's path in the repository; null if there is none. */
  figure: string | null;
  /** What adapter_config.json says of the base, if the card is an adapter's. */
  adapter?: { base: string | null };
}

/** The README.md of a model repository, with front matter. What the run does not tell is left out. */
export function modelCard(run: RunRecord, { repo, sources, figure, adapter }: CardOptions): string {
  const settings = parseSettings(run.settings);
  const named = (key: string): CardSource | undefined =>
    sources.find(({ source }) => source === valueAt(settings, key));
  // Without settings, the base is the first model that was looked up. Otherwise, if it is local, the others are judges.
  const trained = settings.model === undefined ? sources.find(({ type }) => type === "model") : named("model");
  const base = adapter
    ? sources.find(({ type, source, repo }) => type === "model" && isNamed(adapter, [source, repo]))
    : trained;
  // Training data and held-out data may have the same name; the held-out data was looked up last.
  const held = sources.findLast(({ source }) => source === valueAt(settings, "data.eval"));
  const datasets = sources.filter((source) => source.type === "dataset" && source !== held && !source.is_benchmark);
  const made = makingOf(settings, run);
  const local = base ? null : localName(adapter ? adapter.base : valueAt(settings, "model"));
  const tags = [...new Set([...made.tags, ...adapter || isRecord(settings.lora) ? ["lora"] : []])];
  const header = {
    library_name: adapter ? "peft" : "transformers",
    pipeline_tag: "text-generation",
    ...(base?.license !== undefined && { license: base.license }),
    ...(base && { base_model: base.repo, base_model_relation: adapter ? "adapter" : "finetune" }),
    ...(datasets.length > 0 && { datasets: [...new Set(datasets.map(({ repo }) => repo))] }),
    ...(tags.length > 0 && { tags }),
  };
  return [
    `---\n${frontMatter(header)}---`,
    `# ${escapeMarkdown(repo.split("/").at(-1)!)}`,
    opening(made, { base, local, isAdapter: adapter !== undefined }),
    section("Use", useText(repo, { adapter: adapter !== undefined, base: base ? null : local })),
    section("How it was made", makingText(settings, { made, base, local, datasets, held, edited: run.edited })),
    section("What came out", [
      iterationTable(run),
      bestText(run),
      definitions(run),
      figure === null ? "" : `![Figures of the run](${figure})`,
    ]),
    section("Settings", settingsTables(settings, sources)),
    section("Citation", made.citation),
  ].filter((part) => part !== "").join("\n\n") + "\n";
}

/** YAML whose texts are single lines, whatever the hub's names and licences hold: no reader sees another key or end. */
function frontMatter(header: Record<string, string | string[]>): string {
  const lines = Object.entries(header).map(([key, value]) =>
    [key, typeof value === "string" ? safeLine(value) : value.map(safeLine)] as const
  );
  return stringify(Object.fromEntries(lines), { lineWidth: 0 });
}

function section(title: string, content: string | string[]): string {
  const text = [content].flat().filter((part) => part !== "").join("\n\n");
  return text === "" ? "" : `## ${title}\n\n${text}`;
}

/** The last name of a path, which says nothing about the machine; null if there is none. */
function localName(path: unknown): string | null {
  return typeof path === "string" ? path.split(/[\\/]/).findLast((part) => part !== "") ?? null : null;
}

/** The names of local data: what of a source the hub does not have. */
function localData(source: unknown, known: readonly CardSource[]): string[] {
  return [source].flat().flatMap((entry) => {
    const path = isRecord(entry) ? entry.path : entry;
    if (typeof path !== "string" || known.some(({ source, repo }) => source === path || path.startsWith(repo))) {
      return [];
    }
    return localName(path) ?? [];
  });
}

function opening(
  { by }: Making,
  { base, local, isAdapter }: { base: CardSource | undefined; local: string | null; isAdapter: boolean },
): string {
  const from = base ? link(base) : local === null ? null : `the local model ${markdownCode(local)}`;
  const what = isAdapter ? `This LoRA adapter for ${from ?? "a local model"}` : "This model";
  const source = isAdapter || from === null ? "" : ` from ${from}`;
  return `${what} was made with the program dnpo${source}${by === null ? "" : `${source === "" ? "" : ","} by ${by}`}.`;
}

function isNamed({ base }: { base: string | null }, names: readonly string[]): boolean {
  return base !== null && names.some((name) => name === base || name.startsWith(`${base}@`));
}

function makingText(
  settings: Record<string, unknown>,
  { made: { method, generates, hasNoise }, base, local, datasets, held, edited }: {
    made: Making;
    base: CardSource | undefined;
    local: string | null;
    datasets: readonly CardSource[];
    held: CardSource | undefined;
    edited: readonly string[];
  },
): string {
  const describe = (data: CardSource): string => {
    const part = [data.config === "default" ? undefined : data.config, data.split].filter(Boolean).join("/");
    return `${link(data)}${part ? `, ${escapeMarkdown(part)}` : ""}, commit ${markdownCode(data.commit.slice(0, 12))}`;
  };
  const [judges, noise, loss] = [[...new Set(judgesOf(settings))], noisesOf(settings), lossOf(settings)];
  const localRows = (title: string, key: string, known: readonly CardSource[]): [string, string][] =>
    localData(valueAt(settings, key), known).map((name) => [title, `${markdownCode(name)}, local`]);
  const rows: [string, string][] = [
    ...(method === null ? [] : [["method", method] as [string, string]]),
    ...(loss === null ? [] : [["loss", loss] as [string, string]]),
    ...(base ? [["base model", describe(base)] as [string, string]] : []),
    ...(local === null ? [] : [["base model", `${markdownCode(local)}, local`] as [string, string]]),
    ...datasets.map((data): [string, string] => ["data", describe(data)]),
    ...localRows("data", settings.stage === "optimize" ? "pairs" : "data.train", datasets),
    ...(held ? [["held-out data", describe(held)] as [string, string]] : []),
    ...localRows("held-out data", "data.eval", held ? [held] : []),
    ...(generates && judges.length > 0 ? [["judge", judges.map(judgeText).join(", ")] as [string, string]] : []),
    ...(hasNoise ? [["noise", escapeMarkdown([...new Set(noise)].join(", "))] as [string, string]] : []),
    ...(edited.length > 0 ? [["edited by hand", edited.map(markdownCode).join(", ")] as [string, string]] : []),
  ];
  return rows.length === 0 ? "" : table(["", ""], rows);
}

/** The numbers that tell most and that an iteration has. */
function keysOf(run: RunRecord): string[] {
  const iterations = iterationValues(run);
  return mainKeys(iterations.flatMap(({ values }) => Object.keys(values)));
}

/** Which iteration's model this is, where it was picked as the best one; empty if there was nothing to pick. */
function bestText({ best, iterations }: RunRecord): string {
  if (best === undefined || iterations.filter(({ iteration }) => iteration >= 0).length < 2) return "";
  const { name, kind } = measureOf(best.metric);
  return `This is the model of iteration ${best.iteration}, the best by ${escapeMarkdown(name)} (${
    number(best.value, kind === "share")
  }). Of several numbers on the same rows the best one is in part luck: on other rows, expect a little less.`;
}

/** What the table's numbers are. */
function definitions(run: RunRecord): string {
  const measures = keysOf(run).map(measureOf);
  const lines = measures.map(({ name, text }) => `- **${name}**: ${escapeMarkdown(text)}`);
  const hasErrors = measures.some(({ stderr }) => iterationValues(run).some(({ values }) => stderr! in values));
  return [...lines, ...hasErrors ? [`- ${PLUS_MINUS}.`] : []].join("\n");
}

/** The numbers as rows, as in the run's report; iterations as columns. */
function iterationTable(run: RunRecord): string {
  const iterations = iterationValues(run);
  const rows = keysOf(run).map((key) => {
    const { name, kind, stderr = "" } = measureOf(key);
    const cells = iterations.map(({ values }) => {
      if (!Object.hasOwn(values, key)) return "";
      return `${number(values[key]!, kind === "share")}${plusMinus(values[stderr], kind === "share")}`;
    });
    return [name, ...cells];
  });
  return rows.length === 0
    ? ""
    : table(["", ...iterations.map(({ iteration }) => columnName(iteration))], rows, { numbers: true });
}

/**
 * Tables of the settings: those that were set, and folded those that have their defaults. Nothing in them tells of the
 * machine: of a local path, only the last name is kept.
 */
function settingsTables(settings: Record<string, unknown>, sources: readonly CardSource[]): string[] {
  const isPath = (value: string): boolean =>
    /[\\/]/.test(value) && !/[\n{]/.test(value) && !sources.some(({ source }) => value.startsWith(source));
  const { output_dir: _, stage: __, ...shown } = settings;
  const { set, rest } = splitSettings(shown);
  const of = (rows: readonly Setting[]): string =>
    table(
      ["key", "value"],
      rows.map(({ key, value }) => [
        markdownCode(key),
        // `leaves` joins a list with commas.
        escapeMarkdown(value.split(", ").map((part) => isPath(part) ? localName(part) ?? "" : part).join(", ")),
      ]),
    );
  return [
    set.length === 0 ? "" : of(set),
    rest.length === 0 ? "" : `<details>\n<summary>${defaultsTitle(rest)}</summary>\n\n${of(rest)}\n\n</details>`,
  ];
}

/** A table; the columns of numbers, all but the first one, are aligned right. */
function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { numbers = false }: { numbers?: boolean } = {},
): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => numbers && i > 0 ? "---:" : "---")), ...rows.map(line)].join("\n");
}

function link({ type, repo }: CardSource): string {
  return `[${escapeMarkdown(repo)}](https://huggingface.co/${type === "dataset" ? "datasets/" : ""}${
    encodeURI(repo.toWellFormed()).replaceAll("(", "%28").replaceAll(")", "%29")
  })`;
}
