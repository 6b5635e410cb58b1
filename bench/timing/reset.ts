/** R2: does the time of a reset request, or of the next one, tell whether the address has an account? */
import { fileURLToPath } from "node:url";
import { findFreePort } from "../children.ts";
import { makeAccounts } from "../fixtures.ts";
import { addressOf } from "../generator.ts";
import { kill, type DundieOptions, type Ground } from "../ground.ts";
import { connect, post } from "./connection.ts";
import { accountsFor, comparePairs } from "./pairs.ts";
import { verdictsOf, type Options, type Said } from "./said.ts";

const PLANTED = fileURLToPath(new URL("./planted.ts", import.meta.url));

/** @param ground for a database and a server of its own. */
export async function timeResets(ground: Ground, options: Options): Promise<Said[]> {
  const said: Said[] = [];
  const conditions: readonly (readonly [string, DundieOptions])[] = [
    ["SMTP up", {}],
    ["SMTP down", { environment: { SMTP_URL: `smtp://127.0.0.1:${findFreePort()}` } }],
    ["courier stopped", { environment: { COURIER: "off" } }],
    ["control: 0.2 ms planted", { entry: PLANTED }],
  ];
  for (const [name, server] of conditions) said.push(...(await timeCondition(ground, options, name, server)));
  return said;
}

async function timeCondition(ground: Ground, options: Options, name: string, server: DundieOptions): Promise<Said[]> {
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
      // An email has left after 5 to 10 ms.
      restMs: [15, 35],
    });
    return verdictsOf(`R2 reset, ${name}`, verdict, server.entry !== undefined);
  } finally {
    connection.close();
    await kill(api);
    await database.drop();
  }
}

const reset = (email: string): string => post("/user/pwd_reset_token/", "application/json", JSON.stringify({ email }));
