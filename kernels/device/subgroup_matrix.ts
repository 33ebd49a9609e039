/**
 * Subgroup matrices, a device's matrix units: which shape it has, and how WGSL spells them. WebGPU's proposal
 * (gpuweb#5335) is a draft, and this file alone knows its names. Shapes are square, since the order of a type's sizes is
 * still open. @module
 */

/** The feature's name, by which Dawn lists and grants it. */
export const SUBGROUP_MATRIX = "chromium-experimental-subgroup-matrix";

/** What WGSL calls the extension. */
export const SUBGROUP_MATRIX_EXTENSION = "chromium_experimental_subgroup_matrix";

/** A shape that an adapter lists; `c` [M, N] += `a` [M, K] · `b` [K, N]. */
interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** The most rows and columns that tiles of products take. */
const LARGEST = 16;

/** The rows and columns of the largest square matrices of float16 whose products are summed in float32; 0: there are none. */
export function matrixSizeOf(info: GPUAdapterInfo): number {
  const { subgroupMatrixConfigs = [] } = info as { subgroupMatrixConfigs?: Iterable<MatrixConfig> };
  const sizes = Array.from(subgroupMatrixConfigs)
    .filter(({ componentType, resultComponentType }) => componentType === "f16" && resultComponentType === "f32")
    .filter(({ M, N, K }) => M === N && N === K && M <= LARGEST)
    .map(({ M }) => M);
  return Math.max(0, ...sizes);
}

/** Where a matrix lies in an array in workgroup memory: its first element, and from one of its rows to the next. */
export interface MatrixPlace {
  readonly array: string;
  readonly first: string;
  readonly stride: number;
  /** Whether columns lie `stride` apart instead of rows. */
  readonly byColumns?: boolean;
}

/** A variable for sums in float32, which begin with 0. */
export function declareSums(name: string, size: number): string {
  return `var ${name}: subgroup_matrix_result<f32, ${size}, ${size}>;`;
}

/** The value of a factor of float16. */
export function loadFactor(side: "left" | "right", size: number, place: MatrixPlace): string {
  const { array, first, stride, byColumns = false } = place;
  const order = byColumns ? "col_major" : "row_major";
  return `subgroupMatrixLoad<subgroup_matrix_${side}<f16, ${size}, ${size}>, ${order}>(&${array}, ${first}, ${stride}u)`;
}

/** The statement that adds a product to sums. */
export function addProduct(sums: string, left: string, right: string): string {
  return `${sums} = subgroupMatrixMultiplyAccumulate(${left}, ${right}, ${sums});`;
}

/** The statement that stores sums, rows `stride` apart. */
export function storeSums(sums: string, { array, first, stride }: MatrixPlace): string {
  return `subgroupMatrixStore<row_major>(&${array}, ${first}, ${sums}, ${stride}u);`;
}
