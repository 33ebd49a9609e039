/** OpenTelemetry through Deno's own support (`OTEL_DENO=true`). Without it, nothing is loaded or done. @module */

/** Attributes of a span or a value. */
export type Attributes = Readonly<Record<string, string | number>>;

/** Where a run's spans and numbers go besides its files. */
export interface Telemetry {
  /** Runs `work` in a span, which ends with it and carries its error. */
  span<T>(name: string, attributes: Attributes, work: () => Promise<T>): Promise<T>;
  /** Sets the gauges `dnpo.NAME`; values that are not finite numbers are left out. */
  record(values: Readonly<Record<string, number | string>>, attributes: Attributes): void;
}

/** Telemetry that is off. */
export const NO_TELEMETRY: Telemetry = { span: (_name, _attributes, work) => work(), record: () => {} };

function isOn(): boolean {
  try {
    return ["true", "1"].includes(Deno.env.get("OTEL_DENO") ?? "");
  } catch {
    return false;
  }
}

/** The telemetry that the environment asks for, or none. */
export async function openTelemetry(): Promise<Telemetry> {
  if (!isOn()) return NO_TELEMETRY;
  const { metrics, SpanStatusCode, trace } = await import("@opentelemetry/api");
  const tracer = trace.getTracer("dnpo");
  const meter = metrics.getMeter("dnpo");
  const gauges = new Map<string, ReturnType<typeof meter.createGauge>>();
  return {
    span: (name, attributes, work) =>
      tracer.startActiveSpan(name, { attributes }, async (span) => {
        try {
          return await work();
        } catch (error) {
          span.setStatus({
            code: SpanStatusCode.ERROR,
            message: error instanceof Error ? error.message : String(error),
          });
          throw error;
        } finally {
          span.end();
        }
      }),
    record(values, attributes) {
      for (const [name, value] of Object.entries(values)) {
        if (typeof value !== "number" || !Number.isFinite(value)) continue;
        const key = `dnpo.${name.replaceAll("/", ".")}`;
        const gauge = gauges.get(key) ?? meter.createGauge(key);
        gauges.set(key, gauge);
        gauge.record(value, attributes);
      }
    },
  };
}
