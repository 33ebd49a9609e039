/** The page of a run, as a file that needs nothing else or as blocks that are replaced while the run goes on. @module */
import { KILLED } from "../run/last_end.ts";
import type { RunView } from "../run/run_reader.ts";
import { answerSection } from "./answer_section.ts";
import { type Figure, runFigures } from "./figures.ts";
import { moment } from "./format_numbers.ts";
import { escapeMarkup } from "./markup.ts";
import { logSection, nowSection } from "./now_section.ts";
import { numbersSection, timeTable } from "./numbers_section.ts";
import { PAGE_STYLE } from "./page_style.ts";
import { samplesSection } from "./samples_section.ts";
import { settingsSection } from "./settings_section.ts";

/** The parts of a page, by the ids of their elements, in order; a part may be empty. */
export type PageBlocks = Readonly<Record<string, string>>;

/** What a page has besides its blocks. */
export interface PageFrame {
  title: string;
  /** What goes into the head: a policy, a script. */
  head?: string;
  /** What goes above the blocks, such as a way back; HTML. */
  above?: string;
  /** What goes below them; HTML. */
  below?: string;
  /** Whether blocks that are empty may be filled later. */
  isLive?: boolean;
}

/** A run's state as a pill. */
export const STATE_PILLS: Readonly<Record<RunView["state"], string>> = {
  running: `<span class="pill good" role="status">running</span>`,
  stopped: `<span class="pill bad" role="status">stopped</span>`,
  failed: `<span class="pill bad" role="status">failed</span>`,
  done: `<span class="pill" role="status">done</span>`,
  generated: `<span class="pill" role="status">generated</span>`,
  labelled: `<span class="pill" role="status">labelled</span>`,
};

/** A figure, drawn for wide and for narrow pages, with its words. */
export function figureHtml({ title, reading, svg, narrow }: Figure): string {
  return `<figure><h3>${escapeMarkup(title)}</h3><div class="wide">${svg}</div><div class="narrow">${narrow}</div>` +
    `<figcaption>${escapeMarkup(reading)}</figcaption></figure>`;
}

/** The parts of a run's page; `isSaved` says that it is a file, which does not follow the run. */
export function runBlocks(run: RunView, { isSaved = false } = {}): PageBlocks {
  const figures = runFigures(run).map(figureHtml);
  return {
    head: headOf(run, isSaved),
    now: nowSection(run),
    answer: answerSection(run),
    samples: section("Samples", samplesSection(run)),
    figures: section("Figures", figures.length === 0 ? "" : `<div class="figures">${figures.join("\n")}</div>`),
    numbers: section("Numbers", numbersSection(run)),
    time: section("Time", timeTable(run)),
    settings: section("Settings", settingsSection(run)),
    log: section("Log", logSection(run)),
  };
}

/** The name, the state and what is known of it. A file says only what was so when it was written. */
function headOf(run: RunView, isSaved: boolean): string {
  const { state, ended } = run;
  const written = `written ${moment(run.written)}`;
  if (state === "running" && isSaved) {
    return `<h1>${escapeMarkup(run.name)} <span class="pill" role="status">not done yet</span></h1>` +
      `<p class="soft">The run was at work when this page was ${written}. The page is a file that does not follow it: ` +
      `<code>dnpo runs</code> tells whether it still is, or how it ended.</p>`;
  }
  const isOver = state === "stopped" || state === "failed";
  const why = state === "failed" && ended?.problem !== undefined
    ? `<p>It failed: ${escapeMarkup(ended.problem)}</p>`
    : state === "stopped" && ended?.end === null
    ? `<p>If it is not at work on another machine, ${KILLED}.</p>`
    : "";
  return `<h1>${escapeMarkup(run.name)} ${STATE_PILLS[state]}</h1>` +
    `<p class="soft">${isOver ? "Not at work on this machine; last" : "Last"} ${written}</p>${why}`;
}

/** A page of blocks. */
export function pageOf(
  blocks: PageBlocks,
  { title, head = "", above = "", below = "", isLive = false }: PageFrame,
): string {
  const [first, ...rest] = Object.entries(blocks);
  const links = rest.filter(([id, html]) => Object.hasOwn(LINKS, id) && (isLive || html !== "")).map(([id]) =>
    `<li><a href="#${id}">${LINKS[id]}</a></li>`
  );
  return [
    "<!doctype html>",
    `<html lang="en"><head><meta charset="utf-8"><title>${escapeMarkup(title)}</title>${head}`,
    `<meta name="viewport" content="width=device-width, initial-scale=1"><style>${PAGE_STYLE}</style></head><body>`,
    `<a class="skip" href="#answer">To the content</a>`,
    `<header>${above}<div id="${first![0]}">${first![1]}</div></header>`,
    links.length < 3 ? "" : `<nav class="page" aria-label="Parts of the page"><ul>${links.join("")}</ul></nav>`,
    "<main>",
    ...rest.map(([id, html]) => `<section id="${id}">${html}</section>`),
    `</main><footer>${below}</footer></body></html>\n`,
  ].filter((part) => part !== "").join("\n");
}

const LINKS: Readonly<Record<string, string>> = {
  answer: "Result",
  samples: "Samples",
  figures: "Figures",
  numbers: "Numbers",
  missing: "Missing",
  time: "Time",
  settings: "Settings",
  log: "Log",
};

function section(title: string, content: string): string {
  return content === "" ? "" : `<h2>${title}</h2>\n${content}`;
}

/** The hash of a style or script for a Content-Security-Policy. */
export async function policyHash(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `'sha256-${new Uint8Array(bytes).toBase64()}'`;
}
