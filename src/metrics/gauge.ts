import { Gauge, type Registry } from "prom-client";

export interface GaugeOptions {
  readonly name: string;
  readonly help: string;
  /** Its one label. @default none */
  readonly label?: string;
  /**
   * Read at each scrape: values by the label's value, or one number. Null where there is nothing to tell: a 0 would be
   * a claim.
   */
  readonly read: () => Reading | Promise<Reading>;
}

type Reading = number | Readonly<Record<string, number>> | null;

/** A gauge that is read when it is scraped. */
export function addGauge(registry: Registry, { name, help, label, read }: GaugeOptions): void {
  const gauge = new Gauge({
    name,
    help,
    labelNames: label === undefined ? [] : [label],
    registers: [],
    async collect() {
      const reading = await read();
      this.reset();
      if (reading === null) this.remove();
      else if (typeof reading === "number") this.set(reading);
      else for (const [value, number] of Object.entries(reading)) this.set({ [label ?? ""]: value }, number);
    },
  });
  registry.registerMetric(gauge);
}
