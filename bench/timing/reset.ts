/** R2: does the time of a reset request, or of the next one, tell whether the address has an account? */
import { fileURLToPath } from "node:url";
import { findFreePort } from "../children.ts";
import { makeAccounts } from "../fixtures.ts";
import { addressOf } from "../generator.ts";
import { kill, type DundieOptions, type Ground } from "../ground.ts";
import { connect, post } from "./connection.ts";
import { accountsFor, comparePairs } from "./pairs.ts";
import { verdictsOf, type Options, type Planted, type Said } from "./said.ts";

const PLANTED = fileURLToPath(new URL("./planted.ts", import.meta.url));

const COURIER_AT_ONCE = fileURLToPath(new URL("./courier-at-once.ts", import.meta.url));
/** When the courier would work for the request before, if it began at once. */
const CONTROL_GAP_MS = 8;

/**
 * @param ground for a database and a server of its own.
 * @param options.gaps between an answer and the next request, in milliseconds. With 0 the next request follows at
 *   once, faster than any client beyond loopback.
 */
export async function timeResets(ground: Ground, options: ResetOptions): Promise<Said[]> {
  const { gaps, ...rest } = options;
  const said: Said[] = [];
  const measure = async (name: string, gapMs: number, server: DundieOptions, planted?: Planted): Promise<void> => {
    said.push(...(await timeCondition(ground, { ...rest, gapMs }, `R2 reset, ${name}`, server, planted)));
  };
  for (const gapMs of gaps) await measure(`SMTP up, gap ${gapMs} ms`, gapMs, {});
  await measure("SMTP down", 0, { environment: { SMTP_URL: `smtp://127.0.0.1:${findFreePort()}` } });
  await measure("courier stopped", 0, { environment: { COURIER: "off" } });
  await measure("control: 0.2 ms planted", 0, { entry: PLANTED }, "first");
  await measure("control: a courier that works at once", CONTROL_GAP_MS, { entry: COURIER_AT_ONCE }, "next");
  return said;
}

type ResetOptions = Omit<Options, "gapMs"> & { readonly gaps: readonly number[] };

async function timeCondition(
  ground: Ground,
  options: Options,
  name: string,
  server: DundieOptions,
  planted?: Planted,
): Promise<Said[]> {
  const database = await ground.createDatabase("dundie");
  await makeAccounts(database.sql, accountsFor(options.pairs));
  await ground.sink.reset();
  const api = await ground.startDundie("serve", database, server);
  const connection = await connect(api.url ?? "");
  try {
    const verdict = await comparePairs(connection, {
      ...options,
      known: (number) => reset(addressOf(number)),
      unknown: (number) => reset(addressOf(number).replace("known", "ghost")),
      next: (number) => reset(addressOf(number).replace("known", "other")),
      status: 200,
      nextStatus: 200,
      // Where the courier begins at once, an email has left after 5 to 10 ms.
      restMs: [15, 35],
    });
    return verdictsOf(name, verdict, planted);
  } finally {
    connection.close();
    await kill(api);
    await database.drop();
  }
}

const reset = (email: string): string => post("/user/pwd_reset_token/", "application/json", JSON.stringify({ email }));
