import { AggregatorRegistry, Registry } from 'prom-client';
import { countDroppedLines, type ReadMetrics, type Samples } from './metrics.ts';

export type WorkerMetrics = {
  /** Lines that the primary itself dropped. */
  countDroppedLine: () => void;
  /** Replaces what this worker counted so far. */
  update: (worker: number, samples: Samples) => void;
  /** Keeps the worker's counters and histograms, as a sum must not fall; its gauges vanish. */
  remove: (worker: number) => void;
  read: ReadMetrics;
};

/** Adds up the metrics of all workers. A worker that does not answer counts with its latest samples. */
export function createWorkerMetrics(): WorkerMetrics {
  const primary = new Registry();
  const latest = new Map<number, Samples>();
  let removed: Promise<Samples> = Promise.resolve([]);

  return {
    countDroppedLine: countDroppedLines(primary),
    update: (worker, samples) => void latest.set(worker, samples),
    remove(worker) {
      const counted = (latest.get(worker) ?? []).filter(({ type }) => isCounted(type));
      latest.delete(worker);
      removed = removed.then((earlier) =>
        AggregatorRegistry.aggregate([earlier, counted]).getMetricsAsJSON(),
      );
    },
    async read() {
      // Taken together: a worker that is removed meanwhile must be in one of the two.
      const workers = [...latest.values()];
      const others = await Promise.all([primary.getMetricsAsJSON(), removed]);
      const sum = AggregatorRegistry.aggregate([...others, ...workers]);
      return { contentType: sum.contentType, body: await sum.metrics() };
    },
  };
}

/** prom-client declares the types as numbers and writes them as text. */
function isCounted(type: unknown): boolean {
  return type === 'counter' || type === 'histogram';
}
