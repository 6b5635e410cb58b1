/**
 * How often one client may knock, in this process's memory: counted before a body is read, so that a malformed request
 * counts too, and nothing is looked up before it. How often a password may be tried is `accounts/login-throttle.ts`.
 */
import { Elysia } from "elysia";
import { RateLimiterMemory } from "rate-limiter-flexible";
import { clientKey, networkKey } from "../accounts/client-key.ts";
import type { Config } from "../config.ts";
import { blockListOf, clientAddress } from "./origin.ts";
import { problemResponse } from "./problem.ts";

interface Policy {
  readonly name: string;
  /** Requests a window. */
  readonly quota: number;
  readonly windowSeconds: number;
  /** Method and path, without the last slash. */
  readonly routes: RegExp;
}

/** The first that matches holds; one that has no place here is under `GENERAL`, so that none is forgotten. */
const POLICIES: readonly Policy[] = [
  // A person asks once or twice; ten leave room for an office behind one address.
  { name: "reset", quota: 10, windowSeconds: 60, routes: /^POST \/(user\/pwd_reset_token|reset_password)$/ },
  // Each costs a hash: a second or two of one core at most.
  { name: "login", quota: 30, windowSeconds: 60, routes: /^POST \/token$/ },
  // An application refreshes every quarter of an hour: room for 900 of them behind one address.
  { name: "refresh", quota: 60, windowSeconds: 60, routes: /^POST \/(refresh_token|revoke)$/ },
  // Each costs a hash and a letter to an address that a stranger typed; nobody needs a second account at once.
  { name: "register", quota: 10, windowSeconds: 600, routes: /^POST \/register$/ },
  // 256 bits are not guessed at any rate; this keeps trying from costing us anything (R26).
  {
    name: "link",
    quota: 20,
    windowSeconds: 60,
    routes: /^POST \/(user\/([^/]+\/)?password|email\/(confirm|freeze)|confirm_email|freeze_account)$/,
  },
  // Opening a link's page looks its token up; mail scanners and impatient people open it several times.
  {
    name: "page",
    quota: 60,
    windowSeconds: 60,
    routes: /^(GET|HEAD) \/(reset_password|confirm_email|freeze_account)$/,
  },
  // A count of its own: whoever watches us must not take us for ill because his neighbour reads a lot.
  { name: "health", quota: 600, windowSeconds: 60, routes: /^(GET|HEAD) \/health$/ },
];

/** Public reads, pages and their files, and what needs a login: twenty a second, for a page that polls or an office. */
const GENERAL: Policy = { name: "general", quota: 1_200, windowSeconds: 60, routes: /^/ };

/** Where a person sees the answer. */
const PAGES = /^\/(reset_password|confirm_email|freeze_account)$/;

/**
 * @param page what a person sees instead of a problem document, by request and seconds to wait.
 * @returns hooks for all routes, which count and answer with `RateLimit` and `RateLimit-Policy`.
 */
export const limits = (
  config: Pick<Config, "rateLimit" | "trustProxy">,
  page: (request: Request, retryAfterSeconds: number) => Response,
) => {
  if (!config.rateLimit) return new Elysia({ name: "limits" });
  const trusted = blockListOf(config.trustProxy);
  const counters = [...POLICIES, GENERAL].map((policy) => ({ policy, count: createCounter(policy) }));
  return new Elysia({ name: "limits" }).onRequest(async ({ request, server, set }) => {
    const path = new URL(request.url).pathname.replace(/(.)\/$/, "$1");
    const counter = counters.find(({ policy }) => policy.routes.test(`${request.method} ${path}`));
    if (!counter) throw new Error("A request is under no policy.");
    const { name, quota, windowSeconds } = counter.policy;
    const peer = server?.requestIP(request)?.address ?? null;
    const address = clientAddress(peer, request.headers.get("x-forwarded-for"), trusted);
    const { refused, remaining, seconds } = await counter.count(address);
    // draft-ietf-httpapi-ratelimit-headers-10 §3 and §4: lists of structured strings.
    set.headers["ratelimit-policy"] = `"${name}";q=${quota};w=${windowSeconds}`;
    set.headers["ratelimit"] = `"${name}";r=${remaining};t=${seconds}`;
    if (!refused) return;
    return PAGES.test(path) ? page(request, seconds) : tooMany(seconds);
  });
};

export interface Count {
  readonly refused: boolean;
  readonly remaining: number;
  /** Until the window ends, at least 1. */
  readonly seconds: number;
}

/**
 * Clients that a policy counts one by one at a time. More live ones than this are a flood, or traffic for several
 * processes: newcomers then share one count with their provider's network, so that memory has an end, those who were
 * there before notice nothing, and a flood from one network takes along the newcomers of that network only.
 */
const MAX_CLIENTS = 8_192;
/** What networks are hashed to while it lasts. With 0.8 kB an entry all policies together hold at most 60 MB. */
const NETWORK_SLOTS = 1_024;

/** @param now milliseconds of a clock that never goes back. */
export function createCounter(
  { quota, windowSeconds }: Pick<Policy, "quota" | "windowSeconds">,
  { maxClients = MAX_CLIENTS, now = () => performance.now() } = {},
): (address: string | null) => Promise<Count> {
  const limiter = new RateLimiterMemory({ points: quota, duration: windowSeconds });
  const arrivals = createArrivals(windowSeconds * 1_000, now);
  return async (address) => {
    const client = clientKey(address);
    // An entry lives for one window, so no more can be alive than have arrived within one.
    const newcomer = arrivals.atMost() >= maxClients && (await limiter.get(client)) === null;
    const key = newcomer ? `network ${Bun.hash.crc32(networkKey(address)) % NETWORK_SLOTS}` : client;
    const { consumedPoints, remainingPoints, msBeforeNext, isFirstInDuration } = await limiter.penalty(key);
    if (isFirstInDuration && !newcomer) arrivals.add();
    const seconds = Math.max(1, Math.ceil(msBeforeNext / 1_000));
    return { refused: consumedPoints > quota, remaining: remainingPoints, seconds };
  };
}

/** How many came within the last window, from above: those of this window and of the one before. */
function createArrivals(windowMs: number, now: () => number) {
  let since = now();
  let current = 0;
  let before = 0;
  return {
    add: () => {
      current += 1;
    },
    atMost: () => {
      const passed = now() - since;
      if (passed >= windowMs) {
        before = passed < 2 * windowMs ? current : 0;
        current = 0;
        since = now();
      }
      return before + current;
    },
  };
}

/** The same for everybody, whatever the request was about. */
const tooMany = (seconds: number): Response =>
  problemResponse({
    status: 429,
    detail: `Too many requests: try again in ${seconds} s.`,
    headers: { "retry-after": String(seconds) },
  });
