import { type Aggregator, Counter, Gauge, type Histogram, type Registry } from 'prom-client';

/** From a hit in memory to the length of a deadline, in seconds. */
export const durationBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** `aggregator` makes one value of those of several workers; `read` gives the value when somebody asks for it. */
type GaugeOptions = { aggregator?: Aggregator; read?: () => number };

type LabelValue = string | number;

/** Counts so many more for the labels of these values, in the order of their names. */
type Count = (more: number, first?: LabelValue, second?: LabelValue) => void;

export type Instruments = {
  /** Of two labels at most. */
  counter: (name: string, help: string, ...labelNames: string[]) => Count;
  gauge: (name: string, help: string, options?: GaugeOptions) => Gauge;
  /** Takes milliseconds; what is read are seconds. */
  duration: (name: string, help: string, bounds?: readonly number[]) => (durationMs: number) => void;
};

/**
 * Makes the instruments of one registry, all of a kind alike. What happens with each request is counted here, and handed
 * on when somebody reads: prom-client takes a microsecond to find the place of a label.
 */
export function createInstruments(registry: Registry): Instruments {
  return {
    counter: (name, help, ...labelNames) => createCounter(registry, { name, help, labelNames }),
    gauge(name, help, { aggregator = 'sum', read } = {}) {
      const gauge: Gauge = new Gauge({
        name,
        help,
        registers: [registry],
        aggregator,
        collect: () => read && gauge.set(read()),
      });
      return gauge;
    },
    duration: (name, help, bounds = durationBounds) => createDuration(registry, { name, help, bounds }),
  };
}

type CounterOptions = { name: string; help: string; labelNames: string[] };

function createCounter(registry: Registry, options: CounterOptions): Count {
  const counted = new Map<LabelValue, Map<LabelValue, number>>();
  const { labelNames } = options;
  const counter: Counter = new Counter({ ...options, registers: [registry], collect: handOn });

  function handOn(): void {
    for (const [first, ofFirst] of counted)
      for (const [second, count] of ofFirst) {
        const values = [first, second];
        counter.inc(Object.fromEntries(labelNames.map((name, n) => [name, values[n] ?? ''])), count);
      }
    counted.clear();
  }

  return (more, first = '', second = '') => {
    const ofFirst = counted.get(first) ?? new Map<LabelValue, number>();
    ofFirst.set(second, (ofFirst.get(second) ?? 0) + more);
    if (ofFirst.size === 1) counted.set(first, ofFirst);
  };
}

type DurationOptions = { name: string; help: string; bounds: readonly number[] };

/** A histogram of prom-client can only be told of one value after the other. So this is one of our own, as it reads them. */
function createDuration(registry: Registry, { name, help, bounds }: DurationOptions) {
  const boundsMs = bounds.map((seconds) => seconds * 1000);
  const counts = Array.from(bounds, () => 0);
  let count = 0;
  let sumMs = 0;

  function read() {
    let below = 0;
    const buckets = bounds.map((le, n) => {
      below += counts[n] ?? 0;
      return { metricName: `${name}_bucket`, labels: { le }, value: below };
    });
    const values = [
      ...buckets,
      { metricName: `${name}_bucket`, labels: { le: '+Inf' }, value: count },
      { metricName: `${name}_sum`, labels: {}, value: sumMs / 1000 },
      { metricName: `${name}_count`, labels: {}, value: count },
    ];
    return { name, help, type: 'histogram', aggregator: 'sum', values };
  }
  // All that a registry asks of a metric.
  const metric = { name, help, get: async () => read() };
  registry.registerMetric(metric as unknown as Histogram);

  return (durationMs: number) => {
    count += 1;
    sumMs += durationMs;
    const bucket = boundsMs.findIndex((bound) => durationMs <= bound);
    if (bucket >= 0) counts[bucket] = (counts[bucket] ?? 0) + 1;
  };
}
