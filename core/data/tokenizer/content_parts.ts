/** Turns whose content is a list of parts, for templates that read parts and for those that read text alone. @module */
import { type Message, messageText } from "../formats/messages.ts";

/** A part as a template prints it that takes the list for a text. */
const PRINTED = /['"]type['"]: ?['"]text['"]/g;

/**
 * The messages for a template. Lists of parts stay as they are, as in transformers, if the template writes the parts'
 * texts. A template of text alone fails, or prints the list: then a single part becomes its text. Throws an Error if a
 * turn has several, as it is not known how they are joined.
 */
export function settleParts(
  messages: readonly Message[],
  render: (messages: readonly Message[]) => string,
): readonly Message[] {
  if (!messages.some(({ content }) => Array.isArray(content))) return messages;
  const texts = messages.map((message) =>
    Array.isArray(message.content) ? { ...message, content: messageText(message) } : message
  );
  const [own, plain] = [attempt(() => render(messages)), attempt(() => render(texts))];
  if (own !== null && readsParts(messages, { own, plain })) return messages;
  const several = messages.findIndex(({ content }) => Array.isArray(content) && content.length > 1);
  if (several < 0) return texts;
  throw new Error(`it takes text alone, and message ${several} has content of several parts, expected one`);
}

/** Whether a rendering has the parts' texts that the rendering of plain texts has, and no list as Python prints it. */
function readsParts(messages: readonly Message[], { own, plain }: { own: string; plain: string | null }): boolean {
  const printed = (text: string): number => text.match(PRINTED)?.length ?? 0;
  const parts = messages.flatMap(({ content }) => Array.isArray(content) ? content : []);
  const inTexts = parts.reduce((sum, { text }) => sum + printed(text), 0);
  if (printed(own) > (plain === null ? inTexts : printed(plain))) return false;
  return parts.every(({ text }) => own.includes(text.trim()) || !(plain ?? "").includes(text.trim()));
}

function attempt<T>(run: () => T): T | null {
  try {
    return run();
  } catch {
    return null;
  }
}
