/** A real HTTP server on 127.0.0.1 that speaks the part of OpenAI's API that is asked of servers. @module */

/** A request as it came. */
export interface Asked {
  path: string;
  authorization: string | null;
  // deno-lint-ignore no-explicit-any -- the bodies are what is tested
  body: any;
}

/** An answer other than the usual one: a whole response, no answer at all, or one that breaks off in the middle. */
export type Trouble = Response | "hang" | "cut";

/** A completion as the server gives it. */
export interface Completion {
  text: string;
  /** Left out by a server that gives text alone. */
  ids?: number[];
  finish_reason: "stop" | "length";
}

/** What the server does. */
export interface OpenAiServerOptions {
  /** The reply to a chat's last message. */
  chat?: (question: string, body: Asked["body"]) => string | null;
  /** The continuation of a prompt: ids where they were sent, else text. */
  complete?: (prompt: string | number[], body: Asked["body"]) => Completion;
  /** The key it wants. */
  apiKey?: string;
  /** What /models lists; null: there is no such list. */
  models?: { id: string; root?: string }[] | null;
  /** Whether response_format is taken (default), or refused with 400. */
  takesFormat?: boolean;
  /** Whether token ids are taken as prompts and returned where asked (default), as by vLLM. */
  takesIds?: boolean;
  /** Milliseconds that an answer takes. */
  delay?: number;
  /** Asked first of each request but /models: what goes wrong; `n` counts from 0. */
  trouble?: (n: number, asked: Asked) => Trouble | undefined;
}

/** A running server. */
export interface OpenAiServer extends AsyncDisposable {
  /** Its address, with the version. */
  url: string;
  /** What was asked, in order. */
  asked: Asked[];
  /** The most requests that were open at one time. */
  readonly mostOpen: number;
}

const json = (value: unknown, init: ResponseInit = {}): Response => Response.json(value, init);

/** An error in OpenAI's form. */
export function apiError(status: number, message: string, headers: Record<string, string> = {}): Response {
  return json({ error: { message, type: "invalid_request_error", param: null, code: null } }, { status, headers });
}

/** Starts a server on a free port, or on `port`. */
export function startOpenAiServer(options: OpenAiServerOptions = {}, port = 0): OpenAiServer {
  const asked: Asked[] = [];
  const hanging = new Set<(response: Response) => void>();
  let [open, mostOpen, troubled] = [0, 0, 0];

  const answer = async (request: Request): Promise<Response> => {
    const path = new URL(request.url).pathname.replace(/^\/v1/, "");
    const authorization = request.headers.get("authorization");
    const body = request.method === "POST" ? await request.json() : null;
    const one = { path, authorization, body };
    asked.push(one);
    if (options.apiKey !== undefined && authorization !== `Bearer ${options.apiKey}`) {
      return apiError(401, `Incorrect API key provided: ${authorization}. Find yours in your account.`);
    }
    if (path === "/models") {
      const { models = [{ id: "model" }] } = options;
      return models === null ? new Response("Not Found", { status: 404 }) : json({ object: "list", data: models });
    }
    const trouble = options.trouble?.(troubled++, one);
    if (trouble === "hang") return await new Promise((resolve) => hanging.add(resolve));
    if (trouble === "cut") return cutOff();
    if (trouble) return trouble;
    if (options.delay !== undefined) await new Promise((resolve) => setTimeout(resolve, options.delay));
    if (path === "/chat/completions") return chat(body);
    if (path === "/completions") return complete(body);
    return new Response("Not Found", { status: 404 });
  };

  const chat = (body: Asked["body"]): Response => {
    if (body.response_format !== undefined && options.takesFormat === false) {
      return apiError(400, "response_format json_schema is not supported");
    }
    const question = body.messages.at(-1).content;
    const content = options.chat?.(question, body) ?? null;
    return json({
      id: "chatcmpl-1",
      object: "chat.completion",
      model: body.model,
      choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
      usage: { prompt_tokens: question.length, completion_tokens: content?.length ?? 0 },
    });
  };

  const complete = (body: Asked["body"]): Response => {
    const { takesIds = true } = options;
    if (!takesIds && (typeof body.prompt !== "string" || body.return_token_ids !== undefined)) {
      return apiError(400, "prompt: expected a string");
    }
    const { text, ids, finish_reason } = options.complete!(body.prompt, body);
    return json({
      id: "cmpl-1",
      object: "text_completion",
      model: body.model,
      choices: [{ index: 0, text, finish_reason, ...(body.return_token_ids && ids && { token_ids: ids }) }],
      usage: { prompt_tokens: body.prompt.length, completion_tokens: (ids ?? text).length },
    });
  };

  const server = Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, async (request) => {
    mostOpen = Math.max(mostOpen, ++open);
    try {
      return await answer(request);
    } finally {
      open--;
    }
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/v1`,
    asked,
    get mostOpen() {
      return mostOpen;
    },
    async [Symbol.asyncDispose]() {
      for (const resolve of hanging) resolve(new Response(null, { status: 503 }));
      await server.shutdown();
    },
  };
}

/** A response whose connection ends before its body does: it promises more than it sends. */
function cutOff(): Response {
  const half = new TextEncoder().encode('{"choices": [{"message": {"content": "{');
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(half);
      controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": "application/json", "content-length": "1000" } });
}
