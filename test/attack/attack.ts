/** Generates requests, sends them and judges the answers. A finding is shrunk before it is reported. */
import * as fc from "fast-check";
import { isGood, judge } from "./judge.ts";
import { attacksOn, curlOf, refsOf, render, type Attack } from "./requests.ts";
import { send, type Wire } from "./wire.ts";
import type { World } from "./world.ts";

export interface Plan {
  readonly seed: number;
  readonly requests: number;
  /** The path of an earlier finding, to reproduce it. */
  readonly path?: string | undefined;
}

export interface Outcome {
  readonly requests: number;
  /** How often each operation answered with each status. */
  readonly tally: ReadonlyMap<string, ReadonlyMap<number, number>>;
  /** Operations that were never let through. For those the attack shows only that they refuse. */
  readonly unreached: readonly string[];
  /** Null when nothing was found. */
  readonly finding: string | null;
}

export async function attack(world: World, { seed, requests, path }: Plan): Promise<Outcome> {
  const tally = new Map<string, Map<number, number>>();
  const reached = new Set<string>();
  let sent = 0;
  let last = "";

  const perform = async (one: Attack): Promise<void> => {
    await world.prepare(refsOf(one));
    const accounts = new Map(world.accounts);
    const values = new Map(refsOf(one).map((ref) => [`${ref.account}.${ref.what}`, world.valueOf(ref)]));
    const valueOf = ({ account, what }: { account: string; what: string }) => values.get(`${account}.${what}`) ?? "";
    const wire = withClient(render(one, valueOf), sent);
    const logged = world.api.logLines.length;
    const reply = await send(world.port, wire);
    sent += 1;
    const effects = await world.takeEffects();
    const counts = tally.get(one.operation.id) ?? new Map<number, number>();
    tally.set(one.operation.id, counts.set(reply.status, (counts.get(reply.status) ?? 0) + 1));
    if (isGood(reply.status, one)) reached.add(one.operation.id);
    const findings = judge({
      attack: one,
      wire,
      reply,
      effects,
      logLines: world.api.logLines.slice(logged),
      accounts,
      valueOf,
    });
    if (findings.length === 0) return;
    last = curlOf(wire, world.api.url);
    throw new Error(`${one.role}: ${[...new Set(findings)].join("\n  ")}`);
  };

  const result = await fc.check(fc.asyncProperty(attacksOn(world.operations), perform), {
    seed,
    numRuns: path === undefined ? requests : 1,
    ...(path === undefined ? {} : { path, endOnFailure: true }),
  });
  const error = result.errorInstance instanceof Error ? result.errorInstance.message : String(result.errorInstance);
  return {
    requests: sent,
    tally,
    unreached: world.operations.map(({ id }) => id).filter((id) => !reached.has(id)),
    finding: result.failed ? `${error}\n${last}\nseed ${seed}, path ${result.counterexamplePath}` : null,
  };
}

/** Few enough that some clients reach a limit, and enough that most do not. */
const CLIENTS = 64;

/** Each client has an address of its own, unless the attack gives one. */
function withClient(wire: Wire, number: number): Wire {
  if (wire.headers.some(([name]) => name === "x-forwarded-for")) return wire;
  const client = number % CLIENTS;
  const address = client % 2 === 0 ? `203.0.113.${client}` : `2001:db8:0:${client.toString(16)}::${client}`;
  return { ...wire, headers: [...wire.headers, ["x-forwarded-for", address]] };
}
