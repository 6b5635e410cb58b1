/** The primary is lost and its standby is promoted: `DATABASE_URL` names both. */
import { expect, test } from "bun:test";
import { startApplication } from "../support/application.ts";
import { debianBinaries, debianVersions, startPostgres } from "./servers.ts";

/** From the promotion on. */
const RECOVERY_MS = 15_000;

const [version] = (await debianVersions()).slice(-1);
if (!version) console.warn("\n*** The failover is NOT tested: install postgresql (Debian), for pg_basebackup. ***\n");

test.skipIf(!version)(
  "after a failover requests are accepted and emails are sent within 15 s, without a restart",
  async () => {
    await using primary = await startPostgres({ binaries: debianBinaries(version!) });
    const url = await primary.newDatabase();
    await using standby = await primary.startStandby();
    const both = url.href.replace(`:${primary.port}/`, `:${primary.port},127.0.0.1:${standby.port}/`);
    await using dundie = await startApplication({ DATABASE_URL: both });
    const before = await dundie.addPerson("Pam Beesly");
    const after = await dundie.addPerson("Jim Halpert");
    await dundie.requestReset(before);
    await dundie.received(before);
    await standby.caughtUp();

    await primary.stop();
    expect((await dundie.requestReset(after)).status).toBe(503);
    expect((await dundie.call("GET", "/health")).status).toBe(503);
    // Read-only until it is promoted: no session is kept on it.
    expect((await dundie.requestReset(after)).status).toBe(503);
    await standby.promote();
    const promotedAt = performance.now();
    while ((await dundie.requestReset(after)).status !== 200)
      expect(performance.now() - promotedAt).toBeLessThan(RECOVERY_MS);
    await dundie.received(after);
    expect(performance.now() - promotedAt).toBeLessThan(RECOVERY_MS);
    expect((await dundie.call("GET", "/health")).status).toBe(200);
  },
  90_000,
);
