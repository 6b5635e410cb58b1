/**
 * How often one client may call a route, counted in this process's memory before a body is read, so that a malformed
 * request counts too and nothing is looked up before it. A client is counted by its address and by the networks around it,
 * which have larger allowances. Failed passwords are counted by `accounts/login-throttle.ts`.
 */
import { networksOf } from "../accounts/client-networks.ts";
import { ClientCounts, type Taken } from "./client-counts.ts";

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
  /** Each may read a year of events. */
  export: { quota: 10, windowSeconds: 600 },
  /** What a superuser does to one account after the other, by hand or by a script that waits for each answer. */
  administer: { quota: 120, windowSeconds: 60 },
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof LIMITS;

/** @returns a function that counts one request of a client, named by its address, under a limit. */
export function createLimits(counts = new ClientCounts()): (name: LimitName, address: string | null) => Taken {
  return (name, address) => {
    const { quota, windowSeconds } = LIMITS[name];
    const charges = networksOf(address).map(({ key, share }) => ({ key: `${name} ${key}`, quota: quota * share }));
    return counts.take(charges, windowSeconds);
  };
}
