/**
 * How often one client may call a route, counted in this process's memory before a body is read, so that a malformed
 * request counts too and nothing is looked up before it. Failed passwords are counted by `accounts/login-throttle.ts`.
 */
import { isIPv6 } from "node:net";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";

export interface Limit {
  /** Requests in a window. */
  readonly quota: number;
  readonly windowSeconds: number;
}

/** Routes name one of these (`operation.ts`); routes that name the same one share its count. */
export const LIMITS = {
  /** A person asks once or twice; ten leave room for an office behind one address. */
  reset: { quota: 10, windowSeconds: 60 },
  /** Each costs a hash: at most half a minute of one core. */
  login: { quota: 30, windowSeconds: 60 },
  refresh: { quota: 60, windowSeconds: 60 },
  register: { quota: 10, windowSeconds: 600 },
  /** 256 bits cannot be guessed at any rate; this keeps attempts from costing much (R26). */
  link: { quota: 20, windowSeconds: 60 },
  /** Opening the page of an emailed link looks its token up. */
  page: { quota: 60, windowSeconds: 60 },
  read: { quota: 600, windowSeconds: 60 },
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof LIMITS;

/** Clients that are counted one by one in a window; those that come later share one count, which bounds the memory. */
const MAX_CLIENTS = 50_000;
const ALL_OTHERS = "all others";

export interface Taken {
  readonly allowed: boolean;
  readonly remaining: number;
  /** The time until the window ends, in seconds. */
  readonly seconds: number;
}

/** @returns a function that counts one request of a client under a limit. */
export function createLimits(): (name: LimitName, client: string) => Promise<Taken> {
  const counters = new Map(Object.entries(LIMITS).map(([name, limit]) => [name, createCounter(limit)]));
  return (name, client) => counters.get(name)!(client);
}

function createCounter({ quota, windowSeconds }: Limit): (client: string) => Promise<Taken> {
  const limiter = new RateLimiterMemory({ points: quota, duration: windowSeconds });
  const seen = new Set<string>();
  let windowEnds = 0;
  return async (client) => {
    const now = performance.now();
    if (now >= windowEnds) {
      seen.clear();
      windowEnds = now + windowSeconds * 1_000;
    }
    const key = seen.has(client) || seen.size < MAX_CLIENTS ? client : ALL_OTHERS;
    seen.add(key);
    const { result, allowed } = await limiter.consume(key).then(
      (granted) => ({ result: granted, allowed: true }),
      (refused: unknown) => {
        if (refused instanceof RateLimiterRes) return { result: refused, allowed: false };
        throw refused;
      },
    );
    return { allowed, remaining: result.remainingPoints, seconds: Math.ceil(result.msBeforeNext / 1_000) };
  };
}

/** One key for each client. An IPv6 client is its /64, which is what one household or machine gets (R8). */
export function clientKey(address: string | null): string {
  if (address === null) return "no address";
  return isIPv6(address) ? networkOf(address) : address;
}

/** The first four groups in one spelling; RFC 5952 lists the many spellings that mean the same. */
function networkOf(address: string): string {
  // The URL parser writes every IPv6 address the same way; a zone (`%eth0`) is local to this machine.
  const canonical = new URL(`http://[${address.replace(/%.*$/, "")}]`).hostname.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array.from({ length: zeros }, () => "0"), ...after];
  return `${groups.slice(0, 4).join(":")}::/64`;
}
