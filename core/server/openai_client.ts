/** A server that speaks OpenAI's API: requests that are repeated, and failures in words without the key. @module */
import type { OpenAI } from "openai";
import { UserError } from "../error.ts";
import { retryAfter, withRetries } from "./retry_pause.ts";

/** How a server is reached. */
export interface ServerOptions {
  /** Address up to and with the version: `https://api.openai.com/v1`. */
  url: string;
  /** Its API key; null where it needs none. */
  apiKey: string | null;
  /** Seconds that a request may take. */
  timeout: number;
  /** Times a request is repeated. */
  maxRetries: number;
  /** Told of each failure that is repeated. */
  onRetry?: (line: string) => void;
  /** First pause before a repetition, in milliseconds. */
  firstPause?: number;
}

/** A request that failed, for good or after all repetitions. */
export class ServerError extends Error {
  override readonly name = "ServerError";
  /** The HTTP status; null where there was no answer. */
  readonly status: number | null;
  /** What the server says, in one line, without the key. */
  readonly detail: string;
  /** Milliseconds that the server asks to wait. */
  readonly retryAfter: number | undefined;

  /** A failure at the server of this address. */
  constructor(
    url: string,
    { status, detail, retryAfter }: { status: number | null; detail: string; retryAfter?: number | undefined },
  ) {
    super(`${url} ${status === null ? detail : `answers ${status}${detail === "" ? "" : `: ${detail}`}`}`);
    this.status = status;
    this.detail = detail;
    this.retryAfter = retryAfter;
  }

  /** Whether the request itself is refused, so that another form of it may be taken. */
  get refusesRequest(): boolean {
    return this.status === 400 || this.status === 413 || this.status === 422 || this.status === 501;
  }
}

/** Statuses after which the same request may succeed. */
const PASSING = [408, 409, 425, 429];
/** Waiting longer than this is the user's decision. */
const LONGEST_WAIT = 10 * 60_000;

/** A server that is asked. */
export class Server {
  /** Its address. */
  readonly url: string;
  readonly #client: OpenAI;
  readonly #options: ServerOptions;

  private constructor(client: OpenAI, options: ServerOptions) {
    this.url = options.url;
    this.#client = client;
    this.#options = options;
  }

  /** Makes a client; sends nothing. */
  static async open(options: ServerOptions): Promise<Server> {
    // Loaded here: most commands never ask a server.
    const { OpenAI } = await import("openai");
    const { url, apiKey, timeout } = options;
    const client = new OpenAI({
      // The client wants one; without a key its header is taken away again.
      apiKey: apiKey ?? "none",
      ...(apiKey === null && { defaultHeaders: { Authorization: null } }),
      baseURL: url.replace(/\/+$/, ""),
      timeout: Math.ceil(timeout * 1000),
      // Repeated here, where the pauses can be ended and told of.
      maxRetries: 0,
      organization: null,
      project: null,
      logLevel: "off",
    });
    return new Server(client, options);
  }

  /**
   * Sends a request, again where it may help, and returns the JSON of the answer. The signal ends the repeating; with
   * `cut` a request under way too. Throws ServerError.
   */
  post(
    path: string,
    body: Readonly<Record<string, unknown>>,
    { signal, cut = false }: { signal: AbortSignal; cut?: boolean },
  ): Promise<unknown> {
    return this.#repeat(() => this.#client.post(path, { body, ...(cut && { signal }) }), signal);
  }

  /** The models that it offers, with the path of the weights where it says so; null where it has no such list. */
  async models(signal: AbortSignal): Promise<{ id: string; root: string | null }[] | null> {
    let answer: unknown;
    try {
      // A server that is not there at the start is not waited for as long as one that is lost in the middle.
      answer = await this.#repeat(() => this.#client.get("/models"), signal, Math.min(2, this.#options.maxRetries));
    } catch (error) {
      if (error instanceof ServerError && (error.status === 404 || error.status === 405 || error.status === 501)) {
        return null;
      }
      throw error;
    }
    const { data } = (answer ?? {}) as { data?: unknown };
    if (!Array.isArray(data)) return null;
    return data.filter((entry) => typeof entry?.id === "string").map(({ id, root }) => ({
      id,
      root: typeof root === "string" ? root : null,
    }));
  }

  async #repeat(
    send: () => Promise<unknown>,
    signal: AbortSignal,
    maxRetries: number = this.#options.maxRetries,
  ): Promise<unknown> {
    const { onRetry, firstPause } = this.#options;
    return await withRetries(async () => {
      try {
        return await send();
      } catch (error) {
        throw this.#explain(error);
      }
    }, {
      maxRetries,
      signal,
      pauseAfter: (error) => {
        if (!(error instanceof ServerError)) return null;
        const { status, retryAfter } = error;
        if (status !== null && status < 500 && !PASSING.includes(status)) return null;
        // Nothing of the request's form gets better by waiting.
        if (status === 501) return null;
        return retryAfter !== undefined && retryAfter > LONGEST_WAIT ? null : retryAfter;
      },
      onRetry: (error, milliseconds) => {
        onRetry?.(`${(error as Error).message}; again in ${(milliseconds / 1000).toFixed(1)} s`);
      },
      ...(firstPause !== undefined && { firstPause }),
    });
  }

  /** Everything that the client throws, as a ServerError. */
  #explain(error: unknown): ServerError {
    const { url, timeout } = this.#options;
    const { name, message, status, headers, error: body } = error as {
      name?: string;
      message?: string;
      status?: number;
      headers?: Headers;
      error?: unknown;
    };
    if (typeof status === "number") {
      const says = (body as { message?: unknown } | undefined)?.message ??
        (body as { detail?: unknown } | undefined)?.detail ?? body;
      const detail = typeof says === "string" ? says : says === undefined ? "" : JSON.stringify(says);
      // An answer to a bad key quotes it, partly masked.
      const shown = status === 401 || status === 403 ? this.#aboutKey() : this.#clean(detail);
      return new ServerError(url, { status, detail: shown, retryAfter: retryAfter(headers) });
    }
    if (error instanceof SyntaxError) {
      return new ServerError(url, { status: null, detail: "answers what is no JSON" });
    }
    if (/timed? ?out/i.test(`${name} ${message}`)) {
      return new ServerError(url, { status: null, detail: `gives no answer within ${timeout} s` });
    }
    return new ServerError(url, { status: null, detail: `cannot be reached: ${this.#clean(innermost(error))}` });
  }

  #aboutKey(): string {
    return this.#options.apiKey === null
      ? "it wants an API key; name its variable by api_key_env, or its file by api_key_file"
      : "it does not accept the API key";
  }

  #clean(text: string): string {
    const { apiKey } = this.#options;
    const safe = apiKey === null ? text : text.replaceAll(apiKey, "(key)");
    const line = safe.slice(0, 1000).replace(/[\s\p{Cc}]+/gu, " ").trim();
    return line.length > 300 ? `${line.slice(0, 299)}…` : line;
  }
}

/** The message of the error that began it all: the client's own says no more than "Connection error". */
function innermost(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  const text = inner instanceof Error ? inner.message : String(inner);
  // Deno names the address, which stands before this, and each layer on the way.
  return text.replace(/^error sending request for url \(.*?\): /, "").replace(/^client error \(\w+\): /, "")
    .replace(/ \(os error \d+\)$/, "");
}

/** A failure that ends the stage, as the user's to mend; `action` opens the line, `kept` says what is not lost. */
export function fatal(error: unknown, action: string, kept: string): unknown {
  return error instanceof ServerError ? new UserError(`${action}: ${error.message}${kept}`) : error;
}
