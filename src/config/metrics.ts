import type { Values } from "./variables.ts";

/** Who may scrape `GET /metrics`. With neither a token nor a port, metrics are not counted. */
export interface MetricsConfig {
  /** The bearer token of a scrape; null: `GET /metrics` is not served beside the API. */
  readonly token: string | null;
  /** Null: metrics have no listener of their own. */
  readonly port: number | null;
  readonly host: string;
  /** Whether metrics are counted: they are when a token or a port lets a scraper read them. */
  readonly counted: boolean;
}

export const metricsOf = (values: Pick<Values, "METRICS_TOKEN" | "METRICS_PORT" | "METRICS_HOST">): MetricsConfig => ({
  token: values.METRICS_TOKEN,
  port: values.METRICS_PORT,
  host: values.METRICS_HOST,
  counted: (values.METRICS_TOKEN ?? values.METRICS_PORT) !== null,
});
