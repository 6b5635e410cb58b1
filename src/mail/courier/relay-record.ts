import type { Config } from "../../config.ts";
import type { Sql } from "../../db/client.ts";
import type { Log } from "../../log.ts";
import type { SmtpSettings } from "./smtp/settings.ts";

/** Whether the SMTP server has ever accepted an email under the present settings; survives restarts. */
export interface RelayRecord {
  readonly accepts: boolean;
  /** Cheap to call for each email. */
  accepted(): void;
}

/** @param settings from {@link relaySettingsId} */
export function createRelayRecord(sql: Sql, settings: string, log: Log): RelayRecord {
  let accepts = false;
  let stored = false;
  const failed = (error: unknown): void => log.warn({ event: "relay_record_failed", err: error });

  void sql`select 1 from relay where settings = ${settings}`.then((rows) => {
    if (rows.length > 0) accepts = stored = true;
  }, failed);

  const store = async (): Promise<void> => {
    stored = true;
    try {
      await sql`insert into relay (settings) values (${settings}) on conflict do nothing`;
    } catch (error) {
      // The next email that is accepted tries again.
      stored = false;
      failed(error);
    }
  };
  return {
    get accepts() {
      return accepts;
    },
    accepted() {
      accepts = true;
      if (!stored) void store();
    },
  };
}

/** What a relay decides by whose mail it takes, as a digest. The password is left out: a digest would give it away. */
export function relaySettingsId({ server, tls, helo }: SmtpSettings, from: Config["mailFrom"]): string {
  const { host, port, implicitTls, login } = server;
  const settings = [host, port, implicitTls, login?.user ?? null, tls, helo, from.address];
  return new Bun.CryptoHasher("sha256").update(JSON.stringify(settings)).digest("hex");
}
