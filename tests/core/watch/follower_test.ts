import { deepEqual, equal, match } from "node:assert/strict";
import { UserError } from "../../../core/error.ts";
import { Follower } from "../../../core/watch/follower.ts";

const never = new AbortController().signal;

Deno.test("Follower hands each looker what changed for it, and makes the parts once for all", async () => {
  let [made, a] = [0, "1"];
  const follower = new Follower(() => {
    made++;
    return Promise.resolve({ a, b: "same" });
  }, 40);
  const [one, two] = [new Map<string, string>(), new Map<string, string>()];
  const first = await Promise.all([one, two].map((seen) => follower.changes(seen, { signal: never, milliseconds: 0 })));
  deepEqual(first, [{ a: "1", b: "same", problem: "" }, { a: "1", b: "same", problem: "" }]);
  equal(made, 1);
  deepEqual(await follower.changes(one, { signal: never, milliseconds: 60 }), {});
  setTimeout(() => a = "2", 100);
  deepEqual(await follower.changes(one, { signal: never, milliseconds: 5000 }), { a: "2" });
  deepEqual(await follower.changes(two, { signal: never, milliseconds: 5000 }), { a: "2" });
});

Deno.test("Follower keeps the parts and shows the problem of a file that is malformed for a while", async () => {
  let isBroken = false;
  const follower = new Follower(() => {
    if (isBroken) return Promise.reject(new UserError("Cannot read <file>"));
    return Promise.resolve({ a: "1" });
  }, 0);
  await follower.current();
  isBroken = true;
  const { a, problem } = await follower.current();
  equal(a, "1");
  match(problem!, /Cannot read &lt;file&gt;/);
  isBroken = false;
  equal((await follower.current()).problem, "");
});

Deno.test("Follower stops waiting where nobody looks any more", async () => {
  const gone = new AbortController();
  const follower = new Follower(() => Promise.resolve({ a: "1" }), 10_000);
  const seen = new Map(Object.entries(await follower.current()));
  setTimeout(() => gone.abort(), 20);
  deepEqual(await follower.changes(seen, { signal: gone.signal, milliseconds: 60_000 }), {});
});

Deno.test("Follower shows what it had, and says so, where the folder does not answer", async () => {
  let answer: ((blocks: Record<string, string>) => void) | undefined;
  let made = 0;
  const follower = new Follower(
    () => {
      if (made++ === 0) return Promise.resolve({ a: "1" });
      return new Promise((resolve) => answer = resolve);
    },
    0,
    50,
  );
  await follower.current();
  const { a, problem } = await follower.current();
  equal(a, "1");
  match(problem!, /has not answered/);
  answer!({ a: "2" });
  deepEqual(await follower.current(), { a: "2", problem: "" });
  equal(made, 2);
});
