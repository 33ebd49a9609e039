/** The page of a run, as a file that needs nothing else or as blocks that are replaced while the run goes on. @module */
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
  done: `<span class="pill" role="status">done</span>`,
};

/** A figure, drawn for wide and for narrow pages, with its words. */
export function figureHtml({ title, reading, svg, narrow }: Figure): string {
  return `<figure><h3>${escapeMarkup(title)}</h3><div class="wide">${svg}</div><div class="narrow">${narrow}</div>` +
    `<figcaption>${escapeMarkup(reading)}</figcaption></figure>`;
}

/** The parts of a run's page. */
export function runBlocks(run: RunView): PageBlocks {
  const figures = runFigures(run).map(figureHtml);
  return {
    head: `<h1>${escapeMarkup(run.name)} ${STATE_PILLS[run.state]}</h1>` +
      `<p class="soft">${run.state === "stopped" ? "Not at work on this machine; last" : "Last"} written ${
        moment(run.written)
      }</p>`,
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
