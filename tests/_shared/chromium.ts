/** A headless Chromium, driven by its DevTools protocol over a WebSocket. @module */

/** Names under which Debian and others install it. */
const PROGRAMS = ["chromium", "/usr/bin/chromium"];

/** A page of the browser. */
export interface Page {
  /** Opens an address and waits until it is loaded. */
  open(address: string): Promise<void>;
  /** The value of an expression in the page, as JSON carries it. */
  evaluate<T>(expression: string): Promise<T>;
  /** Waits until an expression is true; throws after `milliseconds`. */
  until(expression: string, milliseconds?: number): Promise<void>;
  /** Sends a command of the protocol to the page. */
  send(method: string, params?: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** A picture of the whole page as PNG. */
  picture(size: { width: number; dark: boolean }): Promise<Uint8Array>;
  /** What the page and the browser complained about: errors, refused content. */
  readonly complaints: string[];
}

/** Whether Chromium is installed and starts. */
export async function hasChromium(): Promise<boolean> {
  return await version(PROGRAMS) !== null;
}

async function version([program, ...rest]: readonly string[]): Promise<string | null> {
  if (program === undefined) return null;
  try {
    const { success } = await new Deno.Command(program, { args: ["--version"], stderr: "null" }).output();
    if (success) return program;
  } catch {
    // It is looked for under its other name.
  }
  return await version(rest);
}

/** Runs `use` with a page of a new browser, which is ended afterwards. */
export async function withPage(use: (page: Page) => Promise<void>): Promise<void> {
  const program = await version(PROGRAMS);
  const profile = await Deno.makeTempDir({ prefix: "dnpo-chromium-" });
  const child = new Deno.Command(program!, {
    args: [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--no-first-run",
      "--hide-scrollbars",
      "--remote-debugging-port=0",
      `--user-data-dir=${profile}`,
      "about:blank",
    ],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const err = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  try {
    const port = await portOf(err);
    await using connection = await connect(port);
    await use(connection.page);
  } finally {
    child.kill("SIGKILL");
    await child.status;
    await err.cancel();
    // Its helpers end a little later and may still write.
    for (let tries = 0; tries < 20; tries++) {
      const removed = await Deno.remove(profile, { recursive: true }).then(() => true, () => false);
      if (removed) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function portOf(err: ReadableStreamDefaultReader<string>): Promise<string> {
  let text = "";
  for (;;) {
    const { value, done } = await err.read();
    text += value ?? "";
    const found = /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)\//.exec(text);
    if (found) return found[1]!;
    if (done) throw new Error(`Chromium did not start: ${text.slice(-500)}`);
  }
}

async function connect(port: string): Promise<{ page: Page } & AsyncDisposable> {
  const targets = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json() as Record<string, string>[];
  const socket = new WebSocket(targets.find(({ type }) => type === "page")!.webSocketDebuggerUrl!);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error("Chromium's DevTools cannot be reached"));
  });
  let last = 0;
  const waiting = new Map<number, PromiseWithResolvers<Record<string, unknown>>>();
  const events = new Map<string, PromiseWithResolvers<void>>();
  const complaints: string[] = [];
  socket.onmessage = ({ data }) => {
    const { id, method, params, result, error } = JSON.parse(data);
    if (id !== undefined) {
      if (error) waiting.get(id)?.reject(new Error(`${error.message}`));
      else waiting.get(id)?.resolve(result);
      waiting.delete(id);
    }
    events.get(method)?.resolve();
    if (method === "Runtime.exceptionThrown") {
      complaints.push(JSON.stringify(params.exceptionDetails.exception ?? params));
    }
    if (method === "Log.entryAdded") complaints.push(`${params.entry.text} ${params.entry.url ?? ""}`);
  };
  const send: Page["send"] = async (method, params = {}) => {
    const id = ++last;
    const reply = Promise.withResolvers<Record<string, unknown>>();
    waiting.set(id, reply);
    socket.send(JSON.stringify({ id, method, params }));
    return await reply.promise;
  };
  const evaluate = async <T>(expression: string): Promise<T> => {
    const { result, exceptionDetails } = await send("Runtime.evaluate", {
      expression,
      returnByValue: true,
      awaitPromise: true,
    }) as { result: { value: T }; exceptionDetails?: { text: string; exception?: { description?: string } } };
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  const page: Page = {
    complaints,
    send,
    evaluate,
    async open(address) {
      const loaded = Promise.withResolvers<void>();
      events.set("Page.loadEventFired", loaded);
      await send("Page.navigate", { url: address });
      await loaded.promise;
    },
    async until(expression, milliseconds = 20_000) {
      const end = performance.now() + milliseconds;
      while (!await evaluate<boolean>(`Boolean(${expression})`)) {
        if (performance.now() > end) throw new Error(`After ${milliseconds} ms it is still not so: ${expression}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    async picture({ width, dark }) {
      await send("Emulation.setEmulatedMedia", {
        features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }],
      });
      const sized = (height: number) =>
        send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
      await sized(800);
      const height = await evaluate<number>("document.documentElement.scrollHeight");
      await sized(Math.min(height, 16_000));
      const { data } = await send("Page.captureScreenshot", { format: "png" }) as { data: string };
      return Uint8Array.fromBase64(data);
    },
  };
  for (const domain of ["Page", "Runtime", "Log"]) await send(`${domain}.enable`);
  return {
    page,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => socket.onclose = resolve);
      socket.close();
      await closed;
    },
  };
}
