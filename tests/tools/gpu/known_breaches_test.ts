import { deepEqual } from "node:assert/strict";
import { unknownBreaches } from "../../../tools/gpu/known_breaches.ts";
import { GOOD } from "./_stats.ts";

function kernel(call: string, broken: string[]) {
  return { name: "attention", call, label: `attention, ${call}`, stats: GOOD, broken };
}

Deno.test("unknownBreaches() tells what breaks a limit unlisted, and what is listed and breaks none", () => {
  const gpus = [
    {
      name: "RX 6800",
      kernels: [kernel("head size 64", []), kernel("head size 128", ["1 waves, expected at least 8"])],
    },
    { name: "RX 7900", kernels: [kernel("head size 64", ["a", "b"]), kernel("head size 64", [])] },
  ];
  const known = { "attention, head size 64": ["RX 7900"], "attention, head size 128": ["RX 6800"] };
  deepEqual(unknownBreaches(gpus, known), []);
  deepEqual(unknownBreaches(gpus, {}), [
    "RX 6800: attention, head size 128: 1 waves, expected at least 8",
    "RX 7900: attention, head size 64: a; b",
  ]);
  deepEqual(unknownBreaches(gpus, { ...known, "attention, head size 64": ["RX 6800", "RX 7900"] }), [
    "RX 6800: attention, head size 64: it breaks no limit, expected to be taken off KNOWN_BREACHES",
  ]);
  // A row that is not there any more is off the list too.
  deepEqual(unknownBreaches(gpus, { ...known, "attention, head size 32": ["RX 6800"] }), [
    "RX 6800: attention, head size 32: it breaks no limit, expected to be taken off KNOWN_BREACHES",
  ]);
});
