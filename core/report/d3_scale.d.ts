/** Types of the parts of d3-scale that are used; the package comes without types. @module */

/** A linear map; a setter returns the scale. */
export interface LinearScale {
  (value: number): number;
  domain(): [number, number];
  domain(domain: readonly [number, number]): this;
  range(): [number, number];
  range(range: readonly [number, number]): this;
  nice(count?: number): this;
  ticks(count?: number): number[];
  tickFormat(count?: number, specifier?: string): (value: number) => string;
}
/** A scale that maps [0, 1] onto itself. */
export function scaleLinear(): LinearScale;
