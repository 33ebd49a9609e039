/** Turns failures of the hub and the network into errors for the user. @module */
import { UserError } from "../error.ts";
import { maskCredentials, printable } from "../safe_text.ts";
import { BodyError } from "../server/bounded_body.ts";
import type { HubSettings } from "./hub_settings.ts";
import { type RepoSpec, repoUrl } from "./hub_spec.ts";

/** What a request is for, so that its errors can say it. */
export interface About {
  /** The beginning of the message, such as `Cannot download org/name`. */
  action: string;
  repo: RepoSpec;
  /** The file that is asked for, if there is one. */
  path?: string;
  /** Whether the request writes to the repository. */
  writes?: boolean;
}

/** Thrown if the hub was not reached, which says nothing about what it holds. */
export class ConnectionError extends UserError {}

/** The error for an answer that is no success. */
export async function refusal(response: Response, about: About, settings: HubSettings): Promise<UserError> {
  const { action, repo, path, writes = false } = about;
  const { status, headers } = response;
  const host = response.url === "" ? new URL(settings.endpoint).host : new URL(response.url).host;
  const code = headers.get("x-error-code");
  const said = quotable(headers.get("x-error-message") ?? await bodyMessage(response), settings.token());
  const page = repoUrl(settings.endpoint, repo);
  const hasToken = settings.token() !== null;
  const because = (reason: string): UserError => new UserError(`${action}: ${reason}`);
  if (code === "GatedRepo") {
    const how = hasToken ? "with the account of your HF_TOKEN" : "and set HF_TOKEN";
    return because(`the repository is gated; accept its terms at ${page} ${how}`);
  }
  if (code === "RevisionNotFound") return because(`${page} has no revision "${repo.revision}"`);
  if (code === "EntryNotFound") return because(`${page} has no file "${path ?? ""}" at revision "${repo.revision}"`);
  if (status === 401 && (/invalid credentials/i.test(said) || /invalid.*token/i.test(said) || writes)) {
    return because(`${host} does not accept the token; check HF_TOKEN, or the token file in HF_HOME`);
  }
  if (status === 403 && writes) {
    return because(`the token may not write there${quoted(said)}; it needs write access to ${repo.repo.split("/")[0]}`);
  }
  if (code === "RepoNotFound" || status === 404 || status === 401) {
    const which = repo.type === "dataset" ? "data set" : "model";
    const hint = hasToken ? "the account of your HF_TOKEN may not see it" : "a private or gated one needs HF_TOKEN";
    if (writes) return because(`${host} has no such repository (${hint})`);
    return because(`there is neither a local path of this name nor such a ${which} on ${host} (${hint})`);
  }
  if (status === 403) return because(`${host} forbids it${quoted(said)}; see ${page}`);
  if (status === 429) return because(`${host} says there were too many requests (429)`);
  return because(`${host} answers ${status}${quoted(said)}`);
}

/** The error for a request that got no answer; null if `error` is something else. */
export function describeNetworkError(error: unknown, { action }: About): ConnectionError | null {
  if (error instanceof UserError || !(error instanceof Error)) return null;
  if (error instanceof BodyError) return new ConnectionError(`${action}: the server ${error.message}`);
  if (error.name === "TimeoutError") return new ConnectionError(`${action}: the server does not answer`);
  const isNetwork = error.name === "TypeError" && /fetch|connection|body|network|stream/i.test(error.message);
  const isSocket = error instanceof Deno.errors.Http || error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.UnexpectedEof;
  if (!isNetwork && !isSocket) return null;
  const cause = error.cause instanceof Error ? error.cause.message : error.message;
  return new ConnectionError(`${action}: no connection (${withoutAddress(cause)})`);
}

/** Removes addresses from a message: one may be signed, and nobody else should see it. */
function withoutAddress(text: string): string {
  return text.split("\n")[0]!.replace(/ ?(for url )?\(?https?:\/\/[^\s)]*\)?/g, "").replace(/^.*\): /, "").slice(
    0,
    200,
  );
}

function quoted(said: string): string {
  return said === "" ? "" : ` (${said})`;
}

/** What a server says as one short line without the token, which it may repeat. */
function quotable(said: string, token: string | null): string {
  const text = token === null ? said : said.replaceAll(token, "(token)");
  return maskCredentials(printable(text.slice(0, 1000))).replace(/\s+/g, " ").trim().slice(0, 200);
}

/** The message in a JSON answer. */
async function bodyMessage(response: Response): Promise<string> {
  if (!response.headers.get("content-type")?.startsWith("application/json")) return "";
  const body = await response.json().catch(() => null);
  const said = body?.error ?? body?.message;
  return typeof said === "string" ? said : "";
}
