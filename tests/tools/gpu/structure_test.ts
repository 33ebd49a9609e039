import { deepEqual, equal } from "node:assert/strict";
import { array, blank, nameAt, structure, zeroEnded } from "../../../tools/gpu/structure.ts";

Deno.test("structure() lays fields out as C does", () => {
  const bytes = structure(1, 0x0102030405060708n, 2, 3, 4, null);
  deepEqual([...bytes], [
    ...[1, 0, 0, 0, 0, 0, 0, 0], // 64 bits begin at multiples of 8
    ...[8, 7, 6, 5, 4, 3, 2, 1],
    ...[2, 0, 0, 0, 3, 0, 0, 0],
    ...[4, 0, 0, 0, 0, 0, 0, 0],
    ...[0, 0, 0, 0, 0, 0, 0, 0],
  ]);
  equal(structure(7).length, 8);
  deepEqual([...array([structure(1), structure(2)])].filter((byte) => byte !== 0), [1, 2]);
});

Deno.test("nameAt() reads what a library wrote into a field", () => {
  const bytes = blank(300, 9);
  bytes.set(zeroEnded("VGPRs"), 16);
  equal(nameAt(bytes, 16), "VGPRs");
  equal(nameAt(bytes, 30), "");
});
