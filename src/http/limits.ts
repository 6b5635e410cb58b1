/**
 * How often one client may knock, in this process's memory: counted before a body is read, so that a malformed request
 * counts too, and nothing is looked up before it. What an account may be tried is `accounts/login-throttle.ts`.
 */
import { isIPv6 } from "node:net";
import { Elysia } from "elysia";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import type { Config } from "../config.ts";
import { blockListOf, clientAddress } from "./request-context.ts";
import { pathOf } from "./path.ts";
import { problemResponse } from "./problem.ts";

interface Policy {
  readonly name: string;
  /** Requests a window. */
  readonly quota: number;
  readonly windowSeconds: number;
  readonly routes: RegExp;
}

/** The first that matches holds. Everything else that is open reads public data, and is under `read`. */
const POLICIES: readonly Policy[] = [
  // A person asks once or twice; ten leave room for an office behind one address.
  { name: "reset", quota: 10, windowSeconds: 60, routes: /^POST \/(user\/pwd_reset_token|reset_password)$/ },
  // Each costs a hash: half a minute of one core at most.
  { name: "login", quota: 30, windowSeconds: 60, routes: /^POST \/token$/ },
  { name: "refresh", quota: 60, windowSeconds: 60, routes: /^POST \/(refresh_token|revoke|introspect)$/ },
  { name: "register", quota: 10, windowSeconds: 600, routes: /^POST \/register$/ },
  // 256 bits are not guessed at any rate; this keeps trying from costing us anything (R26).
  {
    name: "link",
    quota: 20,
    windowSeconds: 60,
    routes: /^POST \/(user\/([^/]+\/)?password|email\/(confirm|freeze)|confirm_email|freeze_account)$/,
  },
  // Opening a link's page looks its token up.
  {
    name: "page",
    quota: 60,
    windowSeconds: 60,
    routes: /^(GET|HEAD) \/(reset_password|confirm_email|freeze_account)$/,
  },
  { name: "read", quota: 600, windowSeconds: 60, routes: /^(GET|HEAD) \/user(\/|$)/ },
];

/** Whether it is under one of the policies: for the document. @param path with parameters in braces. */
export const isLimited = (method: string, path: string): boolean => policyOf(method.toUpperCase(), path) !== undefined;

const policyOf = (method: string, path: string): Policy | undefined => {
  const route = `${method} ${path.replace(/(.)\/$/, "$1")}`;
  return POLICIES.find(({ routes }) => routes.test(route));
};

/** Clients counted one by one in a window; whoever comes after them shares one count, so that memory has an end. */
const MAX_CLIENTS = 50_000;
const EVERYBODY_ELSE = "everybody else";

/** What a browser is shown where others get a problem. */
export type RefusalPage = (request: Request, retryAfterSeconds: number) => Response;

export const limits = (config: Pick<Config, "rateLimit" | "trustProxy">, page: RefusalPage) => {
  if (!config.rateLimit) return new Elysia({ name: "limits" });
  const trusted = blockListOf(config.trustProxy);
  const counters = new Map(POLICIES.map((policy) => [policy, createCounter(policy)]));
  return new Elysia({ name: "limits" }).onRequest(async ({ request, server, set }) => {
    const policy = policyOf(request.method, pathOf(request));
    const take = policy && counters.get(policy);
    if (!take) return;
    const peer = server?.requestIP(request)?.address ?? null;
    const { allowed, remaining, seconds } = await take(
      clientKey(clientAddress(peer, request.headers.get("x-forwarded-for"), trusted)),
    );
    // draft-ietf-httpapi-ratelimit-headers-10 §3, as structured fields.
    set.headers["ratelimit-policy"] = `"${policy.name}";q=${policy.quota};w=${policy.windowSeconds}`;
    set.headers["ratelimit"] = `"${policy.name}";r=${remaining};t=${seconds}`;
    return allowed ? undefined : tooMany(request, seconds, page);
  });
};

function createCounter({ quota, windowSeconds }: Policy) {
  const limiter = new RateLimiterMemory({ points: quota, duration: windowSeconds });
  const seen = new Set<string>();
  let windowEnds = 0;
  return async (client: string): Promise<{ allowed: boolean; remaining: number; seconds: number }> => {
    const now = performance.now();
    if (now >= windowEnds) {
      seen.clear();
      windowEnds = now + windowSeconds * 1_000;
    }
    const key = seen.has(client) || seen.size < MAX_CLIENTS ? client : EVERYBODY_ELSE;
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

/** One key a client: an IPv6 one is its /64, which is what one household or machine gets (R8). */
export function clientKey(address: string | null): string {
  if (address === null) return "no address";
  return isIPv6(address) ? networkOf(address) : address;
}

/** The first four groups, in one spelling whatever the one given: RFC 5952 has many that mean the same. */
function networkOf(address: string): string {
  // The URL parser writes every IPv6 address the same way; a zone (`%eth0`) is this machine's own business.
  const canonical = new URL(`http://[${address.replace(/%.*$/, "")}]`).hostname.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array.from({ length: zeros }, () => "0"), ...after];
  return `${groups.slice(0, 4).join(":")}::/64`;
}

/** The same for everybody, whatever the request was about. */
function tooMany(request: Request, seconds: number, page: RefusalPage): Response {
  if (request.headers.get("accept")?.includes("text/html")) return page(request, seconds);
  const detail = `Too many requests: try again in ${seconds} s.`;
  return problemResponse({ status: 429, detail, headers: { "retry-after": String(seconds) } });
}
