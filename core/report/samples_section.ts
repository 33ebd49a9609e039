/** Prompts with the answers that they got: human and generated, scores, and which was chosen why. @module */
import type { RunView } from "../run/run_reader.ts";
import type { SampledAnswer, SampledRow } from "../run/sample_rows.ts";
import { isRecord } from "../values.ts";
import { number, whole } from "./format_numbers.ts";
import { escapeMarkup } from "./markup.ts";

/** The longest text that is shown whole. */
const MAX_TEXT = 2000;

/** The section's content; empty if there are no samples. */
export function samplesSection(run: RunView): string {
  if (run.samples.length === 0) return "";
  const cards = run.samples.map((sample) => sampleCard(sample, run));
  return `<p class="soft">Rows spread over the data, the same in every iteration. The chosen answer is what training makes ` +
    `more probable, the rejected one less.</p>\n${cards.join("\n")}`;
}

/** The answers that were generated last, while a run is at it; empty if none are. */
export function latestSection(run: RunView): string {
  if (run.latest.length === 0) return "";
  return `<h3>Answers as they come</h3>\n${run.latest.slice(0, 3).map((sample) => sampleCard(sample, run)).join("\n")}`;
}

function sampleCard({ row, prompt, human, answers }: SampledRow, run: RunView): string {
  const turns = prompt.map(({ role, content }) =>
    `<div class="turn">${role === null ? "" : `<span class="small soft">${escapeMarkup(role)}</span>`}` +
    `${textBox(content)}</div>`
  );
  const score = answers.find(({ label }) => label?.scoreHuman != null)?.label?.scoreHuman;
  const items = answers.map((answer) =>
    answerItem(`Iteration ${answer.iteration}`, answer.text, outcomeOf(answer, run))
  );
  // What the first and the last iteration answered tells most.
  const between = items.splice(1, Math.max(0, items.length - 2));
  const folded = between.length < 2 ? between : [
    `<li class="more"><details id="row-${row}"><summary>${between.length} iterations between</summary><ul>${
      between.join("")
    }</ul></details></li>`,
  ];
  const all = [
    answerItem("Human answer", human, score == null ? "" : `score ${number(score, false)}`),
    ...items.slice(0, 1),
    ...folded,
    ...items.slice(1),
  ];
  return `<article class="card sample"><h3>Row ${whole(row)}</h3>${turns.join("")}<ul>${all.join("")}</ul></article>`;
}

function answerItem(name: string, text: string, how: string): string {
  return `<li><strong class="small">${name}</strong>${textBox(text)}<span class="small how">${how}</span></li>`;
}

/** A text in a box; one that is long can be scrolled, with the keyboard too. */
function textBox(text: string): string {
  const isLong = text.length > 600 || text.split("\n").length > 9;
  return `<p class="text"${isLong ? ' tabindex="0"' : ""}>${
    text === "" ? `<span class="soft">(empty)</span>` : shown(text)
  }</p>`;
}

/** The score, which answer was chosen, and why. */
function outcomeOf({ label, isCut, isIdentical, iteration }: SampledAnswer, { config }: RunView): string {
  const cut = isCut ? ` <span class="pill bad">cut off</span>` : "";
  if (isIdentical) return `<span class="pill">same as the human answer: no pair</span>`;
  if (label === null) return cut;
  const { chosen, scoreHuman, scoreGenerated } = label;
  const chip = chosen === "generated"
    ? `<span class="pill good">chosen</span>`
    : `<span class="pill bad">rejected</span>`;
  if (scoreHuman === null || scoreGenerated === null) {
    return `${chip}${cut}<br><span class="soft">no score: the human answer is chosen</span>`;
  }
  const margin = marginOf(config, iteration);
  const human = `${number(scoreHuman, false)}${margin === 0 ? "" : ` + ${number(margin, false)}`}`;
  const why = scoreGenerated === scoreHuman && margin === 0
    ? "equal scores: the human answer is chosen"
    : `${
      scoreGenerated > scoreHuman + margin ? "&gt;" : scoreGenerated < scoreHuman + margin ? "&lt;" : "="
    } ${human} of the human answer`;
  return `score ${number(scoreGenerated, false)} ${chip}${cut}<br><span class="soft">${why}</span>`;
}

/** By how much the generated answer must be better, in an iteration. */
function marginOf({ labels }: RunView["config"], iteration: number): number {
  const entry = Array.isArray(labels) ? labels[Math.min(iteration, labels.length - 1)] : labels;
  return isRecord(entry) && typeof entry.margin === "number" ? entry.margin : 0;
}

function shown(text: string): string {
  if (text.length <= MAX_TEXT) return escapeMarkup(text);
  return `${escapeMarkup(text.slice(0, MAX_TEXT))}<span class="soft"> … ${
    whole(text.length - MAX_TEXT)
  } characters more</span>`;
}
