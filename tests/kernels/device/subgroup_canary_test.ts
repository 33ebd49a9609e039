import { equal } from "node:assert/strict";
import { holdsSubgroups, isOneSubgroup } from "../../../kernels/device/subgroup_canary.ts";
import { device } from "../../_shared/device.ts";

Deno.test("holdsSubgroups() believes what it sees, and not what an adapter tells", async () => {
  if (device.subgroupSize === 0) return console.log("subgroups: NOT RUN");
  equal(await holdsSubgroups(device.gpu, device.subgroupSize), true);
  // Workgroups of three times as many are three subgroups. Of twice as many they may be one: a driver's cache may hold the
  // text as it was compiled for vectors of twice the width.
  equal(await holdsSubgroups(device.gpu, 3 * device.subgroupSize), false);
  equal(await holdsSubgroups(device.gpu, 0), false);
  await device.check();
});

Deno.test("isOneSubgroup() takes sums, broadcasts and lanes of whole subgroups alone", () => {
  const lanes = 4;
  const whole = Uint32Array.from({ length: 5 * lanes }, (_, i) => i % lanes).reduce<number[]>(
    (all, lane) => [...all, 10, 4, 4, lane],
    [],
  );
  equal(isOneSubgroup(Uint32Array.from(whole), lanes), true);
  for (let i = 0; i < whole.length; i++) {
    equal(isOneSubgroup(Uint32Array.from(whole, (value, at) => at === i ? value + 1 : value), lanes), false, String(i));
  }
  equal(isOneSubgroup(Uint32Array.from(whole.slice(16)), lanes), false);
});
