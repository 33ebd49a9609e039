/** Sends requests to the hub: only the hub gets the token, failures are retried, errors take one line. @module */
import { setTimeout } from "node:timers/promises";
import { UserError } from "../error.ts";
import { BodyError, boundedResponse, unpacked } from "../server/bounded_body.ts";
import { retryAfter } from "../server/retry_pause.ts";
import { type About, describeNetworkError, refusal } from "./hub_errors.ts";
import type { HubSettings } from "./hub_settings.ts";

/** Callbacks of a client, its signal, and its times. */
export interface ClientOptions {
  /** Called with a line for the user. */
  onNote?: (line: string) => void;
  /** Stops the work, which then throws the signal's reason. */
  signal?: AbortSignal;
  /** The first wait before a request is tried again, in milliseconds (default 500); each further one is doubled. */
  retryMs?: number;
  /** The milliseconds without a byte after which a connection counts as broken (default 30000). */
  stallMs?: number;
}

/** A request's purpose, and the answers that it accepts. */
export interface RequestOptions {
  /** What the request is for, as errors say it. */
  about: About;
  init?: RequestInit;
  /** Error statuses that are returned instead of thrown. */
  accept?: readonly number[];
  /** Whether the caller reads the body and bounds it (default false: it is read whole, within bounds). */
  streams?: boolean;
}

/** The most attempts of one request. */
const ATTEMPTS = 5;
const RETRIED = new Set([408, 429, 500, 502, 503, 504]);
const REDIRECTED = new Set([301, 302, 303, 307, 308]);
const MAX_REDIRECTS = 10;
/** How many times `stallMs` a body may take that is read whole. */
const BODY_STALLS = 2;
/** The most bytes of an answer that is no file's content: a listing's page has 1000 files. */
const MAX_BYTES = 1 << 24;
/** The longest wait, as the hub counts requests in windows of five minutes; if it asks for more, that is an error. */
const MAX_WAIT_MS = 310_000;
/** Waits and attempts from this length on are noted. */
const NOTED_WAIT_MS = 5000;

/** A client of one hub. */
export class HubClient {
  readonly settings: HubSettings;
  readonly signal: AbortSignal;
  readonly stallMs: number;
  readonly onNote: (line: string) => void;
  readonly #retryMs: number;
  readonly #origin: string;

  constructor(settings: HubSettings, options: ClientOptions = {}) {
    this.settings = settings;
    this.signal = options.signal ?? new AbortController().signal;
    this.onNote = options.onNote ?? (() => {});
    this.stallMs = options.stallMs ?? 30_000;
    this.#retryMs = options.retryMs ?? 500;
    this.#origin = new URL(settings.endpoint).origin;
  }

  /** The same client with another signal. */
  withSignal(signal: AbortSignal): HubClient {
    const { settings, onNote, stallMs } = this;
    return new HubClient(settings, { onNote, stallMs, signal, retryMs: this.#retryMs });
  }

  /** A `fetch` for the hub's library: it sends, retries and throws as this client does. */
  fetchFor(about: About): typeof fetch {
    return (input, init) => {
      const url = input instanceof Request ? input.url : String(input);
      return this.request(url, { about, ...(init && { init }) });
    };
  }

  /**
   * Sends a request until it succeeds. After a broken connection, an expired address or one of the statuses RETRIED it
   * tries again, and waits as long as `Retry-After` asks. Throws a UserError for any other failure, or after the last
   * attempt.
   */
  async request(
    url: string,
    { about, init = {}, accept = [], streams = false }: RequestOptions,
  ): Promise<Response> {
    for (let attempt = 1;; attempt++) {
      const since = performance.now();
      const { response, failure } = await this.#try(url, { about, init, streams });
      if (response !== undefined && (response.ok || accept.includes(response.status))) return response;
      const error = failure ?? await refusal(response!, about, this.settings);
      // A signed address on another host expires; the hub then gives a new one.
      const expired = response?.status === 403 && response.url !== "" && !this.#isHub(new URL(response.url));
      const again = failure !== undefined || RETRIED.has(response!.status) || expired;
      await response?.body?.cancel().catch(() => {});
      if (!again || attempt === ATTEMPTS) throw error;
      const asked = retryAfter(response?.headers);
      if (asked !== undefined && asked > MAX_WAIT_MS) {
        throw new UserError(`${error.message}; it asks to wait ${Math.ceil(asked / 1000)} s`);
      }
      await this.wait(attempt, asked, error.message, since);
    }
  }

  /**
   * Waits before attempt `attempt + 1`: the given milliseconds, or by default twice as long each time. Says so if that,
   * or the attempt that began at `since`, is long.
   */
  async wait(
    attempt: number,
    milliseconds: number | undefined,
    why: string,
    since: number = performance.now(),
  ): Promise<void> {
    // The random factor keeps many clients from coming back at once.
    const backOff = this.#retryMs * 2 ** (attempt - 1) * (0.75 + 0.5 * Math.random());
    const time = milliseconds ?? backOff;
    if (Math.max(time, performance.now() - since) >= NOTED_WAIT_MS) {
      this.onNote(`${why}; next try in ${Math.ceil(time / 1000)} s`);
    }
    await setTimeout(time, undefined, { signal: this.signal }).catch(() => {});
    this.signal.throwIfAborted();
  }

  async #try(
    url: string,
    { about, init, streams }: { about: About; init: RequestInit; streams: boolean },
  ): Promise<{ response?: Response; failure?: UserError }> {
    this.signal.throwIfAborted();
    try {
      const response = await this.#follow(new URL(url), { about, init });
      if (streams && response.ok) return { response };
      const bounds = { maxBytes: MAX_BYTES, milliseconds: BODY_STALLS * this.stallMs, signal: this.signal };
      return { response: await boundedResponse(response, bounds) };
    } catch (error) {
      this.signal.throwIfAborted();
      if (error instanceof BodyError && error.isTooLong) {
        throw new UserError(`${about.action}: the server ${error.message}`);
      }
      const failure = describeNetworkError(error, about);
      if (failure === null) throw error;
      return { failure };
    }
  }

  /** Redirects are followed here, so that the token goes to the hub and nowhere else. */
  async #follow(url: URL, { about, init }: { about: About; init: RequestInit }): Promise<Response> {
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const response = await this.#send(url, init);
      const location = response.headers.get("location");
      if (!REDIRECTED.has(response.status) || location === null) return response;
      await response.body?.cancel();
      url = redirectTarget(url, { location, about });
      if (response.status === 303) init = { ...init, method: "GET", body: null };
    }
    throw new UserError(`Cannot reach ${url.host}: it redirects more than ${MAX_REDIRECTS} times`);
  }

  async #send(url: URL, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set("user-agent", "dnpo");
    const token = this.settings.token();
    if (token !== null && this.#isHub(url)) headers.set("authorization", `Bearer ${token}`);
    // Without compression, sizes and ranges are those of the files.
    headers.set("accept-encoding", "identity");
    const controller = new AbortController();
    const signals = [this.signal, controller.signal, ...(init.signal ? [init.signal] : [])];
    // Sending a body takes time before an answer can come, so only requests without one have a time limit.
    const sends = init.body !== undefined && init.body !== null;
    const timer = sends ? undefined : globalThis.setTimeout(() => controller.abort(STALLED), this.stallMs);
    try {
      return unpacked(await fetch(url, { ...init, headers, redirect: "manual", signal: AbortSignal.any(signals) }));
    } finally {
      clearTimeout(timer);
    }
  }

  #isHub(url: URL): boolean {
    return url.origin === this.#origin;
  }
}

/** The address that a redirect leads to. Throws a UserError unless it is http or https, and https if it comes from https. */
export function redirectTarget(from: URL, { location, about }: { location: string; about: About }): URL {
  const next = URL.parse(location, from);
  const isDowngrade = from.protocol === "https:" && next?.protocol === "http:";
  if (next !== null && /^https?:$/.test(next.protocol) && !isDowngrade) return next;
  const where = next === null ? "what is no address" : `an address of the kind ${next.protocol}`;
  throw new UserError(
    `${about.action}: ${from.host} redirects to ${where}, expected ${isDowngrade ? "https:" : "http: or https:"}`,
  );
}

/** The reason for giving up a connection that sends nothing. */
export const STALLED: Error = new DOMException("no answer in time", "TimeoutError");
