import { user } from "../db/schema.ts";
import { SUPERUSER_DEPT, type RequestContext } from "./caller.ts";
import type { Deps } from "./deps.ts";
import { createUser } from "./users.ts";

/** The staff that embedded mode is seeded with; all share `DEMO_PASSWORD`. */
const DEMO_STAFF = [
  { name: "Michael Scott", email: "mscott@dm.com", dept: SUPERUSER_DEPT, bio: "World's best boss." },
  { name: "Dwight Schrute", email: "dschrute@dm.com", dept: "sales", bio: "Assistant to the regional manager." },
  { name: "Jim Halpert", email: "jhalpert@dm.com", dept: "sales" },
  { name: "Pam Beesly", email: "pbeesly@dm.com", dept: "reception" },
  { name: "Angela Martin", email: "amartin@dm.com", dept: "accounting", currency: "EUR" },
] as const;

const NOBODY: RequestContext = { client: { ip: null, browser: null }, locale: "en", requestId: null };

/** Makes the demo staff in an empty database, without mail; leaves any other database alone. */
export async function seedDemoStaff(deps: Deps, password: string): Promise<void> {
  const anybody = await deps.db.orm.select({ id: user.id }).from(user).limit(1);
  if (anybody.length > 0) return;
  for (const person of DEMO_STAFF) await createUser(deps, null, { ...person, password }, NOBODY, { quiet: true });
}
