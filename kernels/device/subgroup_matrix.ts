/**
 * Subgroup matrices, a device's matrix units: which shape it has, and how WGSL spells them. WebGPU's proposal
 * (gpuweb#5335) is a draft, and this file alone knows its names. @module
 */

/** The feature's name, by which Dawn lists and grants it. */
export const SUBGROUP_MATRIX = "chromium-experimental-subgroup-matrix";

/** What WGSL calls the extension. */
export const SUBGROUP_MATRIX_EXTENSION = "chromium_experimental_subgroup_matrix";

/** The feature by which a text says how many lanes its subgroups have. */
export const SUBGROUP_SIZE = "subgroup-size-control";

/** What WGSL calls that extension. */
export const SUBGROUP_SIZE_EXTENSION = "subgroup_size_control";

/** What a device multiplies at a time, in float16 with sums in float32: c [m, n] += a [m, k] · b [k, n]. */
export interface MatrixUnit {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Lanes of the subgroup that does it. */
  readonly lanes: number;
  /** Whether a text has to say so. */
  readonly saysLanes: boolean;
  /** Lanes of the largest subgroup, of which a workgroup's are to be a multiple. */
  readonly mostLanes: number;
}

/** A shape that an adapter lists. */
interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** The least and the most rows and columns that products take; tiles are whole matrices of every power of two between. */
const [LEAST, LARGEST] = [4, 16];

/** Whether a tile is whole matrices of so many rows. */
function fits(size: number): boolean {
  return size >= LEAST && LARGEST % size === 0;
}

/** The largest of the shapes that an adapter lists; null where it lists none, or none that fits. */
export function matrixShapeOf(info: GPUAdapterInfo): Pick<MatrixUnit, "m" | "n" | "k"> | null {
  const { subgroupMatrixConfigs = [] } = info as { subgroupMatrixConfigs?: Iterable<MatrixConfig> };
  const [largest] = Array.from(subgroupMatrixConfigs)
    .filter(({ componentType, resultComponentType }) => componentType === "f16" && resultComponentType === "f32")
    .map(({ M, N, K }) => ({ m: M, n: N, k: K }))
    .filter(({ m, n, k }) => fits(m) && fits(n) && fits(k))
    .sort((a, b) => b.m * b.n * b.k - a.m * a.n * a.k);
  return largest ?? null;
}

/**
 * The matrix unit of a device with these features; null where it is not granted, or nobody knows the lanes of a subgroup.
 * `fixedLanes` is 0 where subgroups differ in size: then a text asks for the smallest, if it may.
 */
export function matrixUnitOf(
  info: GPUAdapterInfo,
  { features, fixedLanes }: { features: ReadonlySet<string>; fixedLanes: number },
): MatrixUnit | null {
  if (!features.has(SUBGROUP_MATRIX) || !features.has("shader-f16")) return null;
  const saysLanes = features.has(SUBGROUP_SIZE);
  const lanes = fixedLanes || (saysLanes ? info.subgroupMinSize : 0);
  const shape = matrixShapeOf(info);
  return shape && lanes > 0 ? { ...shape, lanes, saysLanes, mostLanes: fixedLanes || info.subgroupMaxSize } : null;
}

/** The attribute of an entry point whose subgroups have so many lanes. */
export function subgroupSizeAttribute(lanes: number): string {
  return `@subgroup_size(${lanes})`;
}

/** Where a matrix lies in an array of a buffer or of workgroup memory: its first element, and from one of its rows to the next. */
export interface MatrixPlace {
  readonly array: string;
  readonly first: string;
  readonly stride: number;
  /** Whether columns lie `stride` apart instead of rows. */
  readonly byColumns?: boolean;
}

/** A shape in WGSL's order: columns, then rows. */
const SHAPE = {
  left: ({ m, k }: MatrixUnit): string => `${k}, ${m}`,
  right: ({ n, k }: MatrixUnit): string => `${n}, ${k}`,
  result: ({ m, n }: MatrixUnit): string => `${n}, ${m}`,
} as const;

/** A variable for sums in float32, which begin with 0: said in words, as in a loop Dawn's compiler forgets it else. */
export function declareSums(name: string, unit: MatrixUnit): string {
  return `var ${name} = subgroup_matrix_result<f32, ${SHAPE.result(unit)}>();`;
}

/** The value of a factor of float16. */
export function loadFactor(side: "left" | "right", unit: MatrixUnit, place: MatrixPlace): string {
  const { array, first, stride, byColumns = false } = place;
  const order = byColumns ? "col_major" : "row_major";
  const type = `subgroup_matrix_${side}<f16, ${SHAPE[side](unit)}>`;
  return `subgroupMatrixLoad<${type}, ${order}>(&${array}, ${first}, ${stride}u)`;
}

/** The statement that adds a product to sums. */
export function addProduct(sums: string, left: string, right: string): string {
  return `${sums} = subgroupMatrixMultiplyAccumulate(${left}, ${right}, ${sums});`;
}

/** The statement that stores sums, rows `stride` apart. */
export function storeSums(sums: string, { array, first, stride }: MatrixPlace): string {
  return `subgroupMatrixStore<row_major>(&${array}, ${first}, ${sums}, ${stride}u);`;
}
