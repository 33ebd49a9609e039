/** Keeps replies on disk by their requests, so that nothing is paid for twice. @module */
import { type AppendFile, openAppend, writeFileAtomic } from "../files/atomic.ts";
import { sha256 } from "../files/digest.ts";
import { readOptionalText } from "../files/io.ts";
import { digestText } from "../files/stream_digest.ts";

/** A model's reply. */
export interface Reply {
  /** Its text; null if the answer has none. */
  content: string | null;
  /** Why it ended, such as `stop` or `length`; null if the server does not say. */
  finish_reason: string | null;
  /** Tokens of the question, as the server counts them; 0 if it does not. */
  prompt_tokens: number;
  /** Tokens of the reply, as the server counts them; 0 if it does not. */
  completion_tokens: number;
}

/** The key of a request: a hash of its address and its whole body. */
export function requestKey(url: string, body: unknown): Promise<string> {
  return sha256(JSON.stringify([url, body]));
}

/** A line of the file that is not as it was written: what its SHA-256 is, and what the line says; null if it says none. */
export interface ChangedReply {
  /** Line of the file, from 1. */
  line: number;
  is: string;
  was: string | null;
}

/** An append-only file of JSON lines, with one reply and its SHA-256 in each line. */
export class ReplyCache {
  readonly #path: string;
  readonly #replies: Map<string, Reply>;
  #file: AppendFile | null = null;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, replies: Map<string, Reply>) {
    this.#path = path;
    this.#replies = replies;
  }

  /**
   * Reads the file; torn lines, which a killed process left, are removed from it. Those that were changed are kept, and
   * `onChanged` gets the first of them.
   */
  static async open(
    path: string,
    { onChanged }: { onChanged?: (reply: ChangedReply) => Promise<void> } = {},
  ): Promise<ReplyCache> {
    const text = await readOptionalText(path) ?? "";
    const { replies, kept, changed } = parseLines(text);
    if (changed !== null) await onChanged?.(changed);
    if (kept !== text) await writeFileAtomic(path, kept);
    return new ReplyCache(path, replies);
  }

  /** As `open`, but only reads: the file is not changed. */
  static async read(path: string): Promise<ReplyCache> {
    const text = await readOptionalText(path).catch(() => null) ?? "";
    return new ReplyCache(path, parseLines(text).replies);
  }

  /** The reply to a request; undefined if there is none yet. */
  get(key: string): Reply | undefined {
    return this.#replies.get(key);
  }

  /** Keeps a reply; it is in the file when this resolves. Throws a UserError if it cannot be written. */
  async put(key: string, reply: Reply): Promise<void> {
    this.#replies.set(key, reply);
    // Lines are written one after the other, because a single write may take only a part of a line.
    const write = this.#writing.then(async () => {
      this.#file ??= await openAppend(this.#path);
      await this.#file.append(JSON.stringify({ key, ...reply, sha256: digestOf(key, reply) }) + "\n");
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

function digestOf(key: string, { content, finish_reason, prompt_tokens, completion_tokens }: Reply): string {
  return digestText(JSON.stringify([key, content, finish_reason, prompt_tokens, completion_tokens]));
}

function parseLines(text: string): { replies: Map<string, Reply>; kept: string; changed: ChangedReply | null } {
  const replies = new Map<string, Reply>();
  let changed: ChangedReply | null = null;
  let kept = "";
  for (const [i, line] of text.split("\n").slice(0, -1).entries()) {
    try {
      const { key, content, finish_reason, prompt_tokens, completion_tokens, sha256 } = JSON.parse(line);
      if (typeof key !== "string" || !(content === null || typeof content === "string")) continue;
      const reply = {
        content,
        finish_reason: finish_reason ?? null,
        prompt_tokens: Number(prompt_tokens) || 0,
        completion_tokens: Number(completion_tokens) || 0,
      };
      replies.set(key, reply);
      kept += line + "\n";
      const is = digestOf(key, reply);
      if (is !== sha256) changed ??= { line: i + 1, is, was: typeof sha256 === "string" ? sha256 : null };
    } catch {
      // A torn line.
    }
  }
  return { replies, kept, changed };
}
