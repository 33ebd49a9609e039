/** Replies on disk, by what was asked: what was paid for once is not asked again. @module */
import { type AppendFile, openAppend, writeFileAtomic } from "../files/atomic.ts";
import { sha256 } from "../files/digest.ts";
import { readOptionalText } from "../files/io.ts";

/** What a model replied. */
export interface Reply {
  /** Its text; null where the answer has none. */
  content: string | null;
  /** Why it ended: `stop`, `length`, …; null where the server does not say. */
  finish_reason: string | null;
  /** Tokens of the question, as the server counts them; 0 where it does not. */
  prompt_tokens: number;
  /** Tokens of the reply. */
  completion_tokens: number;
}

/** The key of a request: a hash of its address and its whole body. */
export function requestKey(url: string, body: unknown): Promise<string> {
  return sha256(JSON.stringify([url, body]));
}

/** An append-only file of JSON lines, one a reply. */
export class ReplyCache {
  readonly #path: string;
  readonly #replies: Map<string, Reply>;
  #file: AppendFile | null = null;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, replies: Map<string, Reply>) {
    this.#path = path;
    this.#replies = replies;
  }

  /** Reads what is there; lines that a killed process left torn are dropped from the file. */
  static async open(path: string): Promise<ReplyCache> {
    const text = await readOptionalText(path) ?? "";
    const { replies, kept } = parseLines(text);
    if (kept !== text) await writeFileAtomic(path, kept);
    return new ReplyCache(path, replies);
  }

  /** As `open`, to look alone: the file is not touched. */
  static async read(path: string): Promise<ReplyCache> {
    const text = await readOptionalText(path).catch(() => null) ?? "";
    return new ReplyCache(path, parseLines(text).replies);
  }

  /** The reply to a request; undefined where it was never asked. */
  get(key: string): Reply | undefined {
    return this.#replies.get(key);
  }

  /** Keeps a reply; it is in the file when this resolves. Throws a UserError where it cannot be written. */
  async put(key: string, reply: Reply): Promise<void> {
    this.#replies.set(key, reply);
    // One line after the other: a write may take only a part.
    const write = this.#writing.then(async () => {
      this.#file ??= await openAppend(this.#path);
      await this.#file.append(JSON.stringify({ key, ...reply }) + "\n");
    });
    this.#writing = write.catch(() => {});
    await write;
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
    this.#file = null;
  }
}

function parseLines(text: string): { replies: Map<string, Reply>; kept: string } {
  const replies = new Map<string, Reply>();
  let kept = "";
  for (const line of text.split("\n").slice(0, -1)) {
    try {
      const { key, content, finish_reason, prompt_tokens, completion_tokens } = JSON.parse(line);
      if (typeof key !== "string" || !(content === null || typeof content === "string")) continue;
      replies.set(key, {
        content,
        finish_reason: finish_reason ?? null,
        prompt_tokens: Number(prompt_tokens) || 0,
        completion_tokens: Number(completion_tokens) || 0,
      });
      kept += line + "\n";
    } catch {
      // Torn.
    }
  }
  return { replies, kept };
}
