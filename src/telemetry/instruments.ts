import { type Aggregator, Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** From a hit in memory to the length of a deadline, in seconds. */
export const durationBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** `aggregator` makes one value of those of several workers; `read` gives the value when somebody asks for it. */
type GaugeOptions = { aggregator?: Aggregator; read?: () => number };

export type Instruments = {
  counter: (name: string, help: string, ...labelNames: string[]) => Counter;
  gauge: (name: string, help: string, options?: GaugeOptions) => Gauge;
  /** Takes milliseconds; what is read are seconds. */
  duration: (name: string, help: string, bounds?: readonly number[]) => (durationMs: number) => void;
};

/** Makes the instruments of one registry, all of a kind alike. */
export function createInstruments(registry: Registry): Instruments {
  const registers = [registry];
  return {
    counter: (name, help, ...labelNames) => new Counter({ name, help, labelNames, registers }),
    gauge(name, help, { aggregator = 'sum', read } = {}) {
      const gauge: Gauge = new Gauge({
        name,
        help,
        registers,
        aggregator,
        collect: () => read && gauge.set(read()),
      });
      return gauge;
    },
    duration(name, help, bounds = durationBounds) {
      const histogram = new Histogram({ name, help, buckets: [...bounds], registers });
      return (durationMs) => histogram.observe(durationMs / 1000);
    },
  };
}
