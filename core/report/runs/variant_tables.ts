/** Tables of variants: what they are, the ablation, and every measure over iterations. @module */
import type { Mean } from "../../evaluate/seed_means.ts";
import { percent } from "../../values.ts";
import { number, PLUS_MINUS, signed } from "../format_numbers.ts";
import { columnName } from "../iteration_curves.ts";
import { escapeMarkup } from "../markup.ts";
import { STATE_PILLS } from "../run_page.ts";
import { splitSettings } from "../settings_section.ts";
import type { AblationRow } from "./ablation.ts";
import { type GroupMeasure, meansOf, type MeasuredGroup } from "./group_measures.ts";
import { legendNames } from "./group_runs.ts";
import { PART_TEXTS } from "./parts.ts";

/** A table that scrolls where the page is narrow; cells are HTML. */
export function table(
  { label, heads, rows, isText = false }: {
    label: string;
    heads: readonly string[];
    rows: readonly (readonly string[])[];
    isText?: boolean;
  },
): string {
  const head = heads.map((text) => text === "" ? "<td></td>" : `<th scope="col">${text}</th>`).join("");
  const body = rows.map(([first, ...cells]) =>
    `<tr><th scope="row">${first}</th>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`
  );
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escapeMarkup(label)}">` +
    `<table${isText ? ` class="runs"` : ""}><thead><tr>${head}</tr></thead><tbody>\n${
      body.join("\n")
    }\n</tbody></table></div>`;
}

/** A cell without a number. */
export const NOTHING = `<span class="soft">–</span>`;

/** What each variant is, and whether its runs are done. */
export function variantsTable(groups: readonly MeasuredGroup[]): string {
  const legends = legendNames(groups);
  return table({
    label: "Variants",
    heads: ["variant", "what it is", "runs", "seeds", "iterations", "state"],
    isText: true,
    rows: groups.map(({ name, part, place, runs }, i) => {
      const done = runs.map(({ rows }) => rows.filter(({ iteration }) => iteration >= 0).length);
      // Runs may share a seed of training or of sampling.
      const seeds = [...new Set(runs.flatMap(({ seed }) => seed?.split(", ") ?? []))]
        .sort((a, b) => Number(a) - Number(b));
      const states = [...new Set(runs.map(({ view }) => view.state))];
      return [
        // Legends have the number where names are cut and alike.
        legends[i]!.startsWith(`${place + 1}: `) ? `${place + 1}: ${escapeMarkup(name)}` : escapeMarkup(name),
        part === null ? NOTHING : `${part}: ${PART_TEXTS[part]}`,
        String(runs.length),
        seeds.length === 0 ? NOTHING : escapeMarkup(seeds.join(", ")),
        [...new Set(done)].sort((a, b) => a - b).join(", "),
        states.map((state) => STATE_PILLS[state].replace(` role="status"`, "")).join(" "),
      ];
    }),
  });
}

/** A mean with its error, and n where it is not `n`, the variant's number of runs. */
function meanHtml(value: Mean, { isShare, n }: { isShare: boolean; n: number }): string {
  const error = value.stderr === null ? "" : ` ± ${errorText(value.stderr, isShare)}`;
  return `${number(value.mean, isShare)}<span class="soft">${error}${value.n === n ? "" : ` (n = ${value.n})`}</span>`;
}

function errorText(stderr: number, isShare: boolean): string {
  return isShare ? percent(stderr) : Number(stderr.toPrecision(2)).toString();
}

/** The ablation's table, and how to read it; empty without rows. */
export function ablationTable(rows: readonly AblationRow[], measures: readonly GroupMeasure[]): string {
  if (rows.length === 0) return "";
  const shown = measures.filter(({ key }) =>
    rows.some(({ cells }) => cells.some(({ measure }) => measure.key === key))
  );
  const hasLead = rows.some(({ cells }) => cells.some(({ lead }) => lead !== null));
  const content = table({
    label: "Ablation",
    heads: ["", "parts", "n", ...shown.map(({ name }) => escapeMarkup(name))],
    rows: rows.map(({ group, part, cells }) => [
      escapeMarkup(group.name),
      escapeMarkup(part),
      String(group.runs.length),
      ...shown.map(({ key, share: isShare = false }) => {
        const cell = cells.find(({ measure }) => measure.key === key);
        if (cell === undefined) return NOTHING;
        const { end, lead, iteration } = cell;
        const against = lead === null
          ? ""
          : ` <span class="soft">(${signed(lead.mean, isShare)}${
            lead.stderr === null ? "" : ` ± ${errorText(lead.stderr, isShare)}`
          })</span>`;
        return `${
          meanHtml(end, { isShare, n: group.runs.length })
        }${against} <span class="soft">after ${iteration}</span>`;
      }),
    ]),
  });
  const hasErrors = rows.some(({ cells }) => cells.some(({ end }) => end.stderr !== null));
  return `<h2>Ablation</h2>${content}<p class="small soft">Each variant after its last iteration, whose number stands ` +
    `behind${hasErrors ? `; ${PLUS_MINUS} over seeds` : "; of one seed each no error is known"}.${
      hasLead
        ? ` In brackets: the lead on SPIN after the same iteration, of shares in points${
          hasErrors ? ", seed by seed" : ""
        }.`
        : ""
    }</p>`;
}

/** A table for each measure: variants as rows, iterations as columns. */
export function measureTables(groups: readonly MeasuredGroup[], measures: readonly GroupMeasure[]): string {
  return measures.map(({ key, title, share: isShare = false }) => {
    const known = groups.map((group) => ({ group, means: meansOf(group, key) })).filter(({ means }) => means.size > 0);
    const columns = [...new Set(known.flatMap(({ means }) => [...means.keys()]))].sort((a, b) => a - b);
    return `<h3>${escapeMarkup(title)}</h3>` + table({
      label: title,
      heads: ["", ...columns.map(columnName), "n"],
      rows: known.map(({ group: { name, runs }, means }) => [
        escapeMarkup(name),
        ...columns.map((column) => {
          const mean = means.get(column);
          return mean === undefined ? NOTHING : meanHtml(mean, { isShare, n: runs.length });
        }),
        String(runs.length),
      ]),
    });
  }).join("\n");
}

/** The settings in which the variants differ; empty if none is known. */
export function differencesTable(groups: readonly MeasuredGroup[]): string {
  const settings = groups.map(({ runs: [run] }) => {
    const { set, rest } = splitSettings(run!.view.config);
    return new Map([...set, ...rest].map(({ key, value }) => [key, value]));
  });
  const seeds = /^(output_dir|training\.seed|generation\.seed)$/;
  const keys = [...new Set(settings.flatMap((own) => [...own.keys()]))].filter((key) =>
    !seeds.test(key) && new Set(settings.map((own) => own.get(key))).size > 1
  );
  if (keys.length === 0) return "";
  return table({
    label: "Settings that differ",
    heads: ["setting", ...groups.map(({ name }) => escapeMarkup(name))],
    isText: true,
    rows: keys.map((key) => [
      `<code>${escapeMarkup(key)}</code>`,
      ...settings.map((own) => own.has(key) ? escapeMarkup(own.get(key)!) : NOTHING),
    ]),
  }) + (groups.some(({ runs }) =>
      runs.length > 1
    )
    ? `<p class="small soft">Of a variant with several seeds, the first run's are shown.</p>`
    : "");
}
