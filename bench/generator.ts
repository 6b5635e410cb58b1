/**
 * The load, from a process of its own: autocannon, which keeps its connections busy and makes a fresh body for each
 * request. It takes about as much CPU a request as a server does, so it only counts requests and measures speed where
 * wrk is not installed (`wrk.ts`).
 */
import autocannon from "autocannon";
import { percentile, quantiles } from "./statistics.ts";

export interface Load {
  readonly url: string;
  /** The body of every right answer, byte for byte. */
  readonly expected: string;
  readonly connections: number;
  /** Ends after this time, or this many requests. */
  readonly end: { readonly seconds: number } | { readonly requests: number };
  /** The first address's number: each request has the next one. */
  readonly from: number;
  /** After the last one it begins anew. */
  readonly addresses: number;
}

export interface LoadReport {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** By the shares of `SHARES`, in milliseconds. */
  readonly quantiles: readonly number[];
  /** The number that the next load may begin with. */
  readonly next: number;
  /** True: there were more requests than addresses. */
  readonly repeated: boolean;
}

/** The accounts that `fixtures.ts` makes. */
export const addressOf = (number: number): string => `known${String(number).padStart(6, "0")}@example.com`;

if (import.meta.main) {
  process.on("message", (load: Load) => {
    run(load).then(
      (report) => process.send?.(report),
      (error: unknown) => {
        process.stderr.write(`The load failed: ${error}\n`);
        process.exit(1);
      },
    );
  });
  process.on("disconnect", () => process.exit(0));
  process.send?.("ready");
}

async function run({ url, expected, connections, end, from, addresses }: Load): Promise<LoadReport> {
  let number = from;
  const latencies: number[] = [];
  let first = 0;
  let last = 0;
  const { promise: ended, resolve, reject } = Promise.withResolvers<autocannon.Result>();
  const instance = autocannon(
    {
      url,
      connections,
      ...("seconds" in end ? { duration: end.seconds } : { amount: end.requests }),
      timeout: 60,
      requests: [
        {
          method: "POST",
          headers: { "content-type": "application/json" },
          setupRequest: (request) => ({
            ...request,
            body: JSON.stringify({ email: addressOf(number++ % addresses) }),
          }),
        },
      ],
      verifyBody: (body) => body === expected,
    },
    (error, result) => (error ? reject(error) : resolve(result)),
  );
  const begun = performance.now();
  instance.on("response", (_client, _status, _bytes, took) => {
    last = performance.now();
    first ||= last;
    latencies.push(took);
  });
  const result = await ended;
  const wrong = result.non2xx + result.mismatches + result.errors + result.timeouts;
  if (wrong > 0 || latencies.length === 0) {
    const { non2xx, mismatches, errors, timeouts } = result;
    throw new Error(`of ${latencies.length} answers: ${JSON.stringify({ non2xx, mismatches, errors, timeouts })}`);
  }
  return {
    requests: latencies.length,
    perSecond: (latencies.length * 1_000) / (last - begun),
    p50: percentile(latencies, 50),
    p99: percentile(latencies, 99),
    quantiles: quantiles(latencies),
    next: number,
    repeated: number - from > addresses,
  };
}
