import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue } from 'prom-client';

/** All metrics, in the text format of Prometheus. */
export type ReadMetrics = () => Promise<{ contentType: string; body: string }>;

/** All metrics of one process, as data. */
export type Samples = MetricObjectWithValues<MetricValue<string>>[];

export type MetricsSum = {
  /** What a worker counted so far. */
  update: (worker: number, samples: Samples) => void;
  /** What a worker counted stays counted after its end, or the sum would fall. */
  leave: (worker: number) => void;
  read: ReadMetrics;
};

/** Adds up the metrics of several workers. Who does not answer counts with what it said last. */
export function createMetricsSum(): MetricsSum {
  const latest = new Map<number, Samples>();
  let departed: Samples = [];

  return {
    update: (worker, samples) => void latest.set(worker, samples),
    leave(worker) {
      const counted = (latest.get(worker) ?? []).filter(({ type }) => isCounted(type));
      latest.delete(worker);
      departed = [...departed, ...counted];
    },
    async read() {
      const kept = AggregatorRegistry.aggregate([departed]);
      departed = await kept.getMetricsAsJSON();
      const sum = AggregatorRegistry.aggregate([departed, ...latest.values()]);
      return { contentType: sum.contentType, body: await sum.metrics() };
    },
  };
}

/** A counter, or a histogram, which is several; a gauge tells of what is no more. As text, and as numbers of prom-client. */
function isCounted(type: unknown): boolean {
  return type === 'counter' || type === 'histogram';
}
