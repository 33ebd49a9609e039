import { deepEqual, equal } from "node:assert/strict";
import { matrixUnitOf, SUBGROUP_MATRIX, SUBGROUP_SIZE } from "../../../kernels/device/subgroup_matrix.ts";

type Shape = readonly [component: string, result: string, m: number, n: number, k: number];

function infoOf(least: number, most: number, ...shapes: readonly Shape[]): GPUAdapterInfo {
  const subgroupMatrixConfigs = shapes.map(([componentType, resultComponentType, M, N, K]) => ({
    ...{ componentType, resultComponentType, M, N, K },
  }));
  return { subgroupMinSize: least, subgroupMaxSize: most, subgroupMatrixConfigs } as unknown as GPUAdapterInfo;
}

const SQUARE: Shape = ["f16", "f32", 16, 16, 16];
const FEATURES = ["subgroups", "shader-f16", SUBGROUP_MATRIX];

Deno.test("matrixUnitOf() takes the largest shape of float16 with sums in float32 that tiles are whole matrices of", () => {
  const shapeOf = (...shapes: readonly Shape[]) => {
    const unit = matrixUnitOf(infoOf(32, 32, ...shapes), { features: new Set(FEATURES), fixedLanes: 32 });
    return unit && [unit.m, unit.n, unit.k];
  };
  deepEqual(shapeOf(["f16", "f32", 16, 8, 16], SQUARE, ["f16", "f32", 16, 8, 8]), [16, 16, 16]);
  deepEqual(shapeOf(["f16", "f32", 8, 8, 8], ["f16", "f32", 8, 16, 16]), [8, 16, 16]);
  deepEqual(shapeOf(["f16", "f16", 16, 16, 16], ["i8", "i32", 16, 16, 32], ["f16", "f32", 8, 8, 8]), [8, 8, 8]);
  equal(shapeOf(["f16", "f32", 16, 16, 32], ["f16", "f32", 12, 8, 8], ["f16", "f32", 2, 8, 8]), null);
  equal(shapeOf(), null);
});

Deno.test("matrixUnitOf() takes the smallest subgroup where a text may ask for it, and none where nobody knows it", () => {
  const unitOf = (features: readonly string[], fixedLanes: number) =>
    matrixUnitOf(infoOf(32, 64, SQUARE), { features: new Set(features), fixedLanes });
  const shape = { m: 16, n: 16, k: 16 };
  const asking = [...FEATURES, SUBGROUP_SIZE];
  deepEqual(unitOf(asking, 0), { ...shape, lanes: 32, saysLanes: true, mostLanes: 64 });
  equal(unitOf(FEATURES, 0), null);
  deepEqual(unitOf(FEATURES, 32), { ...shape, lanes: 32, saysLanes: false, mostLanes: 32 });
  equal(unitOf(FEATURES.slice(0, 2), 32), null);
  equal(unitOf(["subgroups", SUBGROUP_MATRIX], 32), null);
});
